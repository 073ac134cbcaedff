// Columns of a table as a model's description wants them.

import { UserError } from '../../errors.js';
import { type Column, listed, shown, type Table } from '../tables/table.js';

/** @param flag that names the column. @throws UserError that lists the columns there are */
export function columnNamed(table: Table, name: string, flag: string): Column {
  const found = table.columns.find((column) => column.name === name);
  if (found) return found;
  const names = listed(table.columns.map((column) => column.name));
  throw new UserError(`${flag}: ${table.name} has no column ${shown(name)}; it has ${names}`);
}

/** What may be wrong with a column of texts, for messages about it: begins with "; ", or is empty. */
export function oddOf({ odd }: Table, name: string): string {
  const found = odd?.get(name);
  return found === undefined ? '' : `; ${found}`;
}

/** Each value as a text, empty where it is missing. @throws UserError for a column of lists */
export function textsOf(column: Column): readonly string[] {
  if (column.kind === 'text') return column.values;
  if (column.kind === 'number') return Array.from(column.values, (value) => (Number.isNaN(value) ? '' : `${value}`));
  if (column.kind === 'date')
    return Array.from(column.values, (value) => (Number.isNaN(value) ? '' : new Date(value).toISOString()));
  throw new UserError(`column "${column.name}" holds lists; a column of single values is needed there`);
}

/** Different values, as texts: numbers by size, others by code points; without what is missing. */
export function distinct(values: Iterable<string>): readonly string[] {
  const all = [...new Set(values)].filter((value) => value !== '');
  const areNumbers = all.every((value) => Number.isFinite(Number(value)));
  return all.sort(areNumbers ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
