// Comparison of an implementation with the oracle on random problems, and the shapes that the problems are drawn from.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { BenchArena, Block } from './bench-arena.js';
import { type Implementation, oracle } from './implementations.js';

/** The run of a property: fast-check prints the seed and the path of a failure. */
export const RUNS = { seed: 20240611, numRuns: 60 } as const;

/** What a problem hands over: the call and all blocks that it may write, by name; those in `ignored` are not compared. */
export interface Prepared {
  readonly call: () => void;
  readonly outputs: Readonly<Record<string, Block>>;
  readonly ignored?: readonly Block[];
}

export type Problem = (arena: BenchArena) => Prepared;

/**
 * An absolute and a relative share: |actual - expected| <= tolerance (1 + |expected|). Tuned kernels set what lies below
 * 2^-100 to zero, which is far inside of any tolerance here.
 */
export function expectParity({ arena }: Implementation, seed: number, problem: Problem, tolerance: number): void {
  const expected = solve(oracle().begin(seed), problem);
  const actual = solve(arena().begin(seed), problem);
  for (const [name, values] of Object.entries(expected)) expectNear(name, actual[name], values, tolerance);
}

function solve(arena: BenchArena, problem: Problem): Record<string, Float64Array> {
  const { call, outputs, ignored = [] } = problem(arena);
  const names = Object.keys(outputs);
  const values = arena.run([...Object.values(outputs), ...ignored], call);
  return Object.fromEntries(names.map((name, index) => [name, values[index]]));
}

export function expectNear(name: string, actual: Float64Array, expected: Float64Array, tolerance: number): void {
  expect(actual.length, name).toBe(expected.length);
  let [worst, at] = [0, -1];
  for (let i = 0; i < expected.length; i++) {
    const error = Object.is(actual[i], expected[i])
      ? 0
      : Math.abs(actual[i] - expected[i]) / (1 + Math.abs(expected[i]));
    // Written so that NaN counts as an error.
    if (!(error <= worst)) [worst, at] = [error, i];
  }
  expect(worst, `${name}[${at}] is ${actual[at]}, expected ${expected[at]}`).toBeLessThanOrEqual(tolerance);
}

/** Rows: none, one, a tile's remainder, several tiles (of 4, 6 or 12 rows). */
export const rows = fc.oneof(fc.constantFrom(0, 1, 3, 17), fc.integer({ min: 0, max: 40 }));
/** Depth of a product: around a vector, a panel and the blocks of 256. */
export const depth = fc.oneof(fc.constantFrom(0, 1, 15, 16, 17, 255, 256, 257, 513), fc.integer({ min: 0, max: 300 }));
/** Widths in panels: odd numbers of them are no multiple of a tile of two. */
export const panelCount = fc.integer({ min: 1, max: 7 });
export const groups = fc.integer({ min: 0, max: 3 });
/** What a stride may be larger than its row. */
export const slack = fc.constantFrom(0, 1, 5, 16, 19);
export const seed = fc.integer({ min: 0, max: 2 ** 30 });
/** Units, classes: anything, the padding included. */
export const width = fc.oneof(fc.constantFrom(1, 15, 16, 17, 32, 48), fc.integer({ min: 1, max: 120 }));

/** A fill that is zero in the padding of rows of `live` columns. */
export const paddedFill =
  (live: number, value: () => number) =>
  (column: number): number => {
    const drawn = value();
    return column < live ? drawn : 0;
  };
