// Forward, loss, gradients and five Adam steps against PyTorch's, for every cell, one and two layers, with embedding and one-hot,
// and real-valued features; of labels and numbers as outputs.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { KernelName } from '../../src/kernels/choose.js';
import { nativeProblem } from '../../src/kernels/native.js';
import { InlineRun } from './inline-run.js';

interface Tensor {
  readonly shape: number[];
  readonly values: number[];
}
interface Outcome {
  readonly loss: number;
  readonly final: { readonly h: Tensor; readonly c?: Tensor };
  readonly gradients: Readonly<Record<string, Tensor>>;
  readonly adam: {
    readonly steps: { loss: number; gradNorm: number }[];
    readonly parameters: Readonly<Record<string, Tensor>>;
  };
}
interface Fixture {
  readonly architecture: InlineRun['options']['model'];
  readonly tokens: number[][];
  readonly features?: number[][][];
  readonly targets: number[][];
  readonly outputs?: number[][][];
  readonly initial: { readonly h: Tensor; readonly c?: Tensor };
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

/** Largest difference relative to the tensor's largest value: elements near zero are sums that cancel. */
function difference(got: ArrayLike<number>, wanted: readonly number[]): number {
  const scale = Math.max(...wanted.map(Math.abs), 1e-30);
  return Math.max(...wanted.map((value, i) => Math.abs(got[i] - value) / scale));
}

function runOf(fixture: Fixture, kernels: KernelName, precision: 'float32' | 'float64', clipNorm: number): InlineRun {
  const run = new InlineRun({
    model: fixture.architecture,
    ...{ streams: fixture.tokens[0].length, steps: fixture.tokens.length, kernels, precision },
    optimizer: { name: 'adam', clipNorm },
  });
  run.setParameters(valuesOf(fixture.parameters));
  return run;
}

function start(run: InlineRun, fixture: Fixture): void {
  run.setState('h', float32(fixture.initial.h.values));
  if (fixture.initial.c) run.setState('c', float32(fixture.initial.c.values));
}

const implementations: [KernelName, 'float32' | 'float64', number][] = [
  ['reference', 'float64', 1e-9],
  ['reference', 'float32', 1e-5],
  ['wasm', 'float32', 1e-5],
  ...(nativeProblem() ? [] : ([['native', 'float32', 1e-5]] as [KernelName, 'float32', number][])),
];

describe.each(implementations)('%s kernels in %s', (kernels, precision, tolerance) => {
  test.each(fixtures)('$name: loss, state and gradients are those of PyTorch', ({ fixture }) => {
    const run = runOf(fixture, kernels, precision, 0);
    start(run, fixture);
    const wanted = fixture[precision];
    const { loss } = run.step({ ...fixture, rate: 0 });
    expect(Math.abs(loss - wanted.loss) / wanted.loss).toBeLessThan(tolerance);
    expect(difference(run.state('h'), wanted.final.h.values)).toBeLessThan(tolerance);
    if (wanted.final.c) expect(difference(run.state('c'), wanted.final.c.values)).toBeLessThan(tolerance);
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
