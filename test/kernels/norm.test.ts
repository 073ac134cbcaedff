// Layer normalization and sums of rows: parity with the oracle, the same bits in every native set, rows that do not see each other.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Add, LayerNorm, PANEL, padded } from '../../src/kernels/kernels.js';
import type { BenchArena, Block } from './bench-arena.js';
import { implementations, tuned } from './implementations.js';
import { expectParity, groups, panelCount, RUNS, rows, seed, slack, width } from './parity.js';

const given = fc.record({
  ...{ groups, rows, slack, units: width, parts: fc.constantFrom(1, 2), keeps: fc.boolean() },
  size: fc.constantFrom(0, 1e-3, 1, 100),
});
interface Given {
  readonly groups: number;
  readonly rows: number;
  readonly slack: number;
  readonly units: number;
  readonly parts: number;
  readonly keeps: boolean;
  /** Of the numbers, and of their mean. */
  readonly size: number;
}

/** `padding` stands where a part's units end. */
function prepare(arena: BenchArena, { groups, rows, slack, units, parts, keeps, size }: Given, padding = 7) {
  const wide = padded(units);
  const columns = parts * wide;
  const ld = columns + slack;
  const shape = { groups, rows, columns, ld, group: rows * ld + slack };
  const fill = (value: () => number) => (column: number) => {
    const drawn = value();
    return column % wide < units ? drawn : padding;
  };
  const source = arena.floats(
    shape,
    fill(() => arena.uniform(size) + size),
  );
  const dOut = arena.floats(
    shape,
    fill(() => arena.uniform()),
  );
  const gain = arena.floats(
    { columns },
    fill(() => 1 + arena.uniform(0.5)),
  );
  const bias = arena.floats(
    { columns },
    fill(() => arena.uniform()),
  );
  const [out, normal, dIn] = [arena.floats(shape), arena.floats(shape), arena.floats(shape)];
  const inverse = arena.floats({ groups, columns: rows, group: rows + slack });
  const descriptor = arena.descriptor(LayerNorm, {
    ...{ in: source, out, normal: keeps ? normal : 0, inverse: keeps ? inverse : 0, inverseGroup: inverse.group },
    ...{ gain, bias, dOut, dIn, ld, group: shape.group, rows, units, parts, epsilon: 1e-5 },
  });
  return { descriptor, source, out, normal, inverse, dOut, dIn, columns, wide };
}

const part = (arena: BenchArena, blocks: Readonly<Record<string, Block>>, group: number) =>
  Object.fromEntries(Object.entries(blocks).map(([name, block]) => [name, arena.part(block, { group })]));

describe.each(implementations)('$name', (implementation) => {
  test('normalizes rows of any shape, and keeps what backward needs where it is asked to', () => {
    fc.assert(
      fc.property(given, fc.nat(3), seed, (given, skipped, seed) => {
        const from = Math.min(skipped, given.groups);
        const problem = (arena: BenchArena) => {
          const { descriptor, out, normal, inverse } = prepare(arena, given);
          const outputs = part(arena, given.keeps ? { out, normal, inverse } : { out }, from);
          return { outputs, call: () => arena.kernels.normForward(descriptor, from, given.groups) };
        };
        expectParity(implementation, seed, problem, 3e-4);
      }),
      RUNS,
    );
  });

  test("backward gives the gradient of rows of any shape, and the terms of the gain's", () => {
    fc.assert(
      fc.property(given, fc.nat(3), seed, (given, skipped, seed) => {
        const from = Math.min(skipped, given.groups);
        const problem = (arena: BenchArena) => {
          const { descriptor, normal, inverse, dIn } = prepare(arena, { ...given, keeps: true });
          // What forward would have kept, to the same bits for all.
          const units = (block: Block, value: () => number) => arena.write(block, arena.read(block).map(value));
          units(normal, () => arena.uniform(2));
          units(inverse, () => 1 + arena.uniform(0.5));
          return {
            outputs: part(arena, { normal, dIn }, from),
            call: () => arena.kernels.normBackward(descriptor, from, given.groups),
          };
        };
        expectParity(implementation, seed, problem, 1e-5);
      }),
      RUNS,
    );
  });

  test('a row has mean 0 and variance 1 before gain and bias, whatever stands in the padding', () => {
    const arena = implementation.arena().begin(3);
    const shape = { groups: 2, rows: 3, slack: 5, units: 21, parts: 2, keeps: true, size: 5 };
    const { descriptor, normal, out, inverse, columns, wide } = prepare(arena, shape, Number.NaN);
    const [rows, outs] = arena.run([normal, out, inverse], () => arena.kernels.normForward(descriptor, 0, 2));
    for (let at = 0; at < rows.length; at += columns) {
      const live = [...rows.subarray(at, at + columns)].filter((_, column) => column % wide < 21);
      const mean = live.reduce((sum, n) => sum + n, 0) / 42;
      expect(Math.abs(mean)).toBeLessThan(1e-5);
      expect(live.reduce((sum, n) => sum + (n - mean) ** 2, 0) / 42).toBeCloseTo(1, 4);
    }
    expect([...rows, ...outs].every(Number.isFinite)).toBe(true);
  });

  test('a row of equal numbers is the bias, and has no infinite gradient', () => {
    const arena = implementation.arena().begin(4);
    const { descriptor, out, normal, inverse, dIn } = prepare(arena, {
      ...{ groups: 1, rows: 2, slack: 0, units: 16, parts: 1, keeps: true, size: 0 },
    });
    const [, rows] = arena.run([out, normal, inverse, dIn], () => {
      arena.kernels.normForward(descriptor, 0, 1);
      arena.kernels.normBackward(descriptor, 0, 1);
    });
    expect(rows.every((n) => n === 0)).toBe(true);
    expect(arena.read(dIn).every(Number.isFinite)).toBe(true);
  });

  test('sums of rows of any shape', () => {
    fc.assert(
      fc.property(groups, rows, panelCount, slack, fc.boolean(), seed, (groups, rows, panels, slack, inPlace, seed) => {
        const problem = (arena: BenchArena) => {
          const ld = panels * PANEL + slack;
          const shape = { groups, rows, columns: panels * PANEL, ld, group: rows * ld + slack };
          const [a, b] = [arena.floats(shape, () => arena.uniform()), arena.floats(shape, () => arena.uniform())];
          const out = inPlace ? a : arena.floats(shape);
          const descriptor = arena.descriptor(Add, {
            ...{ a, b, out, ld, group: shape.group, rows, columns: shape.columns },
          });
          return { outputs: { out }, call: () => arena.kernels.add(descriptor, 0, groups) };
        };
        expectParity(implementation, seed, problem, 1e-7);
      }),
      RUNS,
    );
  });
});

const native = tuned.filter(({ name }) => name.startsWith('native'));

test.skipIf(native.length < 2)('every native set makes the same bits', () => {
  fc.assert(
    fc.property(given, seed, (given, seed) => {
      const results = native.map(({ arena: arenaOf }) => {
        const arena = arenaOf().begin(seed);
        const { descriptor, out, normal, inverse, dIn } = prepare(arena, { ...given, keeps: true });
        return arena.run([out, normal, inverse, dIn], () => {
          arena.kernels.normForward(descriptor, 0, given.groups);
          arena.kernels.normBackward(descriptor, 0, given.groups);
        });
      });
      for (const result of results) expect(result).toEqual(results[0]);
    }),
    RUNS,
  );
});

describe.each(tuned)('$name', ({ arena: arenaOf }) => {
  test('a row has the same bits alone and among others', () => {
    const shape = { groups: 2, rows: 5, slack: 3, units: 37, parts: 2, keeps: true, size: 1 };
    const arena = arenaOf().begin(5);
    const { descriptor, out, normal, inverse, dIn } = prepare(arena, shape);
    const both = () => {
      arena.kernels.normForward(descriptor, 0, 2);
      arena.kernels.normBackward(descriptor, 0, 2);
    };
    const together = arena.run([out, normal, inverse, dIn], both);
    arena.set(descriptor, LayerNorm.rows, 1);
    const perRow = [LayerNorm.in, LayerNorm.out, LayerNorm.normal, LayerNorm.dOut, LayerNorm.dIn];
    for (let row = 0; row < 5; row++) {
      both();
      for (const field of perRow) arena.set(descriptor, field, arena.get(descriptor, field) + 4 * out.ld);
      arena.set(descriptor, LayerNorm.inverse, arena.get(descriptor, LayerNorm.inverse) + 4);
    }
    expect([out, normal, inverse, dIn].map((block) => arena.read(block))).toEqual(together);
  });
});
