// Lookup tables and column sums: parity with the oracle on any shape, token and stride.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ColumnSums, Gather, PANEL, Scatter } from '../../src/kernels/kernels.js';
import type { BenchArena } from './bench-arena.js';
import { implementations } from './implementations.js';
import { expectParity, groups, panelCount, RUNS, rows, seed, slack } from './parity.js';

const vocabulary = fc.integer({ min: 1, max: 50 });
const biases = fc.constantFrom(0, 1, 2);
/** Small whole numbers have exact sums. */
const wholes = (arena: BenchArena) => () => arena.integer(-8, 9);

/** Panels [from, to) out of `count`, from two numbers. */
const ordered = (one: number, other: number, count: number): [number, number] => [
  Math.min(one, other, count),
  Math.min(Math.max(one, other), count),
];

describe.each(implementations)('$name', (implementation) => {
  test('gather copies the rows of its tokens and adds the biases that there are', () => {
    fc.assert(
      fc.property(
        fc.record({ vocabulary, groups, rows, panelCount, slack, biases }),
        fc.nat(3),
        seed,
        (given, skipped, seed) => {
          const problem = (arena: BenchArena) => {
            const columns = given.panelCount * PANEL;
            const ld = columns + given.slack;
            const table = arena.floats({ rows: given.vocabulary, columns, ld }, wholes(arena));
            const [bias, bias2] = [arena.floats({ columns }, wholes(arena)), arena.floats({ columns }, wholes(arena))];
            const tokens = arena.integers(
              { groups: given.groups, columns: given.rows, group: given.rows + given.slack },
              () => arena.integer(0, given.vocabulary),
            );
            const out = arena.floats({
              groups: given.groups,
              rows: given.rows,
              columns,
              ld,
              group: given.rows * ld + given.slack,
            });
            const descriptor = arena.descriptor(Gather, {
              table,
              ldt: ld,
              vocabulary: given.vocabulary,
              tokens,
              tokenGroup: tokens.group,
              out,
              ldo: ld,
              outGroup: out.group,
              rows: given.rows,
              columns,
              bias: given.biases > 0 ? bias : 0,
              bias2: given.biases > 1 ? bias2 : 0,
            });
            const from = Math.min(skipped, given.groups);
            const outputs = { out: arena.part(out, { group: from }) };
            return { outputs, call: () => arena.kernels.gather(descriptor, from, given.groups) };
          };
          expectParity(implementation, seed, problem, 0);
        },
      ),
      RUNS,
    );
  });

  test('scatter zeroes its columns of the table and adds every row to the row of its token', () => {
    fc.assert(
      fc.property(
        fc.record({ vocabulary, rows, panelCount, slack }),
        fc.nat(7),
        fc.nat(7),
        seed,
        (given, one, other, seed) => {
          const [from, to] = ordered(one, other, given.panelCount);
          const problem = (arena: BenchArena) => {
            const columns = given.panelCount * PANEL;
            const [ldd, ldt] = [columns + given.slack, columns + 2 * given.slack];
            const d = arena.floats({ rows: given.rows, columns, ld: ldd }, wholes(arena));
            const tokens = arena.integers({ columns: given.rows }, () => arena.integer(0, given.vocabulary));
            const table = arena.floats({ rows: given.vocabulary, columns, ld: ldt }, wholes(arena));
            const fields = { d, ldd, tokens, rows: given.rows, table, ldt, vocabulary: given.vocabulary };
            const descriptor = arena.descriptor(Scatter, fields);
            const outputs = { table: arena.part(table, { column: from * PANEL, columns: (to - from) * PANEL }) };
            return { outputs, call: () => arena.kernels.scatter(descriptor, from * PANEL, to * PANEL) };
          };
          expectParity(implementation, seed, problem, 0);
        },
      ),
      RUNS,
    );
  });

  test('columnSums adds the rows in its columns, and copies the sums where a second place is given', () => {
    fc.assert(
      fc.property(
        fc.record({ rows, panelCount: fc.integer({ min: 1, max: 11 }), slack, copied: fc.boolean() }),
        fc.nat(11),
        fc.nat(11),
        seed,
        (given, one, other, seed) => {
          const [from, to] = ordered(one, other, given.panelCount);
          const problem = (arena: BenchArena) => {
            const columns = given.panelCount * PANEL;
            const ldd = columns + given.slack;
            const d = arena.floats({ rows: given.rows, columns, ld: ldd }, wholes(arena));
            const [out, out2] = [arena.floats({ columns }), arena.floats({ columns })];
            const fields = { d, ldd, rows: given.rows, out, out2: given.copied ? out2 : 0 };
            const descriptor = arena.descriptor(ColumnSums, fields);
            const range = { column: from * PANEL, columns: (to - from) * PANEL };
            const outputs = {
              out: arena.part(out, range),
              ...(given.copied ? { out2: arena.part(out2, range) } : {}),
            };
            return { outputs, call: () => arena.kernels.columnSums(descriptor, from * PANEL, to * PANEL) };
          };
          expectParity(implementation, seed, problem, 0);
        },
      ),
      RUNS,
    );
  });

  test('column sums of fractions stay within their rounding, whatever columns lie beside', () => {
    const arena = implementation.arena().begin(1);
    const columns = 11 * PANEL;
    const d = arena.floats({ rows: 700, columns }, () => arena.uniform());
    const [out, single] = [arena.floats({ columns }), arena.floats({ columns })];
    const descriptor = arena.descriptor(ColumnSums, { d, ldd: columns, rows: 700, out });
    const [sums] = arena.run([out], () => arena.kernels.columnSums(descriptor, 0, columns));
    const alone = arena.descriptor(ColumnSums, { d, ldd: columns, rows: 700, out: single });
    for (let j = 0; j < columns; j += PANEL) arena.kernels.columnSums(alone, j, j + PANEL);
    expect(arena.read(single)).toEqual(sums);
    const values = arena.read(d);
    for (let j = 0; j < columns; j++) {
      let exact = 0;
      for (let row = 0; row < 700; row++) exact += values[row * columns + j];
      expect(Math.abs(sums[j] - exact)).toBeLessThan(5e-5);
    }
  });

  test.each([-1, 5, 2 ** 30])('token %i in a vocabulary of 5 is an error', (token) => {
    const arena = implementation.arena().begin(1);
    const table = arena.floats({ rows: 5, columns: PANEL }, () => 0);
    const tokens = arena.integers({ columns: 1 }, () => token);
    const rowsOf = arena.floats({ columns: PANEL }, () => 0);
    const shape = { table, tokens, rows: 1, ldt: PANEL, vocabulary: 5 };
    const gather = arena.descriptor(Gather, { ...shape, out: rowsOf, ldo: PANEL, columns: PANEL });
    const scatter = arena.descriptor(Scatter, { ...shape, d: rowsOf, ldd: PANEL });
    expect(() => arena.kernels.gather(gather, 0, 1)).toThrow(RangeError);
    expect(() => arena.kernels.scatter(scatter, 0, PANEL)).toThrow(RangeError);
  });
});
