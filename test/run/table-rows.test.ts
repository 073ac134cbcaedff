// Whole runs whose table is updated by rows: the same bits on any number of workers, after a stop, and however often the run
// evaluates and saves; and a model's file in which all rows have caught up.
import { describe, expect, test } from 'vitest';
import { loadModel, type TrainOptions } from '../../src/index.js';
import { PERIOD } from '../../src/train/row-rule.js';
import { createRandom } from '../kernels/bench-arena.js';
import { kernelNames } from './runs.js';
import { modelHash, type Ran, run, stateHash } from './small-runs.js';

const V = 90;
/** Words, of which few are frequent. */
const random = createRandom(5);
const sequences = Array.from({ length: 60 }, () => Array.from({ length: 9 }, () => Math.floor(V * random() ** 3)));
const validationSequences = sequences.slice(0, 4);
const data = { sequences, vocabularySize: V, validationSequences };

const RULES: readonly TrainOptions[] = [
  { optimizer: 'sgd', lr: 0.1 },
  { optimizer: 'sgd', lr: 0.1, l1: 0.001, l2: 0.01, schedule: 'cosine' },
  { optimizer: 'sgd', lr: 0.1, l1: 0.001, l2: 0.01, proximal: true, embedding: 0 },
  { optimizer: 'momentum', lr: 0.01, embedding: 0 },
  { optimizer: 'nesterov', lr: 0.01 },
  { optimizer: 'adagrad', lr: 0.05, l1: 0.0001 },
  { optimizer: 'sparse-adam', lr: 0.01 },
  { optimizer: 'adam', lr: 0.01 },
];
const settings = { data, hidden: 12, embedding: 6, batch: 4, window: 8, steps: 60 } as const;

describe.each(kernelNames)('%s kernels', (kernels) => {
  test.each(RULES.map((rule) => [Object.values(rule).join(' '), rule] as const))(
    '%s: workers, stops, evaluations and checkpoints change no bit',
    async (_, rule) => {
      const options = { ...settings, ...rule, kernels };
      const whole = await run({ ...options, workers: 1 });
      const three = await run({ ...options, workers: 3 });
      expect(stateHash(three)).toBe(stateHash(whole));
      const busy = await run({ ...options, workers: 2, evalEvery: 7, checkpointEvery: 11 });
      expect(modelHash(busy)).toBe(modelHash(whole));
      const { out } = await run({ ...options, workers: 2, steps: 60, checkpointEvery: 23 });
      const resumed = await run({ resume: `${out}/checkpoints/step-00000023`, data, workers: 2 });
      expect(stateHash(resumed)).toBe(stateHash(whole));
    },
  );
});

const losses = ({ events }: Ran): number[] =>
  events.flatMap((event) => (event.event === 'eval' ? [event.loss as number] : []));

test('beyond the end of a period, a lazy run is the dense one but for rounding', async () => {
  const options: TrainOptions = {
    ...{ ...settings, optimizer: 'sgd', lr: 0.05, l1: 0.0002, l2: 0.002, steps: PERIOD + 60, embedding: 0 },
    ...{ evalEvery: 200 },
  };
  const [lazy, dense] = [await run(options), await run({ ...options, lazy: 'never' })];
  expect(losses(lazy)).toHaveLength(6);
  losses(lazy).forEach((loss, i) => {
    expect(loss).toBeCloseTo(losses(dense)[i], 4);
  });
  // What evaluation saw while rows were behind is what the file holds, in which none is.
  const model = await loadModel(lazy.path);
  expect((await model.eval({ sequences: validationSequences })).loss).toBeCloseTo(losses(lazy)[5], 5);
});
