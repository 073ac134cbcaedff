// The matrix products: parity with the oracle, and the bits that tiles and blocks must not change.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GRADIENT_SCRATCH, Gradient, Init, PANEL, Product } from '../../src/kernels/kernels.js';
import type { BenchArena, Block } from './bench-arena.js';
import { implementations, tuned } from './implementations.js';
import { depth, expectParity, groups, type Prepared, panelCount, RUNS, rows, seed, slack } from './parity.js';

interface ProductCase {
  readonly groups: number;
  readonly rows: number;
  readonly depth: number;
  readonly panelCount: number;
  /** Rows of the stored matrix beyond those that the product reads. */
  readonly deeper: number;
  readonly slack: number;
  readonly init: number;
  readonly twoBiases: boolean;
  /** Small whole numbers have exact sums: every implementation must agree to the bit. */
  readonly whole: boolean;
}

const productCase = fc.record({
  groups,
  rows,
  depth,
  panelCount,
  deeper: slack,
  slack,
  init: fc.constantFrom(...Object.values(Init)),
  twoBiases: fc.boolean(),
  whole: fc.boolean(),
});

function prepareProduct(arena: BenchArena, given: ProductCase): Prepared & { descriptor: number; c: Block } {
  const value = () => (given.whole ? arena.integer(-8, 9) : arena.uniform());
  const columns = given.panelCount * PANEL;
  const [lda, ldc] = [given.depth + given.slack, columns + given.slack];
  const a = arena.floats(
    { groups: given.groups, rows: given.rows, columns: given.depth, ld: lda, group: given.rows * lda + given.slack },
    value,
  );
  const stride = (given.depth + given.deeper) * PANEL;
  const panels = arena.floats({ rows: given.panelCount, columns: given.depth * PANEL, ld: stride }, value);
  const [bias, bias2] = [arena.floats({ columns }, value), arena.floats({ columns }, value)];
  const c = arena.floats(
    { groups: given.groups, rows: given.rows, columns, ld: ldc, group: given.rows * ldc + given.slack },
    value,
  );
  const descriptor = arena.descriptor(Product, {
    a,
    lda,
    aGroup: a.group,
    panels,
    depth: given.depth,
    panelStride: stride,
    panelCount: given.panelCount,
    c,
    ldc,
    cGroup: c.group,
    rows: given.rows,
    init: given.init,
    bias,
    bias2: given.twoBiases ? bias2 : 0,
  });
  return { descriptor, c, outputs: { c }, call: () => arena.kernels.product(descriptor, 0, given.groups) };
}

interface GradientCase {
  readonly rows: number;
  readonly blocks: number;
  readonly panels: number;
  readonly slack: number;
  readonly whole: boolean;
  /** How many places the sums of D go to. */
  readonly sums: number;
}

const gradientCase = fc.record({
  rows: fc.oneof(rows, fc.constantFrom(255, 256, 257, 600)),
  blocks: fc.integer({ min: 1, max: 4 }),
  panels: panelCount,
  slack,
  whole: fc.boolean(),
  sums: fc.integer({ min: 0, max: 2 }),
});

function prepareGradient(arena: BenchArena, given: GradientCase, from = 0, to = given.panels) {
  const value = () => (given.whole ? arena.integer(-8, 9) : arena.uniform());
  const depth = given.blocks * PANEL;
  const [ldx, ldd] = [depth + given.slack, given.panels * PANEL + given.slack];
  const x = arena.floats({ rows: given.rows, columns: depth, ld: ldx }, value);
  const d = arena.floats({ rows: given.rows, columns: given.panels * PANEL, ld: ldd }, value);
  const all = arena.floats({ rows: given.panels, columns: depth * PANEL });
  const scratch = arena.floats({ columns: GRADIENT_SCRATCH });
  const columns = given.panels * PANEL;
  const [sums, sums2] = [0, 1].map((place) => (given.sums > place ? arena.floats({ columns }) : undefined));
  const fields = { x, ldx, d, ldd, rows: given.rows, depth, dw: all, scratch, sums: sums ?? 0, sums2: sums2 ?? 0 };
  const descriptor = arena.descriptor(Gradient, fields);
  const dw = arena.part(all, { row: from, rows: to - from });
  const call = () => arena.kernels.gradient(descriptor, from, to);
  const added = [sums, sums2].filter((place) => place !== undefined);
  const part = (place: Block) => arena.part(place, { column: from * PANEL, columns: (to - from) * PANEL });
  const outputs = { dw, ...Object.fromEntries(added.map((place, i) => [`sums${i}`, part(place)])) };
  return { descriptor, all, scratch, outputs, ignored: [scratch], call };
}

/** Sums of `terms` random numbers in [-1, 1): about ten standard deviations of the rounding in float32. */
const sumTolerance = (terms: number, whole: boolean): number => (whole ? 0 : 1e-6 * (1 + terms / 16));

describe.each(implementations)('$name', (implementation) => {
  test('product is init + A W for any shape, stride and start', () => {
    fc.assert(
      fc.property(productCase, seed, (given, seed) => {
        const tolerance = sumTolerance(given.depth, given.whole);
        expectParity(implementation, seed, (arena) => prepareProduct(arena, given), tolerance);
      }),
      { ...RUNS, numRuns: 150 },
    );
  });

  test('product computes the groups that it is asked for and no others', () => {
    fc.assert(
      fc.property(productCase, fc.nat(3), fc.nat(3), seed, (given, one, other, seed) => {
        const [from, to] = [Math.min(one, other, given.groups), Math.min(Math.max(one, other), given.groups)];
        const problem = (arena: BenchArena) => {
          const { descriptor, c } = prepareProduct(arena, given);
          const part = arena.part(c, { group: from, groups: to - from });
          return { outputs: { part }, call: () => arena.kernels.product(descriptor, from, to) };
        };
        expectParity(implementation, seed, problem, sumTolerance(given.depth, given.whole));
      }),
      RUNS,
    );
  });

  test('product never stores -0', () => {
    for (const init of Object.values(Init)) {
      const arena = implementation.arena().begin(1);
      const a = arena.floats({ rows: 13, columns: 20 }, () => -0);
      const panels = arena.floats({ rows: 3, columns: 20 * PANEL }, (column) => (column % 2 ? 1 : -1e-30));
      const bias = arena.floats({ columns: 3 * PANEL }, () => -0);
      const c = arena.floats({ rows: 13, columns: 3 * PANEL }, () => -0);
      const shape = { lda: 20, depth: 20, panelStride: 20 * PANEL, panelCount: 3, ldc: 3 * PANEL, rows: 13 };
      const descriptor = arena.descriptor(Product, { a, panels, bias, bias2: bias, c, init, ...shape });
      const [written] = arena.run([c], () => arena.kernels.product(descriptor, 0, 1));
      expect(written.every((value) => Object.is(value, 0))).toBe(true);
    }
  });

  test('gradient is X transposed times D for any rows and any range of panels', () => {
    fc.assert(
      fc.property(gradientCase, fc.nat(7), fc.nat(7), seed, (given, one, other, seed) => {
        const [from, to] = [Math.min(one, other, given.panels), Math.min(Math.max(one, other), given.panels)];
        const tolerance = sumTolerance(given.rows, given.whole);
        expectParity(implementation, seed, (arena) => prepareGradient(arena, given, from, to), tolerance);
      }),
      { ...RUNS, numRuns: 100 },
    );
  });
});

describe.each(tuned)('bits of $name', (implementation) => {
  const shape = { groups: 1, panelCount: 5, deeper: 3, slack: 5, init: Init.bias, twoBiases: true, whole: false };

  test.each([7, 96, 300])('a row of a product over a depth of %i does not depend on the rows beside it', (depth) => {
    for (let rows = 1; rows <= 40; rows++) {
      const arena = implementation.arena().begin(rows);
      const { descriptor, c, call } = prepareProduct(arena, { ...shape, rows, depth });
      const [together] = arena.run([c], call);
      const firstA = arena.get(descriptor, Product.a);
      arena.write(c, new Float64Array(together.length));
      arena.set(descriptor, Product.rows, 1);
      for (let row = 0; row < rows; row++) {
        arena.set(descriptor, Product.a, firstA + row * (depth + shape.slack) * 4);
        arena.set(descriptor, Product.c, c.offset + row * c.ld * 4);
        call();
      }
      expect(arena.read(c), `${rows} rows`).toEqual(together);
    }
  });

  test.each([1, 2, 3, 9, 25])('the panels of a product of %i rows may be computed in any parts', (rows) => {
    const arena = implementation.arena().begin(rows);
    const { descriptor, c, call } = prepareProduct(arena, { ...shape, panelCount: 9, rows, depth: 300 });
    const [together] = arena.run([c], call);
    const panels = arena.get(descriptor, Product.panels);
    const bias = [arena.get(descriptor, Product.bias), arena.get(descriptor, Product.bias2)];
    const stride = arena.get(descriptor, Product.panelStride);
    for (let count = 1; count < 9; count++) {
      arena.write(c, new Float64Array(together.length));
      for (let first = 0; first < 9; first += count) {
        arena.set(descriptor, Product.panels, panels + first * stride * 4);
        arena.set(descriptor, Product.panelCount, Math.min(count, 9 - first));
        arena.set(descriptor, Product.c, c.offset + first * PANEL * 4);
        arena.set(descriptor, Product.bias, bias[0] + first * PANEL * 4);
        arena.set(descriptor, Product.bias2, bias[1] + first * PANEL * 4);
        call();
      }
      expect(arena.read(c), `parts of ${count} panels`).toEqual(together);
    }
  });

  test('the groups of a product may be computed one by one', () => {
    const arena = implementation.arena().begin(3);
    const { descriptor, c, call } = prepareProduct(arena, { ...shape, groups: 5, rows: 11, depth: 270 });
    const [together] = arena.run([c], call);
    arena.write(c, new Float64Array(together.length));
    for (let group = 4; group >= 0; group--) arena.kernels.product(descriptor, group, group + 1);
    expect(arena.read(c)).toEqual(together);
  });

  test.each([1, 16, 100, 256, 299])(
    'a product split after %i terms and accumulated is the product in one call',
    (split) => {
      for (const rows of [1, 3, 17]) {
        const arena = implementation.arena().begin(split);
        const { descriptor, c, call } = prepareProduct(arena, { ...shape, rows, depth: 300 });
        const [together] = arena.run([c], call);
        arena.set(descriptor, Product.depth, split);
        call();
        arena.set(descriptor, Product.depth, 300 - split);
        arena.set(descriptor, Product.init, Init.accumulate);
        arena.set(descriptor, Product.a, arena.get(descriptor, Product.a) + split * 4);
        arena.set(descriptor, Product.panels, arena.get(descriptor, Product.panels) + split * PANEL * 4);
        call();
        expect(arena.read(c)).toEqual(together);
      }
    },
  );

  test('a term of zero changes no bit, so products may leave it out', () => {
    const arena = implementation.arena().begin(4);
    const given = { ...shape, rows: 9, depth: 64 };
    const { descriptor, c, call } = prepareProduct(arena, given);
    const a = arena.get(descriptor, Product.a);
    const odd = { groups: 1, rows: 9, columns: 64, ld: 64 + given.slack, group: 0, integers: false, offset: a };
    arena.write(
      odd,
      arena.read(odd).map((value, index) => (index % 2 === 1 ? 0 : value)),
    );
    const [together] = arena.run([c], call);
    arena.set(descriptor, Product.depth, 1);
    for (let k = 0; k < 64; k += 2) {
      if (k > 0) arena.set(descriptor, Product.init, Init.accumulate);
      arena.set(descriptor, Product.a, a + k * 4);
      call();
      arena.set(descriptor, Product.panels, arena.get(descriptor, Product.panels) + 2 * PANEL * 4);
    }
    expect(arena.read(c)).toEqual(together);
  });

  test('the panels of a gradient may be computed in any parts', () => {
    for (const rows of [5, 256, 700]) {
      const arena = implementation.arena().begin(rows);
      const given = { rows, blocks: 3, panels: 9, slack: 7, whole: false, sums: 0 };
      const { descriptor, all, scratch, call } = prepareGradient(arena, given);
      const [together] = arena.run([all, scratch], call);
      for (let count = 1; count < 9; count++) {
        arena.write(all, new Float64Array(together.length));
        for (let first = 0; first < 9; first += count) {
          arena.kernels.gradient(descriptor, first, Math.min(first + count, 9));
        }
        expect(arena.read(all), `${rows} rows, parts of ${count} panels`).toEqual(together);
      }
    }
  });
});

const native = tuned.filter(({ name }) => name !== 'wasm');

test.runIf(native.length > 1)('native kernels of all instruction sets of this processor have the same bits', () => {
  const results = native.map(({ arena }) => {
    const bench = arena().begin(5);
    const given = { groups: 2, rows: 29, depth: 300, panelCount: 5, deeper: 0, slack: 3 };
    const { c, call } = prepareProduct(bench, { ...given, init: Init.bias, twoBiases: true, whole: false });
    return bench.run([c], call)[0];
  });
  for (const result of results) expect(result).toEqual(results[0]);
});
