import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TextBatches } from '../../src/data/streams.js';
import { UserError } from '../../src/errors.js';
import { counting, epochOf, nextSeen } from './texts.js';

test('streams are contiguous parts of the text, and windows follow each other', async () => {
  // 24 tokens: 23 predictions, 2 streams of 11; three windows of 3 and 2 left over.
  const batches = new TextBatches(counting(24), { batch: 2, window: 3, stride: 3 });
  expect(batches).toMatchObject({ perStream: 11, stepsPerEpoch: 3, maxWindow: 3, streams: 2 });
  expect(await epochOf(batches)).toEqual([
    {
      steps: 3,
      counted: 6,
      reset: [1, 1],
      carry: [3, 3],
      inputs: [
        [0, 1, 2],
        [11, 12, 13],
      ],
      targets: [
        [1, 2, 3],
        [12, 13, 14],
      ],
    },
    {
      steps: 3,
      counted: 6,
      reset: [0, 0],
      carry: [3, 3],
      inputs: [
        [3, 4, 5],
        [14, 15, 16],
      ],
      targets: [
        [4, 5, 6],
        [15, 16, 17],
      ],
    },
    {
      steps: 3,
      counted: 6,
      reset: [0, 0],
      carry: [3, 3],
      inputs: [
        [6, 7, 8],
        [17, 18, 19],
      ],
      targets: [
        [7, 8, 9],
        [18, 19, 20],
      ],
    },
  ]);
});

test('with k1 < k2 windows grow, count their last k1 steps, and start from the state that the last one had there', async () => {
  const batches = new TextBatches(counting(12), { batch: 1, window: 5, stride: 2 });
  expect(batches.stepsPerEpoch).toBe(5);
  expect(await epochOf(batches)).toEqual([
    { steps: 2, counted: 2, reset: [1], carry: [0], inputs: [[0, 1]], targets: [[1, 2]] },
    { steps: 4, counted: 2, reset: [0], carry: [1], inputs: [[0, 1, 2, 3]], targets: [[-1, -1, 3, 4]] },
    { steps: 5, counted: 2, reset: [0], carry: [2], inputs: [[1, 2, 3, 4, 5]], targets: [[-1, -1, -1, 5, 6]] },
    { steps: 5, counted: 2, reset: [0], carry: [2], inputs: [[3, 4, 5, 6, 7]], targets: [[-1, -1, -1, 7, 8]] },
    { steps: 5, counted: 2, reset: [0], carry: [2], inputs: [[5, 6, 7, 8, 9]], targets: [[-1, -1, -1, 9, 10]] },
  ]);
});

test('a full window is the whole stream', async () => {
  const batches = new TextBatches(counting(10), { batch: 2, window: 'full', stride: 'full' });
  expect(await epochOf(batches)).toEqual([
    {
      steps: 4,
      counted: 8,
      reset: [1, 1],
      carry: [4, 4],
      inputs: [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
      ],
      targets: [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    },
  ]);
});

test('epochs are equal, and seek goes to any batch of them', async () => {
  const make = () => new TextBatches(counting(60), { batch: 3, window: 4, stride: 3 });
  const batches = make();
  const first = await epochOf(batches);
  expect(await epochOf(batches)).toEqual(first);
  for (let step = 0; step <= first.length; step++) {
    const sought = make();
    sought.seek(2, step);
    expect(await epochOf(sought)).toEqual(first.slice(step));
    expect(await nextSeen(sought)).toEqual(first[0]);
  }
  expect(() => batches.seek(0, first.length + 1)).toThrow(RangeError);
});

const settings = fc
  .record({ length: fc.integer({ min: 2, max: 200 }), batch: fc.nat(8), window: fc.nat(30), stride: fc.nat(30) })
  .map(({ length, batch, window, stride }) => {
    const streams = 1 + (batch % (length - 1));
    const k2 = 1 + (window % Math.floor((length - 1) / streams));
    return { length, options: { batch: streams, window: k2, stride: 1 + (stride % k2) } };
  });

test('every position of a stream counts once, but for the tail, and state is carried from where it was', async () => {
  await fc.assert(
    fc.asyncProperty(settings, async ({ length, options }) => {
      const batches = new TextBatches(counting(length), options);
      const epoch = await epochOf(batches);
      expect(epoch.length).toBe(batches.stepsPerEpoch);
      for (let s = 0; s < options.batch; s++) {
        const begin = s * batches.perStream;
        const counted: number[] = [];
        let start = begin;
        for (const { inputs, targets, carry, steps } of epoch) {
          expect(steps).toBeLessThanOrEqual(batches.maxWindow);
          expect(inputs[s]).toEqual(Array.from({ length: steps }, (_, t) => start + t));
          targets[s].forEach((target, t) => {
            if (target === -1) return;
            expect(target).toBe(inputs[s][t] + 1);
            counted.push(target);
          });
          start += carry[s];
        }
        expect(counted).toEqual(Array.from({ length: epoch.length * options.stride }, (_, i) => begin + 1 + i));
      }
    }),
    { seed: 5, numRuns: 60 },
  );
});

describe('what does not fit is refused with what was found and what is allowed', () => {
  test.each([
    [
      50,
      { batch: 1, window: 64 },
      '--window: 64 is longer than the 49 tokens of a stream (the training text has 50, cut into 1 streams); give 1 to 49, or a smaller --batch',
    ],
    [
      50,
      { batch: 50, window: 1 },
      '--batch: 50 streams are more than the training text allows, which has 50 tokens; give 1 to 49',
    ],
    [1, { batch: 1, window: 1 }, 'the training text has 1 token; it needs at least 2, one to read and one to predict'],
    [0, { batch: 1, window: 1 }, 'the training text has 0 tokens; it needs at least 2, one to read and one to predict'],
  ])('%d tokens, %j', (length, { batch, window }, message) => {
    const make = () => new TextBatches(counting(length), { batch, window, stride: window });
    expect(make).toThrow(UserError);
    expect(make).toThrow(message);
  });
});
