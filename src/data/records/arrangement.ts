// Which rows of a table follow each other in time: a sequence for each group, the rows of each by time, and which of the sequences,
// or which end of each, is held out.

import { UserError } from '../../errors.js';
import { Counter } from '../../model/counter.js';
import type { Stretches } from '../lines.js';
import { mix } from '../order.js';
import type { Column, Table } from '../tables/table.js';
import type { Columns } from './columns.js';
import { columnNamed, oddOf, textsOf } from './table-columns.js';

export interface Arrangement {
  /** Rows of the table, sequence after sequence. */
  readonly order: Int32Array;
  /** Which of `order` each sequence has. */
  readonly sequences: Stretches;
  /** What each sequence is called: its group's value; empty where there are no groups. */
  readonly names: readonly string[];
}

/** The table's rows as they follow each other. @throws UserError where `time` is no time, or a row has none */
export function arrange(table: Table, group: string | undefined, time: string | undefined): Arrangement {
  const order = Int32Array.from({ length: table.rows }, (_, row) => row);
  const names = group === undefined ? undefined : textsOf(columnNamed(table, group, '--group'));
  const numbers = new Map<string, number>();
  const numberOf = (row: number): number => {
    if (names === undefined) return 0;
    const name = names[row];
    if (name === '') throw new UserError(`${table.place(row)}: column "${group}" is empty; each row needs its group`);
    const known = numbers.get(name);
    if (known !== undefined) return known;
    numbers.set(name, numbers.size);
    return numbers.size - 1;
  };
  const groupOf = Int32Array.from(order, numberOf);
  const times = time === undefined ? undefined : timesOf(table, time);
  // Rows of one time stay in the file's order.
  order.sort((a, b) => groupOf[a] - groupOf[b] || (times ? times[a] - times[b] : 0) || a - b);
  const from: number[] = [];
  for (let i = 0; i < order.length; i++) if (i === 0 || groupOf[order[i]] !== groupOf[order[i - 1]]) from.push(i);
  const to = [...from.slice(1), order.length];
  return {
    order,
    sequences: { from: Int32Array.from(from), to: Int32Array.from(to) },
    names: [...numbers.keys()],
  };
}

/** @throws UserError where two rows of a series have the same time */
export function checkTimes(table: Table, { order, sequences: { from, to } }: Arrangement, time: string): void {
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
  table: Table,
  { task, group, time }: Pick<Columns, 'task' | 'group' | 'time'>,
  apart: boolean,
): Arrangement {
  const arranged = apart ? rowByRow(table) : arrange(table, group, time);
  if (task === 'forecast' && time !== undefined) checkTimes(table, arranged, time);
  return arranged;
}

/** Each row is a sequence of its own. */
export const rowByRow = ({ rows }: Table): Arrangement => {
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  return { order, sequences: { from: order, to: order.map((row) => row + 1) }, names: [] };
};

function timesOf(table: Table, name: string): Float64Array {
  const column: Column = columnNamed(table, name, '--time');
  if (column.kind !== 'number' && column.kind !== 'date')
    throw new UserError(
      `--time: column "${name}" of ${table.name} holds text; it is a column of numbers or of dates such as 2024-05-31${oddOf(table, name)}`,
    );
  const missing = column.values.indexOf(Number.NaN);
  const row = missing >= 0 ? missing : column.values.findIndex(Number.isNaN);
  if (row >= 0) throw new UserError(`${table.place(row)}: column "${name}" is empty; each row needs its time`);
  return column.values;
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
