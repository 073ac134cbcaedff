import { describe, expect, test } from 'vitest';
import { ExampleBatches } from '../../src/data/example-batches.js';
import { sparseLines } from '../../src/data/sparse-lines.js';
import { cutAt, splitExamples } from '../../src/data/split.js';
import { epochOf, examplesOf, KINDS, rowOf, sequencesOf } from './sparse-lines.js';

describe('the part that is held out', () => {
  test.each(KINDS)('is the last examples, which are dealt as they are: %s', async (kind) => {
    const examples = examplesOf(10, kind);
    const { training, heldOut } = splitExamples(examples, 0.25);
    expect([training.count, heldOut.count]).toEqual([7, 3]);
    const dealt = await epochOf(new ExampleBatches(sparseLines(heldOut), { batch: 3, shuffle: false }), heldOut);
    expect(dealt[0].rows[0]).toEqual([7, 8, 9].map((line) => rowOf(examples, line)));
    const seen = await epochOf(new ExampleBatches(sparseLines(training), { batch: 1, shuffle: false }), training);
    expect(seen.map(({ rows }) => rows[0][0])).toEqual(Array.from({ length: 7 }, (_, line) => rowOf(examples, line)));
  });

  test('is whole sequences where there are qids', () => {
    const { training, heldOut } = splitExamples(sequencesOf([2, 3, 1, 4, 2]), 0.3);
    expect([...(training.groups as Float64Array)]).toEqual([50, 50, 49, 49, 49, 48]);
    expect([...(heldOut.groups as Float64Array)]).toEqual([47, 47, 47, 47, 46, 46]);
  });

  test.each([
    [10, 0.9, 1],
    [10, 0.8, 2],
    [100, 0.07, 93],
    [10, 0.1, 9],
    [7, 0.1, 6],
    [2_000_000, 0.1, 1_800_000],
    [1, 0.5, 0],
    [3, 0, 3],
  ])('of %d, a share of %d leaves %d', (length, share, left) => {
    expect(cutAt(length, share)).toBe(left);
  });

  test('may be nothing', () => {
    const { training, heldOut } = splitExamples(examplesOf(5), 0);
    expect([training.count, heldOut.count]).toEqual([5, 0]);
  });
});
