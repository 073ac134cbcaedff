// The optimizers against PyTorch: 100 steps of given gradients under every rate schedule, from test/fixtures/optimizers.json.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Optimizer, padded, Update } from '../../src/kernels/kernels.js';
import type { BenchArena } from './bench-arena.js';
import { implementations, oracle } from './implementations.js';

interface Settings {
  readonly momentum?: number;
  readonly alpha?: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
}

interface Fixture {
  readonly steps: number;
  readonly initial: readonly number[];
  readonly optimizers: Readonly<Record<keyof typeof Optimizer, Settings>>;
  readonly schedules: Readonly<Record<string, { readonly lr: readonly number[] }>>;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly optimizer: keyof typeof Optimizer;
        readonly l2: number;
        readonly schedule: string;
        readonly float32: readonly number[];
        readonly float64: readonly number[];
      }
    >
  >;
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('../fixtures/optimizers.json', import.meta.url), 'utf8'));

/** The parameters after the steps of a case. */
function parameters(arena: BenchArena, name: string): Float64Array {
  const { optimizer, l2, schedule } = fixture.cases[name];
  const { momentum, alpha, betas, eps = 0 } = fixture.optimizers[optimizer];
  const [beta1, beta2] = [betas?.[0] ?? momentum ?? 0, betas?.[1] ?? alpha ?? 0];
  const count = padded(fixture.initial.length);
  arena.begin(0);
  const zero = () => 0;
  const w = arena.floats({ columns: count }, (column) => fixture.initial[column] ?? 0);
  const g = arena.floats({ columns: count }, zero);
  const [m, v] = [arena.floats({ columns: count }, zero), arena.floats({ columns: count }, zero)];
  const undo = arena.floats({ rows: 3, columns: count });
  const fields = { w, g, m, v, undo, kind: Optimizer[optimizer], clipFactor: 1, l2, beta1, beta2, epsilon: eps };
  const descriptor = arena.descriptor(Update, fields);
  for (let t = 0; t < fixture.steps; t++) {
    arena.write(arena.part(g, { columns: fixture.initial.length }), fixture.gradients[t]);
    arena.set(descriptor, Update.rate, fixture.schedules[schedule].lr[t]);
    arena.set(descriptor, Update.correction1, 1 - beta1 ** (t + 1));
    arena.set(descriptor, Update.correction2, Math.sqrt(1 - beta2 ** (t + 1)));
    arena.kernels.update(descriptor, 0, count);
  }
  return arena.read(arena.part(w, { columns: fixture.initial.length }));
}

function largestRelative(actual: Float64Array, expected: readonly number[]): number {
  return Math.max(...expected.map((value, i) => Math.abs(actual[i] - value) / Math.max(1, Math.abs(value))));
}

describe.each(Object.keys(fixture.cases))('%s', (name) => {
  test.each(implementations)('$name is within 1e-5 of PyTorch after all steps', ({ arena }) => {
    expect(largestRelative(parameters(arena(), name), fixture.cases[name].float32)).toBeLessThan(1e-5);
  });

  test('the oracle is within 1e-12 of PyTorch in float64', () => {
    expect(largestRelative(parameters(oracle(), name), fixture.cases[name].float64)).toBeLessThan(1e-12);
  });
});
