// Splits the bytes of CSV into rows and fields (RFC 4180). A row is a few places in the bytes; no string is made.
// csv-parse takes four times as long (docs/decisions.md), and does not say at which column of its line a value is.

import { UserError } from '../../errors.js';
import { Scanner } from '../svmlight-scanner.js';
import { shown } from './table.js';

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
export const COMMA = 44;
export const SEMICOLON = 59;
export const TAB = 9;

export class CsvSplitter {
  /** Of the row: its fields, from starts[i] to ends[i] in the bytes, without their quotes. */
  count = 0;
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** The field has quotes in it, each written twice. */
  readonly doubled: boolean[] = [];
  /** The line that the row begins in, from 1. */
  line = 1;
  separator = COMMA;
  bytes: Buffer = Buffer.alloc(0);
  /** Reads numbers in `bytes`. */
  readonly scanner: Scanner;
  readonly #name: string;
  /** Behind the row, or at its start where it is not complete. */
  #at = 0;
  #rowStart = 0;
  #end = 0;
  #last = false;
  #nextLine = 1;

  constructor(name: string) {
    this.#name = name;
    this.scanner = new Scanner(name);
  }

  /** Takes bytes[from, end), which end with a newline. @param last there are no more */
  take(bytes: Buffer, from: number, end: number, last: boolean): void {
    this.bytes = bytes;
    this.scanner.bytes = bytes;
    this.#at = from;
    this.#end = end;
    this.#last = last;
  }

  get at(): number {
    return this.#at;
  }

  /** Of the row, with its line end. */
  get rowBytes(): number {
    return this.#at - this.#rowStart;
  }

  /** The line behind the last whole row. */
  get nextLine(): number {
    return this.#nextLine;
  }

  /** Goes to the next row; false where there is none, or not all of it. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const { bytes, separator, starts, ends } = this;
    this.line = this.#nextLine;
    this.#rowStart = this.#at;
    let at = this.#at;
    for (this.count = 0; ; this.count++) {
      const field = this.count;
      this.doubled[field] = false;
      if (bytes[at] === QUOTE) {
        const close = this.#closingQuote(at, field);
        if (close < 0) return false;
        starts[field] = at + 1;
        ends[field] = close;
        at = close + 1;
      } else {
        starts[field] = at;
        while (!endsField(bytes[at], separator)) at++;
        ends[field] = at;
      }
      if (bytes[at] === separator) {
        at++;
        continue;
      }
      if (bytes[at] === RETURN && bytes[at + 1] === NEWLINE) at++;
      if (bytes[at] !== NEWLINE) throw this.#badByte(at, field);
      this.count++;
      this.#at = at + 1;
      this.#nextLine++;
      return true;
    }
  }

  /** Whether the row is a line with nothing in it. */
  get blank(): boolean {
    return this.count === 1 && this.ends[0] === this.#rowStart;
  }

  /** Where the quote at `open` is closed; -1 where that is not in the bytes yet. Counts the lines between. */
  #closingQuote(open: number, field: number): number {
    const { bytes } = this;
    let lines = 0;
    for (let at = open + 1; at < this.#end; at++) {
      if (bytes[at] === NEWLINE) lines++;
      if (bytes[at] !== QUOTE) continue;
      if (bytes[at + 1] !== QUOTE) {
        this.#nextLine += lines;
        return at;
      }
      this.doubled[field] = true;
      at++;
    }
    if (this.#last) throw this.errorAt(open, 'the quote that opens here is not closed');
    this.#nextLine = this.line;
    return -1;
  }

  #badByte(at: number, field: number): UserError {
    if (this.bytes[at] === RETURN) {
      return this.errorAt(at, 'a carriage return stands by itself; lines end with \\n or \\r\\n');
    }
    return this.bytes[this.starts[field] - 1] === QUOTE && this.starts[field] - 1 >= this.#rowStart
      ? this.errorAt(at, 'after the quote that closes a field comes a separator; a quote inside is written twice')
      : this.errorAt(at, 'a quote inside a field without quotes; put quotes around it and write each inside twice');
  }

  text(field: number): string {
    const text = this.bytes.toString('utf8', this.starts[field], this.ends[field]);
    return this.doubled[field] ? text.replaceAll('""', '"') : text;
  }

  /** A field as messages begin with it: `data.csv:12:7: "abc"`. */
  found(field: number): string {
    return `${this.#name}:${this.#place(this.starts[field])}: ${shown(this.text(field))}`;
  }

  errorAt(at: number, message: string): UserError {
    return new UserError(`${this.#name}:${this.#place(at)}: ${message}`);
  }

  #place(at: number): string {
    const lines = this.bytes.toString('utf8', this.#rowStart, at).split('\n');
    return `${this.line + lines.length - 1}:${[...lines[lines.length - 1]].length + 1}`;
  }
}

/** Bytes that end a field without quotes, or can't be in one. Most are none of them: the first comparison says so. */
function endsField(byte: number, separator: number): boolean {
  if (byte > QUOTE) return byte === separator;
  return byte === NEWLINE || byte === separator || byte === QUOTE || byte === RETURN;
}
