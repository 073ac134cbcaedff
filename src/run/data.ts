// The data of a run: opened, cut into what is learned and what is held out, and dealt as batches.

import type { Config } from '../config/config.js';
import { tableOf } from '../config/record-checks.js';
import type { Batches } from '../data/batches.js';
import { datasetPath } from '../data/dataset.js';
import { EVALUATION, EvalBatches } from '../data/eval-segments.js';
import { ExampleBatches } from '../data/example-batches.js';
import { ExampleSequences } from '../data/example-sequences.js';
import type { Columns } from '../data/records/columns.js';
import type { Steps } from '../data/records/records.js';
import { type Sequence, SequenceBatches, type SequenceSource, vocabularySizeOf } from '../data/sequences.js';
import { outputsOf, type SparseExamples } from '../data/sparse-examples.js';
import { sparseLines } from '../data/sparse-lines.js';
import { splitExamples, splitSequences, splitText } from '../data/split.js';
import { TextBatches } from '../data/streams.js';
import { type KnownExamples, readSvmlight } from '../data/svmlight.js';
import { type LearnedText, openText, type TokenRule } from '../data/text-file.js';
import { textInMemory } from '../data/text-memory.js';
import { Vocabulary } from '../data/vocabulary.js';
import { wordRule } from '../data/word-text.js';
import { UserError } from '../errors.js';
import type { Predicted } from './measured.js';
import { ofRecords } from './records.js';

/** Data that is given in memory, in place of `text` (a file) and `dataset`: one of the first two. */
export interface TrainingData {
  /** The text itself. */
  readonly text?: string | Uint8Array;
  /** Sequences of token numbers: an array, any iterable, an async one, or a function that gives one for each epoch. */
  readonly sequences?: SequenceSource;
  /** V, when sequences are given: tokens are 0 .. V-1. Needed unless they are an array. */
  readonly vocabularySize?: number;
  /** Sequences to evaluate on. Of an array the last part is held out where this is not given; of an iterable, nothing. */
  readonly validationSequences?: readonly Sequence[];
}

export const DATA_KEYS = [
  'text',
  'sequences',
  'vocabularySize',
  'validationSequences',
] as const satisfies readonly (keyof TrainingData)[];

export interface ClassCounts {
  readonly names: readonly string[];
  readonly counts: readonly number[];
}

export interface OpenedData {
  /** Of sparse examples, what they are told by: their classes, labels or numbers, counted. */
  readonly vocabulary: Vocabulary;
  /** What is predicted; the next token where it is not said. */
  readonly predicted?: Predicted;
  /** What is told apart where classes are predicted, and how often each is in what is learned. */
  readonly classes?: ClassCounts;
  /** Of tables: which columns are read and predicted, and how they become numbers. */
  readonly columns?: Columns;
  /** What was found in the data and handled, for the user to hear. */
  readonly notices?: readonly string[];
  /** Of tables, for nets that read them in time: their steps, and the loss, in nats or squared deviations, of what knows no inputs. */
  readonly sequences?: { readonly steps: Steps; readonly constantLoss: number };
  /** Of sparse examples: their features, and what the labels are. */
  readonly examples?: KnownExamples;
  /** Most entries of a batch of such. */
  readonly entries?: number;
  readonly training: Batches;
  readonly evaluation: Batches | undefined;
  /** Tokens or examples; 0 where sequences come one by one. */
  readonly trainingTokens: number;
  readonly validationTokens: number;
  /** Tells texts apart; null for sequences. */
  readonly checksum: number | null;
  /** Bytes that they take. */
  readonly sizeBytes: number;
  close(): Promise<void>;
}

/** Of a text: what its tokens are. */
export const tokenRule = ({ tokens, minCount, vocabularySize }: TokenSettings): TokenRule =>
  tokens === 'word' ? wordRule({ minCount, vocabularySize }) : tokens;

type TokenSettings = Pick<Config, 'tokens' | 'minCount' | 'vocabularySize'>;

export const isInMemory = (data: TrainingData | undefined): data is TrainingData =>
  data?.text !== undefined || data?.sequences !== undefined;

/** @throws UserError for data that cannot be read, or is too short for the config's window and batch */
export async function openData(config: Config, data: TrainingData = {}): Promise<OpenedData> {
  if (data.sequences !== undefined && data.text !== undefined)
    throw new UserError('text: sequences are given as well; give one of the two');
  if (data.sequences !== undefined) return ofSequences(config, data.sequences, data);
  if (data.text !== undefined) return ofText(config, textInMemory(data.text, tokenRule(config)), 'text');
  if (config.svmlight !== undefined) return ofExamples(config, config.svmlight);
  if (tableOf(config) !== undefined) return ofRecords(config);
  if (config.dataset !== undefined) {
    const path = await datasetPath(config.dataset);
    return ofText(config, openText(path, tokenRule(config), '--dataset'), path);
  }
  return ofText(config, openText(config.text as string, tokenRule(config)), config.text as string);
}

function ofText(
  { batch, window, stride, validation }: Config,
  { vocabulary, source, checksum, marked }: LearnedText,
  name: string,
): OpenedData {
  try {
    const { whole, cut, training } = splitText(source, validation);
    return {
      vocabulary,
      ...(vocabulary.mode === 'word' && { predicted: 'word' }),
      ...(marked && { notices: [`${name}: the byte order mark at its start was skipped`] }),
      training: new TextBatches(training, { batch, window, stride }, `the training text (${name})`),
      evaluation: cut < whole.length ? new EvalBatches(whole, cut, whole.length, EVALUATION) : undefined,
      trainingTokens: cut,
      validationTokens: whole.length - cut,
      checksum,
      sizeBytes: source.sizeBytes,
      close: async () => source.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

/** @throws UserError also where nothing is left to train on */
function ofExamples(config: Config, path: string): OpenedData {
  const { labels, zeroBased, validation, batch, seed } = config;
  const examples = readSvmlight(path, { labels, zeroBased });
  const { training, heldOut } = splitExamples(examples, validation);
  if (training.count === 0)
    throw new UserError(`--svmlight: ${path} has too few examples to hold out some; give more, or --validation 0`);
  const learned = examplesOf(config, training, { batch, shuffle: true, seed }, `the training set (${path})`);
  const evaluated = heldOut.count > 0 ? evaluationOf(config.cell !== 'mlp', heldOut) : undefined;
  const { indices, labels: kinds, checksum } = examples;
  const arrays = [examples.starts, examples.features, examples.values, indices];
  return {
    vocabulary: Vocabulary.ofNumbers(kinds.kind === 'classes' ? kinds.names.length : outputsOf(kinds)),
    predicted: kinds.kind,
    classes: classCounts(training),
    examples: { indices, labels: kinds },
    entries: Math.max(learned.maxEntries, evaluated?.maxEntries ?? 0),
    training: learned,
    evaluation: evaluated,
    trainingTokens: training.count,
    validationTokens: heldOut.count,
    checksum,
    sizeBytes: arrays.reduce((sum, { byteLength }) => sum + byteLength, 0),
    close: async () => {},
  };
}

function classCounts({ labels }: SparseExamples): ClassCounts | undefined {
  if (labels.kind !== 'classes') return undefined;
  const names = Array.from(labels.names, String);
  const counts = new Array<number>(names.length).fill(0);
  for (const one of labels.classes) counts[one]++;
  return { names, counts };
}

type ExampleDealer = Batches & { readonly maxEntries: number };

function examplesOf(
  { cell, window, stride }: Pick<Config, 'cell' | 'window' | 'stride'>,
  examples: SparseExamples,
  order: { readonly batch: number; readonly shuffle: boolean; readonly seed?: number },
  name: string,
): ExampleDealer {
  if (cell === 'mlp') return new ExampleBatches(sparseLines(examples), order, name);
  return new ExampleSequences(sparseLines(examples), { ...order, window, stride }, name);
}

/** Examples side by side in an evaluation, of models that take each by itself. */
const EVALUATED_EXAMPLES = 256;
/** Lines of a stream at least where a file is one sequence: a stream begins without a state, which costs its first lines. */
const EVALUATED_LINES = 512;

/** Examples as they are measured on. @param inSequences whether lines follow each other in time */
export function evaluationOf(inSequences: boolean, examples: SparseExamples): ExampleDealer {
  const name = 'the examples to measure on';
  const { count, groups } = examples;
  if (!inSequences)
    return new ExampleBatches(
      sparseLines(examples),
      { batch: Math.min(count, EVALUATED_EXAMPLES), shuffle: false },
      name,
    );
  const most = groups === undefined ? Math.max(1, Math.floor(count / EVALUATED_LINES)) : count;
  const batch = Math.min(most, EVALUATION.streams);
  const window = Math.min(EVALUATION.window, Math.floor(count / batch));
  return new ExampleSequences(sparseLines(examples), { batch, window, stride: window, shuffle: false }, name);
}

function ofSequences(config: Config, given: SequenceSource, data: TrainingData): OpenedData {
  const { batch, window, stride, validation } = config;
  const whole = Array.isArray(given) ? (given as readonly Sequence[]) : undefined;
  const vocabularySize = data.vocabularySize ?? (whole && vocabularySizeOf(whole));
  if (vocabularySize === undefined) {
    throw new UserError(
      'vocabularySize: it is missing; sequences that come one by one need the number of their tokens',
    );
  }
  const split = whole && data.validationSequences === undefined ? splitSequences(whole, validation) : undefined;
  const heldOut = data.validationSequences ?? split?.heldOut ?? [];
  const training = new SequenceBatches(split?.training ?? given, { batch, window, stride, vocabularySize });
  if (training.stepsPerEpoch === 0) {
    const held = heldOut.length > 0 && split ? `; ${heldOut.length} are held out (validation: 0 holds out none)` : '';
    throw new UserError(`sequences: none to train on has the two tokens that one prediction needs${held}`);
  }
  const evaluation = {
    batch: EVALUATION.streams,
    window: EVALUATION.window,
    stride: EVALUATION.window,
    vocabularySize,
  };
  const heldOutBatches = new SequenceBatches(heldOut, evaluation);
  return {
    vocabulary: Vocabulary.ofNumbers(vocabularySize),
    training,
    evaluation: heldOutBatches.stepsPerEpoch ? heldOutBatches : undefined,
    trainingTokens: whole ? tokensOf(split?.training ?? whole) : 0,
    validationTokens: tokensOf(heldOut),
    checksum: null,
    sizeBytes: 0,
    close: async () => training.close(),
  };
}

const tokensOf = (sequences: readonly Sequence[]): number => sequences.reduce((sum, { length }) => sum + length, 0);
