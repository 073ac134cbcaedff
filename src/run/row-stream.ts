// Rows of a table that come one at a time: each is read in the state that those before it left behind.

import { didYouMean } from '../config/suggest.js';
import { rowByRow } from '../data/records/arrangement.js';
import type { Columns } from '../data/records/columns.js';
import { encode } from '../data/records/encode.js';
import { type Column, listed, shown, type Table } from '../data/tables/table.js';
import { dateIn } from '../data/tables/values.js';
import { excerpt, UserError } from '../errors.js';
import type { Cursor } from './inference.js';
import { type Prediction, predictionOf } from './predictions.js';

/** A value of a row; null and undefined are missing. */
export type Value = number | string | boolean | Date | null | undefined;

export class RowStream {
  readonly #columns: Columns;
  readonly #cursor: Cursor;

  constructor(columns: Columns, cursor: Cursor) {
    this.#columns = columns;
    this.#cursor = cursor;
  }

  /**
   * Reads a row.
   *
   * @returns what the model says after it; intervals of a forecast are unknown here
   * @throws UserError for a value that its column does not have
   */
  step(row: Readonly<Record<string, Value>>): Prediction {
    this.#check(row);
    const table = tableOf(this.#columns, row);
    const { features } = encode(table, this.#columns, rowByRow(table), false);
    return predictionOf(this.#columns, this.#cursor.stepFeatures(features), 0);
  }

  /** What is missing is read as missing; but a row without any of the columns, or with one that is written otherwise, is a mistake. */
  #check(row: unknown): void {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      throw new UserError(`stream: ${excerpt(row)} is no row; it is an object of values by column`);
    const names = this.#columns.inputs.map(({ name }) => name);
    const absent = names.filter((name) => !Object.hasOwn(row, name));
    if (absent.length === names.length)
      throw new UserError(`stream: ${excerpt(row)} has none of the model's columns, which are ${listed(names)}`);
    for (const key of Object.keys(row)) {
      const guess = names.includes(key) ? '' : didYouMean(key, absent);
      if (guess !== '') throw new UserError(`stream: the model has no column ${shown(key)}${guess}`);
    }
  }

  /** Goes back to the state before the first row. */
  reset(): void {
    this.#cursor.reset();
  }
}

/** Milliseconds since 1970 of a date, which is written as in the table. */
const timeOf = (value: Value, writing: Columns['writing']): number =>
  typeof value === 'string' ? dateIn(value, writing?.dates) : new Date(value as Date).getTime();

function tableOf({ inputs, writing }: Columns, row: Readonly<Record<string, Value>>): Table {
  const columns = inputs.map(({ name, kind }): Column => {
    const value = Object.hasOwn(row, name) ? row[name] : undefined;
    const isMissing = value === undefined || value === null;
    if (kind === 'category') return { name, kind: 'text', values: [isMissing ? '' : String(value)] };
    const number = isMissing ? Number.NaN : kind === 'date' ? timeOf(value, writing) : value;
    if (typeof number !== 'number' || (!isMissing && !Number.isFinite(number)))
      throw new UserError(
        `stream: ${excerpt(value)} is not allowed in column "${name}"; it is a ${kind}, or null where it is missing`,
      );
    return { name, kind: kind === 'date' ? 'date' : 'number', values: Float64Array.of(number) };
  });
  return { name: 'row', rows: 1, columns, place: () => 'row', checksum: 0, notices: [] };
}
