// Loss and gradients of the float32 kernels against the reference in float64, on random models and windows of awkward sizes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KernelName } from '../../src/kernels/choose.js';
import { nativeProblem } from '../../src/kernels/native.js';
import { InlineRun } from './inline-run.js';
import { CELLS, difference, uniform, uniformStart, windowOf } from './problems.js';

const TOLERANCE = 1e-4;
/** fast-check prints the seed and the path of a failure. */
const RUNS = { seed: 20241124, numRuns: 60 } as const;

const problem = fc.record({
  cell: fc.constantFrom(...CELLS),
  hidden: fc.constantFrom(1, 3, 17, 33),
  layers: fc.integer({ min: 1, max: 3 }),
  embedding: fc.constantFrom(0, 1, 5, 19),
  vocabulary: fc.constantFrom(2, 5, 130),
  streams: fc.constantFrom(1, 3),
  steps: fc.constantFrom(1, 2, 17),
  uncounted: fc.constantFrom(0, 1, 9),
  dropout: fc.constantFrom(0, 0.3),
  fromZero: fc.boolean(),
  seed: fc.integer({ min: 0, max: 2 ** 30 }),
});
type Given = typeof problem extends fc.Arbitrary<infer P> ? P : never;

function outcomeOf(given: Given, kernels: KernelName, precision: 'float32' | 'float64') {
  const { cell, hidden, layers, embedding, vocabulary, streams, steps, dropout, seed } = given;
  const model = { ...cell, hidden, layers, embedding, vocabulary };
  const run = new InlineRun({ model, streams, steps, kernels, precision, dropout, seed });
  // Gates and logits leave their linear part, whatever the width.
  run.setParameters(uniformStart(model, 1.5 / Math.sqrt(hidden), seed));
  run.setState('h', uniform(layers * streams * hidden, 0.5, seed + 1));
  if (cell.cell === 'lstm') run.setState('c', uniform(layers * streams * hidden, 0.5, seed + 2));
  const uncounted = Math.min(given.uncounted, steps - 1);
  const window = windowOf(vocabulary, steps, streams, seed, { uncounted });
  const { loss } = run.step({ ...window, reset: given.fromZero, step: 3 });
  return { loss, gradient: run.read('gradient'), h: run.state('h') };
}

const tuned: KernelName[] = nativeProblem() === undefined ? ['wasm', 'native'] : ['wasm'];

describe.each([...tuned, 'reference' as const])('%s kernels in float32', (kernels) => {
  test('loss, state and every gradient are within 1e-4 of float64', () => {
    fc.assert(
      fc.property(problem, (given) => {
        const wanted = outcomeOf(given, 'reference', 'float64');
        const got = outcomeOf(given, kernels, 'float32');
        expect(Math.abs(got.loss - wanted.loss) / wanted.loss).toBeLessThan(TOLERANCE);
        expect(difference(got.h, wanted.h)).toBeLessThan(TOLERANCE);
        for (const [name, values] of Object.entries(wanted.gradient)) {
          expect(difference(got.gradient[name], values), name).toBeLessThan(TOLERANCE);
        }
      }),
      RUNS,
    );
  });
});
