// Which products leave out zeros: all that read a ReLU's outputs or deltas with `always`, those that are sparse enough with `auto`.
import { expect, test } from 'vitest';
import type { Kernels } from '../../src/kernels/kernels.js';
import type { Architecture } from '../../src/model/architecture.js';
import { type Crossover, EVERYWHERE } from '../../src/model/sparsity.js';
import { InlineRun } from './inline-run.js';
import { startOf } from './problems.js';

const [T, B] = [5, 3];
const MODEL: Architecture = { cell: 'rnn', activation: 'relu', hidden: 20, layers: 2, embedding: 0, vocabulary: 7 };
const tokens = Array.from({ length: T }, (_, t) => Array.from({ length: B }, (_, b) => (3 * t + b) % 7));

/** Calls of each kernel in the last of some steps, and the model's bits after them. */
function ran(sparse: Crossover | undefined, model = MODEL) {
  const calls: Record<string, number> = {};
  const counted = (kernels: Kernels): Kernels =>
    new Proxy(kernels, {
      get(target, name: keyof Kernels) {
        const kernel = target[name];
        if (typeof kernel !== 'function') return kernel;
        return (...given: readonly number[]) => {
          calls[name] = (calls[name] ?? 0) + 1;
          return (kernel as (...numbers: readonly number[]) => unknown).apply(target, [...given]);
        };
      },
    });
  const run = new InlineRun({ model, streams: B, steps: T, sparse, wrap: counted });
  run.setParameters(startOf(model, 'default', 1));
  for (let step = 0; step < 3; step++) {
    for (const name of Object.keys(calls)) delete calls[name];
    run.step({ tokens, targets: tokens, rate: 0.1 });
  }
  return { calls, weights: run.read('weights') };
}

test('always leaves them out in every product and gradient that reads a layer, and lists each group once', () => {
  const { calls } = ran(EVERYWHERE);
  // Two layers: T recurrent products forward, T - 1 backward; the products between them, there and back; the head's.
  expect(calls.sparseProduct).toBe(2 * T + 2 * (T - 1) + 2 + 1);
  expect(calls.activeUnits).toBe(2 * (T + 1));
  // The recurrent weights of both, the input weights of the second, the head's: a tile each.
  expect(calls.sparseGradient).toBe(4);
  expect(calls.activeRows).toBe(2);
  // What has no zeros to leave out: the logits' gradient on its way to the last layer.
  expect(calls.product).toBe(1);
  expect(calls.gradient ?? 0).toBe(0);
});

test('a head that reads a mean has no zeros to leave out, and all else has the bits of dense products', () => {
  const model: Architecture = { ...MODEL, outputs: 7, pooling: 'mean' };
  const [sparse, dense] = [ran(EVERYWHERE, model), ran(undefined, model)];
  expect(sparse.weights).toEqual(dense.weights);
  expect(sparse.calls.sparseProduct).toBe(2 * T + 2 * (T - 1) + 2);
  expect(sparse.calls.sparseGradient).toBe(3);
});

test('what reads normalized outputs has no zeros to leave out, and the recurrence has', () => {
  const model: Architecture = { ...MODEL, layerNorm: true };
  const [sparse, dense] = [ran(EVERYWHERE, model), ran(undefined, model)];
  expect(sparse.weights).toEqual(dense.weights);
  // Recurrent products there and back, and the way from the second layer's deltas to its inputs.
  expect(sparse.calls.sparseProduct).toBe(2 * T + 2 * (T - 1) + 1);
  expect(sparse.calls.sparseGradient).toBe(2);
});

test('what reads the sums of a residual layer has no zeros to leave out', () => {
  const model: Architecture = { ...MODEL, residual: true };
  const [sparse, dense] = [ran(EVERYWHERE, model), ran(undefined, model)];
  expect(sparse.weights).toEqual(dense.weights);
  // The head's product and gradient are dense; the first layer has nothing to add, and the second reads its zeros.
  expect(sparse.calls.sparseProduct).toBe(2 * T + 2 * (T - 1) + 2);
  expect(sparse.calls.sparseGradient).toBe(3);
});

test('auto goes by the density', () => {
  const all = ran({ product: 1, gradient: 1 });
  const products = ran({ product: 1, gradient: 0 });
  const none = ran({ product: 0, gradient: 0 });
  const never = ran(undefined);
  expect(all.calls).toEqual(ran(EVERYWHERE).calls);
  expect([products.calls.sparseGradient ?? 0, products.calls.activeRows ?? 0]).toEqual([0, 0]);
  expect(products.calls.sparseProduct).toBe(all.calls.sparseProduct);
  // Nothing is listed where nothing would be left out.
  expect(none.calls).toMatchObject({ product: never.calls.product, gradient: never.calls.gradient });
  expect(none.calls.activeUnits ?? 0).toBe(0);
  for (const { weights } of [all, products, none]) expect(weights).toEqual(never.weights);
});
