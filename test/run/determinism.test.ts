// The bits of a run do not depend on how many workers share it, nor on whether it was stopped on the way.

import { describe, expect, test } from 'vitest';
import type { TrainOptions } from '../../src/index.js';
import { placeOf } from '../../src/model/share.js';
import { digests, kernelNames, newFolders, type Ran, run, someText, stepsOf, timeless } from './runs.js';

const folder = newFolders();
/** 7 streams of 53 inputs, 42 characters held out. */
const data = { text: someText(420) };
const STEPS = 21;
const WORKERS = [1, 2, 3, 5, 8];

const cells: readonly (readonly [string, TrainOptions])[] = [
  ['sigmoid', { cell: 'rnn', activation: 'sigmoid', optimizer: 'rmsprop' }],
  ['tanh', { cell: 'rnn', activation: 'tanh', optimizer: 'nesterov' }],
  ['relu', { cell: 'rnn', activation: 'relu', init: 'identity', optimizer: 'momentum', clipValue: 0.05 }],
  ['lstm', { cell: 'lstm', forgetBias: 1, optimizer: 'adam' }],
  ['gru', { cell: 'gru', init: 'orthogonal', optimizer: 'adagrad', l2: 1e-3 }],
];

/** k1 < k2 in one layer; dropout between two. Each with the input that it has not with the other kernels. */
const variants = (kernels: string): readonly (readonly [string, TrainOptions])[] => {
  const [first, second] = kernels === 'native' ? [5, 0] : [0, 5];
  const input = (embedding: number): string => (embedding ? 'an embedding' : 'one-hot rows');
  return [
    [`1 layer on ${input(first)}, k1 < k2`, { layers: 1, embedding: first, window: 9, stride: 4 }],
    [`2 layers on ${input(second)}, dropout`, { layers: 2, embedding: second, window: 6, dropout: 0.3 }],
  ];
};

const cases = kernelNames.flatMap((kernels) =>
  variants(kernels).flatMap(([variant, shape]) =>
    cells.map(([name, cell]): [string, TrainOptions] => [
      `${kernels} kernels, ${name}, ${variant}`,
      { data, batch: 7, hidden: 19, lr: 0.02, ...cell, ...shape, kernels },
    ]),
  ),
);

const seen = ({ outcome, events }: Ran) => ({ ...digests(outcome.path), events: timeless(events) });

/** The same run for each number of workers. */
async function expectSameFor(options: TrainOptions, workers: readonly number[]): Promise<Ran> {
  const first = await run({ ...options, workers: workers[0], out: folder() });
  expect(stepsOf(first.events).every(({ loss, skipped }) => loss !== null && !skipped)).toBe(true);
  for (const others of workers.slice(1)) {
    const other = await run({ ...options, workers: others, out: folder() });
    expect(seen(other), `${others} workers against ${workers[0]}`).toEqual(seen(first));
  }
  return first;
}

describe('the same bits for 1, 2, 3, 5 and 8 workers, in a second run, and in parts', () => {
  test.each(cases)('%s', async (_, options) => {
    const whole = await expectSameFor({ ...options, steps: STEPS }, [...WORKERS, 3]);
    expect(whole.outcome).toMatchObject({ reason: 'steps', step: STEPS });

    // Ends at an odd step; is stopped wherever it stands then; ends.
    const out = folder();
    await run({ ...options, steps: 5, workers: 3, out });
    const stopped = await run({ data, resume: out, steps: STEPS, workers: 2 }, ({ event }, stop) => {
      if (event === 'step') stop();
    });
    expect(stopped.outcome.reason).toBe('stopped');
    expect(stopped.outcome.step).toBeLessThan(STEPS);
    const rest = await run({ data, resume: out, steps: STEPS, workers: 5 });
    expect(digests(rest.outcome.path)).toEqual(digests(whole.outcome.path));
    const [, ...later] = [...stepsOf(stopped.events), ...stepsOf(rest.events)].map(({ loss }) => loss);
    expect(later).toEqual(
      stepsOf(whole.events)
        .slice(6)
        .map(({ loss }) => loss),
    );
  });
});

describe('the same bits where workers and streams divide badly', () => {
  test.each([
    ['one stream', { batch: 1, window: 11, steps: 9 }],
    ['fewer streams than workers', { batch: 3, window: 8, steps: 9 }],
    ['13 streams and many tiles', { batch: 13, window: 5, hidden: 70, layers: 2, embedding: 33, steps: 9 }],
    ['a full window', { batch: 5, window: 'full', epochs: 3 }],
  ] as const)('%s', async (_, shape) => {
    for (const kernels of kernelNames)
      await expectSameFor({ data, hidden: 20, cell: 'gru', ...shape, kernels }, [1, 4, 7]);
  });

  test('reference kernels', async () => {
    const options = { data, batch: 7, hidden: 9, layers: 2, dropout: 0.2, window: 5, stride: 3, steps: 7 };
    await expectSameFor({ ...options, kernels: 'reference' }, [1, 3]);
  });

  test('sequences of different lengths', async () => {
    const text = someText(900, 3);
    const sequences = Array.from({ length: 30 }, (_, i) =>
      [...text.slice(30 * i, 31 * i + 2)].map((symbol) => symbol.charCodeAt(0) % 29),
    );
    for (const kernels of kernelNames)
      await expectSameFor(
        { data: { sequences }, batch: 7, window: 6, stride: 4, hidden: 17, epochs: 2, kernels },
        [1, 2, 5],
      );
  });
});

describe('the same bits where workers share the columns of a time step', () => {
  const shared = (options: TrainOptions): readonly number[] => {
    const { cell = 'lstm', hidden = 0, batch = 0, layers = 1 } = options;
    const model = { cell, activation: 'tanh', hidden, layers, embedding: 0, vocabulary: 29 } as const;
    return [2, 3, 5].filter((workers) => placeOf(model, batch, workers, 0).members > 1);
  };
  test.each([
    ['lstm, one stream, k1 < k2', { cell: 'lstm', hidden: 740, batch: 1, window: 9, stride: 4 }],
    ['lstm, 2 layers with dropout', { cell: 'lstm', hidden: 330, batch: 13, layers: 2, dropout: 0.3, window: 5 }],
    ['gru, 2 layers on an embedding', { cell: 'gru', hidden: 410, batch: 13, layers: 2, embedding: 21, window: 4 }],
    ['relu on an embedding', { cell: 'rnn', activation: 'relu', hidden: 650, batch: 5, embedding: 40, window: 7 }],
  ] as const)('%s', async (_, options) => {
    const workers = shared(options);
    expect(workers.length).toBeGreaterThan(0);
    for (const kernels of kernelNames)
      await expectSameFor({ data, lr: 0.002, steps: 3, ...options, kernels }, [1, ...workers]);
  });
});

test('another seed gives other bits, so the digests above can tell runs apart', async () => {
  const options = { data, batch: 7, hidden: 19, window: 6, steps: 3, layers: 2, dropout: 0.3 };
  const all = await Promise.all([0, 1].map((seed) => run({ ...options, seed, workers: 1, out: folder() })));
  expect(new Set(all.map(({ outcome }) => digests(outcome.path).model)).size).toBe(2);
});
