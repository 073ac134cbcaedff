import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExampleSequences } from '../../src/data/example-sequences.js';
import type { SparseExamples } from '../../src/data/sparse-examples.js';
import { sparseLines } from '../../src/data/sparse-lines.js';
import { UserError } from '../../src/errors.js';
import { type Dealer, epochOf, examplesOf, lineOf, rowOf, sequencesOf } from './sparse-lines.js';

describe('lines as the steps of sequences', () => {
  test('a file without qids is cut into a part for each stream, and no line is left out', async () => {
    const examples = examplesOf(9, 'numbers');
    const batches = new ExampleSequences(sparseLines(examples), { batch: 2, window: 3, stride: 2, shuffle: false });
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
    const batches = new ExampleSequences(sparseLines(examples), { batch: 2, window: 2, stride: 2, shuffle: false });
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
    const batches = new ExampleSequences(sparseLines(examples), {
      batch: 3,
      window: 'full',
      stride: 'full',
      shuffle: true,
    });
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
        const batches = new ExampleSequences(sparseLines(examples), options);
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
    const make = () =>
      new ExampleSequences(sparseLines(examples), { batch: 1, window: 1, stride: 1, shuffle: true, seed: 3 });
    const orderOf = async (batches: Dealer) => (await epochOf(batches, examples)).map(({ rows }) => lineOf(rows[0][0]));
    const batches = make();
    const first = await orderOf(batches);
    expect(await orderOf(batches)).not.toEqual(first);
    expect(await orderOf(make())).toEqual(first);
  });

  test('what does not fit is refused with what was found and what is allowed', () => {
    const make = (examples: SparseExamples, batch: number, window: number) => () =>
      new ExampleSequences(sparseLines(examples), { batch, window, stride: window, shuffle: false });
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
