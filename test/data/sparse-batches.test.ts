import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batches, BatchSlot } from '../../src/data/batches.js';
import { ExampleBatches } from '../../src/data/sparse-batches.js';
import { type ExampleLabels, outputsOf, type SparseExamples } from '../../src/data/sparse-examples.js';
import { ExampleSequences } from '../../src/data/sparse-sequences.js';
import { splitExamples } from '../../src/data/split.js';
import { UserError } from '../../src/errors.js';
import { padded } from '../../src/kernels/kernels.js';

type Kind = ExampleLabels['kind'];
const KINDS: readonly Kind[] = ['classes', 'multilabel', 'numbers'];

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
function examplesOf(count: number, kind: Kind = 'classes', lengths?: readonly number[]): SparseExamples {
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

const sequencesOf = (lengths: readonly number[], kind?: Kind): SparseExamples =>
  examplesOf(
    lengths.reduce((sum, length) => sum + length, 0),
    kind,
    lengths,
  );

type Dealer = Batches & { readonly maxEntries: number };

function slotFor(batches: Dealer, examples: SparseExamples): Required<Omit<BatchSlot, 'features'>> {
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
interface Seen {
  readonly counted: number;
  readonly rows: Row[][];
  readonly reset: number[];
  readonly carry: number[];
}

async function nextSeen(batches: Dealer, examples: SparseExamples): Promise<Seen | undefined> {
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

async function epochOf(batches: Dealer, examples: SparseExamples): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (;;) {
    const batch = await nextSeen(batches, examples);
    if (batch === undefined) return seen;
    seen.push(batch);
  }
}

/** The row that line `line` should be; -1 for none. */
function rowOf(examples: SparseExamples, line: number, counts = line >= 0): Row {
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
function lineOf({ entries, outputs }: Row): number {
  return entries.length > 0 ? entries[0][1] - 1 : outputs[0];
}

describe('examples by themselves', () => {
  test.each(KINDS)("%s in the file's order; the last batch is filled with rows that do not count", async (kind) => {
    const examples = examplesOf(7, kind);
    const batches = new ExampleBatches(examples, { batch: 3, shuffle: false });
    expect(batches).toMatchObject({ streams: 3, maxWindow: 1, stepsPerEpoch: 3, maxEntries: 4 });
    const expected = [
      [0, 1, 2],
      [3, 4, 5],
      [6, -1, -1],
    ].map((lines) => ({
      counted: lines.filter((line) => line >= 0).length,
      rows: [lines.map((line) => rowOf(examples, line))],
      reset: [1, 1, 1],
      carry: [1, 1, 1],
    }));
    expect(await epochOf(batches, examples)).toEqual(expected);
    expect(await epochOf(batches, examples)).toEqual(expected);
  });

  test('are shuffled anew for each epoch, by the seed alone, and each is dealt once', async () => {
    const examples = examplesOf(40, 'numbers');
    const make = (seed: number) => new ExampleBatches(examples, { batch: 6, shuffle: true, seed });
    const orderOf = async (batches: Dealer) =>
      (await epochOf(batches, examples)).flatMap(({ rows }) =>
        rows[0].filter(({ target }) => target === 0).map(lineOf),
      );
    const batches = make(1);
    const orders = [await orderOf(batches), await orderOf(batches), await orderOf(make(2))];
    expect(await orderOf(make(1))).toEqual(orders[0]);
    expect(new Set([...orders, [...orders[0]].sort((a, b) => a - b)].map(String)).size).toBe(4);
    for (const order of orders) expect(order.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  test('every order is as likely as any other', async () => {
    const examples = examplesOf(3, 'numbers');
    const counts = new Map<string, number>();
    const batches = new ExampleBatches(examples, { batch: 3, shuffle: true, seed: 5 });
    for (let epoch = 0; epoch < 6000; epoch++) {
      const order = String((await epochOf(batches, examples))[0].rows[0].map(lineOf));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Five standard deviations of a count of 1000.
    for (const count of counts.values())
      expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(6000 * (1 / 6) * (5 / 6)));
  });

  test('fit into the entries that were announced, which some batch may need', async () => {
    const examples = examplesOf(10);
    // The three largest of 0 1 2 3 0 1 2 3 0 1.
    expect(new ExampleBatches(examples, { batch: 3, shuffle: true }).maxEntries).toBe(8);
    const ordered = new ExampleBatches(examples, { batch: 3, shuffle: false });
    const entries = (await epochOf(ordered, examples)).map(({ rows }) => rows[0].flatMap((row) => row.entries).length);
    expect(ordered.maxEntries).toBe(Math.max(...entries));
  });

  test('more rows than examples are refused', () => {
    const make = (count: number, batch: number) => () =>
      new ExampleBatches(examplesOf(count), { batch, shuffle: true });
    expect(make(4, 5)).toThrow(UserError);
    expect(make(4, 5)).toThrow(
      '--batch: 5 examples are more than the training set allows, which has 4 examples; give 1 to 4',
    );
    expect(make(0, 1)).toThrow('the training set has no examples; it needs at least 1');
  });
});

describe('lines as the steps of sequences', () => {
  test('a file without qids is cut into a part for each stream, and no line is left out', async () => {
    const examples = examplesOf(9, 'numbers');
    const batches = new ExampleSequences(examples, { batch: 2, window: 3, stride: 2, shuffle: false });
    expect(batches).toMatchObject({ streams: 2, maxWindow: 3, stepsPerEpoch: 3 });
    const row = (line: number, counts = true) => rowOf(examples, line, counts && line >= 0);
    const expected = [
      {
        counted: 4,
        reset: [1, 1],
        carry: [1, 1],
        rows: [
          [row(0), row(4)],
          [row(1), row(5)],
        ],
      },
      {
        ...{ counted: 4, reset: [0, 0], carry: [2, 2] },
        rows: [
          [row(1, false), row(5, false)],
          [row(2), row(6)],
          [row(3), row(7)],
        ],
      },
      {
        counted: 1,
        reset: [1, 0],
        carry: [1, 2],
        rows: [
          [row(-1), row(7, false)],
          [row(-1), row(8)],
        ],
      },
    ];
    expect(await epochOf(batches, examples)).toEqual(expected);
    expect(await epochOf(batches, examples)).toEqual(expected);
  });

  test('with qids each stream takes one sequence after another, from a zero state', async () => {
    const examples = sequencesOf([3, 1, 2]);
    const batches = new ExampleSequences(examples, { batch: 2, window: 2, stride: 2, shuffle: false });
    const row = (line: number) => rowOf(examples, line);
    expect(batches.stepsPerEpoch).toBe(2);
    expect(await epochOf(batches, examples)).toEqual([
      {
        counted: 3,
        reset: [1, 1],
        carry: [2, 2],
        rows: [
          [row(0), row(3)],
          [row(1), row(-1)],
        ],
      },
      {
        counted: 3,
        reset: [0, 1],
        carry: [2, 2],
        rows: [
          [row(2), row(4)],
          [row(-1), row(5)],
        ],
      },
    ]);
  });

  test('a full window takes the longest sequence whole', async () => {
    const examples = sequencesOf([2, 5, 1]);
    const batches = new ExampleSequences(examples, { batch: 3, window: 'full', stride: 'full', shuffle: true });
    expect(batches).toMatchObject({ maxWindow: 5, stepsPerEpoch: undefined });
    expect((await epochOf(batches, examples)).map(({ counted, rows }) => [counted, rows.length])).toEqual([[8, 5]]);
  });

  const settings = fc.record({
    lengths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }),
    grouped: fc.boolean(),
    ...{ batch: fc.nat(5), window: fc.nat(6), stride: fc.nat(6), shuffle: fc.boolean(), seed: fc.nat(99) },
  });

  test('every line counts once, from the state of the lines before it, and the announced entries are enough', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async ({ lengths, grouped, shuffle, seed, ...sizes }) => {
        const examples = { ...sequencesOf(lengths, 'numbers'), ...(grouped ? {} : { groups: undefined }) };
        const batch = 1 + (sizes.batch % examples.count);
        const window = 1 + (sizes.window % (grouped ? 7 : Math.ceil(examples.count / batch)));
        const options = { batch, window, stride: 1 + (sizes.stride % window), shuffle, seed };
        const batches = new ExampleSequences(examples, options);
        const begins = grouped
          ? lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0))
          : Array.from({ length: batch }, (_, s) => Math.floor((s * examples.count) / batch));
        for (let epoch = 0; epoch < 2; epoch++) {
          const seen = await epochOf(batches, examples);
          if (batches.stepsPerEpoch !== undefined) expect(seen.length).toBe(batches.stepsPerEpoch);
          const counted: number[] = [];
          for (let s = 0; s < batch; s++) {
            let state = 0; // the line that the carried state is followed by
            for (const { rows, reset, carry } of seen) {
              const first = rows.find((row) => row[s].target === 0);
              if (first !== undefined && reset[s] === 1) {
                state = lineOf(first[s]);
                expect(begins).toContain(state);
                expect(first).toBe(rows[0]);
              }
              rows.forEach((row, t) => {
                if (row[s].entries.length > 0) expect(lineOf(row[s])).toBe(state + t);
                if (row[s].target !== 0) return;
                expect(row[s]).toEqual(rowOf(examples, state + t));
                counted.push(state + t);
              });
              state += carry[s];
            }
          }
          expect(counted.sort((a, b) => a - b)).toEqual(Array.from({ length: examples.count }, (_, i) => i));
          for (const { rows } of seen) {
            expect(rows.flat().flatMap(({ entries }) => entries).length).toBeLessThanOrEqual(batches.maxEntries);
          }
        }
      }),
      { seed: 21, numRuns: 300 },
    );
  });

  test('sequences come in another order in each epoch', async () => {
    const examples = sequencesOf(new Array<number>(12).fill(1), 'numbers');
    const make = () => new ExampleSequences(examples, { batch: 1, window: 1, stride: 1, shuffle: true, seed: 3 });
    const orderOf = async (batches: Dealer) => (await epochOf(batches, examples)).map(({ rows }) => lineOf(rows[0][0]));
    const batches = make();
    const first = await orderOf(batches);
    expect(await orderOf(batches)).not.toEqual(first);
    expect(await orderOf(make())).toEqual(first);
  });

  test('what does not fit is refused with what was found and what is allowed', () => {
    const make = (examples: SparseExamples, batch: number, window: number) => () =>
      new ExampleSequences(examples, { batch, window, stride: window, shuffle: false });
    expect(make(examplesOf(4), 5, 1)).toThrow(
      '--batch: 5 streams are more than the training set allows, which has 4 examples; give 1 to 4',
    );
    expect(make(examplesOf(9), 2, 6)).toThrow(
      '--window: 6 is longer than the 5 examples of a stream (the training set has 9, cut into 2 streams); ' +
        'give 1 to 5, or a smaller --batch',
    );
    expect(make(examplesOf(9), 2, 6)).toThrow(UserError);
    expect(make(sequencesOf([1, 2]), 3, 6)).not.toThrow();
  });
});

describe('seek goes to any batch of any epoch', () => {
  const grouped = sequencesOf([6, 3, 2, 9, 4], 'numbers');
  const plain = examplesOf(23, 'numbers');
  const sizes = { batch: 3, window: 4, stride: 3, shuffle: true, seed: 9 };
  test.each<[string, SparseExamples, () => Dealer]>([
    ['examples', plain, () => new ExampleBatches(plain, sizes)],
    ['sequences', grouped, () => new ExampleSequences(grouped, sizes)],
    ['streams', plain, () => new ExampleSequences(plain, sizes)],
  ])('of %s', async (_, examples, make) => {
    const whole = make();
    const epochs = [await epochOf(whole, examples), await epochOf(whole, examples), await epochOf(whole, examples)];
    const sought = make();
    for (const epoch of [1, 0, 1]) {
      for (let step = 0; step <= epochs[epoch].length; step++) {
        sought.seek(epoch, step);
        expect(await epochOf(sought, examples)).toEqual(epochs[epoch].slice(step));
        expect(await nextSeen(sought, examples)).toEqual(epochs[epoch + 1][0]);
      }
      expect(() => sought.seek(epoch, epochs[epoch].length + 1)).toThrow(RangeError);
    }
  });
});

describe('the part that is held out', () => {
  test.each(KINDS)('is the last examples, which are dealt as they are: %s', async (kind) => {
    const examples = examplesOf(10, kind);
    const { training, heldOut } = splitExamples(examples, 0.25);
    expect([training.count, heldOut.count]).toEqual([7, 3]);
    const dealt = await epochOf(new ExampleBatches(heldOut, { batch: 3, shuffle: false }), heldOut);
    expect(dealt[0].rows[0]).toEqual([7, 8, 9].map((line) => rowOf(examples, line)));
    const seen = await epochOf(new ExampleBatches(training, { batch: 1, shuffle: false }), training);
    expect(seen.map(({ rows }) => rows[0][0])).toEqual(Array.from({ length: 7 }, (_, line) => rowOf(examples, line)));
  });

  test('is whole sequences where there are qids', () => {
    const { training, heldOut } = splitExamples(sequencesOf([2, 3, 1, 4, 2]), 0.3);
    expect([...(training.groups as Float64Array)]).toEqual([50, 50, 49, 49, 49, 48]);
    expect([...(heldOut.groups as Float64Array)]).toEqual([47, 47, 47, 47, 46, 46]);
  });

  test('may be nothing', () => {
    const { training, heldOut } = splitExamples(examplesOf(5), 0);
    expect([training.count, heldOut.count]).toEqual([5, 0]);
  });
});
