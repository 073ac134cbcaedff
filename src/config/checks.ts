// What settings must hold together: errors for what contradicts itself, warnings for what has no effect.

import { UserError } from '../errors.js';
import { readClassWeights } from './class-weights.js';
import type { Checked } from './config.js';
import { flagOrigin } from './flags.js';
import { checkNoRecords, checkRecords, checkWords, TABLES, tableOf } from './record-checks.js';
import { defaultEpsilon, SETTINGS, type SettingName } from './settings.js';
import { defaultWindow } from './window.js';

type Origin = (key: string) => string;

/** @throws UserError that names the setting which does not fit to the others */
export function checkTogether(config: Checked, origin: Origin, inMemory: boolean): void {
  const fail = (key: string, message: string): never => {
    throw new UserError(`${origin(key)}: ${message}`);
  };
  const sources = (['text', 'dataset', 'svmlight', ...TABLES] as const).filter((key) => config[key] !== undefined);
  if (inMemory && sources.length > 0) fail(sources[0], 'data is given in memory as well; give one of the two');
  if (!inMemory && sources.length === 0)
    fail(
      'text',
      'there is nothing to learn from; give --text FILE, --csv FILE, --jsonl FILE, --parquet FILE, --svmlight FILE or --dataset moby-dick',
    );
  if (sources.length > 1) fail(sources[1], `--${sources[0]} is given as well; give one of the two`);
  if (tableOf(config) !== undefined) checkRecords(config, fail);
  else {
    checkNoRecords(config, fail);
    if (config.svmlight !== undefined) checkExamples(config, fail);
    else checkTokens(config, fail);
  }
  checkWords(config, tableOf(config) !== undefined, fail);
  if (config.resume !== undefined && config.initFrom !== undefined) {
    fail('initFrom', 'a resumed run goes on from its own weights; give --init-from or --resume, not both');
  }
  checkWindow(config, fail);
  checkSchedule(config, fail);
  checkBothDirections(config, fail);
  checkWinners(config, fail);
  checkOptimizer(config, fail);
  checkLoss(config, fail);
  if (config.validation > 0) return;
  const why = 'it needs evaluations, and --validation 0 holds nothing out; give --validation above 0';
  if (config.patience !== undefined) fail('patience', why);
  if (config.evalEvery !== undefined) fail('evalEvery', why);
  if (config.schedule === 'plateau') fail('schedule', why);
}

type Fail = (key: string, message: string) => never;

function checkExamples({ embedding, cell, layers, window, stride }: Checked, fail: Fail): void {
  if (embedding > 0) fail('embedding', 'it is for tokens, and --svmlight has features with values; leave it out');
  if (layers === 0 && cell !== 'mlp') fail('layers', `0 is not allowed with --cell ${cell}; take --cell mlp`);
  if (cell !== 'mlp') return;
  // 1 is what the config of a run says.
  if ((window ?? 1) !== 1) fail('window', 'with --cell mlp each example stands by itself; leave it out');
  if ((stride ?? 1) !== 1) fail('stride', 'with --cell mlp each example stands by itself; leave it out');
}

function checkTokens({ cell, layers, labels, zeroBased }: Checked, fail: Fail): void {
  if (cell === 'mlp') fail('cell', 'mlp needs --svmlight FILE or a table: a text is a sequence; take rnn, lstm or gru');
  if (layers === 0) fail('layers', '0 is not allowed; it is the number of layers, 1 to 8 (0 with --cell mlp alone)');
  if (labels !== 'classes')
    fail('labels', `${labels} needs --svmlight FILE${labels === 'multilabel' ? ' or a table' : ''}; leave it out`);
  if (zeroBased) fail('zeroBased', 'it needs --svmlight FILE; leave it out');
}

function checkOptimizer({ optimizer, momentum, proximal, l1, l2, lazy }: Checked, fail: Fail): void {
  if (optimizer === 'nesterov' && momentum === 0) {
    fail(
      'momentum',
      '0 is not allowed with --optimizer nesterov; give a number above 0 and below 1, or take --optimizer sgd',
    );
  }
  if (proximal && optimizer !== 'sgd')
    fail('proximal', `it is not allowed with --optimizer ${optimizer}; take --optimizer sgd`);
  if (optimizer !== 'sparse-adam') return;
  if (l1 > 0) fail('l1', '--optimizer sparse-adam has none, as in PyTorch; leave it out, or take --optimizer adagrad');
  if (l2 > 0) fail('l2', '--optimizer sparse-adam has none, as in PyTorch; leave it out, or take --optimizer adam');
  if (lazy === 'never')
    fail(
      'lazy',
      'never is not allowed with --optimizer sparse-adam, which leaves rows alone that a step does not name; take --optimizer adam',
    );
}

function checkLoss(config: Checked, fail: Fail): void {
  const { labelSmoothing, classWeights, labels, task, svmlight } = config;
  const isNumbers = labels === 'numbers' || task === 'regress' || task === 'forecast';
  const why = `${labels === 'numbers' ? '--labels numbers' : `--task ${task}`} predicts numbers; leave it out`;
  if (isNumbers && labelSmoothing > 0) fail('labelSmoothing', `it is for classes and labels, and ${why}`);
  if (classWeights === undefined) return;
  if (isNumbers) fail('classWeights', `it is for classes, and ${why}`);
  if (labels === 'multilabel')
    fail('classWeights', 'with --labels multilabel there is no one class whose weight would count; leave it out');
  if (svmlight === undefined && tableOf(config) === undefined)
    fail('classWeights', 'it is for --task classify and tag, and for --svmlight; leave it out');
  readClassWeights(classWeights, (message) => fail('classWeights', message));
}

function checkWindow(config: Checked, fail: Fail): void {
  const window = config.window ?? defaultWindow(config);
  const { stride } = config;
  if (stride === undefined || stride === window) return;
  if (window === 'full')
    fail(
      'stride',
      `${stride} is not allowed with --window full, which has one update for the whole stream; leave it out`,
    );
  if (stride === 'full')
    fail('stride', 'full is not allowed without --window full; it is the number of time steps between updates');
  if (stride > window) {
    fail(
      'stride',
      `${stride} is not allowed; it is the number of time steps between updates, 1 to ${window}, the window`,
    );
  }
}

function checkSchedule(config: Checked, fail: Fail): void {
  if (config.schedule === 'step' && config.milestones === undefined) {
    fail(
      'milestones',
      '--schedule step needs them; give the epochs after which the rate is lowered, such as --milestones 5,8',
    );
  }
  if (config.schedule !== 'step' && config.milestones !== undefined) {
    fail('milestones', `--schedule ${config.schedule} has none; leave them out or take --schedule step`);
  }
}

function checkWinners({ kWinners, cell, hidden, ...config }: Checked, fail: Fail): void {
  if (kWinners === undefined) return;
  if (!isReLU({ cell, activation: config.activation, layers: config.layers })) {
    const has = cell === 'rnn' || cell === 'mlp' ? `--activation ${config.activation}` : `--cell ${cell}`;
    fail(
      'kWinners',
      `only --cell rnn or mlp with --activation relu has units that can be zero, and this is ${has}; leave it out`,
    );
  }
  if (kWinners > hidden)
    fail(
      'kWinners',
      `${kWinners} is not allowed; it is the number of units that stay active, 1 to ${hidden}, the units of a layer`,
    );
}

/** What layers of two directions are not made for, whatever they read. */
export function checkBothDirections(
  {
    bidirectional,
    kWinners,
    optimizer,
    embedding,
  }: Pick<Checked, 'bidirectional' | 'kWinners' | 'optimizer' | 'embedding'>,
  fail: Fail,
): void {
  if (!bidirectional) return;
  if (kWinners !== undefined) fail('kWinners', 'it is not made for --bidirectional; leave one of the two out');
  if (optimizer === 'sparse-adam' && embedding === 0)
    fail('optimizer', 'sparse-adam needs one table, and each direction has its own; give --embedding, or take adam');
}

const isReLU = ({ cell, activation, layers }: Pick<Checked, 'cell' | 'activation' | 'layers'>): boolean =>
  (cell === 'rnn' || cell === 'mlp') && activation === 'relu' && layers > 0;

/** What is allowed and has no effect, or not the one that was likely meant. */
export function configWarnings(config: Checked): readonly string[] {
  const warnings: string[] = [];
  if (config.dropout > 0 && config.layers < 2) {
    warnings.push(
      '--dropout has no effect with fewer than two layers: it drops outputs between layers; add --layers 2',
    );
  }
  if (config.layerNorm && config.layers === 0)
    warnings.push('--layer-norm has no effect with --layers 0: there are no outputs to normalize');
  if (config.residual && config.layers < 2)
    warnings.push('--residual has no effect with fewer than two layers: the first one adds nothing; add --layers 2');
  if (config.activation !== 'tanh' && config.cell !== 'rnn' && config.cell !== 'mlp') {
    warnings.push(`--activation ${config.activation} has no effect: --cell ${config.cell} has activations of its own`);
  }
  if (config.svmlight !== undefined && (config.tokens ?? 'char') !== 'char')
    warnings.push(`--tokens ${config.tokens} has no effect: --svmlight has features, no tokens`);
  if (config.layers === 0 && config.activation !== 'tanh')
    warnings.push(`--activation ${config.activation} has no effect: a linear model (--layers 0) has none`);
  if (config.forgetBias !== undefined && config.cell !== 'lstm') {
    warnings.push(`--forget-bias has no effect: --cell ${config.cell} has no forget gate`);
  }
  if (!isReLU(config) || config.bidirectional) warnings.push(...reluWarnings(config));
  const mostDense = (config.kWinners ?? config.hidden) / config.hidden;
  if (config.densityTarget !== undefined && config.densityTarget > mostDense) {
    warnings.push(
      `--density-target ${config.densityTarget} is not reached: --k-winners ${config.kWinners} leaves no more than ${mostDense}`,
    );
  }
  warnings.push(...ruleWarnings(config));
  if (config.quiet && config.json) warnings.push('--quiet has no effect with --json, which prints all events');
  if (config.init !== 'default' && config.cell === 'mlp') {
    warnings.push(`--init ${config.init} has no effect: --cell mlp has no recurrent weights`);
  } else if (config.init === 'identity' && !isReLU(config)) {
    warnings.push('--init identity is made for --cell rnn --activation relu; other models seldom learn well from it');
  }
  if (config.steps !== undefined && config.warmup >= config.steps) {
    warnings.push(`--warmup ${config.warmup} does not end within --steps ${config.steps}`);
  }
  return warnings;
}

/** Numbers of an update's rule, or of a schedule, and which ones have them. */
const RULES: readonly (readonly [SettingName, 'optimizer' | 'schedule', readonly string[]])[] = [
  ['momentum', 'optimizer', ['momentum', 'nesterov']],
  ['beta1', 'optimizer', ['adam', 'adamw', 'sparse-adam']],
  ['beta2', 'optimizer', ['adam', 'adamw', 'sparse-adam']],
  ['rho', 'optimizer', ['rmsprop']],
  ['epsilon', 'optimizer', ['adagrad', 'rmsprop', 'adam', 'adamw', 'sparse-adam']],
  ['gamma', 'schedule', ['step', 'plateau']],
  ['plateauPatience', 'schedule', ['plateau']],
];

function ruleWarnings(config: Checked): readonly string[] {
  return RULES.filter(([key, of, those]) => isChanged(config, key) && !those.includes(config[of])).map(
    ([key, of, those]) =>
      `${flagOrigin(key)} has no effect with ${flagOrigin(of)} ${config[of]}: it is of ${those.join(', ')}`,
  );
}

/** What is given as it is by default has no effect either, and nobody minds. */
const isChanged = (config: Checked, key: SettingName): boolean =>
  config[key] !== undefined &&
  config[key] !== (key === 'epsilon' ? defaultEpsilon(config.optimizer) : SETTINGS[key].schema.parse(undefined));

/** What a model without ReLU's zeros makes nothing of. */
function reluWarnings(config: Checked): readonly string[] {
  const { activationL1, densityTarget, biasStart, sparse } = config;
  const zeros = isReLU(config)
    ? 'the zeros of --bidirectional layers are not counted'
    : 'only --cell rnn or mlp with --activation relu has outputs that can be zero';
  return [
    ...(sparse === 'always' ? [`--sparse always has no effect: ${zeros}`] : []),
    ...(activationL1 > 0 ? [`--activation-l1 has no effect: ${zeros}`] : []),
    ...(densityTarget === undefined ? [] : [`--density-target has no effect: ${zeros}`]),
    ...(biasStart === 0 || isReLU(config)
      ? []
      : ['--bias-start has no effect: only --cell rnn or mlp with --activation relu starts with it']),
  ];
}
