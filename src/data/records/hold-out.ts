// What of a table is held out: whole sequences, or the end of each series. They are drawn, or follow from a column or the time.

import { UserError } from '../../errors.js';
import { Counter } from '../../model/counter.js';
import type { Stretches } from '../lines.js';
import { mix } from '../order.js';
import { cutAt } from '../split.js';
import type { AnyTable } from '../tables/long-table.js';
import { type Arrangement, groupsOf, timesOf } from './arrangement.js';
import { columnNamed, eachPart, textsOf } from './table-columns.js';

export interface SplitWishes {
  /** The share that is held out. */
  readonly validation: number;
  readonly seed: number;
  readonly time?: string;
  /** The column whose rows of one value are held out together, or not at all. */
  readonly splitBy?: string;
  /** The column that says of each row where it belongs. */
  readonly splitColumn?: string;
  /** Whether the last ones by time are held out. */
  readonly splitTime: boolean;
}

/** Where a sequence belongs. */
export const LEARNED = 0;
export const HELD_OUT = 1;
const LEFT_OUT = 2;

const SIDES: ReadonlyMap<string, number> = new Map([
  ['train', LEARNED],
  ['training', LEARNED],
  ['validation', HELD_OUT],
  ['valid', HELD_OUT],
  ['val', HELD_OUT],
  ['dev', HELD_OUT],
  ['test', LEFT_OUT],
]);

/** [sequences] where each belongs. @throws UserError where rows of a sequence belong to different sides */
export function sidesOf(table: AnyTable, arranged: Arrangement, wishes: SplitWishes): Uint8Array {
  const { splitBy, splitColumn, splitTime, time, validation, seed } = wishes;
  const { order, sequences } = arranged;
  if (splitColumn !== undefined)
    return Uint8Array.from(sameInEach(table, arranged, namedSides(table, splitColumn), '--split-column', splitColumn));
  if (splitBy !== undefined) {
    const { groupOf, names } = groupsOf(table, splitBy, '--split-by');
    const sides = drawnSides(names.length, validation, seed);
    checkBoth(table, `--split-by: column "${splitBy}"`, sides, validation);
    return Uint8Array.from(sameInEach(table, arranged, groupOf, '--split-by', splitBy), (group) => sides[group]);
  }
  const count = sequences.from.length;
  if (!splitTime) return drawnSides(count, validation, seed);
  const times = timesOf(table, time as string);
  const ends = Float64Array.from(sequences.to, (end) => times[order[end - 1]]);
  const byTime = Int32Array.from(ends, (_, i) => i).sort((a, b) => ends[a] - ends[b] || a - b);
  return heldOut(byTime, validation);
}

/** Some of `count`, drawn by the seed alone. */
export function drawnSides(count: number, validation: number, seed: number): Uint8Array {
  const numbers = new Int32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = i;
  mix(numbers, new Counter(seed, 'held out'));
  return heldOut(numbers, validation);
}

/** The last ones of an order. */
function heldOut(order: Int32Array, validation: number): Uint8Array {
  const sides = new Uint8Array(order.length);
  for (const i of order.subarray(cutAt(order.length, validation))) sides[i] = HELD_OUT;
  return sides;
}

function checkBoth({ name }: Pick<AnyTable, 'name'>, what: string, sides: Uint8Array, validation: number): void {
  if (validation === 0 || (sides.includes(HELD_OUT) && sides.includes(LEARNED))) return;
  throw new UserError(
    `${what} of ${name} has ${sides.length === 1 ? 'one value' : `${sides.length} values`}, of which --validation ${validation} leaves ` +
      'none on one side; it needs more, or another share',
  );
}

/** [rows] what a column says of each. @throws UserError for what is no side, and where nothing is to be learned or held out */
function namedSides(table: AnyTable, name: string): Uint8Array {
  const sides = new Uint8Array(table.rows);
  eachPart(table, columnNamed(table, name, '--split-column'), (column, first) => {
    for (const [i, text] of textsOf(column).entries()) {
      const side = SIDES.get(text.trim().toLowerCase());
      if (side === undefined)
        throw new UserError(
          `${table.place(first + i)}: ${JSON.stringify(text)} is not allowed in column "${name}", which is --split-column; ` +
            'a value there is train, validation or test',
        );
      sides[first + i] = side;
    }
  });
  const missing = [LEARNED, HELD_OUT].find((side) => !sides.includes(side));
  if (missing === undefined) return sides;
  throw new UserError(
    `--split-column: no row of column "${name}" of ${table.name} is ${missing === LEARNED ? 'train' : 'validation'}; some have to be`,
  );
}

/** [sequences] what the rows of each have in common. */
function sameInEach(
  table: AnyTable,
  { order, sequences: { from, to } }: Arrangement,
  values: Uint8Array | Int32Array,
  flag: string,
  name: string,
): Int32Array {
  return from.map((begin, i) => {
    for (let at = begin + 1; at < to[i]; at++) {
      if (values[order[at]] === values[order[begin]]) continue;
      throw new UserError(
        `${table.place(order[at])}: column "${name}", which is ${flag}, has another value at ${table.place(order[begin])}; ` +
          'both rows are of one sequence, which is held out as a whole or not at all',
      );
    }
    return values[order[begin]];
  });
}

/** Puts sequences that are held out last, and leaves those out that are neither. @returns how many are learned */
export function holdOut(
  { order, sequences: { from, to }, names }: Arrangement,
  sides: Uint8Array,
): { readonly arranged: Arrangement; readonly learned: number } {
  // Within each part the file's order.
  const numbers = new Int32Array(sides.length);
  let count = 0;
  const take = (side: number): number => {
    for (let i = 0; i < sides.length; i++) if (sides[i] === side) numbers[count++] = i;
    return count;
  };
  const learned = take(LEARNED);
  const kept = numbers.subarray(0, take(HELD_OUT));
  const sequences = { from: new Int32Array(kept.length), to: new Int32Array(kept.length) };
  const moved = new Int32Array(kept.reduce((sum, i) => sum + to[i] - from[i], 0));
  let at = 0;
  for (let i = 0; i < kept.length; i++) {
    sequences.from[i] = at;
    for (let row = from[kept[i]]; row < to[kept[i]]; row++) moved[at++] = order[row];
    sequences.to[i] = at;
  }
  const renamed = names.length > 0 ? Array.from(kept, (i) => names[i]) : names;
  return { arranged: { order: moved, sequences, names: renamed }, learned };
}

/** Of each series the place in the order where what is held out begins, and where it ends. */
export interface Cuts {
  readonly cuts: Int32Array;
  readonly ends: Int32Array;
}

export function cutsOf(table: AnyTable, arranged: Arrangement, wishes: SplitWishes): Cuts {
  const { splitBy, splitColumn, splitTime, validation } = wishes;
  const { from, to } = arranged.sequences;
  if (splitColumn !== undefined) return namedCuts(table, arranged, namedSides(table, splitColumn), splitColumn);
  if (splitTime) return { cuts: timeCuts(table, arranged, wishes), ends: to };
  if (splitBy === undefined)
    return { cuts: from.map((begin, i) => begin + cutAt(to[i] - begin, validation)), ends: to };
  const sides = sidesOf(table, arranged, wishes);
  return { cuts: from.map((begin, i) => (sides[i] === LEARNED ? to[i] : begin)), ends: to };
}

/** One time for all series: the share of rows that is not before it is held out. */
function timeCuts(
  table: AnyTable,
  { order, sequences: { from, to } }: Arrangement,
  { time, validation }: SplitWishes,
): Int32Array {
  const times = timesOf(table, time as string);
  const sorted = times.slice().sort();
  const first = sorted[cutAt(sorted.length, validation)] ?? Number.POSITIVE_INFINITY;
  return from.map((begin, i) => {
    let at = begin;
    while (at < to[i] && times[order[at]] < first) at++;
    return at;
  });
}

/** A series goes from train to validation to test. */
function namedCuts(
  table: AnyTable,
  { order, sequences: { from, to } }: Arrangement,
  sides: Uint8Array,
  name: string,
): Cuts {
  const endOf = (side: number, begin: number, end: number): number => {
    let at = begin;
    while (at < end && sides[order[at]] === side) at++;
    return at;
  };
  const cuts = from.map((begin, i) => endOf(LEARNED, begin, to[i]));
  const ends = cuts.map((cut, i) => endOf(HELD_OUT, cut, to[i]));
  for (const [i, end] of ends.entries()) {
    const rest = endOf(LEFT_OUT, end, to[i]);
    if (rest === to[i]) continue;
    throw new UserError(
      `${table.place(order[rest])}: column "${name}" goes back here; a series is train first, then validation, then test`,
    );
  }
  return { cuts, ends };
}

/** Stretches of an order as one. */
export function joined(order: Int32Array, { from, to }: Stretches): Int32Array {
  const all = new Int32Array(from.reduce((sum, begin, i) => sum + to[i] - begin, 0));
  let at = 0;
  for (const [i, begin] of from.entries()) {
    all.set(order.subarray(begin, to[i]), at);
    at += to[i] - begin;
  }
  return all;
}
