// Which rows of a table follow each other in time: a sequence for each group, the rows of each by time, and which of the sequences,
// or which end of each, is held out.

import { UserError } from '../../errors.js';
import { Counter } from '../../model/counter.js';
import type { Stretches } from '../lines.js';
import { mix } from '../order.js';
import type { AnyTable } from '../tables/long-table.js';
import type { Columns } from './columns.js';
import { columnNamed, eachPart, numbersIn, textsOf } from './table-columns.js';

export interface Arrangement {
  /** Rows of the table, sequence after sequence. */
  readonly order: Int32Array;
  /** Which of `order` each sequence has. */
  readonly sequences: Stretches;
  /** What each sequence is called: its group's value; empty where there are no groups. */
  readonly names: readonly string[];
}

/** The table's rows as they follow each other. @throws UserError where `time` is no time, or a row has none */
export function arrange(table: AnyTable, group: string | undefined, time: string | undefined): Arrangement {
  const { groupOf, names } =
    group === undefined ? { groupOf: new Int32Array(table.rows), names: [] } : groupsOf(table, group);
  const count = Math.max(1, names.length);
  // Counting sort: rows of a group stay in the file's order.
  const to = new Int32Array(count);
  for (const number of groupOf) to[number]++;
  for (let i = 1; i < count; i++) to[i] += to[i - 1];
  const from = Int32Array.from(to, (_, i) => (i === 0 ? 0 : to[i - 1]));
  const next = from.slice();
  const order = new Int32Array(table.rows);
  for (let row = 0; row < order.length; row++) order[next[groupOf[row]]++] = row;
  if (time !== undefined) sortByTime(timesOf(table, time), order, { from, to });
  return { order, sequences: { from, to }, names };
}

/** The number of each row's group, by their first rows, and the groups' names. */
function groupsOf(table: AnyTable, group: string): { readonly groupOf: Int32Array; readonly names: readonly string[] } {
  const numbers = new Map<string, number>();
  const groupOf = new Int32Array(table.rows);
  eachPart(table, columnNamed(table, group, '--group'), (column, first) => {
    for (const [i, name] of textsOf(column).entries()) {
      if (name === '')
        throw new UserError(`${table.place(first + i)}: column "${group}" is empty; each row needs its group`);
      let number = numbers.get(name);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(name, number);
      }
      groupOf[first + i] = number;
    }
  });
  return { groupOf, names: [...numbers.keys()] };
}

/** Rows of one time stay in the file's order. */
function sortByTime(times: Float64Array, order: Int32Array, { from, to }: Stretches): void {
  for (const [i, begin] of from.entries()) {
    const rows = order.subarray(begin, to[i]);
    let sorted = true;
    for (let at = 1; at < rows.length && sorted; at++) sorted = times[rows[at - 1]] <= times[rows[at]];
    if (!sorted) rows.sort((a, b) => times[a] - times[b] || a - b);
  }
}

/** @throws UserError where two rows of a series have the same time */
export function checkTimes(table: AnyTable, { order, sequences: { from, to } }: Arrangement, time: string): void {
  const times = timesOf(table, time);
  for (const [i, begin] of from.entries()) {
    for (let at = begin + 1; at < to[i]; at++) {
      if (times[order[at]] !== times[order[at - 1]]) continue;
      throw new UserError(
        `${table.place(order[at])}: "${time}" is what it is at ${table.place(order[at - 1])}, and a series has each time once; ` +
          'several series are told apart by --group NAME',
      );
    }
  }
}

/**
 * The table's rows as a task wants them.
 *
 * @param apart each row is a sequence of its own
 */
export function arrangeRows(
  table: AnyTable,
  { task, group, time }: Pick<Columns, 'task' | 'group' | 'time'>,
  apart: boolean,
): Arrangement {
  const arranged = apart ? rowByRow(table) : arrange(table, group, time);
  if (task === 'forecast' && time !== undefined) checkTimes(table, arranged, time);
  return arranged;
}

/** Each row is a sequence of its own. */
export const rowByRow = ({ rows }: Pick<AnyTable, 'rows'>): Arrangement => {
  const order = new Int32Array(rows);
  for (let row = 0; row < rows; row++) order[row] = row;
  return { order, sequences: { from: order, to: order.map((row) => row + 1) }, names: [] };
};

function timesOf(table: AnyTable, name: string): Float64Array {
  const column = columnNamed(table, name, '--time');
  if (column.kind !== 'number' && column.kind !== 'date')
    throw new UserError(
      `--time: column "${name}" of ${table.name} holds text; it is a column of numbers or of dates such as 2024-05-31`,
    );
  const times = numbersIn(table, column);
  const row = times.findIndex(Number.isNaN);
  if (row >= 0) throw new UserError(`${table.place(row)}: column "${name}" is empty; each row needs its time`);
  return times;
}

/** Puts sequences that are held out last. @returns how many are not */
export function holdOutSequences(
  { order, sequences: { from, to }, names }: Arrangement,
  validation: number,
  seed: number,
): { readonly arranged: Arrangement; readonly learned: number } {
  const numbers = Int32Array.from(from, (_, i) => i);
  mix(numbers, new Counter(seed, 'held out'));
  const learned = Math.floor(numbers.length * (1 - validation));
  // Within each part the file's order: the seed decides on the parts alone.
  numbers.subarray(0, learned).sort();
  numbers.subarray(learned).sort();
  const moved = new Int32Array(order.length);
  const [newFrom, newTo] = [new Int32Array(numbers.length), new Int32Array(numbers.length)];
  let at = 0;
  for (const [i, sequence] of numbers.entries()) {
    newFrom[i] = at;
    moved.set(order.subarray(from[sequence], to[sequence]), at);
    at += to[sequence] - from[sequence];
    newTo[i] = at;
  }
  const renamed = names.length > 0 ? Array.from(numbers, (i) => names[i]) : names;
  return { arranged: { order: moved, sequences: { from: newFrom, to: newTo }, names: renamed }, learned };
}
