// What a table is, whatever file it came from: named columns of equal length, in memory.
// Nothing here knows of models: which columns are learned, and how, is decided elsewhere.

import { UserError } from '../../errors.js';
import type { Writing } from './values.js';

export type Format = 'csv' | 'jsonl' | 'parquet';

export type Column = { readonly name: string } & (
  | { readonly kind: 'number'; readonly values: Float64Array } // NaN: missing
  | { readonly kind: 'date'; readonly values: Float64Array } // milliseconds since 1970, UTC; NaN: missing
  | { readonly kind: 'text'; readonly values: readonly string[] } // '': missing
  | { readonly kind: 'list'; readonly values: readonly (readonly string[])[] } // []: missing
);

export type Kind = Column['kind'];

export interface Table {
  /** The file's path, or what the stream is called. */
  readonly name: string;
  readonly rows: number;
  /** In the order of the file. */
  readonly columns: readonly Column[];
  /** Where a row, counted from 0, came from: "data.csv:12", of Parquet "data.parquet: row 11". */
  place(row: number): string;
  /** CRC-32 of the bytes: tells tables apart that are given in the same way. */
  readonly checksum: number;
  /** Of columns that were taken for text and may be meant for something else: why, and what to do. */
  readonly odd?: ReadonlyMap<string, string>;
  /** What was done to the table that a person should hear of, each a sentence without its full stop. */
  readonly notices: readonly string[];
}

export interface TableOptions {
  /** Only these columns are kept; each must be there. */
  readonly columns?: readonly string[];
  /** The kinds that a trained model needs, by column. Columns that are not named get theirs from their values. */
  readonly as?: Readonly<Record<string, Kind>>;
  /** What a message about the whole file begins with. */
  readonly flag?: string;
  /** How numbers and dates are written. */
  readonly writing?: Writing;
}

/** A table has a builder for each column. Wider ones exist; nothing was measured beyond it. */
export const MAX_COLUMNS = 1 << 15;
/** Names that a message lists. */
const LISTED = 20;
/** Characters of a value that a message shows. */
const SHOWN = 32;

/** A value as messages show it. */
export function shown(value: string): string {
  return JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value);
}

/** Names of columns as messages list them. */
export function listed(names: readonly string[]): string {
  const first = names.slice(0, LISTED).map(shown).join(', ');
  return names.length > LISTED ? `${first}, ... (${names.length} in all)` : first;
}

/** The kind that `as` asks of a column. Names such as "constructor" are names like others. */
export function kindAsked(options: TableOptions, name: string): Kind | undefined {
  const { as } = options;
  return as !== undefined && Object.hasOwn(as, name) ? as[name] : undefined;
}

/** @throws UserError where a column is asked for that the table has not */
export function checkAsked(name: string, options: TableOptions, there: ReadonlySet<string>): void {
  const absent = options.columns?.find((column) => !there.has(column));
  if (absent === undefined) return;
  throw new UserError(
    `${name}: there is no column ${shown(absent)}; ${there.size === 0 ? 'it has none' : `there is ${listed([...there])}`}`,
  );
}

/** Leaves out columns without a value. @throws UserError where one of them is asked for */
export function leaveOutEmpty(name: string, options: TableOptions, empty: readonly string[]): readonly string[] {
  if (empty.length === 0) return [];
  const asked = empty.find((column) => options.columns?.includes(column));
  if (asked !== undefined) {
    throw new UserError(`${name}: the column ${shown(asked)} has no value in any row; leave it out`);
  }
  return [`${name}: without a value in any row, and left out: ${listed(empty)}`];
}
