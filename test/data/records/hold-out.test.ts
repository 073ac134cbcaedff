// What of a table is held out, by what was asked for; beside what each way is to keep apart.
import { describe, expect, test } from 'vitest';
import { arrangeRows, rowByRow } from '../../../src/data/records/arrangement.js';
import { cutsOf, HELD_OUT, holdOut, LEARNED, type SplitWishes, sidesOf } from '../../../src/data/records/hold-out.js';
import type { Table } from '../../../src/data/tables/table.js';

const ROWS = 60;
const each = <T>(made: (row: number) => T): T[] => Array.from({ length: ROWS }, (_, row) => made(row));
/** Rows of ten machines, dealt in turn; their hours go down. */
const table: Table = {
  ...{ name: 'rows.csv', rows: ROWS, checksum: 0, notices: [], place: (row) => `rows.csv:${row + 2}` },
  columns: [
    { name: 'machine', kind: 'text', values: each((row) => `m${row % 10}`) },
    { name: 'hour', kind: 'number', values: Float64Array.from(each((row) => ROWS - row)) },
    { name: 'plant', kind: 'text', values: each((row) => (row % 10 < 4 ? 'north' : row % 10 < 7 ? 'east' : 'south')) },
    { name: 'part', kind: 'text', values: each((row) => ['train', 'Validation', 'test'][row % 3]) },
    {
      name: 'side',
      kind: 'text',
      values: each((row) => (row % 10 === 3 ? 'test' : row % 10 > 6 ? 'dev' : 'training')),
    },
    { name: 'along', kind: 'text', values: each((row) => (row < 20 ? 'test' : row < 40 ? 'val' : 'train')) },
    { name: 'odd', kind: 'text', values: each((row) => (row === 7 ? 'later' : 'train')) },
  ],
};
const sequences = arrangeRows(table, { task: 'classify', group: 'machine', time: 'hour' }, false);
const wishes = (given: Partial<SplitWishes>): SplitWishes => ({ validation: 0.3, seed: 1, splitTime: false, ...given });
const heldMachines = (given: Partial<SplitWishes>): readonly string[] => {
  const sides = sidesOf(table, sequences, wishes(given));
  return sequences.names.filter((_, i) => sides[i] === HELD_OUT);
};

describe('whole sequences', () => {
  test('are drawn by the seed', () => {
    expect(heldMachines({})).toHaveLength(3);
    expect(heldMachines({})).toEqual(heldMachines({}));
    expect(new Set([1, 2, 3, 4, 5].map((seed) => heldMachines({ seed }).join())).size).toBeGreaterThan(1);
  });

  test('of one value of a column are on the same side', () => {
    const plantOf = (machine: string): string => {
      const number = Number(machine.slice(1));
      return number < 4 ? 'north' : number < 7 ? 'east' : 'south';
    };
    for (const seed of [1, 2, 3]) {
      const held = heldMachines({ splitBy: 'plant', seed });
      const plants = new Set(held.map(plantOf));
      expect(plants.size).toBe(1);
      expect(held).toEqual(sequences.names.filter((machine) => plants.has(plantOf(machine))));
    }
  });

  test('belong where a column says, and some to neither side', () => {
    expect(heldMachines({ splitColumn: 'side' })).toEqual(['m7', 'm8', 'm9']);
    const { arranged, learned } = holdOut(sequences, sidesOf(table, sequences, wishes({ splitColumn: 'side' })));
    expect(arranged.names).toEqual(['m0', 'm1', 'm2', 'm4', 'm5', 'm6', 'm7', 'm8', 'm9']);
    expect(learned).toBe(6);
    expect([...arranged.order].every((row) => row % 10 !== 3)).toBe(true);
  });

  test('that end last are held out by time', () => {
    // Hours go down: row 0 is the last one, of machine 0.
    expect(heldMachines({ splitTime: true, time: 'hour' })).toEqual(['m0', 'm1', 'm2']);
  });

  test('of a column with too few values for the share are refused', () => {
    const sides = () => sidesOf(table, sequences, wishes({ splitBy: 'plant', validation: 0.9999 }));
    expect(sides).toThrow('has 3 values, of which --validation 0.9999 leaves none on one side');
  });

  test('rows that stand by themselves are held out in the same ways', () => {
    const rows = rowByRow(table);
    const sides = sidesOf(table, rows, wishes({ splitBy: 'machine' }));
    for (let row = 10; row < ROWS; row++) expect(sides[row]).toBe(sides[row % 10]);
    expect(sides.filter((side) => side === LEARNED)).toHaveLength(42);
    const byTime = sidesOf(table, rows, wishes({ splitTime: true, time: 'hour' }));
    expect([...byTime]).toEqual(each((row) => (row < 18 ? HELD_OUT : LEARNED)));
  });

  test.each([
    [
      '--split-by',
      { splitBy: 'part' },
      'rows.csv:42: column "part", which is --split-by, has another value at rows.csv:52',
    ],
    ['--split-column', { splitColumn: 'part' }, 'column "part", which is --split-column, has another value at'],
    ['no side', { splitColumn: 'odd' }, 'rows.csv:9: "later" is not allowed in column "odd", which is --split-column'],
    ['one side alone', { splitColumn: 'plant' }, '"north" is not allowed'],
    ['no such column', { splitBy: 'factory' }, '--split-by: rows.csv has no column "factory"'],
  ])('%s that cannot be is refused, with its place', (_, given, message) => {
    expect(() => sidesOf(table, sequences, wishes(given))).toThrow(message);
  });
});

describe('the ends of series', () => {
  const lengthsOf = (given: Partial<SplitWishes>) => {
    const { cuts, ends } = cutsOf(table, sequences, wishes(given));
    const { from } = sequences.sequences;
    return [...cuts].map((cut, i) => [cut - from[i], ends[i] - from[i]]);
  };

  test('are a share of each', () => {
    expect(lengthsOf({})).toEqual(new Array(10).fill([4, 6]));
  });

  test('begin at one time for all', () => {
    const { order, sequences: of } = sequences;
    const { cuts } = cutsOf(table, sequences, wishes({ splitTime: true, time: 'hour' }));
    const hour = (at: number): number => ROWS - order[at];
    for (const [i, cut] of cuts.entries()) {
      for (let at = of.from[i]; at < cut; at++) expect(hour(at)).toBeLessThan(43);
      for (let at = cut; at < of.to[i]; at++) expect(hour(at)).toBeGreaterThanOrEqual(43);
    }
  });

  test('are where a column says, and what comes behind is left out', () => {
    expect(lengthsOf({ splitColumn: 'along' })).toEqual(new Array(10).fill([2, 4]));
  });

  test('may be whole series', () => {
    const lengths = lengthsOf({ splitBy: 'plant' }).map(([learned]) => learned);
    expect(new Set(lengths)).toEqual(new Set([0, 6]));
  });
});
