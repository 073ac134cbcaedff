// Columns of a table as a model's description wants them.

import { UserError } from '../../errors.js';
import { type AnyTable, type Head, LongTable, partsOf } from '../tables/long-table.js';
import { type Column, listed, shown, type Table } from '../tables/table.js';

/** @param flag that names the column. @throws UserError that lists the columns there are */
export function columnNamed<C extends Head>(
  table: { readonly name: string; readonly columns: readonly C[] },
  name: string,
  flag: string,
): C {
  const found = table.columns.find((column) => column.name === name);
  if (found) return found;
  const names = listed(table.columns.map((column) => column.name));
  throw new UserError(`${flag}: ${table.name} has no column ${shown(name)}; it has ${names}`);
}

/** What may be wrong with a column of texts, for messages about it: begins with "; ", or is empty. */
export function oddOf({ odd }: Pick<Table, 'odd'>, name: string): string {
  const found = odd?.get(name);
  return found === undefined ? '' : `; ${found}`;
}

/** Goes through a column, a part of the table at a time. @param visit gets the part's column, and its first row */
export function eachPart(
  table: AnyTable,
  head: Head,
  visit: (column: Column, first: number, part: Table) => void,
): void {
  eachPartOf(table, [head], ([column], first, part) => visit(column, first, part));
}

/** The same of several columns. */
export function eachPartOf(
  table: AnyTable,
  heads: readonly Head[],
  visit: (columns: readonly Column[], first: number, part: Table) => void,
): void {
  const names = heads.map(({ name }) => name);
  let first = 0;
  for (const part of partsOf(table, names)) {
    const columns = names.map((name) => columnNamed(part, name, '--features'));
    visit(columns, first, part);
    first += part.rows;
  }
}

/** From here on a number stands for several that are written. @returns the first such number of a column of names or times */
export const firstRounded = (values: Iterable<number>): number | undefined => {
  for (const value of values) if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return value;
  return undefined;
};

/** All values of a column of numbers or dates. */
export function numbersIn(table: AnyTable, head: Head): Float64Array {
  if (!(table instanceof LongTable)) return (columnNamed(table, head.name, '--features') as NumberColumn).values;
  const all = new Float64Array(table.rows);
  eachPart(table, head, (column, first) => all.set((column as NumberColumn).values, first));
  return all;
}

export type NumberColumn = Extract<Column, { kind: 'number' | 'date' }>;
export type ListColumn = Extract<Column, { kind: 'list' }>;

/** With more different values a column tells every row apart, and no model learns from it. */
const MOST_DIFFERENT = 1 << 20;

/**
 * The different values of a column, as texts; without what is missing, in the order of `distinct`.
 *
 * @param textsIn what is counted of a part. @throws UserError where hardly any value comes again
 */
export function distinctIn(
  table: AnyTable,
  head: Head,
  flag: string,
  textsIn: (column: Column) => Iterable<string>,
): readonly string[] {
  const all = new Set<string>();
  eachPart(table, head, (column) => {
    for (const text of textsIn(column)) all.add(text);
    if (all.size > MOST_DIFFERENT)
      throw new UserError(
        `${flag}: column "${head.name}" of ${table.name} has more than ${MOST_DIFFERENT} different values; leave it out`,
      );
  });
  return distinct(all);
}

/** A value as a text, empty where it is missing. */
export const textOf = {
  number: (value: number): string => (Number.isNaN(value) ? '' : `${value}`),
  date: (value: number): string => (Number.isNaN(value) ? '' : new Date(value).toISOString()),
} as const;

/** Each value as a text, empty where it is missing. @throws UserError for a column of lists */
export function textsOf(column: Column): readonly string[] {
  if (column.kind === 'text') return column.values;
  if (column.kind !== 'list') return Array.from(column.values, textOf[column.kind]);
  throw new UserError(`column "${column.name}" holds lists; a column of single values is needed there`);
}

/** Different values, as texts: numbers by size, others by code points; without what is missing. */
export function distinct(values: Iterable<string>): readonly string[] {
  const all = [...new Set(values)].filter((value) => value !== '');
  const areNumbers = all.every((value) => Number.isFinite(Number(value)));
  return all.sort(areNumbers ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
