// Leaving out zeros changes no bit: of the weights, of the losses, of the norms; in every implementation, for any number of workers.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TrainOptions } from '../../src/index.js';
import { chooseKernels } from '../../src/kernels/choose.js';
import { crossoverOf } from '../../src/run/crossover.js';
import { digests, kernelNames, newFolders, type Ran, run, someText, timeless } from './runs.js';

const folder = newFolders();
const data = { text: someText(2000) };
beforeAll(() => {
  process.env.UNROLL_CACHE = folder();
});

const shapes: readonly (readonly [string, TrainOptions])[] = [
  ['1 layer, one-hot rows, identity', { layers: 1, embedding: 0, init: 'identity', window: 9, stride: 4 }],
  ['2 layers, dropout, windows of several blocks', { layers: 2, embedding: 5, window: 50, dropout: 0.3, batch: 13 }],
  ['few streams, whose columns workers share', { layers: 2, batch: 2, hidden: 1100, window: 3, steps: 3 }],
  ['3 layers, a vocabulary that is not projected', { layers: 3, embedding: 3, window: 3, batch: 5, optimizer: 'sgd' }],
];

const cases = kernelNames.flatMap((kernels) =>
  shapes.map(([name, shape]): [string, TrainOptions] => [
    `${kernels} kernels, ${name}`,
    { data, cell: 'rnn', activation: 'relu', hidden: 35, batch: 7, lr: 0.02, steps: 12, ...shape, kernels },
  ]),
);

const seen = ({ outcome, events }: Ran) => {
  // What the plan is printed as has the room for lists.
  const { [join(outcome.path, 'config.json')]: _, ...files } = digests(outcome.path) as Record<string, string>;
  return { files, events: timeless(events) };
};

describe('always, auto and never end with the same bits', () => {
  test.each(cases)('%s', async (_, options) => {
    const dense = await run({ ...options, sparse: 'never', workers: 1, out: folder() });
    for (const [sparse, workers] of [
      ['always', 1],
      ['always', 3],
      ['auto', 2],
      ['never', 2],
    ] as const) {
      const other = await run({ ...options, sparse, workers, out: folder() });
      expect(seen(other), `${sparse}, ${workers} workers`).toEqual(seen(dense));
    }
  });
});

test('the crossover is measured once and then read', () => {
  process.env.UNROLL_CACHE = folder();
  const choice = chooseKernels('wasm');
  const path = join(process.env.UNROLL_CACHE, 'crossover.json');
  expect(existsSync(path)).toBe(false);
  const first = crossoverOf(choice);
  for (const density of [first.product, first.gradient]) {
    expect(density).toBeGreaterThan(0.05);
    expect(density).toBeLessThanOrEqual(1);
  }
  expect(Object.values(JSON.parse(readFileSync(path, 'utf8')))).toEqual([first]);
  expect(crossoverOf(choice)).toEqual(first);
});
