// K winners take all: which values of a row stay, and that every implementation makes the same bits of the same row.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PANEL, Winners } from '../../src/kernels/kernels.js';
import type { BenchArena } from './bench-arena.js';
import { implementations } from './implementations.js';
import { groups, RUNS, rows, seed, slack } from './parity.js';

/** Numbers of all sizes, few of them different where ties are wanted; what ReLU never gives is among them. */
const kinds: Readonly<Record<string, (arena: BenchArena) => number>> = {
  'as ReLU gives them': (arena) => Math.max(0, arena.uniform()),
  'many ties': (arena) => arena.integer(0, 4) / 4,
  'all sizes': (arena) => Math.fround(2 ** arena.integer(-90, 90) * (1 + Math.abs(arena.uniform()))),
  'all but one below zero': (arena) => (arena.integer(0, 40) === 0 ? 1 : -Math.abs(arena.uniform())),
  'NaN, infinities and zeros of both signs': (arena) =>
    [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, 0.5, 0.25][arena.integer(0, 8)],
};

const given = fc.record({
  ...{ groups, rows, slack, blocks: fc.integer({ min: 0, max: 20 }), kind: fc.constantFrom(...Object.keys(kinds)) },
  keep: fc.oneof(fc.constantFrom(0, 1, 1000), fc.integer({ min: 1, max: 200 })),
});
type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

function prepare(arena: BenchArena, { groups, rows, slack, blocks, kind, keep }: Given) {
  const columns = blocks * PANEL;
  const lda = columns + slack;
  const a = arena.floats({ groups, rows, columns, ld: lda, group: rows * lda + slack }, () => kinds[kind](arena));
  return { a, columns, descriptor: arena.descriptor(Winners, { a, lda, aGroup: a.group, rows, columns, keep }) };
}

/** The definition, value by value: how many come before it. */
function winnersOf(row: Float64Array, keep: number): Float64Array {
  return row.map((value, i) => {
    if (Number.isNaN(value)) return value;
    const before = row.filter((other, j) => other > value || (other === value && j < i)).length;
    return value > 0 && before < keep ? value : 0;
  });
}

describe.each(implementations)('$name', ({ arena: arenaOf }) => {
  test('of each row the largest values stay, of equal ones those in lower columns, and NaN', () => {
    fc.assert(
      fc.property(given, seed, (given, seed) => {
        const arena = arenaOf().begin(seed);
        const { a, columns, descriptor } = prepare(arena, given);
        const before = arena.read(a);
        const [after] = arena.run([a], () => arena.kernels.winners(descriptor, 0, given.groups));
        for (let at = 0; at < before.length; at += columns)
          expect(after.subarray(at, at + columns)).toEqual(winnersOf(before.subarray(at, at + columns), given.keep));
      }),
      RUNS,
    );
  });

  test('a number to keep that is none is refused', () => {
    const arena = arenaOf().begin(1);
    const { descriptor } = prepare(arena, {
      ...{ groups: 1, rows: 2, slack: 0, blocks: 2, kind: 'many ties', keep: 3 },
    });
    for (const wrong of [-1, 1.5, Number.NaN]) {
      arena.set(descriptor, Winners.keep, wrong);
      arena.run([], () => expect(() => arena.kernels.winners(descriptor, 0, 1)).toThrow(RangeError));
    }
  });

  test('groups outside of the call are left alone', () => {
    const arena = arenaOf().begin(1);
    const { a, descriptor } = prepare(arena, {
      ...{ groups: 3, rows: 2, slack: 5, blocks: 2, kind: 'many ties', keep: 3 },
    });
    const middle = arena.part(a, { group: 1, groups: 1 });
    const [after] = arena.run([middle], () => arena.kernels.winners(descriptor, 1, 2));
    expect(after.filter((value) => value > 0)).toHaveLength(2 * 3);
  });
});
