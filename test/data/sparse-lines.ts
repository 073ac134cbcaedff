// Sparse examples whose entries say where they stood, and slots, that the tests of this folder share.

import type { Batches, BatchSlot } from '../../src/data/batches.js';
import { type ExampleLabels, outputsOf, type SparseExamples } from '../../src/data/sparse-examples.js';
import { padded } from '../../src/kernels/kernels.js';

export type Kind = ExampleLabels['kind'];
export const KINDS: readonly Kind[] = ['classes', 'multilabel', 'numbers'];

/** Line i has i % 4 entries, the first of value i + 1, so that an entry says where it stood. */
function entryCount(line: number): number {
  return line % 4;
}

function labelsOf(count: number, kind: Kind): ExampleLabels {
  const lines = Array.from({ length: count }, (_, line) => line);
  if (kind === 'classes')
    return { kind, names: Float64Array.of(-1, 0, 1), classes: Int32Array.from(lines, (i) => i % 3) };
  if (kind === 'numbers') return { kind, outputs: 2, values: Float32Array.from(lines.flatMap((i) => [i, -i])) };
  // Line i has the labels below i % 5.
  const rows = lines.map((i) => Array.from({ length: i % 5 }, (_, label) => label));
  const starts = Int32Array.from([...lines, count], (i) => rows.slice(0, i).flat().length);
  return { kind, names: Float64Array.of(1, 2, 3, 4), starts, classes: Int32Array.from(rows.flat()) };
}

/** @param lengths of the sequences, where the lines have qids */
export function examplesOf(count: number, kind: Kind = 'classes', lengths?: readonly number[]): SparseExamples {
  const lines = Array.from({ length: count }, (_, line) => line);
  const entries = lines.flatMap((line) =>
    Array.from({ length: entryCount(line) }, (_, k) => [k * 3, line + 1 + k / 8]),
  );
  return {
    count,
    starts: Int32Array.from([...lines, count], (line) =>
      lines.slice(0, line).reduce((sum, i) => sum + entryCount(i), 0),
    ),
    features: Int32Array.from(entries, ([feature]) => feature),
    values: Float32Array.from(entries, ([, value]) => value),
    indices: Int32Array.from({ length: 9 }, (_, feature) => 10 * feature),
    labels: labelsOf(count, kind),
    groups: lengths && Float64Array.from(lengths.flatMap((length, i) => new Array<number>(length).fill(50 - i))),
    checksum: 0,
  };
}

export const sequencesOf = (lengths: readonly number[], kind?: Kind): SparseExamples =>
  examplesOf(
    lengths.reduce((sum, length) => sum + length, 0),
    kind,
    lengths,
  );

export type Dealer = Batches & { readonly maxEntries: number };

function slotFor(batches: Dealer, examples: SparseExamples): Required<Omit<BatchSlot, 'features' | 'lengths'>> {
  const rows = batches.maxWindow * batches.streams;
  const { maxEntries } = batches;
  // What is not written shows.
  return {
    inputs: new Int32Array(rows).fill(-99),
    targets: new Int32Array(rows).fill(-99),
    outputs: new Float32Array(rows * padded(outputsOf(examples.labels))).fill(-99),
    entries: {
      starts: new Int32Array(rows + 1).fill(-99),
      features: new Int32Array(maxEntries).fill(-99),
      values: new Float64Array(maxEntries).fill(-99),
    },
    reset: new Int32Array(batches.streams).fill(-99),
    carry: new Int32Array(batches.streams).fill(-99),
  };
}

/** What a row of a slot reads and predicts, and the line that both are of; undefined where it reads nothing. */
interface Row {
  readonly entries: number[][];
  readonly target: number;
  readonly outputs: number[];
}

/** A batch as rows [t][s]. */
export interface Seen {
  readonly counted: number;
  readonly rows: Row[][];
  readonly reset: number[];
  readonly carry: number[];
}

export async function nextSeen(batches: Dealer, examples: SparseExamples): Promise<Seen | undefined> {
  const slot = slotFor(batches, examples);
  const dealt = await batches.next(slot);
  if (dealt === undefined) return undefined;
  const { starts, features, values } = slot.entries;
  const stride = padded(outputsOf(examples.labels));
  const rowAt = (row: number): Row => ({
    entries: Array.from({ length: starts[row + 1] - starts[row] }, (_, k) => [
      features[starts[row] + k],
      values[starts[row] + k],
    ]),
    target: slot.targets[row],
    outputs: examples.labels.kind === 'classes' ? [] : [...slot.outputs.subarray(row * stride, (row + 1) * stride)],
  });
  const { streams } = batches;
  return {
    counted: dealt.counted,
    rows: Array.from({ length: dealt.steps }, (_, t) =>
      Array.from({ length: streams }, (_, s) => rowAt(t * streams + s)),
    ),
    reset: [...slot.reset],
    carry: [...slot.carry],
  };
}

export async function epochOf(batches: Dealer, examples: SparseExamples): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (;;) {
    const batch = await nextSeen(batches, examples);
    if (batch === undefined) return seen;
    seen.push(batch);
  }
}

/** The row that line `line` should be; -1 for none. */
export function rowOf(examples: SparseExamples, line: number, counts = line >= 0): Row {
  const { starts, features, values, labels } = examples;
  const length = line < 0 ? 0 : starts[line + 1] - starts[line];
  const entries = Array.from({ length }, (_, k) => [features[starts[line] + k], values[starts[line] + k]]);
  if (labels.kind === 'classes') return { entries, target: counts ? labels.classes[line] : -1, outputs: [] };
  const outputs = new Array<number>(16).fill(0);
  if (counts && labels.kind === 'numbers') outputs.splice(0, 2, line, line === 0 ? -0 : -line);
  if (counts && labels.kind === 'multilabel') outputs.fill(1, 0, line % 5);
  return { entries, target: counts ? 0 : -1, outputs };
}

/** The line that a row reads: its first value tells, and rows of no entries are told by their number to predict. */
export function lineOf({ entries, outputs }: Row): number {
  return entries.length > 0 ? entries[0][1] - 1 : outputs[0];
}
