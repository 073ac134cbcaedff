// Whether the rows of each sequence say the same of it, in a table of any length.

import { UserError } from '../../errors.js';
import type { AnyTable } from '../tables/long-table.js';
import type { Arrangement } from './arrangement.js';
import type { Columns } from './columns.js';
import { columnNamed, eachPart, numbersIn, textOf, textsOf } from './table-columns.js';

/** @throws UserError where rows of a sequence say different things of it */
export function checkSameTargets(table: AnyTable, columns: Columns, { order, sequences }: Arranged): void {
  const { from, to } = sequences;
  if (from.length === order.length) return;
  const { task, group } = columns;
  for (const { name } of columns.targets) {
    const { values, found } = comparable(table, name);
    for (const [i, begin] of from.entries()) {
      const first = order[begin];
      let at = begin + 1;
      while (at < to[i] && isSame(values[order[at]], values[first])) at++;
      if (at >= to[i]) continue;
      const other = order[at];
      throw new UserError(
        `${table.place(other)}: column "${name}" is ${found(other)}, and ${found(first)} at ${table.place(first)}; ` +
          `--task ${task} has one for each ${group === undefined ? 'sequence: name its rows with --group' : `"${group}"`}; --task tag has one for each row`,
      );
    }
  }
}

const isSame = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));

type Arranged = Pick<Arrangement, 'order' | 'sequences'>;

/** A column in numbers that are the same where its values are, and what a message shows of a row. */
function comparable(table: AnyTable, name: string): { values: ArrayLike<number>; found: (row: number) => string } {
  const head = columnNamed(table, name, '--target');
  const { kind } = head;
  if (kind === 'number' || kind === 'date') {
    const values = numbersIn(table, head);
    return { values, found: (row) => JSON.stringify(textOf[kind](values[row])) };
  }
  const known = new Map<string, number>();
  const values = new Int32Array(table.rows);
  eachPart(table, head, (column, first) => {
    for (const [row, text] of textsOf(column).entries()) {
      if (!known.has(text)) known.set(text, known.size);
      values[first + row] = known.get(text) as number;
    }
  });
  const texts = [...known.keys()];
  return { values, found: (row) => JSON.stringify(texts[values[row]]) };
}
