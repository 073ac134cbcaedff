import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BatchSlot } from '../../src/data/batches.js';
import { BucketBatches } from '../../src/data/bucket-batches.js';
import type { Lines } from '../../src/data/lines.js';

/** Sequences of these lengths; each line has a class of its own, 1 more than its number. */
function linesOf(lengths: readonly number[]): Lines {
  const to = new Int32Array(lengths.length);
  let count = 0;
  for (const [i, length] of lengths.entries()) {
    count += length;
    to[i] = count;
  }
  return {
    count,
    sequences: { from: to.map((end, i) => end - lengths[i]), to },
    entries: () => 0,
    write: (slot, row, line, counts) => {
      slot.inputs[row] = line + 1;
      slot.targets[row] = counts ? line : -1;
      return counts;
    },
  };
}

const slotOf = (steps: number, streams: number): BatchSlot => ({
  inputs: new Int32Array(steps * streams),
  targets: new Int32Array(steps * streams),
  reset: new Int32Array(streams),
  carry: new Int32Array(streams),
});

/** The lines of an epoch as they come, and the rows that were computed. */
function epochOf(batches: BucketBatches) {
  const slot = slotOf(batches.maxWindow, batches.streams);
  const seen: number[] = [];
  let [rows, steps] = [0, 0];
  for (let dealt = batches.next(slot); dealt; dealt = batches.next(slot)) {
    rows += dealt.steps * batches.streams;
    steps++;
    for (const line of slot.inputs.subarray(0, dealt.steps * batches.streams)) if (line > 0) seen.push(line - 1);
  }
  return { seen, rows, steps };
}

test('every line of every sequence is dealt once an epoch, in another order each time, and again the same after seeking', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 8 }),
      (lengths, size) => {
        const batch = Math.min(size, lengths.length);
        const batches = new BucketBatches(linesOf(lengths), { batch, shuffle: true, seed: 3 });
        const epochs = [epochOf(batches), epochOf(batches)];
        const all = Array.from({ length: linesOf(lengths).count }, (_, i) => i);
        for (const { seen, steps } of epochs) {
          expect([...seen].sort((a, b) => a - b)).toEqual(all);
          expect(steps).toBe(batches.stepsPerEpoch);
        }
        const again = new BucketBatches(linesOf(lengths), { batch, shuffle: true, seed: 3 });
        again.seek(1, 0);
        expect(epochOf(again)).toEqual(epochs[1]);
      },
    ),
    { numRuns: 50 },
  );
  const order = new BucketBatches(linesOf(Array(60).fill(2)), { batch: 4, shuffle: true, seed: 3 });
  expect(epochOf(order).seen).not.toEqual(epochOf(order).seen);
});

test.each([1000, 2001, 10_000])(
  'of %i sequences of 5 to 200 steps less than a twentieth of the rows is padding',
  (count) => {
    const lengths = Array.from({ length: count }, (_, i) => 5 + ((i * 7919) % 196));
    const { seen, rows } = epochOf(new BucketBatches(linesOf(lengths), { batch: 32, shuffle: true, seed: 1 }));
    expect(1 - seen.length / rows).toBeLessThan(0.05);
  },
);

test('more rows than sequences are refused', () => {
  expect(() => new BucketBatches(linesOf([3]), { batch: 2, shuffle: false })).toThrow(
    '--batch: 2 sequences are more than the training set allows, which has 1 sequence; give 1 to 1',
  );
});
