import { describe, expect, test } from 'vitest';
import { ExampleBatches } from '../../src/data/example-batches.js';
import { ExampleSequences } from '../../src/data/example-sequences.js';
import type { SparseExamples } from '../../src/data/sparse-examples.js';
import { sparseLines } from '../../src/data/sparse-lines.js';
import { UserError } from '../../src/errors.js';
import { type Dealer, epochOf, examplesOf, KINDS, lineOf, nextSeen, rowOf, sequencesOf } from './sparse-lines.js';

describe('examples by themselves', () => {
  test.each(KINDS)("%s in the file's order; the last batch is filled with rows that do not count", async (kind) => {
    const examples = examplesOf(7, kind);
    const batches = new ExampleBatches(sparseLines(examples), { batch: 3, shuffle: false });
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
    const make = (seed: number) => new ExampleBatches(sparseLines(examples), { batch: 6, shuffle: true, seed });
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
    const batches = new ExampleBatches(sparseLines(examples), { batch: 3, shuffle: true, seed: 5 });
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
    expect(new ExampleBatches(sparseLines(examples), { batch: 3, shuffle: true }).maxEntries).toBe(8);
    const ordered = new ExampleBatches(sparseLines(examples), { batch: 3, shuffle: false });
    const entries = (await epochOf(ordered, examples)).map(({ rows }) => rows[0].flatMap((row) => row.entries).length);
    expect(ordered.maxEntries).toBe(Math.max(...entries));
  });

  test('more rows than examples are refused', () => {
    const make = (count: number, batch: number) => () =>
      new ExampleBatches(sparseLines(examplesOf(count)), { batch, shuffle: true });
    expect(make(4, 5)).toThrow(UserError);
    expect(make(4, 5)).toThrow(
      '--batch: 5 examples are more than the training set allows, which has 4 examples; give 1 to 4',
    );
    expect(make(0, 1)).toThrow('the training set has no examples; it needs at least 1');
  });
});

describe('seek goes to any batch of any epoch', () => {
  const grouped = sequencesOf([6, 3, 2, 9, 4], 'numbers');
  const plain = examplesOf(23, 'numbers');
  const sizes = { batch: 3, window: 4, stride: 3, shuffle: true, seed: 9 };
  test.each<[string, SparseExamples, () => Dealer]>([
    ['examples', plain, () => new ExampleBatches(sparseLines(plain), sizes)],
    ['sequences', grouped, () => new ExampleSequences(sparseLines(grouped), sizes)],
    ['streams', plain, () => new ExampleSequences(sparseLines(plain), sizes)],
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
