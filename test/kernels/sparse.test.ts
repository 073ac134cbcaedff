// The products that leave out zeros: lists that say what is not zero, parity with the oracle, and the bits of the dense products.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ActiveRows,
  ActiveUnits,
  GRADIENT_SCRATCH,
  Gradient,
  Init,
  LIST_ROWS,
  PANEL,
  Product,
} from '../../src/kernels/kernels.js';
import type { BenchArena, Block } from './bench-arena.js';
import { implementations, tuned } from './implementations.js';
import { expectParity, groups, panelCount, RUNS, rows, seed, slack } from './parity.js';

const density = fc.constantFrom(0, 0.02, 0.1, 0.5, 1);
const blocks = fc.integer({ min: 1, max: 20 });

/** Zeros of both signs, and numbers in [-1, 1). */
const sparse =
  (arena: BenchArena, share: number, negative = true) =>
  (): number => {
    const value = arena.uniform();
    if (arena.uniform(0.5) + 0.5 < share) return negative ? value : Math.abs(value);
    return negative && value < 0 ? -0 : 0;
  };

interface Rows {
  readonly groups: number;
  readonly rows: number;
  readonly columns: number;
  readonly slack: number;
  readonly density: number;
}

/** A sparse matrix with room for its lists, and the call that writes them. */
function prepareRows(arena: BenchArena, { groups, rows, columns, slack, density }: Rows) {
  const lda = columns + slack;
  const a = arena.floats({ groups, rows, columns, ld: lda, group: rows * lda + slack }, sparse(arena, density));
  const active = arena.integers({ groups, rows, columns, ld: lda, group: rows * lda }, () => 0);
  const counts = arena.integers({ groups, columns: rows, group: rows + slack }, () => 0);
  const lists = { active, ldActive: lda, activeGroup: rows * lda, counts, countGroup: rows + slack };
  const descriptor = arena.descriptor(ActiveUnits, { a, lda, aGroup: a.group, rows, columns, ...lists });
  return { a, lists, list: () => arena.kernels.activeUnits(descriptor, 0, groups) };
}

interface ProductCase extends Omit<Rows, 'columns'> {
  readonly blocks: number;
  readonly panelCount: number;
  readonly init: number;
  readonly twoBiases: boolean;
}

const productCase = fc.record({
  ...{ groups, rows, blocks, panelCount: fc.oneof(panelCount, fc.integer({ min: 8, max: 19 })), slack, density },
  ...{ init: fc.constantFrom(...Object.values(Init)), twoBiases: fc.boolean() },
});

function prepareProduct(arena: BenchArena, given: ProductCase) {
  const value = () => arena.uniform();
  const [depth, columns] = [given.blocks * PANEL, given.panelCount * PANEL];
  const { a, lists, list } = prepareRows(arena, { ...given, columns: depth });
  const panels = arena.floats({ rows: given.panelCount, columns: depth * PANEL }, value);
  const [bias, bias2] = [0, 1].map(() => arena.floats({ columns }, sparse(arena, 0.7)));
  const ldc = columns + given.slack;
  const shape = { groups: given.groups, rows: given.rows, columns, ld: ldc, group: given.rows * ldc };
  const c = arena.floats(shape, sparse(arena, 0.7));
  const descriptor = arena.descriptor(Product, {
    ...{ a, lda: a.ld, aGroup: a.group, panels, depth, panelStride: depth * PANEL, panelCount: given.panelCount },
    ...{ c, ldc, cGroup: c.group, rows: given.rows, init: given.init, bias },
    bias2: given.twoBiases ? bias2 : 0,
    ...lists,
  });
  const call = (kernel: 'product' | 'sparseProduct') => () => {
    list();
    arena.kernels[kernel](descriptor, 0, given.groups);
  };
  return { outputs: { c }, ignored: [lists.active, lists.counts], call, descriptor };
}

interface GradientCase extends Omit<Rows, 'columns' | 'groups'> {
  readonly blocks: number;
  readonly panels: number;
  readonly firstRow: number;
  readonly sums: boolean;
}

const gradientCase = fc.record({
  rows: fc.oneof(rows, fc.constantFrom(255, 256, 257, 600)),
  blocks: fc.integer({ min: 1, max: 4 }),
  panels: fc.oneof(panelCount, fc.integer({ min: 8, max: 19 })),
  firstRow: fc.constantFrom(0, 1, 64, 255, 256, 300),
  ...{ slack, density, sums: fc.boolean() },
});

/** X begins some rows after what the lists are of. */
function prepareGradient(arena: BenchArena, given: GradientCase) {
  const [depth, columns] = [given.blocks * PANEL, given.panels * PANEL];
  const all = given.firstRow + given.rows;
  const { a, lists, list } = prepareRows(arena, { ...given, groups: 1, rows: all, columns: depth });
  const blocks = Math.max(1, Math.ceil(all / LIST_ROWS), Math.floor(given.firstRow / LIST_ROWS) + 1);
  const indices = arena.integers({ columns: blocks * depth * LIST_ROWS }, () => 0);
  const values = arena.floats({ columns: blocks * depth * LIST_ROWS });
  const starts = arena.integers({ rows: blocks, columns: depth + 1 }, () => 0);
  const { active, ldActive, counts } = lists;
  const rowLists = arena.descriptor(ActiveRows, {
    ...{ a, lda: a.ld, rows: all, columns: depth, active, ldActive, counts, indices, values, starts },
  });
  const ldd = columns + given.slack;
  const d = arena.floats({ rows: given.rows, columns, ld: ldd }, sparse(arena, 0.5));
  const dw = arena.floats({ rows: given.panels, columns: depth * PANEL });
  const sums = arena.floats({ columns });
  const scratch = arena.floats({ columns: GRADIENT_SCRATCH });
  const descriptor = arena.descriptor(Gradient, {
    ...{ x: arena.part(a, { row: given.firstRow }), ldx: a.ld, d, ldd, rows: given.rows, depth, dw, scratch },
    ...{ sums: given.sums ? sums : 0, indices, values, starts, firstRow: given.firstRow },
  });
  const call = (kernel: 'gradient' | 'sparseGradient') => () => {
    list();
    arena.kernels.activeRows(rowLists, 0, blocks);
    arena.kernels[kernel](descriptor, 0, given.panels);
  };
  const ignored = [active, counts, indices, values, starts, scratch];
  const outputs: Record<string, Block> = given.sums ? { dw, sums } : { dw };
  return { outputs, ignored, call };
}

describe.each(implementations)('$name', (implementation) => {
  test('activeUnits lists what is not zero, NaN included, and counts it', () => {
    const arena = implementation.arena().begin(1);
    const values = [0, 1, -0, Number.NaN, 0, 0, -1e-30, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    const a = arena.floats({ rows: 3, columns: PANEL }, (column, row) => (row === 1 ? 0 : values[column]));
    const active = arena.integers({ rows: 3, columns: PANEL }, () => 0);
    const counts = arena.integers({ columns: 3 }, () => 0);
    const places = { active, ldActive: PANEL, counts, countGroup: 3 };
    const descriptor = arena.descriptor(ActiveUnits, { a, lda: PANEL, rows: 3, columns: PANEL, ...places });
    let total = 0;
    const [lists, lengths] = arena.run([active, counts], () => {
      total = arena.kernels.activeUnits(descriptor, 0, 1);
    });
    expect([...lengths]).toEqual([4, 0, 4]);
    expect(total).toBe(8);
    for (const row of [0, 2]) expect([...lists.subarray(row * PANEL, row * PANEL + 4)]).toEqual([1, 3, 6, 15]);
  });

  test('sparseProduct is init + A W for any shape, stride, density and start', () => {
    fc.assert(
      fc.property(productCase, seed, (given, seed) => {
        const problem = (arena: BenchArena) => {
          const { call, ...prepared } = prepareProduct(arena, given);
          return { ...prepared, call: call('sparseProduct') };
        };
        expectParity(implementation, seed, problem, 1e-6 * (1 + given.blocks));
      }),
      RUNS,
    );
  });

  test('sparseGradient is X transposed times D, wherever X begins among the rows that are listed', () => {
    fc.assert(
      fc.property(gradientCase, seed, (given, seed) => {
        const problem = (arena: BenchArena) => {
          const { call, ...prepared } = prepareGradient(arena, given);
          return { ...prepared, call: call('sparseGradient') };
        };
        expectParity(implementation, seed, problem, 1e-6 * (1 + given.rows / 16));
      }),
      { ...RUNS, numRuns: 30 },
    );
  });

  test('a list that cannot be is refused before anything outside is read', () => {
    const arena = implementation.arena().begin(1);
    const given = { groups: 1, rows: 3, blocks: 2, panelCount: 1, slack: 0, density: 1 };
    const prepared = prepareProduct(arena, { ...given, init: Init.zero, twoBiases: false });
    const [active, counts] = prepared.ignored;
    arena.run([prepared.outputs.c, active, counts], prepared.call('sparseProduct'));
    const wrong = [
      [active, 2 * PANEL],
      [active, -1],
      [counts, -1],
      [counts, 2 * PANEL + 1],
    ] as const;
    for (const [block, value] of wrong) {
      const right = arena.read(block);
      arena.write(block, right.with(1, value));
      const call = () => arena.kernels.sparseProduct(prepared.descriptor, 0, 1);
      arena.run([], () => expect(call).toThrow(RangeError));
      arena.write(block, right);
    }
  });
});

describe.each([...implementations.filter(({ name }) => name.startsWith('reference')), ...tuned])(
  'bits of $name',
  (implementation) => {
    test('sparseProduct has the bits of product, zeros of either sign included', () => {
      fc.assert(
        fc.property(productCase, seed, (given, seed) => {
          const [dense, skipped] = (['product', 'sparseProduct'] as const).map((kernel) => {
            const arena = implementation.arena().begin(seed);
            const { outputs, ignored, call } = prepareProduct(arena, given);
            return arena.run([outputs.c, ...ignored], call(kernel))[0];
          });
          expect(skipped).toEqual(dense);
        }),
        RUNS,
      );
    });

    test('sparseGradient has the bits of gradient', () => {
      fc.assert(
        fc.property(gradientCase, seed, (given, seed) => {
          const [dense, skipped] = (['gradient', 'sparseGradient'] as const).map((kernel) => {
            const arena = implementation.arena().begin(seed);
            const { outputs, ignored, call } = prepareGradient(arena, given);
            return arena
              .run([...Object.values(outputs), ...ignored], call(kernel))
              .slice(0, Object.keys(outputs).length);
          });
          expect(skipped).toEqual(dense);
        }),
        { ...RUNS, numRuns: 30 },
      );
    });
  },
);
