import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrange, checkTimes, rowByRow } from '../../../src/data/records/arrangement.js';
import { drawnSides, holdOut } from '../../../src/data/records/hold-out.js';
import { cutAt } from '../../../src/data/split.js';
import { tableOf } from './tables.js';

test('rows of a group stand together, sorted by time, those of one time as the file has them', () => {
  const table = tableOf({ who: ['b', 'a', 'b', 'a', 'b'], when: [3, 2, 1, 1, 1] });
  const { order, sequences, names } = arrange(table, 'who', 'when');
  expect([...order]).toEqual([2, 4, 0, 3, 1]);
  expect([[...sequences.from], [...sequences.to]]).toEqual([
    [0, 3],
    [3, 5],
  ]);
  expect(names).toEqual(['b', 'a']);
});

test('a row without its group or its time is refused with its place', () => {
  const table = tableOf({ who: ['b', ''], when: [1, Number.NaN], text: ['x', 'y'] });
  expect(() => arrange(table, 'who', undefined)).toThrow('t.csv:3: column "who" is empty; each row needs its group');
  expect(() => arrange(table, undefined, 'when')).toThrow('t.csv:3: column "when" is empty; each row needs its time');
  expect(() => arrange(table, undefined, 'text')).toThrow('--time: column "text" of t.csv holds text');
  expect(() => arrange(table, 'nobody', undefined)).toThrow(
    '--group: t.csv has no column "nobody"; it has "who", "when", "text"',
  );
});

test('a series has each time once; rows of other series may share it', () => {
  const table = tableOf({ who: ['a', 'b', 'a', 'b'], when: [1, 1, 2, 2] });
  expect(() => checkTimes(table, arrange(table, undefined, 'when'), 'when')).toThrow(
    't.csv:3: "when" is what it is at t.csv:2, and a series has each time once; several series are told apart by --group NAME',
  );
  expect(() => checkTimes(table, arrange(table, 'who', 'when'), 'when')).not.toThrow();
});

test('any share of any groups is held out as wholes: no row is lost, none is in both parts', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { minLength: 1, maxLength: 40 }),
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      fc.integer({ min: 0, max: 1000 }),
      (groups, validation, seed) => {
        const table = tableOf({ group: groups });
        const all = arrange(table, 'group', undefined);
        const { arranged, learned } = holdOut(all, drawnSides(all.names.length, validation, seed));
        expect([...arranged.order].sort((a, b) => a - b)).toEqual(groups.map((_, i) => i));
        expect(learned).toBe(cutAt(new Set(groups).size, validation));
        for (const [i, from] of arranged.sequences.from.entries()) {
          const own = arranged.order.subarray(from, arranged.sequences.to[i]);
          expect(new Set(Array.from(own, (row) => groups[row]))).toEqual(new Set([arranged.names[i]]));
        }
      },
    ),
  );
});

test('what is held out hangs on the seed alone', () => {
  const all = rowByRow(tableOf({ x: Array.from({ length: 100 }, (_, i) => i) }));
  const heldOut = (seed: number): readonly number[] => {
    const { arranged, learned } = holdOut(all, drawnSides(100, 0.2, seed));
    return [...arranged.order.subarray(learned)];
  };
  expect(heldOut(1)).toEqual(heldOut(1));
  expect(heldOut(1)).not.toEqual(heldOut(2));
  expect(heldOut(1)).toHaveLength(20);
});
