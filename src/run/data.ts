// The data of a run: opened, cut into what is learned and what is held out, and dealt as batches.

import type { Config } from '../config/config.js';
import type { Batches } from '../data/batches.js';
import { datasetPath } from '../data/dataset.js';
import { EVALUATION, EvalBatches } from '../data/eval-segments.js';
import { type Sequence, SequenceBatches, type SequenceSource, vocabularySizeOf } from '../data/sequences.js';
import { splitSequences, splitText } from '../data/split.js';
import { TextBatches } from '../data/streams.js';
import { type LearnedText, openText } from '../data/text-file.js';
import { textInMemory } from '../data/text-memory.js';
import { Vocabulary } from '../data/vocabulary.js';
import { UserError } from '../errors.js';

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

export interface OpenedData {
  readonly vocabulary: Vocabulary;
  readonly training: Batches;
  readonly evaluation: Batches | undefined;
  /** Tokens; 0 where sequences come one by one. */
  readonly trainingTokens: number;
  readonly validationTokens: number;
  /** Tells texts apart; null for sequences. */
  readonly checksum: number | null;
  /** Bytes that the tokens take. */
  readonly sizeBytes: number;
  close(): Promise<void>;
}

export const isInMemory = (data: TrainingData | undefined): data is TrainingData =>
  data?.text !== undefined || data?.sequences !== undefined;

/** @throws UserError for data that cannot be read, or is too short for the config's window and batch */
export async function openData(config: Config, data: TrainingData = {}): Promise<OpenedData> {
  if (data.sequences !== undefined && data.text !== undefined)
    throw new UserError('text: sequences are given as well; give one of the two');
  if (data.sequences !== undefined) return ofSequences(config, data.sequences, data);
  if (data.text !== undefined) return ofText(config, textInMemory(data.text, config.tokens), 'text');
  if (config.dataset !== undefined) {
    const path = await datasetPath(config.dataset);
    return ofText(config, openText(path, config.tokens, '--dataset'), path);
  }
  return ofText(config, openText(config.text as string, config.tokens), config.text as string);
}

function ofText(
  { batch, window, stride, validation }: Config,
  { vocabulary, source, checksum }: LearnedText,
  name: string,
): OpenedData {
  try {
    const { whole, cut, training } = splitText(source, validation);
    return {
      vocabulary,
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
