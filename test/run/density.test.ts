// Nets that are made sparse: by a penalty that is steered to a density, by winners, by biases. The same bits whatever the workers,
// whether zeros are left out, and where the run was stopped; and what they say of it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readProgress } from '../../src/checkpoint/checkpoint.js';
import { loadModel, type TrainEvent, type TrainOptions } from '../../src/index.js';
import { NEW_RUN, type RunProgress, savedProgress } from '../../src/run/progress.js';
import {
  command,
  digests,
  kernelNames,
  metricsOf,
  newFolders,
  node,
  run,
  someText,
  stepsOf,
  tensorsIn,
  timeless,
} from './runs.js';

const folder = newFolders();
const data = { text: someText(2000) };
const relu: TrainOptions = { data, cell: 'rnn', activation: 'relu', hidden: 35, batch: 7, window: 9, lr: 0.02 };

const ways: readonly (readonly [string, TrainOptions])[] = [
  ['a target', { densityTarget: 0.2 }],
  ['a target, from a penalty on, 2 layers', { densityTarget: 0.1, activationL1: 0.05, layers: 2, dropout: 0.2 }],
  ['winners, 2 layers', { kWinners: 6, layers: 2, embedding: 5 }],
  ['winners, a target and lower biases', { kWinners: 9, densityTarget: 0.1, biasStart: -0.05 }],
];
const cases = kernelNames.flatMap((kernels) =>
  ways.map(([name, way]): [string, TrainOptions] => [`${kernels} kernels, ${name}`, { ...relu, ...way, kernels }]),
);

const stopAt = (step: number) => (event: TrainEvent, stop: () => void) => {
  if (event.event === 'step' && event.step === step) stop();
};

describe('the same bits', () => {
  test.each(cases)('of any number of workers, with zeros and without: %s', async (_, options) => {
    const given = { ...options, steps: 15 };
    const dense = await run({ ...given, sparse: 'never', workers: 1, out: folder() });
    for (const [sparse, workers] of [
      ['always', 1],
      ['always', 3],
      ['never', 2],
    ] as const) {
      const other = await run({ ...given, sparse, workers, out: folder() });
      expect(digests(other.outcome.path), `${sparse}, ${workers} workers`).toEqual(digests(dense.outcome.path));
      expect(timeless(other.events)).toEqual(timeless(dense.events));
    }
  });

  test.each(cases)('of a run that was stopped twice and gone on with: %s', async (_, options) => {
    const given = { ...options, steps: 40 };
    const whole = await run({ ...given, workers: 2, out: folder() });
    const out = folder();
    const first = await run({ ...given, workers: 2, out }, stopAt(3));
    expect(first.outcome.reason).toBe('stopped');
    await run({ data, resume: out, workers: 1, sparse: 'always' }, stopAt(first.outcome.step + 6));
    const last = await run({ data, resume: out, workers: 3 });
    expect(digests(last.outcome.path)).toEqual(digests(whole.outcome.path));
    expect(timeless(metricsOf(out))).toEqual(timeless(whole.events));
  });

  test('of a run that was stopped before its first step', async () => {
    const given = { ...relu, densityTarget: 0.2, steps: 10, out: folder() };
    const whole = await run({ ...given, out: folder() });
    const { outcome } = await run(given, (event, stop) => event.event === 'plan' && stop());
    const rest = await run({ data, resume: given.out });
    expect(outcome.step).toBeLessThan(10);
    expect(digests(rest.outcome.path)).toEqual(digests(whole.outcome.path));
  });

  test('of winners where few streams would have workers share the columns of a row', async () => {
    const given: TrainOptions = { ...relu, batch: 2, window: 3, hidden: 1100, kWinners: 50, steps: 2 };
    const one = await run({ ...given, workers: 1, out: folder() });
    for (const workers of [2, 3]) {
      const more = await run({ ...given, workers, out: folder() });
      expect(digests(more.outcome.path), `${workers} workers`).toEqual(digests(one.outcome.path));
    }
    expect(stepsOf(one.events)[1].density[0]).toBeLessThanOrEqual(50 / 1100);
  });
});

describe('a target', () => {
  test('is come to, and each step tells the penalty that it had', async () => {
    const { events } = await run({ ...relu, batch: 16, densityTarget: 0.15, steps: 900, lr: 0.003, out: folder() });
    const steps = stepsOf(events);
    const last = steps.slice(-200).map(({ density }) => density[0]);
    const mean = last.reduce((sum, share) => sum + share, 0) / last.length;
    expect(mean).toBeGreaterThan(0.12);
    expect(mean).toBeLessThan(0.18);
    const penalties = steps.map(({ activationL1 = 0 }) => activationL1);
    expect(penalties[0]).toBe(0.001);
    for (const [i, penalty] of penalties.slice(1).entries())
      expect(Math.abs(penalty / penalties[i] - 1)).toBeLessThanOrEqual(0.05 + 1e-12);
  });

  test('begins from the penalty that is given; without a target no step tells one', async () => {
    const given = { ...relu, activationL1: 0.03, steps: 2 };
    const steered = await run({ ...given, densityTarget: 0.3, out: folder() });
    expect(stepsOf(steered.events)[0].activationL1).toBe(0.03);
    const plain = await run({ ...given, out: folder() });
    for (const event of stepsOf(plain.events)) expect(event).not.toHaveProperty('activationL1');
    expect(savedProgress(plain.outcome.path).densityControl).toBeNull();
  });

  test('may not change when a run goes on', async () => {
    const out = folder();
    await run({ ...relu, densityTarget: 0.3, steps: 2, out });
    const other = run({ data, resume: out, densityTarget: 0.2, steps: 3 });
    await expect(other).rejects.toThrow(/^densityTarget: 0\.2 is not allowed with --resume; in the run it is 0\.3/);
  });
});

describe('winners', () => {
  test('are never more than K of a layer, in training, in a model that is loaded, and in its file', async () => {
    const { outcome, events } = await run({ ...relu, kWinners: 5, layers: 2, steps: 20, out: folder() });
    for (const { density } of stepsOf(events))
      for (const share of density) expect(share).toBeLessThanOrEqual(5 / 35 + 1e-12);
    expect((await loadModel(outcome.path)).architecture.winners).toBe(5);
    const { __metadata__: told } = tensorsIn(join(outcome.path, 'model.safetensors')).header as unknown as {
      readonly __metadata__: { readonly architecture: string };
    };
    expect(JSON.parse(told.architecture)).toMatchObject({ winners: 5 });
  });

  test('are part of what a loaded model computes: its losses are those of the training', async () => {
    const sequencesFrom = (seed: number, count: number) =>
      Array.from({ length: count }, (_, i) => Array.from({ length: 12 }, (_, t) => (seed * i * t + t + i) % 6));
    const [sequences, validationSequences] = [sequencesFrom(1, 60), sequencesFrom(2, 20)];
    const given = { ...relu, data: { sequences, validationSequences }, kWinners: 3, steps: 30, out: folder() };
    const { outcome, events } = await run(given);
    const measured = events.findLast((event) => event.event === 'eval');
    const { loss } = await (await loadModel(outcome.path)).eval({ sequences: validationSequences });
    expect(loss).toBeCloseTo(measured?.loss ?? Number.NaN, 5);
  });

  test('leave the file of a model without them as it was', async () => {
    const { outcome } = await run({ ...relu, steps: 2, out: folder() });
    expect(readFileSync(join(outcome.path, 'model.safetensors')).includes('winners')).toBe(false);
  });
});

describe('densities', () => {
  test('stand in the checkpoint and in `inspect`; models without zeros have none', async () => {
    const { outcome, events } = await run({ ...relu, layers: 2, kWinners: 7, steps: 8, out: folder() });
    const { density } = stepsOf(events)[7];
    expect(savedProgress(outcome.path).densities).toEqual(density);
    const { stdout } = await node([command, 'inspect', outcome.path]);
    const [first, second] = density.map((share) => `${(100 * share).toFixed(0)}%`);
    expect(stdout).toMatch(new RegExp(`^density +${first}, ${second}$`, 'm'));
    expect(stdout).toMatch(/^winners +7 units of a layer stay active$/m);
    const plain = await run({ ...relu, cell: 'gru', steps: 2, out: folder() });
    expect(savedProgress(plain.outcome.path).densities).toEqual([]);
    expect((await node([command, 'inspect', plain.outcome.path])).stdout).not.toMatch(/density|winners/);
  });

  test('are not known of a checkpoint that is older than they are', async () => {
    const { outcome } = await run({ ...relu, steps: 2, out: folder() });
    const { densities: _, densityControl: __, ...older } = readProgress<RunProgress>(outcome.path);
    expect({ ...NEW_RUN, ...older }).toMatchObject({ step: 2, densities: [], densityControl: null });
  });
});
