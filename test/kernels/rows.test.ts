// Tables that are read and updated by rows: parity with the oracle on any shape, and what the kernels leave untouched.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CatchUp, Deal, Lookup, Optimizer, RowGradient, RowUpdate } from '../../src/kernels/kernels.js';
import type { BenchArena, Block } from './bench-arena.js';
import { type Implementation, implementations, tuned } from './implementations.js';
import { OPTIMIZERS, type OptimizerName, usesM, usesV } from './optimizer-names.js';
import { expectParity, RUNS, seed, slack } from './parity.js';

const PERIOD = 9;

interface RowsCase {
  readonly vocabulary: number;
  readonly rows: number;
  readonly columns: number;
  readonly chunkRows: number;
  readonly pieces: number;
  readonly pieceRows: number;
  /** Entries of a row at most; undefined: one a row, without values. */
  readonly entries: number | undefined;
  readonly slack: number;
}

const rowsCase = fc.record({
  vocabulary: fc.integer({ min: 1, max: 60 }),
  rows: fc.nat(20),
  columns: fc.oneof(fc.constantFrom(1, 2, 3, 16, 32, 128, 144), fc.integer({ min: 1, max: 150 })),
  chunkRows: fc.integer({ min: 1, max: 9 }),
  pieces: fc.constantFrom(1, 2, 8, 64),
  pieceRows: fc.constantFrom(1, 4, 128),
  entries: fc.option(fc.nat(6), { nil: undefined }),
  slack,
});

/** The entries of rows: where they begin, what they read and what it is multiplied with. */
function prepareEntries(arena: BenchArena, given: RowsCase) {
  const begins = [0];
  for (let row = 0; row < given.rows; row++)
    begins.push(begins[row] + (given.entries === undefined ? 1 : arena.integer(0, given.entries + 1)));
  const count = begins[given.rows];
  const starts = arena.integers({ columns: given.rows + 1 }, (row) => begins[row]);
  const features = arena.integers({ columns: count }, () => arena.integer(0, given.vocabulary));
  const values = arena.floats({ columns: count }, () => arena.uniform());
  const fields = { features, ...(given.entries === undefined ? {} : { starts, values }) };
  return { count, fields, starts, features, values };
}

function prepareDeal(arena: BenchArena, given: RowsCase) {
  const { count, fields } = prepareEntries(arena, given);
  const chunks = Math.ceil(given.rows / given.chunkRows);
  const dealtFeatures = arena.integers({ columns: count }, () => 0);
  const dealtRows = arena.integers({ columns: count }, () => 0);
  const dealtValues = arena.floats({ columns: count }, () => 0);
  const bins = arena.integers({ rows: chunks, columns: given.pieces + 1 }, () => 0);
  const dealt = { dealtFeatures, dealtRows, ...(given.entries === undefined ? {} : { dealtValues }) };
  const { rows, chunkRows, vocabulary, pieces, pieceRows } = given;
  const descriptor = arena.descriptor(Deal, {
    ...fields,
    ...dealt,
    bins,
    rows,
    chunkRows,
    vocabulary,
    pieces,
    pieceRows,
  });
  return { descriptor, chunks, dealt, bins, outputs: { ...dealt, bins } };
}

/** How far the rows of a table are behind. */
function prepareCatchUp(arena: BenchArena, kind: keyof typeof CatchUp, vocabulary: number) {
  const touchedAt = arena.integers({ columns: vocabulary }, () => arena.integer(0, PERIOD));
  // Float64 numbers: two descriptors' worth.
  const maps = arena.descriptor({ size: 2 * PERIOD }, {});
  for (let i = 0; i < PERIOD; i++) {
    arena.set(maps, 2 * i, 1 - 0.9 ** (PERIOD - i));
    arena.set(maps, 2 * i + 1, 0.02 * (PERIOD - i));
  }
  const fields = { catchUp: CatchUp[kind], touchedAt, maps, period: PERIOD };
  return { touchedAt, fields: kind === 'none' ? {} : fields };
}

function prepareGradient(arena: BenchArena, given: RowsCase) {
  const { descriptor: deals, chunks, dealt, bins } = prepareDeal(arena, given);
  arena.kernels.deal(deals, 0, chunks);
  const { rows, columns, vocabulary, pieces } = given;
  const inBins = arena.read(bins);
  const sizes = Array.from({ length: pieces }, (_, piece) => {
    let entries = 0;
    for (let chunk = 0; chunk < chunks; chunk++) {
      const at = chunk * (pieces + 1) + piece;
      entries += inBins[at + 1] - inBins[at];
    }
    return entries;
  });
  const begins = [0];
  for (const size of sizes) begins.push(begins[begins.length - 1] + size);
  const places = begins[pieces];
  const ldd = columns + given.slack;
  const d = arena.floats({ rows, columns, ld: ldd }, () => arena.uniform());
  const bases = arena.integers({ columns: pieces + 1 }, (piece) => begins[piece]);
  const g = arena.floats({ rows: places, columns }, () => 0);
  const touched = arena.integers({ columns: places }, () => arena.integer(0, vocabulary));
  // Float64 numbers, each as two integers.
  const norms = arena.integers({ columns: 2 * pieces }, () => 0);
  // What earlier steps left: places of this step's or not, which `touched` may seem to confirm behind a piece's rows.
  const slots = arena.integers({ columns: vocabulary }, () => arena.integer(0, places + 3));
  const fields = {
    d,
    ldd,
    rows,
    columns,
    vocabulary,
    ...dealt,
    bins,
    chunks,
    pieces,
    bases,
    g,
    touched,
    norms,
    slots,
  };
  const hashSize = 2 ** Math.ceil(Math.log2(2 * places + 2));
  const hash = arena.integers({ columns: hashSize }, () => 0);
  const descriptor = arena.descriptor(RowGradient, { ...fields, hash, hashSize });
  return { descriptor, places, begins, g, touched, norms, slots, hash };
}

interface UpdateCase {
  readonly optimizer: OptimizerName;
  readonly catchUp: keyof typeof CatchUp;
  readonly all: boolean;
  readonly l1: number;
  readonly l2: number;
  readonly proximal: boolean;
}

const updateCase = fc
  .record({
    optimizer: fc.constantFrom(...OPTIMIZERS),
    catchUp: fc.constantFrom(...(Object.keys(CatchUp) as (keyof typeof CatchUp)[])),
    all: fc.boolean(),
    l1: fc.constantFrom(0, 0.3),
    l2: fc.constantFrom(0, 0.1),
    proximal: fc.boolean(),
  })
  .filter(({ optimizer, catchUp }) => catchUp !== 'momentum' || usesM(optimizer));

function prepareUpdate(arena: BenchArena, given: RowsCase, update: UpdateCase) {
  const gradient = prepareGradient(arena, given);
  arena.kernels.rowGradient(gradient.descriptor, 0, given.pieces);
  const { columns, vocabulary } = given;
  const table = { rows: vocabulary, columns };
  const w = arena.floats(table, () => arena.uniform());
  const m = arena.floats(table, () => arena.uniform());
  const v = arena.floats(table, () => Math.abs(arena.uniform()));
  const { touchedAt, fields } = prepareCatchUp(arena, update.catchUp, vocabulary);
  const [from, to] = update.all ? [0, vocabulary] : [0, gradient.places];
  const undo = arena.floats({ rows: 3, columns: (to - from) * columns }, () => 0);
  const scratch = arena.floats({ columns: (to - from) * columns }, () => 0);
  const { g, touched, slots, places } = gradient;
  const descriptor = arena.descriptor(RowUpdate, {
    ...{ kind: Optimizer[update.optimizer], w, columns, vocabulary, places, g, touched, slots, undo, scratch },
    ...(usesM(update.optimizer) ? { m } : {}),
    ...(usesV(update.optimizer) ? { v } : {}),
    ...{ all: update.all ? 1 : 0, now: 4, ...fields },
    ...{ clipFactor: 0.7, clipValue: 0.9, l1: update.l1, l2: update.l2, proximal: update.proximal ? 1 : 0, rate: 0.1 },
    ...{ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, correction1: 0.4, correction2: 0.5 },
  });
  const outputs: Record<string, Block> = { w, undo };
  if (usesM(update.optimizer)) outputs.m = m;
  if (usesV(update.optimizer)) outputs.v = v;
  if (update.catchUp !== 'none') outputs.touchedAt = touchedAt;
  return { descriptor, from, to, touched, outputs, ignored: [scratch] };
}

const plain: RowsCase = {
  ...{ vocabulary: 40, rows: 30, columns: 20, chunkRows: 7, pieces: 8, pieceRows: 1, entries: 5, slack: 3 },
};
const sgd: UpdateCase = { optimizer: 'sgd', catchUp: 'shrink', all: false, l1: 0.1, l2: 0.1, proximal: false };

describe.each(implementations)('$name', (implementation: Implementation) => {
  test('deal sorts the entries of its chunks by piece, in order', () => {
    fc.assert(
      fc.property(rowsCase, fc.nat(5), seed, (given, skipped, seed) => {
        const problem = (arena: BenchArena) => {
          const { descriptor, chunks, outputs } = prepareDeal(arena, given);
          return { outputs, call: () => arena.kernels.deal(descriptor, Math.min(skipped, chunks), chunks) };
        };
        expectParity(implementation, seed, problem, 0);
      }),
      RUNS,
    );
  });

  test('lookup adds up the rows that its entries name, as they are now', () => {
    const kinds = fc.constantFrom(...(Object.keys(CatchUp) as (keyof typeof CatchUp)[]));
    fc.assert(
      fc.property(rowsCase, kinds, fc.nat(2), fc.nat(2), seed, (given, kind, biases, groups, seed) => {
        const problem = (arena: BenchArena) => {
          const perGroup = Math.floor(given.rows / 3);
          const { columns, vocabulary } = given;
          const ldt = columns + given.slack;
          const { fields } = prepareEntries(arena, given);
          const table = arena.floats({ rows: vocabulary, columns, ld: ldt }, () => arena.uniform());
          const m = arena.floats({ rows: vocabulary, columns, ld: ldt }, () => arena.uniform());
          const catchUp = prepareCatchUp(arena, kind, vocabulary).fields;
          const bias = arena.floats({ columns }, () => arena.uniform());
          const out = arena.floats({
            groups: 3,
            rows: perGroup,
            columns,
            ld: ldt,
            group: perGroup * ldt + given.slack,
          });
          const descriptor = arena.descriptor(Lookup, {
            ...{ table, ldt, vocabulary, ...(kind === 'momentum' ? { m } : {}), ...fields, rowGroup: perGroup },
            ...{ out, ldo: ldt, outGroup: out.group, rows: perGroup, columns, ...catchUp },
            ...{ bias: biases > 0 ? bias : 0, bias2: biases > 1 ? bias : 0 },
          });
          const outputs = { out: arena.part(out, { group: groups }) };
          return { outputs, call: () => arena.kernels.lookup(descriptor, groups, 3) };
        };
        expectParity(implementation, seed, problem, 1e-6);
      }),
      RUNS,
    );
  });

  test('rowGradient adds deltas to the rows that the entries name, and nothing elsewhere', () => {
    fc.assert(
      fc.property(rowsCase, fc.nat(64), seed, (given, skipped, seed) => {
        const sums: number[][] = [];
        const problem = (arena: BenchArena) => {
          const { descriptor, g, touched, norms, slots, begins, hash } = prepareGradient(arena, given);
          const from = Math.min(skipped, given.pieces);
          const range = { row: begins[from] };
          const call = () => {
            arena.kernels.rowGradient(descriptor, from, given.pieces);
            sums.push(Array.from({ length: given.pieces - from }, (_, i) => arena.get(norms.offset, from + i)));
          };
          return { outputs: { g: arena.part(g, range), touched, slots }, ignored: [norms, hash], call };
        };
        expectParity(implementation, seed, problem, 2e-6);
        const [expected, actual] = sums;
        expected.forEach((sum, i) => {
          expect(Math.abs(actual[i] - sum)).toBeLessThanOrEqual(1e-5 * (1 + sum));
        });
      }),
      RUNS,
    );
  });

  test('rowUpdate brings rows up to date, does their step, and keeps what it overwrites', () => {
    fc.assert(
      fc.property(rowsCase, updateCase, seed, (given, update, seed) => {
        const problem = (arena: BenchArena) => {
          const { descriptor, from, to, outputs, ignored } = prepareUpdate(arena, given, update);
          return { outputs, ignored, call: () => arena.kernels.rowUpdate(descriptor, from, to) };
        };
        expectParity(implementation, seed, problem, 3e-6);
      }),
      { ...RUNS, numRuns: 200 },
    );
  });

  test.each([-1, 40, 2 ** 30])('feature %i of a table of 40 rows is an error', (feature) => {
    const arena = implementation.arena().begin(1);
    const { features, fields } = prepareEntries(arena, { ...plain, entries: undefined });
    arena.write(arena.part(features, { column: 11, columns: 1 }), [feature]);
    const places = arena.integers({ columns: 200 }, () => 0);
    const deal = arena.descriptor(Deal, {
      ...{ ...fields, rows: 30, chunkRows: 30, vocabulary: 40, pieces: 2, pieceRows: 1 },
      ...{
        dealtFeatures: places,
        dealtRows: arena.integers({ columns: 200 }, () => 0),
        bins: arena.integers({ columns: 3 }, () => 0),
      },
    });
    expect(() => arena.kernels.deal(deal, 0, 1)).toThrow(RangeError);
    const [table, out] = [
      arena.floats({ rows: 40, columns: 2 }, () => 1),
      arena.floats({ rows: 30, columns: 2 }, () => 0),
    ];
    const shape = { ldt: 2, vocabulary: 40, ldo: 2, rows: 30, columns: 2 };
    const lookup = arena.descriptor(Lookup, { ...fields, ...shape, table, out });
    expect(() => arena.kernels.lookup(lookup, 0, 1)).toThrow(RangeError);
  });

  test('a row that is marked beyond the period is an error', () => {
    const arena = implementation.arena().begin(1);
    const { descriptor, to, outputs } = prepareUpdate(arena, plain, { ...sgd, all: true });
    arena.write(arena.part(outputs.touchedAt, { column: 7, columns: 1 }), [PERIOD]);
    expect(() => arena.kernels.rowUpdate(descriptor, 0, to)).toThrow(RangeError);
  });
});

describe.each(tuned)('bits of $name', ({ arena }) => {
  test('a gradient does not depend on how rows are cut into chunks', () => {
    const results = [1, 7, 30].map((chunkRows) => {
      const { descriptor, g, touched, norms, slots } = prepareGradient(arena().begin(3), { ...plain, chunkRows });
      arena().kernels.rowGradient(descriptor, 0, plain.pieces);
      return [g, touched, norms, slots].map((block) => arena().read(block));
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  const widths = OPTIMIZERS.flatMap((optimizer) => [2, 3, 20].map((columns) => [optimizer, columns] as const));
  test.each(widths)('%s gives a row of %i the same bits by its place and among all rows', (optimizer, columns) => {
    const update = { ...sgd, optimizer };
    const given = { ...plain, columns };
    const byPlace = prepareUpdate(arena().begin(4), given, update);
    arena().kernels.rowUpdate(byPlace.descriptor, byPlace.from, byPlace.to);
    const expected = arena().read(byPlace.outputs.w);
    const old = arena().read(prepareUpdate(arena().begin(4), given, { ...update, all: true }).outputs.w);
    const all = prepareUpdate(arena().begin(4), given, { ...update, all: true });
    const touched = new Set(arena().read(all.touched));
    arena().kernels.rowUpdate(all.descriptor, all.from, all.to);
    const actual = arena().read(all.outputs.w);
    for (let i = 0; i < actual.length; i++) {
      const isTouched = touched.has(Math.floor(i / given.columns));
      expect(expected[i]).toBe(isTouched ? actual[i] : old[i]);
    }
  });
});
