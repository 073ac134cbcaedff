// Goes through the bytes of svmlight lines by hand: words, numbers, line ends, and the place that a message points to.
// No string is made while all is well.

import { UserError } from '../errors.js';
import { markBytes } from './utf8.js';

const TAB = 9;
export const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const HASH = 35;
const PLUS = 43;
export const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
export const COLON = 58;
const LETTER_E = 0x65;
/** Makes a small letter of a capital one. */
const SMALL = 0x20;
const ASCII_END = 0x80;

/** Powers of ten that a double has exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** What messages show of a word. */
const SHOWN_BYTES = 32;

export class Scanner {
  /** Whole lines, each with its newline: what stops every loop. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  /** From 1. */
  line = 0;
  readonly #path: string;
  #lineStart = 0;

  constructor(path: string) {
    this.#path = path;
  }

  startLine(): void {
    this.line++;
    this.#lineStart = this.at;
  }

  /** Goes to the next word of the line; false at its end, and where a comment begins. */
  toWord(): boolean {
    const { bytes } = this;
    let at = this.at;
    while (bytes[at] === SPACE || bytes[at] === TAB) at++;
    this.at = at;
    const byte = bytes[at];
    return byte !== NEWLINE && byte !== HASH && !(byte === RETURN && bytes[at + 1] === NEWLINE);
  }

  /** Goes behind the newline of a line of which only a comment can be left. */
  endLine(): void {
    const { bytes } = this;
    let at = this.at;
    for (; bytes[at] !== NEWLINE; at++) if (bytes[at] === 0) throw this.#foreign(at);
    this.at = at + 1;
  }

  /** Whether a word ends here. */
  atBreak(): boolean {
    return this.#isBreak(this.at);
  }

  #isBreak(at: number): boolean {
    const byte = this.bytes[at];
    return (
      byte === SPACE ||
      byte === NEWLINE ||
      byte === TAB ||
      byte === HASH ||
      (byte === RETURN && this.bytes[at + 1] === NEWLINE)
    );
  }

  /** Whether the word here is index:value or qid:N. */
  atPair(): boolean {
    const { bytes } = this;
    let at = this.at;
    while (bytes[at] !== COLON && bytes[at] !== COMMA && !this.#isBreak(at)) at++;
    return bytes[at] === COLON;
  }

  /** Goes behind `text` if it stands here. */
  skip(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.bytes[this.at + i] !== text.charCodeAt(i)) return false;
    this.at += text.length;
    return true;
  }

  /** The digits here as a number, and goes behind them; -1 where there are none. Exact up to 2^53. */
  whole(): number {
    const { bytes } = this;
    const from = this.at;
    let at = from;
    let value = 0;
    for (let digit = bytes[at] - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at] - ZERO) value = value * 10 + digit;
    this.at = at;
    return at === from ? -1 : value;
  }

  /** The decimal number here, to the nearest double, and goes behind it; NaN where there is none. */
  number(): number {
    const { bytes } = this;
    const from = this.at;
    const signed = bytes[from] === MINUS || bytes[from] === PLUS;
    let at = signed ? from + 1 : from;
    const first = at;
    let mantissa = 0;
    let decimals = 0;
    for (let digit = bytes[at] - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at] - ZERO) {
      mantissa = mantissa * 10 + digit;
    }
    let digits = at - first;
    if (bytes[at] === DOT) {
      const point = ++at;
      for (let digit = bytes[at] - ZERO; digit >= 0 && digit <= 9; digit = bytes[++at] - ZERO) {
        mantissa = mantissa * 10 + digit;
      }
      decimals = at - point;
      digits += decimals;
    }
    this.at = at;
    if (digits === 0) return Number.NaN;
    const exponent = (bytes[at] | SMALL) === LETTER_E ? this.#exponent() : 0;
    const value = scaled(mantissa, exponent - decimals);
    // A number that is no number, of its exponent or of what cannot be scaled exactly, compares with nothing.
    if (value >= 0) return bytes[from] === MINUS ? -value : value;
    return Number.isNaN(exponent) ? Number.NaN : Number(this.#text(from, this.at));
  }

  #exponent(): number {
    const sign = this.bytes[++this.at];
    if (sign === MINUS || sign === PLUS) this.at++;
    const size = this.whole();
    if (size < 0) return Number.NaN;
    return sign === MINUS ? -size : size;
  }

  #text(from: number, end: number): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + from, end - from).toString('latin1');
  }

  /** The word from `from` on, as a message shows it. */
  word(from: number): string {
    let end = from;
    while (!this.#isBreak(end) && end - from < SHOWN_BYTES) end++;
    return JSON.stringify(this.#text(from, end) + (this.#isBreak(end) ? '' : '...'));
  }

  /** An error at `from`; a byte of the word there that can stand in none comes first. */
  refusal(from: number, message: string): UserError {
    for (let at = from; !this.#isBreak(at); at++) {
      if (this.bytes[at] === 0 || this.bytes[at] >= ASCII_END) return this.#foreign(at);
    }
    return this.errorAt(from, message);
  }

  #foreign(at: number): UserError {
    const byte = this.bytes[at];
    if (byte === 0) return this.errorAt(at, 'byte 0x00 is not allowed; svmlight files are text');
    if (this.line === 1 && at === this.#lineStart && markBytes(this.bytes.subarray(at)) > 0)
      return this.errorAt(at, 'a byte order mark is not allowed; save the file as ASCII, or as UTF-8 without one');
    return this.errorAt(
      at,
      `byte 0x${byte.toString(16)} is not allowed; lines are ASCII, other characters may stand in comments (# ...) alone`,
    );
  }

  /** An error at `at` of the line, whatever stands there. */
  errorAt(at: number, message: string): UserError {
    return new UserError(`${this.#path}:${this.line}:${at - this.#lineStart + 1}: ${message}`);
  }
}

/** mantissa * 10^exponent where both are exact, so that one rounding gives the nearest double (Clinger 1990); else NaN. */
function scaled(mantissa: number, exponent: number): number {
  if (mantissa > Number.MAX_SAFE_INTEGER) return Number.NaN;
  if (exponent >= 0) return exponent < POWERS.length ? mantissa * POWERS[exponent] : Number.NaN;
  return -exponent < POWERS.length ? mantissa / POWERS[-exponent] : Number.NaN;
}
