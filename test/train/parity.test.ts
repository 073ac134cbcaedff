// Forward, loss, gradients and five Adam steps against PyTorch's, for every cell, one and two layers, with embedding and one-hot,
// and real-valued features; of labels and numbers as outputs; of weighted classes and smoothed targets; of linear, feedforward and recurrent models on sparse features.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { KernelName } from '../../src/kernels/choose.js';
import { type Entry, InlineRun } from './inline-run.js';
import { difference, PRECISIONS } from './problems.js';

interface Tensor {
  readonly shape: number[];
  readonly values: number[];
}
type States = { readonly [kind in 'h' | 'c']?: Tensor };
interface Outcome {
  readonly loss: number;
  /** Empty of models that carry no state. */
  readonly final: States;
  readonly gradients: Readonly<Record<string, Tensor>>;
  readonly adam: {
    readonly steps: { loss: number; gradNorm: number }[];
    readonly parameters: Readonly<Record<string, Tensor>>;
  };
}
interface Fixture {
  readonly architecture: InlineRun['options']['model'];
  readonly tokens?: number[][];
  readonly features?: number[][][];
  readonly entries?: Entry[][][];
  readonly targets: number[][];
  readonly classWeights?: number[];
  readonly labelSmoothing?: number;
  readonly outputs?: number[][][];
  readonly initial: States;
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly float32: Outcome;
  readonly float64: Outcome;
}

const folder = new URL('../fixtures/cells/', import.meta.url);
const fixtures = readdirSync(folder).map((file) => ({
  name: file.replace('.json', ''),
  fixture: JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture,
}));
const float32 = (values: number[]): number[] => values.map(Math.fround);
const valuesOf = (tensors: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, { values }]) => [name, float32(values)]));

function runOf(fixture: Fixture, kernels: KernelName, precision: 'float32' | 'float64', clipNorm: number): InlineRun {
  const run = new InlineRun({
    model: fixture.architecture,
    ...{ streams: fixture.targets[0].length, steps: fixture.targets.length, kernels, precision },
    entries: fixture.entries?.flat(2).length,
    ...{ classWeights: fixture.classWeights, labelSmoothing: fixture.labelSmoothing },
    optimizer: { name: 'adam', clipNorm },
  });
  run.setParameters(valuesOf(fixture.parameters));
  return run;
}

function start(run: InlineRun, fixture: Fixture): void {
  for (const kind of ['h', 'c'] as const) {
    const state = fixture.initial[kind];
    if (state) run.setState(kind, float32(state.values));
  }
}

describe.each(PRECISIONS)('%s kernels in %s', (kernels, precision, tolerance) => {
  test.each(fixtures)('$name: loss, state and gradients are those of PyTorch', ({ fixture }) => {
    const run = runOf(fixture, kernels, precision, 0);
    start(run, fixture);
    const wanted = fixture[precision];
    const { loss } = run.step({ ...fixture, rate: 0 });
    expect(Math.abs(loss - wanted.loss) / wanted.loss).toBeLessThan(tolerance);
    for (const kind of ['h', 'c'] as const) {
      const state = wanted.final[kind];
      if (state) expect(difference(run.state(kind), state.values)).toBeLessThan(tolerance);
    }
    for (const [name, values] of Object.entries(run.read('gradient'))) {
      expect(difference(values, wanted.gradients[name].values), name).toBeLessThan(tolerance);
    }
  });

  test.each(fixtures)('$name: five Adam steps with clipping end at the parameters of PyTorch', ({ fixture }) => {
    const run = runOf(fixture, kernels, precision, 1);
    const wanted = fixture[precision].adam;
    for (const step of wanted.steps) {
      start(run, fixture);
      const { loss, norm } = run.step({ ...fixture, rate: 0.01 });
      expect(Math.abs(loss - step.loss) / step.loss).toBeLessThan(tolerance);
      expect(Math.abs(norm - step.gradNorm) / step.gradNorm).toBeLessThan(tolerance);
    }
    for (const [name, values] of Object.entries(run.read('weights'))) {
      expect(difference(values, wanted.parameters[name].values), name).toBeLessThan(tolerance);
    }
  });
});
