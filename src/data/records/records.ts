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

/** A part of the records: all of them where nothing is said. */
export interface RecordPart {
  /** Steps from here on alone are dealt, where each stands by itself. */
  readonly base?: number;
  readonly count?: number;
  /** Undefined: the lines of the part are one sequence, or stand by themselves. */
  readonly sequences?: Stretches;
  /** [sequences] the first step of each that counts. */
  readonly countsFrom?: Int32Array;
}

export function recordLines(records: Records, { base = 0, count = records.count, ...part }: RecordPart): Lines {
  const { columns, tokens, features, classes, outputs } = records;
  const width = featuresOf(columns);
  const wide = padded(width);
  const { outputs: kinds } = outputsOfColumns(columns);
  const stride = padded(kinds);
  const predicts = countedSteps(records, part);
  const write = (slot: BatchSlot, row: number, line: number, counts: boolean): boolean => {
    const step = line === NO_LINE ? -1 : base + line;
    if (tokens) slot.inputs[row] = step < 0 ? 0 : tokens[step];
    else copyRow(slot.features as Float32Array, row * wide, wide, features, step, width);
    const predicted = counts && step >= 0 && predicts[step] === 1;
    if (classes) slot.targets[row] = predicted ? classes[step] : NO_TARGET;
    else {
      slot.targets[row] = predicted ? 0 : NO_TARGET;
      copyRow(slot.outputs as Float32Array, row * stride, stride, outputs, predicted ? step : -1, kinds);
    }
    return predicted;
  };
  return { count, sequences: part.sequences, entries: () => 0, write };
}

/** How often each class is to be predicted in a part. */
export function classCounts(records: Records, { base = 0, count = records.count, ...part }: RecordPart): number[] {
  const { classes, columns } = records;
  const predicts = countedSteps(records, part);
  const { from, to } = part.sequences ?? { from: Int32Array.of(0), to: Int32Array.of(count) };
  const counts = new Array<number>(outputsOfColumns(columns).outputs).fill(0);
  for (let i = 0; i < from.length; i++)
    for (let step = base + from[i]; step < base + to[i]; step++)
      if (classes && predicts[step] === 1) counts[classes[step]]++;
  return counts;
}

function countedSteps({ predicts }: Records, { sequences, countsFrom }: RecordPart): Uint8Array {
  if (!sequences || !countsFrom) return predicts;
  const counted = predicts.slice();
  for (const [i, from] of sequences.from.entries()) counted.fill(0, from, Math.max(from, countsFrom[i]));
  return counted;
}

/** Row `step` of [count, width] to `at`, zeros behind it up to `wide` numbers; zeros alone where there is no such step. */
function copyRow(
  into: Float32Array | Float64Array,
  at: number,
  wide: number,
  from: Float32Array,
  step: number,
  width: number,
): void {
  const copied = step < 0 ? 0 : width;
  for (let i = 0; i < copied; i++) into[at + i] = from[step * width + i];
  into.fill(0, at + copied, at + wide);
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
