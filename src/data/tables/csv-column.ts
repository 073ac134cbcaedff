// One column of CSV while its rows come: what its values are shows as they do. A column of numbers that turns out to be text has
// lost how its first values were written, and is read again.

import { UserError } from '../../errors.js';
import { Growing } from '../growing.js';
import type { CsvSplitter } from './csv-splitter.js';
import type { Values } from './long-table.js';
import { type Mostly, mostlyNote, OddValues, paddedNote } from './odd-values.js';
import { type Column, shown } from './table.js';
import { Texts } from './texts.js';
import {
  allowedIn,
  commaNumber,
  dateIn,
  dateOf,
  isFault,
  isMissing,
  MISSING,
  type Plain,
  type Writing,
} from './values.js';

const TAB = 9;
const SPACE = 32;
const DASH = 45;
const ZERO = 48;
const NINE = 57;
const LETTER_I = 0x69;
/** Makes a small letter of a capital one. */
const SMALL = 0x20;
/** Of YYYY-MM-DD: its length, and where its dashes are. */
const DATE = { length: 10, dashes: [4, 7] } as const;
const INFINITE = /^[+-]?inf(?:inity)?$/i;

/** What a column is when all rows were seen. */
export type Outcome = Column | 'empty' | 'read again as text';

export class CsvColumn {
  readonly name: string;
  readonly #as: Plain | undefined;
  readonly #numbers: Growing<Float64Array>;
  readonly #texts = new Texts();
  /** What is stored: of a mixed column nothing. */
  #stored: Plain | 'mixed' | undefined;
  /** Rows before the first value. */
  #leading = 0;
  readonly #counts: Record<Plain, number> = { number: 0, date: 0, text: 0 };
  /** The first value of each kind that there is, in their order, and where it is: `data.csv:2:5: "a"`. */
  readonly #firsts: { readonly kind: Plain; readonly found: string }[] = [];
  #infinite: string | undefined;
  /** The first number that is written with zeros before it. */
  #padded: string | undefined;
  readonly #writing: Writing;
  readonly #oddTexts: OddValues;

  /** @param table what messages call the table; @param as what the values must be, where that is known */
  constructor(name: string, table: string, as: Plain | undefined, writing: Writing) {
    this.name = name;
    this.#as = as;
    this.#writing = writing;
    this.#oddTexts = new OddValues(name, writing);
    this.#stored = as;
    this.#numbers = new Growing((length) => new Float64Array(length), `${table}: the column ${shown(name)}`);
  }

  add(row: CsvSplitter, field: number): void {
    const { bytes } = row;
    let start = row.starts[field];
    let end = row.ends[field];
    while (start < end && (bytes[start] === SPACE || bytes[start] === TAB)) start++;
    while (start < end && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
    if (isMissing(bytes, start, end)) {
      this.#pushMissing();
      return;
    }
    let kind: Plain = 'number';
    const { decimal, dates } = this.#writing;
    let value = decimal === ',' ? commaNumberIn(bytes, start, end) : numberIn(row, start, end);
    if (Number.isNaN(value)) {
      value = dates === undefined ? isoDateIn(bytes, start, end) : dateIn(bytes.toString('latin1', start, end), dates);
      kind = Number.isNaN(value) ? 'text' : 'date';
    }
    if (kind === 'number' && this.#padded === undefined && isPadded(bytes, start, end)) this.#padded = row.found(field);
    if (this.#as === undefined) this.#note(kind, value, row, field);
    else this.#check(kind, value, row, field);
    if (this.#stored === 'text') this.#texts.push(row.text(field));
    else if (this.#stored !== 'mixed') this.#numbers.push(value);
  }

  #pushMissing(): void {
    if (this.#stored === undefined) this.#leading++;
    else if (this.#stored === 'text') this.#texts.push('');
    else if (this.#stored !== 'mixed') this.#numbers.push(Number.NaN);
  }

  #check(kind: Plain, value: number, row: CsvSplitter, field: number): void {
    if (this.#as === 'text' || (kind === this.#as && Number.isFinite(value))) return;
    const allowed = `${allowedIn(this.#as as Plain, this.#writing)}, or ${MISSING}`;
    throw new UserError(
      `${row.found(field)} is not allowed in the column ${shown(this.name)}; a value there is ${allowed}`,
    );
  }

  /** The values since the last call, which are then forgotten; undefined where all of them are missing, or the column is read again. */
  take(): Values | undefined {
    if (this.#stored === 'text') return this.#texts.take();
    const values = this.#stored === undefined || this.#stored === 'mixed' ? undefined : this.#numbers.taken().slice();
    this.#leading = 0;
    this.#numbers.length = 0;
    return values;
  }

  #note(kind: Plain, value: number, row: CsvSplitter, field: number): void {
    if (this.#counts[kind]++ === 0) this.#firsts.push({ kind, found: row.found(field) });
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) this.#infinite ??= row.found(field);
    if (kind === 'text' && !this.#oddTexts.hasSeenEnough) this.#oddTexts.add(row.text(field), () => row.found(field));
    if (this.#stored === kind) return;
    if (this.#stored === undefined) {
      this.#stored = kind;
      for (; this.#leading > 0; this.#leading--) this.#pushMissing();
    } else if (this.#stored !== 'text') {
      this.#stored = 'mixed';
      this.#numbers.length = 0;
    }
  }

  /** Of a column of texts: why it may be meant for something else. */
  get odd(): string | undefined {
    if (this.#as !== undefined) return undefined;
    const isNumber = this.#stored === 'number';
    if (isNumber) return this.#padded && paddedNote(this.name, this.#padded);
    return this.#oddTexts.finding(this.#counts) ?? mostlyNote(this.#mostly());
  }

  /** Refuses columns that are hardly what they seem. */
  finish(): Outcome {
    const { name } = this;
    if (this.#as === undefined) {
      if (this.#firsts.length === 0) return 'empty';
      this.#checkOdd();
    }
    if (this.#stored === 'mixed') return 'read again as text';
    if (this.#stored === 'text') return { name, kind: 'text', values: this.#texts.values };
    return { name, kind: this.#stored === 'date' ? 'date' : 'number', values: this.#numbers.taken() };
  }

  /** Numbers or dates, what there is more of, and the first value that is none. */
  #mostly(): Mostly {
    const { number, date, text } = this.#counts;
    const kind = number >= date ? 'number' : 'date';
    const other = this.#firsts.find((one) => one.kind !== kind)?.found;
    return { name: this.name, kind, likely: this.#counts[kind], present: number + date + text, other };
  }

  #checkOdd(): void {
    const { kind, likely, present, other } = this.#mostly();
    const where = `the column ${shown(this.name)}`;
    if (likely === present && this.#infinite !== undefined) {
      throw new UserError(
        `${this.#infinite} is not allowed in ${where}; a value there is ${allowedIn('number', this.#writing)}, or ${MISSING}`,
      );
    }
    if (!isFault(likely, present)) return;
    throw new UserError(
      `${other} is no ${kind}, and ${likely} other values of ${where} are; ` +
        'mend it, or leave the field empty where the value is missing',
    );
  }
}

/** 007, and no 0.5. */
const isPadded = (bytes: Buffer, start: number, end: number): boolean =>
  bytes[start] === ZERO && end - start > 1 && bytes[start + 1] >= ZERO && bytes[start + 1] <= NINE;

/** The number that a field is, to the nearest double, infinite ones too; NaN where it is none. */
function numberIn(row: CsvSplitter, start: number, end: number): number {
  const { scanner, bytes } = row;
  scanner.at = start;
  const number = scanner.number();
  if (scanner.at === end && !Number.isNaN(number)) return number;
  if ((bytes[start] | SMALL) !== LETTER_I && (bytes[start + 1] | SMALL) !== LETTER_I) return Number.NaN;
  return INFINITE.test(bytes.toString('latin1', start, end)) ? Number.POSITIVE_INFINITY : Number.NaN;
}

/** The same of a number with a decimal comma. */
function commaNumberIn(bytes: Buffer, start: number, end: number): number {
  const text = bytes.toString('latin1', start, end);
  return INFINITE.test(text) ? Number.POSITIVE_INFINITY : commaNumber(text);
}

function isoDateIn(bytes: Buffer, start: number, end: number): number {
  const [first, second] = DATE.dashes;
  if (end - start < DATE.length || bytes[start + first] !== DASH || bytes[start + second] !== DASH) return Number.NaN;
  return dateOf(bytes.toString('latin1', start, end));
}
