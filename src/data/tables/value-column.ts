// One column of values that come with their types, as in JSON lines and Parquet: numbers, dates, text or lists. A column of strings
// that are all dates is one of dates.

import { UserError } from '../../errors.js';
import { Growing } from '../growing.js';
import { datesOf, type Values } from './long-table.js';
import { mostlyNote, OddValues } from './odd-values.js';
import { type Column, type Kind, shown } from './table.js';
import { Texts } from './texts.js';
import { allowedIn, commaNumber, dateIn, isFault, type Writing } from './values.js';

export type Value = number | string | Date | readonly string[];

const FOUND: Readonly<Record<Kind, string>> = { number: 'a number', date: 'a date', text: 'text', list: 'a list' };
const NO_LIST: readonly string[] = [];
const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

export interface ColumnOptions {
  /** What messages call the table. */
  readonly table: string;
  /** Names a row. */
  readonly place: (row: number) => string;
  /** What the values must be, where that is known. */
  readonly as: Kind | undefined;
  readonly writing?: Writing;
}

export class ValueColumn {
  readonly name: string;
  readonly #as: Kind | undefined;
  readonly #place: (row: number) => string;
  readonly #writing: Writing;
  /** What is stored; strings are text until all are known. */
  #kind: Kind | undefined;
  /** Rows that were taken, missing ones too. */
  #rows = 0;
  #present = 0;
  readonly #numbers: Growing<Float64Array>;
  readonly #texts = new Texts();
  #lists: (readonly string[])[] = [];
  /** Texts that are dates, and the first that is none. */
  #dateCount = 0;
  #noDate: { readonly value: string; readonly row: number } | undefined;
  readonly #oddTexts: OddValues;

  constructor(name: string, { table, place, as, writing = {} }: ColumnOptions) {
    this.name = name;
    this.#place = place;
    this.#as = as;
    this.#writing = writing;
    this.#oddTexts = new OddValues(name, writing);
    this.#numbers = new Growing((length) => new Float64Array(length), `${table}: the column ${shown(name)}`);
  }

  /** Takes the value of a row. Rows between those that are given have none. */
  add(row: number, given: Value): void {
    if (given === '') return;
    const value = this.#asAsked(given, row);
    const kind = kindOf(value);
    if (this.#kind === undefined) this.#begin(kind, value, row);
    else if (kind !== this.#kind) throw this.#changed(value, row);
    this.#fill(row);
    this.#rows++;
    this.#present++;
    if (typeof value === 'number') this.#numbers.push(this.#finite(value, row));
    else if (typeof value === 'string') this.#pushText(value, row);
    else if (value instanceof Date) this.#numbers.push(value.getTime());
    else this.#lists.push(value.map((one) => this.#texts.same(one)));
  }

  #pushText(value: string, row: number): void {
    this.#texts.push(value);
    if (this.#as === 'text') return;
    if (!Number.isNaN(dateIn(value, this.#writing.dates))) {
      this.#dateCount++;
      return;
    }
    this.#noDate ??= { value, row };
    if (this.#as === undefined && !this.#oddTexts.hasSeenEnough)
      this.#oddTexts.add(value, () => `${this.#place(row)}: ${shown(value)}`);
  }

  /** The values of rows before `rows`, since the last call, which are then forgotten; undefined where all are missing. */
  take(rows: number): Values | undefined {
    if (this.#kind === undefined) {
      this.#rows = rows;
      return undefined;
    }
    this.#fill(rows);
    if (this.#kind === 'text') return this.#texts.take();
    if (this.#kind === 'list') {
      const lists = this.#lists;
      this.#lists = [];
      return lists;
    }
    const values = this.#numbers.taken().slice();
    this.#numbers.length = 0;
    return values;
  }

  /** A number is a text where that is asked for, and a text that is one a number. */
  #asAsked(value: Value, row: number): Value {
    if (this.#as === 'text' && typeof value === 'number') return String(value);
    if (this.#as === 'text' && value instanceof Date) return value.toISOString();
    if (this.#as !== 'number' || typeof value !== 'string') return value;
    const number = this.#writing.decimal === ',' ? commaNumber(value) : NUMBER.test(value) ? Number(value) : Number.NaN;
    if (Number.isFinite(number)) return number;
    throw this.#misfit(value, row, 'number');
  }

  #begin(kind: Kind, value: Value, row: number): void {
    if (this.#as !== undefined && kind !== this.#as && !(this.#as === 'date' && kind === 'text')) {
      throw this.#misfit(value, row, this.#as);
    }
    this.#kind = kind;
  }

  /** Makes all rows before `row` missing that were not given. */
  #fill(row: number): void {
    for (; this.#rows < row; this.#rows++) {
      if (this.#kind === 'text') this.#texts.push('');
      else if (this.#kind === 'list') this.#lists.push(NO_LIST);
      else this.#numbers.push(Number.NaN);
    }
  }

  #finite(value: number, row: number): number {
    if (!Number.isFinite(value)) throw this.#misfit(value, row, 'number');
    return value;
  }

  #misfit(value: Value, row: number, wanted: Kind): UserError {
    return new UserError(
      `${this.#place(row)}: ${described(value)} is not allowed in the column ${shown(this.name)}; ` +
        `a value there is ${this.#wanted(wanted)}, or null where it is missing`,
    );
  }

  #wanted(kind: Kind): string {
    return kind === 'list' ? 'a list of numbers, texts or booleans' : allowedIn(kind, this.#writing);
  }

  #changed(value: Value, row: number): UserError {
    return new UserError(
      `${this.#place(row)}: the column ${shown(this.name)} has ${described(value)} here, and ${FOUND[this.#kind!]} in the rows before; ` +
        'a column has values of one kind, or null where one is missing',
    );
  }

  /** @returns undefined where it has no value and nothing says what it would be */
  finish(rows: number): Column | undefined {
    const { name } = this;
    if (this.#present === 0) {
      if (this.#as === undefined) return undefined;
      this.#kind = this.#as;
    }
    this.#fill(rows);
    if (this.#kind === 'list') return { name, kind: 'list', values: this.#lists };
    if (this.#kind !== 'text') return { name, kind: this.#kind!, values: this.#numbers.taken() };
    const { values } = this.#texts;
    return this.#isDates()
      ? { name, kind: 'date', values: datesOf(values, this.#writing) }
      : { name, kind: 'text', values };
  }

  /** Of a column of texts: why it may be meant for something else. */
  get odd(): string | undefined {
    if (this.#kind !== 'text' || this.#as !== undefined) return undefined;
    const [likely, present] = [this.#dateCount, this.#present];
    const other = this.#noDate && `${this.#place(this.#noDate.row)}: ${shown(this.#noDate.value)}`;
    return (
      this.#oddTexts.finding({ number: 0, date: likely, text: present - likely }) ??
      mostlyNote({ name: this.name, kind: 'date', likely, present, other })
    );
  }

  /** Whether the texts are dates, all of them. @throws UserError where a few are not */
  #isDates(): boolean {
    if (this.#as === 'text') return false;
    if (this.#noDate === undefined) return true;
    const { value, row } = this.#noDate;
    if (this.#as === 'date') throw this.#misfit(value, row, 'date');
    if (!isFault(this.#dateCount, this.#present)) return false;
    throw new UserError(
      `${this.#place(row)}: ${shown(value)} is no date, and ${this.#dateCount} other values of the column ${shown(this.name)} are; ` +
        'mend it, or put null where the value is missing',
    );
  }
}

function kindOf(value: Value): Kind {
  if (typeof value === 'number') return 'number';
  if (typeof value === 'string') return 'text';
  return value instanceof Date ? 'date' : 'list';
}

function described(value: Value): string {
  if (typeof value === 'string') return shown(value);
  return typeof value === 'number' ? `the number ${value}` : FOUND[kindOf(value)];
}
