import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SequenceBatches, type SequenceSource, vocabularySizeOf } from '../../src/data/sequences.js';
import { UserError } from '../../src/errors.js';
import { epochOf, nextSeen, slotFor } from './texts.js';

const options = { batch: 2, window: 3, stride: 3, vocabularySize: 1000 } as const;

/** Sequence i is i*100, i*100 + 1, ... so that a token says where it stood. */
function sequences(...lengths: number[]): number[][] {
  return lengths.map((length, i) => Array.from({ length }, (_, t) => i * 100 + t));
}

test('each stream takes one sequence after another; long ones go over several windows, rows past the end do not count', async () => {
  const batches = new SequenceBatches(sequences(6, 3, 2, 3), options);
  expect(batches.stepsPerEpoch).toBe(3);
  expect(await epochOf(batches)).toEqual([
    {
      steps: 3,
      counted: 5,
      reset: [1, 1],
      carry: [3, 3],
      inputs: [
        [0, 1, 2],
        [100, 101, 0],
      ],
      targets: [
        [1, 2, 3],
        [101, 102, -1],
      ],
    },
    {
      steps: 2,
      counted: 3,
      reset: [0, 1],
      carry: [2, 2],
      inputs: [
        [3, 4],
        [200, 0],
      ],
      targets: [
        [4, 5],
        [201, -1],
      ],
    },
    {
      steps: 2,
      counted: 2,
      reset: [1, 1],
      carry: [2, 2],
      inputs: [
        [300, 301],
        [0, 0],
      ],
      targets: [
        [301, 302],
        [-1, -1],
      ],
    },
  ]);
});

test('with k1 < k2 each sequence has windows that grow from its own start', async () => {
  const batches = new SequenceBatches(sequences(6, 2), { ...options, window: 3, stride: 2 });
  expect(await epochOf(batches)).toEqual([
    {
      steps: 2,
      counted: 3,
      reset: [1, 1],
      carry: [1, 1],
      inputs: [
        [0, 1],
        [100, 0],
      ],
      targets: [
        [1, 2],
        [101, -1],
      ],
    },
    {
      steps: 3,
      counted: 2,
      reset: [0, 1],
      carry: [2, 1],
      inputs: [
        [1, 2, 3],
        [0, 0, 0],
      ],
      targets: [
        [-1, 3, 4],
        [-1, -1, -1],
      ],
    },
    {
      steps: 2,
      counted: 1,
      reset: [0, 1],
      carry: [2, 1],
      inputs: [
        [3, 4],
        [0, 0],
      ],
      targets: [
        [-1, 5],
        [-1, -1],
      ],
    },
  ]);
});

test('a full window takes the longest sequence whole', async () => {
  const batches = new SequenceBatches(sequences(4, 6), { ...options, window: 'full', stride: 'full' });
  expect(batches.maxWindow).toBe(5);
  expect((await epochOf(batches)).map(({ counted, steps }) => [counted, steps])).toEqual([[8, 5]]);
});

const manyLengths = fc
  .array(fc.nat(9), { minLength: 1, maxLength: 12 })
  .filter((lengths) => lengths.some((n) => n > 1));
const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 4 }),
  window: fc.integer({ min: 1, max: 5 }),
  stride: fc.nat(4),
});

test('each token but the first of a sequence is predicted once, from the one before it, from its own state', async () => {
  await fc.assert(
    fc.asyncProperty(manyLengths, sizes, async (lengths, { batch, window, stride }) => {
      const given = sequences(...lengths);
      const dealt = { batch, window, stride: 1 + (stride % window), vocabularySize: 2000 };
      const batches = new SequenceBatches(given, dealt);
      const epoch = await epochOf(batches);
      expect(epoch.length).toBe(batches.stepsPerEpoch);
      const predicted: number[] = [];
      for (let s = 0; s < batch; s++) {
        let start = 0; // where the carried state stands, as a position in the sequence
        for (const { inputs, targets, reset, carry, steps } of epoch) {
          expect(carry[s]).toBeLessThanOrEqual(steps);
          if (reset[s] === 1) start = 0;
          targets[s].forEach((target, t) => {
            if (target === -1) return;
            expect(target).toBe(inputs[s][t] + 1);
            expect(inputs[s][t] % 100).toBe(start + t);
            predicted.push(target);
          });
          start += carry[s];
        }
      }
      const expected = given.flatMap((sequence) => sequence.slice(1));
      expect(predicted.sort((a, b) => a - b)).toEqual(expected);
    }),
    { seed: 8, numRuns: 100 },
  );
});

async function* later(given: number[][]): AsyncGenerator<number[]> {
  for (const sequence of given) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    yield sequence;
  }
}

/** Fills the same array for each sequence, as a careful generator may. */
function* reused(given: number[][]): Generator<number[]> {
  const array: number[] = [];
  for (const sequence of given) {
    array.length = 0;
    array.push(...sequence);
    yield array;
  }
}

test('an array, a generator, an async generator and a function that returns one give the same batches, epoch after epoch', async () => {
  const given = sequences(6, 1, 3, 0, 8, 2, 2);
  const expected = await epochOf(new SequenceBatches(given, options));
  expect(await epochOf(new SequenceBatches(reused(given), options))).toEqual(expected);
  expect(await epochOf(new SequenceBatches(later(given), options))).toEqual(expected);
  expect(await epochOf(new SequenceBatches(new Set(given), options))).toEqual(expected);
  const again = new SequenceBatches(() => later(given), options);
  expect(again.stepsPerEpoch).toBeUndefined();
  expect(await epochOf(again)).toEqual(expected);
  expect(await epochOf(again)).toEqual(expected);
});

test('what lies in memory is dealt without a promise', () => {
  const batches = new SequenceBatches(sequences(4, 4), options);
  expect(batches.next(slotFor(batches))).not.toBeInstanceOf(Promise);
});

test.each<[string, (given: number[][]) => SequenceSource]>([
  ['an array', (given) => given],
  ['a function of the epoch', (given) => (epoch) => later(epoch % 2 === 0 ? given : [...given].reverse())],
])('seek goes to any batch of any epoch: %s', async (_, source) => {
  const given = sequences(6, 3, 2, 9, 4);
  const whole = new SequenceBatches(source(given), options);
  const epochs = [await epochOf(whole), await epochOf(whole)];
  for (const epoch of [0, 1]) {
    for (let step = 0; step <= epochs[epoch].length; step++) {
      const sought = new SequenceBatches(source(given), options);
      await sought.seek(epoch, step);
      expect(await epochOf(sought)).toEqual(epochs[epoch].slice(step));
    }
  }
});

test('seek to where it stands does not take a new iterator', async () => {
  const batches = new SequenceBatches(later(sequences(4, 4)), options);
  const first = await nextSeen(batches);
  await batches.seek(0, 1);
  expect(first?.steps).toBe(3);
  expect(await nextSeen(batches)).toBeUndefined();
});

test('a source that is left before its end is told so', async () => {
  let open = false;
  async function* source() {
    open = true;
    try {
      for (;;) yield [1, 2, 3];
    } finally {
      open = false;
    }
  }
  const batches = new SequenceBatches(source(), options);
  await nextSeen(batches);
  expect(open).toBe(true);
  await batches.close();
  expect(open).toBe(false);
});

describe('what cannot be learned from is refused', () => {
  const refusal = async (source: unknown, epochs = 1): Promise<string> => {
    try {
      const batches = new SequenceBatches(source as SequenceSource, { ...options, vocabularySize: 50 });
      for (let epoch = 0; epoch < epochs; epoch++) await epochOf(batches);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return (error as Error).message;
    }
    throw new Error('accepted');
  };

  test('nothing, or nothing to predict', async () => {
    expect(await refusal([])).toBe('sequences: there are none in epoch 1');
    expect(await refusal(later([]))).toBe('sequences: there are none in epoch 1');
    expect(await refusal([[1], []])).toMatch(/none of the 2 has the two tokens/);
  });

  test('a generator that is used up after the first epoch', async () => {
    expect(await refusal(later([[1, 2]]), 2)).toMatch(/none in epoch 2 .*function/);
  });

  test('tokens that are none', async () => {
    expect(
      await refusal([
        [1, 2],
        [3, 50],
      ]),
    ).toBe('sequences: 50 is not allowed at [1][1]; tokens are whole numbers, 0 to 49');
    expect(await refusal([[1, -2]])).toMatch(/-2 is not allowed at \[0\]\[1\]/);
    expect(await refusal([[1.5, 2]])).toMatch(/1.5 is not allowed/);
    expect(await refusal(['ab'])).toMatch(/number 0 \(from 0\) is no array/);
    expect(await refusal([null])).toMatch(/is no array/);
    expect(await refusal(7)).toMatch(/must be an iterable/);
  });

  test('a full window where the longest is unknown', () => {
    const make = () => new SequenceBatches(later([]), { ...options, window: 'full', stride: 'full' });
    expect(make).toThrow(/^--window: full is not allowed where sequences come one by one/);
  });

  test('the error of a source goes through', async () => {
    async function* broken() {
      yield [1, 2, 3];
      throw new Error('the disk is gone');
    }
    await expect(epochOf(new SequenceBatches(broken(), options))).rejects.toThrow('the disk is gone');
  });
});

test('the vocabulary of sequences in memory ends with the largest token', () => {
  expect(vocabularySizeOf([[1, 2], Uint8Array.of(7, 3)])).toBe(8);
  expect(() => vocabularySizeOf([[1, -1]])).toThrow(UserError);
});
