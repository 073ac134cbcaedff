// The rows of a table as a model's numbers: time steps, sequence after sequence, with what each is to predict.

import { UserError } from '../../errors.js';
import { padded } from '../../kernels/kernels.js';
import { type BatchSlot, NO_TARGET } from '../batches.js';
import { type Lines, NO_LINE, type Stretches } from '../lines.js';
import type { Arrangement } from './arrangement.js';
import { type Columns, featuresOf, outputsOfColumns, tokensColumn } from './columns.js';

export interface Records {
  /** Time steps of all sequences. */
  readonly count: number;
  readonly columns: Columns;
  readonly sequences: Stretches;
  /** What each sequence is called; empty where they have no names. */
  readonly names: readonly string[];
  /** [count] the row of the table that a step comes from. */
  readonly rows: Int32Array;
  /** [count] where the model reads tokens. */
  readonly tokens: Int32Array | undefined;
  /** [count, I] where it reads numbers. */
  readonly features: Float32Array;
  /** [count] where a step predicts a class; NO_TARGET where it predicts none. */
  readonly classes: Int32Array | undefined;
  /** [count, K] where it predicts labels or numbers. */
  readonly outputs: Float32Array;
  /** [count] 1 where a step predicts something. */
  readonly predicts: Uint8Array;
  /** Cells that were missing, and tokens that the model does not know. */
  readonly missing: number;
  readonly unknown: number;
}

/** Time steps, sequence after sequence, wherever their numbers lie: in memory, or in a file. */
export interface Steps {
  readonly count: number;
  readonly columns: Columns;
  readonly sequences: Stretches;
  readonly names: readonly string[];
  readonly missing: number;
  readonly unknown: number;
  /** Memory that they take. */
  readonly sizeBytes: number;
  /** The row of the table that a step comes from. */
  rowOf(step: number): number;
  predicts(step: number): boolean;
  /** The class, or one of K outputs, of a step that predicts something. */
  classOf(step: number): number;
  outputOf(step: number, k: number): number;
  /** Makes row `row` of a slot read a step, or nothing where it is NO_LINE. */
  read(slot: BatchSlot, row: number, step: number): void;
  /** Makes row `row` of a slot predict what a step that predicts something does, or nothing where it is NO_LINE. */
  aim(slot: BatchSlot, row: number, step: number): void;
  close(): void;
}

/** Records in memory as steps. */
export function stepsOf(records: Records): Steps {
  const { columns, rows, tokens, features, classes, outputs, predicts } = records;
  const width = featuresOf(columns);
  const wide = padded(width);
  const { outputs: kinds } = outputsOfColumns(columns);
  const stride = padded(kinds);
  const arrays = [features, outputs, rows, predicts, tokens, classes];
  const { count, sequences, names, missing, unknown } = records;
  return {
    ...{ count, columns, sequences, names, missing, unknown },
    sizeBytes: arrays.reduce((sum, array) => sum + (array?.byteLength ?? 0), 0),
    rowOf: (step) => rows[step],
    predicts: (step) => predicts[step] === 1,
    classOf: (step) => (classes as Int32Array)[step],
    outputOf: (step, k) => outputs[step * kinds + k],
    read: (slot, row, step) => {
      if (tokens) slot.inputs[row] = step === NO_LINE ? 0 : tokens[step];
      else
        copyRow(slot.features as Float32Array, row * wide, wide, features, step * width, step === NO_LINE ? 0 : width);
    },
    aim: (slot, row, step) => {
      slot.targets[row] = step === NO_LINE ? NO_TARGET : (classes?.[step] ?? 0);
      if (classes) return;
      copyRow(slot.outputs as Float32Array, row * stride, stride, outputs, step * kinds, step === NO_LINE ? 0 : kinds);
    },
    close: () => {},
  };
}

/** Numbers from [begin, begin + count) to `at`, zeros behind them up to `wide` numbers. */
export function copyRow(
  into: Float32Array | Float64Array,
  at: number,
  wide: number,
  from: Float32Array,
  begin: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) into[at + i] = from[begin + i];
  into.fill(0, at + count, at + wide);
}

/** A part of the steps: all of them where nothing is said. */
export interface RecordPart {
  /** Steps from here on alone are dealt, where each stands by itself. */
  readonly base?: number;
  readonly count?: number;
  /** Undefined: the lines of the part are one sequence, or stand by themselves. */
  readonly sequences?: Stretches;
  /** [sequences] the first step of each that counts. */
  readonly countsFrom?: Int32Array;
}

export function recordLines(steps: Steps, { base = 0, count = steps.count, ...part }: RecordPart): Lines {
  const warmUp = warmUpSteps(steps, part);
  const write = (slot: BatchSlot, row: number, line: number, counts: boolean): boolean => {
    const step = line === NO_LINE ? NO_LINE : base + line;
    steps.read(slot, row, step);
    const predicted = counts && step !== NO_LINE && warmUp?.[step] !== 1 && steps.predicts(step);
    steps.aim(slot, row, predicted ? step : NO_LINE);
    return predicted;
  };
  return { count, sequences: part.sequences, entries: () => 0, write };
}

/** How often each class is to be predicted in a part. */
export function classCounts(steps: Steps, { base = 0, count = steps.count, ...part }: RecordPart): number[] {
  const warmUp = warmUpSteps(steps, part);
  const { from, to } = part.sequences ?? { from: Int32Array.of(0), to: Int32Array.of(count) };
  const counts = new Array<number>(outputsOfColumns(steps.columns).outputs).fill(0);
  for (let i = 0; i < from.length; i++)
    for (let step = base + from[i]; step < base + to[i]; step++)
      if (warmUp?.[step] !== 1 && steps.predicts(step)) counts[steps.classOf(step)]++;
  return counts;
}

/** [count] 1 for steps that are read before those that count. */
function warmUpSteps({ count }: Steps, { sequences, countsFrom }: RecordPart): Uint8Array | undefined {
  if (!sequences || !countsFrom) return undefined;
  const warmUp = new Uint8Array(count);
  for (const [i, from] of sequences.from.entries()) warmUp.fill(1, from, Math.max(from, countsFrom[i]));
  return warmUp;
}

/** Tokens that a model of these columns tells apart, with the unknown one; 0 where it reads none. */
export const vocabularyOf = (columns: Columns): number => {
  const tokens = tokensColumn(columns);
  return tokens ? tokens.tokens.length + 1 : 0;
};

/** Room for so many steps of these columns. */
export function emptyRecords(columns: Columns, { sequences, names }: Omit<Arrangement, 'order'>, count: number) {
  const { output, outputs } = outputsOfColumns(columns);
  if (count * Math.max(featuresOf(columns), outputs) > 2 ** 31)
    throw new UserError(
      `the data have ${count} time steps of ${featuresOf(columns)} numbers each, more than a run holds; give fewer columns or rows`,
    );
  return {
    ...{ count, columns, sequences, names },
    rows: new Int32Array(count),
    tokens: tokensColumn(columns) && new Int32Array(count),
    features: new Float32Array(count * featuresOf(columns)),
    classes: output === 'softmax' ? new Int32Array(count).fill(NO_TARGET) : undefined,
    outputs: new Float32Array(output === 'softmax' ? 0 : count * outputs),
    predicts: new Uint8Array(count),
  };
}
