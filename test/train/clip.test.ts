// What a step makes of its gradient before it is applied: clipping by norm, then by value, then L2.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { KernelName } from '../../src/kernels/choose.js';
import { Optimizer, padded, Update } from '../../src/kernels/kernels.js';
import { nativeProblem } from '../../src/kernels/native.js';
import { clipFactorOf } from '../../src/train/optimizer.js';
import { implementations, oracle } from '../kernels/implementations.js';
import { InlineRun } from './inline-run.js';
import { difference, uniformStart, windowOf } from './problems.js';

interface Outcome {
  readonly norm?: number;
  readonly clipped: number[][];
}
interface Case {
  readonly by: 'norm' | 'value';
  readonly max: number;
  readonly gradients: number[][];
  readonly float32: Outcome;
  readonly float64: Outcome;
}

const { cases }: { cases: Record<string, Case> } = JSON.parse(
  readFileSync(new URL('../fixtures/clip.json', import.meta.url), 'utf8'),
);

/** SGD with rate 1 from weights of zero: what is subtracted is the clipped gradient. */
function clipped({ arena: begin }: { arena: typeof oracle }, given: Case): number[][] {
  const norm = Math.sqrt(given.gradients.flat().reduce((sum, value) => sum + Math.fround(value) ** 2, 0));
  const clipFactor = clipFactorOf(norm, given.by === 'norm' ? given.max : 0);
  const clipValue = given.by === 'value' ? given.max : 0;
  return given.gradients.map((gradient) => {
    const arena = begin().begin(0);
    const columns = padded(gradient.length);
    const g = arena.floats({ columns }, (column) => Math.fround(gradient[column] ?? 0));
    const w = arena.floats({ columns }, () => 0);
    const undo = arena.floats({ rows: 3, columns });
    const fields = { kind: Optimizer.sgd, w, g, undo, clipFactor, clipValue, rate: 1 };
    arena.kernels.update(arena.descriptor(Update, fields), 0, columns);
    return Array.from(arena.read(arena.part(w, { columns: gradient.length })), (value) => -value);
  });
}

describe.each(Object.keys(cases))('%s', (name) => {
  const given = cases[name];

  test('the norm is PyTorch’s', () => {
    const norm = Math.sqrt(given.gradients.flat().reduce((sum, value) => sum + Math.fround(value) ** 2, 0));
    if (given.by === 'norm') expect(norm).toBeCloseTo(given.float64.norm as number, 7);
  });

  test.each(implementations)('$name clips as PyTorch does', (implementation) => {
    const got = clipped(implementation, given);
    expect(difference(got.flat(), given.float32.clipped.flat())).toBeLessThan(1e-6);
  });

  test('the oracle clips as PyTorch does in float64', () => {
    const got = clipped({ arena: oracle }, given);
    expect(difference(got.flat(), given.float64.clipped.flat())).toBeLessThan(1e-12);
  });
});

const kernelNames: KernelName[] = ['reference', 'wasm', ...(nativeProblem() ? [] : (['native'] as const))];

describe.each(kernelNames)('a step with %s kernels', (kernels) => {
  const model = { cell: 'gru', activation: 'tanh', hidden: 17, layers: 2, embedding: 5, vocabulary: 9 } as const;
  const window = windowOf(9, 7, 3, 1);
  const start = uniformStart(model, 0.8, 2);
  const rate = 0.5;

  /** What the step took from the parameters, over the rate; and the gradient. */
  function step(optimizer: { clipNorm?: number; clipValue?: number; l2?: number }) {
    const run = new InlineRun({ model, streams: 3, steps: 7, kernels, optimizer: { name: 'sgd', ...optimizer } });
    run.setParameters(start);
    const before = run.read('weights');
    const { norm } = run.step({ ...window, rate });
    const after = run.read('weights');
    const taken = Object.entries(after).flatMap(([name, values]) =>
      values.map((value, i) => (before[name][i] - value) / rate),
    );
    return { norm, taken, gradient: Object.values(run.read('gradient')).flat(), weights: Object.values(before).flat() };
  }

  test('without clipping the gradient is applied as it is, and its norm is over all parameters together', () => {
    const { norm, taken, gradient } = step({});
    expect(difference(taken, gradient)).toBeLessThan(1e-5);
    expect(norm).toBeCloseTo(Math.hypot(...gradient), 6);
  });

  test('--clip-norm scales all of it to the bound; a bound above the norm changes nothing', () => {
    const { norm, gradient, taken } = step({ clipNorm: 0.1 });
    expect(norm).toBeGreaterThan(0.1);
    expect(Math.hypot(...taken)).toBeCloseTo(0.1, 5);
    expect(
      difference(
        taken,
        gradient.map((g) => (g * 0.1) / (norm + 1e-6)),
      ),
    ).toBeLessThan(1e-5);
    expect(step({ clipNorm: 2 * norm }).taken).toEqual(step({}).taken);
  });

  test('--clip-value bounds each element after the norm, and --l2 is added after both', () => {
    const { norm, gradient, taken, weights } = step({ clipNorm: 0.5, clipValue: 0.01, l2: 0.1 });
    const factor = Math.min(1, 0.5 / (norm + 1e-6));
    const wanted = gradient.map((g, i) => Math.min(0.01, Math.max(-0.01, g * factor)) + 0.1 * weights[i]);
    expect(gradient.filter((g) => Math.abs(g * factor) > 0.01).length).toBeGreaterThan(0);
    expect(difference(taken, wanted)).toBeLessThan(1e-5);
  });
});
