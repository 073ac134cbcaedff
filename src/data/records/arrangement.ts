// Which rows of a table follow each other in time: a sequence for each group, the rows of each by time.

import { UserError } from '../../errors.js';
import type { Stretches } from '../lines.js';
import type { AnyTable } from '../tables/long-table.js';
import type { Columns } from './columns.js';
import { columnNamed, eachPart, firstRounded, numbersIn, oddOf, textsOf } from './table-columns.js';

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

/** The number of each row's group, by their first rows, and the groups' names. @param flag that names the column */
export function groupsOf(
  table: AnyTable,
  group: string,
  flag = '--group',
): { readonly groupOf: Int32Array; readonly names: readonly string[] } {
  const numbers = new Map<string, number>();
  const groupOf = new Int32Array(table.rows);
  eachPart(table, columnNamed(table, group, flag), (column, first) => {
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

/** @throws UserError where the column is none of times, or a row has none */
export function timesOf(table: AnyTable, name: string): Float64Array {
  const column = columnNamed(table, name, '--time');
  if (column.kind !== 'number' && column.kind !== 'date')
    throw new UserError(
      `--time: column "${name}" of ${table.name} holds text; it is a column of numbers or of dates such as 2024-05-31${oddOf(table, name)}`,
    );
  const times = numbersIn(table, column);
  const rounded = firstRounded(times);
  if (rounded !== undefined)
    throw new UserError(
      `--time: column "${name}" of ${table.name} has ${rounded}, beyond 2^53, from where on not each whole number is there; divide it`,
    );
  const row = times.findIndex(Number.isNaN);
  if (row >= 0) throw new UserError(`${table.place(row)}: column "${name}" is empty; each row needs its time`);
  return times;
}
