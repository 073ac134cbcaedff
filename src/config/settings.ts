// Every setting of a training run: the keys of a config file, and in kebab-case the flags of `train`.
// The one place that knows defaults and bounds.

import { DATASET_NAMES } from './datasets.js';
import {
  choice,
  choices,
  growingList,
  integer,
  integerOrFull,
  names,
  onOff,
  optionalChoice,
  optionalInteger,
  optionalReal,
  path,
  real,
  weights,
  word,
} from './setting.js';

export const MAX_HIDDEN = 65_536;
export const MAX_WINDOW = 65_536;
export const MAX_LAYERS = 8;
export const DEFAULT_WINDOW = 64;

/** Each token has a row of weights, and its number a place in 32 bits. */
const MAX_VOCABULARY = 1 << 24;
/** Step counts fit into the 32-bit words of the control records. */
const MAX_STEPS = 2_000_000_000;
const MAX_EPOCHS = 1_000_000;
/** More threads than any one machine has that this is built for; each costs memory of its own. */
const MAX_WORKERS = 256;
/** Seconds, a month: timers take no more than 2^31 milliseconds. */
const MAX_TIMEOUT = 2_000_000;
/** Megabytes whose bytes fit into 31 bits. */
const MAX_TABLE_MEMORY = 2047;
/** Seeds are the 32-bit keys of the counter-based generator. */
const MAX_SEED = 0xffff_ffff;

export const SETTINGS = {
  text: path({
    group: 'data',
    about: 'the file to learn, UTF-8 text or with --tokens byte any file, or a folder whose .txt files are one text',
    placeholder: 'FILE',
  }),
  dataset: optionalChoice(
    { group: 'data', about: 'data that are fetched or made once and kept', placeholder: 'NAME' },
    DATASET_NAMES,
  ),
  svmlight: path({
    group: 'data',
    about: 'a file of sparse examples in svmlight (libsvm) format, a line each: label [qid:N] index:value ...',
    placeholder: 'FILE',
  }),
  csv: path({
    group: 'data',
    about: 'a table, its first line the names of the columns, for --task classify, tag, regress or forecast',
    placeholder: 'FILE',
  }),
  jsonl: path({ group: 'data', about: 'the same, a JSON object a line', placeholder: 'FILE' }),
  parquet: path({ group: 'data', about: 'the same, in Parquet format', placeholder: 'FILE' }),
  task: optionalChoice(
    {
      group: 'data',
      about:
        'what is learned: the next token of a text (lm), one label of a sequence or row (classify), one of each step (tag), ' +
        'numbers of a sequence or row (regress), or the next values of a series (forecast)',
      derived: 'lm for a text',
    },
    ['lm', 'classify', 'tag', 'regress', 'forecast'],
  ),
  target: names({
    group: 'data',
    about: 'the column of a table that is predicted, or several of numbers',
    placeholder: 'NAMES',
  }),
  features: names({
    group: 'data',
    about: 'the columns that are read',
    placeholder: 'NAMES',
    derived: 'all others',
  }),
  columns: choices(
    {
      group: 'data',
      about:
        'what columns of a table hold where it does not show: numbers, dates, categories, or text to read word by word',
      placeholder: 'NAME:KIND,...',
      derived: 'what most values look like',
    },
    ['number', 'date', 'category', 'text'],
  ),
  decimal: optionalChoice(
    {
      group: 'data',
      about: 'what stands before the decimals of numbers in a table: a comma reads 1234,5 and 1.234,5',
      derived: '.',
    },
    ['.', ','],
  ),
  dates: optionalChoice(
    {
      group: 'data',
      about: 'how a table writes dates: 2024-12-31 (iso, which is always read), 31/12/2024 (dmy) or 12/31/2024 (mdy)',
      derived: 'iso',
    },
    ['iso', 'dmy', 'mdy'],
  ),
  group: word({ group: 'data', about: 'the column that names the sequence of a row', placeholder: 'NAME' }),
  time: word({
    group: 'data',
    about: 'the column, of numbers or dates, by which rows are sorted',
    placeholder: 'NAME',
    derived: "the file's order",
  }),
  splitBy: word({
    group: 'data',
    about: 'the column of a table whose rows of one value are held out together, or not at all',
    placeholder: 'NAME',
  }),
  splitColumn: word({
    group: 'data',
    about: 'the column of a table that says of each row whether it is train, validation, or test, which is left out',
    placeholder: 'NAME',
  }),
  splitTime: onOff({ group: 'data', about: 'hold out what is last by --time, in place of what is drawn' }),
  tableMemory: integer(
    {
      group: 'data',
      about:
        'the megabytes of a table that stay in memory; what is more lies in a temporary file in the cache folder while the run is under way',
      placeholder: 'N',
    },
    0,
    MAX_TABLE_MEMORY,
    256,
  ),
  scaling: optionalChoice(
    {
      group: 'data',
      about:
        'how the numbers that a table has are read: less their mean, in standard deviations; from 0 to 1; or as they are',
      derived: 'standard',
    },
    ['standard', 'range', 'none'],
  ),
  horizon: optionalInteger(
    {
      group: 'data',
      about: 'the number of values ahead that --task forecast predicts',
      placeholder: 'N',
      derived: '1',
    },
    1,
    4096,
  ),
  labels: choice(
    {
      group: 'data',
      about:
        'what the labels of --svmlight are: one class a line, any number of labels (1,5), or numbers to come close to; ' +
        'multilabel also for a table: any number of labels in a cell (red;round)',
    },
    ['classes', 'multilabel', 'numbers'],
    'classes',
  ),
  zeroBased: onOff({ group: 'data', about: 'the indices of --svmlight begin with 0, not with 1' }),
  tokens: optionalChoice(
    {
      group: 'data',
      about: 'what one token is: a Unicode code point, a byte, or a word',
      derived: 'char, of a table word',
    },
    ['char', 'byte', 'word'],
  ),
  vocabularySize: optionalInteger(
    {
      group: 'data',
      about:
        'the most words that --tokens word tells apart, the most frequent ones; the others are <unk>, which counts',
      placeholder: 'N',
      derived: 'no limit',
    },
    2,
    MAX_VOCABULARY,
  ),
  minCount: optionalInteger(
    {
      group: 'data',
      about: 'how often a word must occur to be told apart; rarer ones are <unk>',
      placeholder: 'N',
      derived: '2 with --tokens word',
    },
    1,
    MAX_STEPS,
  ),
  validation: real(
    { group: 'data', about: 'the part held out at the end for evaluation', placeholder: 'X' },
    { min: 0, max: 0.9 },
    0.1,
  ),

  cell: choice(
    { group: 'model', about: 'the recurrent cell, or mlp for feedforward layers' },
    ['rnn', 'lstm', 'gru', 'mlp'],
    'lstm',
  ),
  activation: choice(
    { group: 'model', about: 'the activation of --cell rnn and mlp' },
    ['sigmoid', 'tanh', 'relu'],
    'tanh',
  ),
  init: choice(
    { group: 'model', about: 'how weights start; default is as in PyTorch' },
    ['default', 'identity', 'orthogonal'],
    'default',
  ),
  forgetBias: optionalReal(
    {
      group: 'model',
      about: "what is added to the start of an LSTM's forget bias",
      placeholder: 'X',
      derived: 'nothing is added',
    },
    { min: -1000, max: 1000 },
  ),
  biasStart: real(
    {
      group: 'model',
      about:
        "what is added to the start of ReLU layers' input biases: slightly below zero makes a net sparse, " +
        '-0.3 kills one (of 1,024 units -0.1 does)',
      placeholder: 'X',
    },
    { min: -1, max: 1 },
    0,
  ),
  kWinners: optionalInteger(
    {
      group: 'model',
      about: 'the number of units of a ReLU layer that stay active in a time step, the largest ones',
      placeholder: 'K',
      derived: 'all',
    },
    1,
    MAX_HIDDEN,
  ),
  hidden: integer({ group: 'model', about: 'the number of units', placeholder: 'N' }, 1, MAX_HIDDEN, 256),
  layers: integer(
    { group: 'model', about: 'the number of layers; with --cell mlp 0 is a linear model', placeholder: 'N' },
    0,
    MAX_LAYERS,
    1,
  ),
  bidirectional: onOff({
    group: 'model',
    about:
      'each layer also reads from the end, with weights of its own; for --task tag, classify and regress, whose sequences are ' +
      'there as wholes',
  }),
  layerNorm: onOff({
    group: 'model',
    about: 'normalize the outputs of each layer over its units before the next layer or the head reads them',
  }),
  residual: onOff({
    group: 'model',
    about: 'each layer from the second on adds what it reads to its outputs',
  }),
  pooling: choice(
    {
      group: 'model',
      about:
        "what the answer for a sequence is read from: the last layer's outputs at its end, or their mean over its steps; of two " +
        'directions last is the end of each; for --task classify and regress',
    },
    ['last', 'mean'],
    'last',
  ),
  embedding: integer(
    { group: 'model', about: 'the width of the embedding, 0 for one-hot rows', placeholder: 'N' },
    0,
    MAX_HIDDEN,
    0,
  ),
  dropout: real(
    { group: 'model', about: 'the share of outputs dropped between layers', placeholder: 'P' },
    { min: 0, below: 1 },
    0,
  ),
  initFrom: path({
    group: 'model',
    about: 'a model, or a safetensors file of PyTorch, whose weights are the start',
    placeholder: 'MODEL',
  }),

  batch: integer(
    { group: 'steps', about: 'the number of streams that are learned side by side', placeholder: 'N' },
    1,
    MAX_HIDDEN,
    32,
  ),
  window: integerOrFull(
    {
      group: 'steps',
      about: 'the number of time steps that are backpropagated',
      placeholder: 'k2|full',
      derived: `${DEFAULT_WINDOW}`,
    },
    1,
    MAX_WINDOW,
  ),
  stride: integerOrFull(
    {
      group: 'steps',
      about: 'the number of time steps between updates, no more than --window',
      placeholder: 'k1',
      derived: 'the window',
    },
    1,
    MAX_WINDOW,
  ),
  epochs: optionalInteger(
    { group: 'steps', about: 'the number of passes over the text', placeholder: 'N', derived: '1, or until --steps' },
    1,
    MAX_EPOCHS,
  ),
  steps: optionalInteger(
    { group: 'steps', about: 'the number of updates after which training ends', placeholder: 'N' },
    1,
    MAX_STEPS,
  ),
  seed: integer({ group: 'steps', about: 'what all randomness is drawn from', placeholder: 'N' }, 0, MAX_SEED, 0),
  workers: optionalInteger(
    { group: 'steps', about: 'the number of worker threads', placeholder: 'N', derived: 'the number of cores' },
    1,
    MAX_WORKERS,
  ),

  optimizer: choice(
    { group: 'optimizer', about: 'the rule of the update' },
    ['sgd', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam', 'adamw', 'sparse-adam'],
    'adam',
  ),
  lr: optionalReal(
    {
      group: 'optimizer',
      about: 'the learning rate',
      placeholder: 'X',
      derived: '0.001 for adam, adamw and sparse-adam, 0.01 for the others',
    },
    { above: 0 },
  ),
  schedule: choice(
    { group: 'optimizer', about: 'how the learning rate changes' },
    ['constant', 'step', 'cosine', 'plateau'],
    'constant',
  ),
  milestones: growingList(
    { group: 'optimizer', about: 'the epochs after which --schedule step lowers the rate', placeholder: '5,8' },
    1,
    MAX_EPOCHS,
  ),
  gamma: real(
    { group: 'optimizer', about: 'the factor of --schedule step and plateau', placeholder: 'X' },
    { above: 0, max: 1 },
    0.1,
  ),
  plateauPatience: integer(
    {
      group: 'optimizer',
      about: 'the evaluations without a better loss before --schedule plateau lowers the rate',
      placeholder: 'N',
    },
    0,
    MAX_EPOCHS,
    10,
  ),
  warmup: integer(
    { group: 'optimizer', about: 'the first steps, over which the rate grows from 0', placeholder: 'N' },
    0,
    MAX_STEPS,
    0,
  ),
  clipNorm: real(
    { group: 'optimizer', about: 'the largest norm of the gradient, 0 for no limit', placeholder: 'X' },
    { min: 0 },
    1,
  ),
  clipValue: real(
    { group: 'optimizer', about: 'the largest size of a gradient element, 0 for no limit', placeholder: 'X' },
    { min: 0 },
    0,
  ),
  l1: real(
    {
      group: 'optimizer',
      about: 'what is taken off the size of each parameter in a step, times the rate; it stops at zero',
      placeholder: 'X',
    },
    { min: 0 },
    0,
  ),
  l2: real({ group: 'optimizer', about: "the weight decay, PyTorch's weight_decay", placeholder: 'X' }, { min: 0 }, 0),
  proximal: onOff({
    group: 'optimizer',
    about: 'regularize in a step of its own after the one along the gradient (FoBoS), with --optimizer sgd',
  }),
  lazy: choice(
    {
      group: 'optimizer',
      about:
        'whether rows of a lookup table that a step does not touch catch up when they are touched next; never visits them all',
    },
    ['auto', 'never'],
    'auto',
  ),
  activationL1: real(
    {
      group: 'optimizer',
      about: 'a penalty on the outputs of ReLU layers that makes them sparse: X times their sum, for each prediction',
      placeholder: 'X',
    },
    { min: 0 },
    0,
  ),
  densityTarget: optionalReal(
    {
      group: 'optimizer',
      about: 'the share of active units to which the penalty on the outputs of ReLU layers is steered',
      placeholder: 'X',
      derived: 'the penalty stays',
    },
    { above: 0, below: 1 },
  ),
  labelSmoothing: real(
    {
      group: 'optimizer',
      about: 'the share of each target that is spread over all classes, or draws labels to one half, in training',
      placeholder: 'X',
    },
    { min: 0, below: 1 },
    0,
  ),
  classWeights: weights({
    group: 'optimizer',
    about: 'what the loss of a prediction is multiplied by in training, by its class: balanced, or names with numbers',
    placeholder: 'balanced|NAME:X,...',
    derived: '1 for each',
  }),
  momentum: real(
    { group: 'optimizer', about: 'the momentum of --optimizer momentum and nesterov', placeholder: 'X' },
    { min: 0, below: 1 },
    0.9,
  ),
  beta1: real({ group: 'optimizer', about: "the decay of Adam's mean", placeholder: 'X' }, { min: 0, below: 1 }, 0.9),
  beta2: real(
    { group: 'optimizer', about: "the decay of Adam's mean square", placeholder: 'X' },
    { min: 0, below: 1 },
    0.999,
  ),
  epsilon: optionalReal(
    {
      group: 'optimizer',
      about: 'what keeps the divisor of adaptive rules from 0',
      placeholder: 'X',
      derived: '1e-8, 1e-10 for adagrad',
    },
    { min: 0 },
  ),
  rho: real(
    { group: 'optimizer', about: "the decay of RMSprop's mean square, PyTorch's alpha", placeholder: 'X' },
    { min: 0, below: 1 },
    0.99,
  ),

  patience: optionalInteger(
    {
      group: 'run',
      about: 'the number of evaluations without a better loss after which training ends',
      placeholder: 'N',
    },
    1,
    MAX_EPOCHS,
  ),
  out: path({
    group: 'run',
    about: 'the folder of the run',
    placeholder: 'DIR',
    derived: 'runs/<data>-<cell><hidden>',
  }),
  resume: path({ group: 'run', about: 'the folder of a run to go on with', placeholder: 'DIR' }),
  checkpointEvery: optionalInteger(
    { group: 'run', about: 'the number of steps between checkpoints', placeholder: 'N', derived: 'each epoch' },
    1,
    MAX_STEPS,
  ),
  keep: optionalInteger(
    {
      group: 'run',
      about: 'the number of checkpoints that are kept, the newest ones, besides the best',
      placeholder: 'N',
      derived: 'all',
    },
    1,
    MAX_STEPS,
  ),
  evalEvery: optionalInteger(
    { group: 'run', about: 'the number of steps between evaluations', placeholder: 'N', derived: 'each epoch' },
    1,
    MAX_STEPS,
  ),
  kernels: choice({ group: 'run', about: 'the numeric kernels' }, ['auto', 'native', 'wasm', 'reference'], 'auto'),
  sparse: choice(
    {
      group: 'run',
      about:
        'whether products leave out the zeros of ReLU: where that is faster, wherever it can be, or not; the same bits',
    },
    ['auto', 'always', 'never'],
    'auto',
  ),
  maxBadSteps: integer(
    {
      group: 'run',
      about: 'the number of steps in a row that may be skipped because loss or gradient is not finite',
      placeholder: 'N',
    },
    1,
    MAX_STEPS,
    10,
  ),
  maxWorkerFaults: integer(
    {
      group: 'run',
      about: 'the number of times in a row that a step is done again because a worker was lost',
      placeholder: 'N',
    },
    0,
    MAX_STEPS,
    3,
  ),
  workerTimeout: real(
    { group: 'run', about: 'the seconds that a step may take before its workers count as hung', placeholder: 'X' },
    { min: 0.1, max: MAX_TIMEOUT },
    300,
  ),
  dryRun: onOff({ group: 'run', about: 'print the memory plan and stop' }),
  quiet: onOff({ group: 'run', about: 'print nothing but warnings and errors' }),
  json: onOff({ group: 'run', about: 'print events as JSON, one a line' }),
  profile: onOff({
    group: 'run',
    about: 'print where the time of each worker goes, and write it to profile.json, which Perfetto opens',
  }),
  verbose: onOff({ group: 'run', about: 'print stack traces of errors' }),
} as const;

/** What `epsilon` is where it is not given: PyTorch's. */
export const defaultEpsilon = (optimizer: string): number => (optimizer === 'adagrad' ? 1e-10 : 1e-8);

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];
