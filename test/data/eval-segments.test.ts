import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EVAL_WARMUP, EvalBatches } from '../../src/data/eval-segments.js';
import { splitSequences, splitText } from '../../src/data/split.js';
import { UserError } from '../../src/errors.js';
import { counting, epochOf } from './texts.js';

test('a short text is cut into segments of one token, each warmed up on all before it', async () => {
  const batches = new EvalBatches(counting(4), 0, 4, { streams: 3, window: 10 });
  expect(batches).toMatchObject({ predictions: 3, stepsPerEpoch: 1 });
  expect(await epochOf(batches)).toEqual([
    {
      steps: 3,
      counted: 3,
      reset: [1, 1, 1],
      carry: [3, 3, 3],
      inputs: [
        [0, 0, 0],
        [0, 1, 0],
        [0, 1, 2],
      ],
      targets: [
        [1, -1, -1],
        [-1, 2, -1],
        [-1, -1, 3],
      ],
    },
  ]);
});

const cases = fc
  .record({
    length: fc.integer({ min: 2, max: 3000 }),
    from: fc.nat(3000),
    streams: fc.integer({ min: 1, max: 40 }),
    window: fc.integer({ min: 1, max: 400 }),
  })
  .map((given) => ({ ...given, from: given.from % given.length }));

test('every held-out token that has one before it is predicted once, after 256 tokens or all that there are', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ length, from, streams, window }) => {
      const batches = new EvalBatches(counting(length), from, length, { streams, window });
      const epoch = await epochOf(batches);
      expect(epoch.length).toBe(batches.stepsPerEpoch);
      const predicted: number[] = [];
      const seen = new Array<number>(streams).fill(0); // tokens read since the reset
      for (const { inputs, targets, reset, carry, steps, counted } of epoch) {
        expect(carry).toEqual(new Array(streams).fill(steps));
        let here = 0;
        for (let s = 0; s < streams; s++) {
          if (reset[s] === 1) seen[s] = 0;
          for (let t = 0; t < steps; t++) {
            seen[s]++;
            if (targets[s][t] === -1) continue;
            here++;
            predicted.push(targets[s][t]);
            expect(targets[s][t]).toBe(inputs[s][t] + 1);
            expect(seen[s]).toBeGreaterThanOrEqual(Math.min(EVAL_WARMUP, targets[s][t]));
          }
        }
        expect(counted).toBe(here);
      }
      const first = Math.max(1, from);
      expect(predicted.sort((a, b) => a - b)).toEqual(Array.from({ length: length - first }, (_, i) => first + i));
      expect(batches.predictions).toBe(length - first);
    }),
    { seed: 21, numRuns: 40 },
  );
});

test('the segments do not depend on how many are read side by side', async () => {
  const contexts = async (streams: number) => {
    const context = new Map<number, number>(); // predicted token -> tokens read before it
    const seen = new Array<number>(streams).fill(0);
    const batches = new EvalBatches(counting(5000), 3000, 5000, { streams, window: 64 });
    for (const { targets, reset, steps } of await epochOf(batches)) {
      for (let s = 0; s < streams; s++) {
        if (reset[s] === 1) seen[s] = 0;
        for (let t = 0; t < steps; t++) {
          seen[s]++;
          if (targets[s][t] !== -1) context.set(targets[s][t], seen[s]);
        }
      }
    }
    return [...context].sort(([a], [b]) => a - b);
  };
  const expected = await contexts(32);
  expect(expected.length).toBe(2000);
  for (const streams of [1, 5, 64]) expect(await contexts(streams)).toEqual(expected);
});

test('an epoch can be repeated, and entered anywhere', async () => {
  const make = () => new EvalBatches(counting(900), 400, 900, { streams: 5, window: 50 });
  const batches = make();
  const epoch = await epochOf(batches);
  expect(await epochOf(batches)).toEqual(epoch);
  for (let step = 0; step <= epoch.length; step++) {
    const sought = make();
    sought.seek(0, step);
    expect(await epochOf(sought)).toEqual(epoch.slice(step));
  }
});

test('nothing to predict is refused', () => {
  expect(() => new EvalBatches(counting(1), 0, 1, { streams: 1, window: 1 })).toThrow(UserError);
  expect(() => new EvalBatches(counting(9), 9, 9, { streams: 1, window: 1 })).toThrow(UserError);
});

test('the end of a text, or of a list of sequences, is held out', () => {
  const { cut, training, whole } = splitText(counting(1_219_487), 0.1);
  expect(cut).toBe(1_097_538);
  expect(training.length).toBe(cut);
  expect(whole.length).toBe(1_219_487);
  const into = new Int32Array(3);
  training.read(cut - 2, 2, into, 1);
  expect([...into]).toEqual([0, cut - 2, cut - 1]);
  expect(() => training.read(cut - 1, 2, into, 0)).toThrow(RangeError);
  expect(splitText(counting(10), 0).cut).toBe(10);
  expect(splitSequences([1, 2, 3, 4, 5], 0.2)).toEqual({ training: [1, 2, 3, 4], heldOut: [5] });
});
