// Symbols are what a text consists of before it has a vocabulary: code points or bytes.

import { UserError } from '../errors.js';
import { decodeUtf8, Position } from './utf8.js';

export type TextMode = 'char' | 'byte';
export type Symbols = Uint8Array | Int32Array;

/** One past the largest symbol: U+10FFFF. */
export const SYMBOL_LIMIT = 0x11_0000;

/** The symbols of a text in memory. `name` stands for a file's name in messages. */
export function symbolsOf(text: string | Uint8Array, mode: TextMode, name: string): Symbols {
  if (typeof text === 'string') return mode === 'byte' ? new TextEncoder().encode(text) : codePoints(text, name);
  if (mode === 'byte') return text;
  const points = new Int32Array(text.length);
  const decoded = decodeUtf8(text, text.length, points);
  const symbols = points.subarray(0, decoded.points);
  if (decoded.bytes === text.length) return symbols;
  const at = new Position();
  at.pass(symbols, symbols.length);
  throw notUtf8(name, at, decoded.bytes, text[decoded.bytes]);
}

function codePoints(text: string, name: string): Int32Array {
  const points = new Int32Array(text.length);
  const at = new Position();
  let count = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    if (point >= 0xd800 && point <= 0xdfff) {
      at.pass(points, count);
      throw new UserError(
        `${place(name, at)}: half of a surrogate pair (${hex(point)}) is no character; give whole ones`,
      );
    }
    points[count++] = point;
  }
  return points.subarray(0, count);
}

const TAKE_BYTES = 'use --tokens byte, which takes any file';
/** A model's tokens are what they are. */
export const TRAIN_ON_BYTES = 'the model learned characters; one that is trained with --tokens byte takes any file';

export function notUtf8(name: string, at: Place, offset: number, byte: number, advice = TAKE_BYTES): UserError {
  const found = `0x${byte.toString(16).padStart(2, '0')}`;
  return new UserError(`${place(name, at)}: this is not UTF-8 text (byte ${found} at offset ${offset}); ${advice}`);
}

/** Line and column, from 1 on. */
type Place = Pick<Position, 'line' | 'column'>;

export function place(name: string, at: Place): string {
  return `${name}:${at.line}:${at.column}`;
}

/** `"é" (U+00E9)`, `byte 0xe9`: how a message names a symbol. */
export function symbolName(symbol: number, mode: TextMode): string {
  if (mode === 'byte') {
    const shown = symbol > 0x20 && symbol < 0x7f ? ` (${JSON.stringify(String.fromCharCode(symbol))})` : '';
    return `byte 0x${symbol.toString(16).padStart(2, '0')}${shown}`;
  }
  return `${JSON.stringify(String.fromCodePoint(symbol))} (${hex(symbol)})`;
}

function hex(point: number): string {
  return `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
}

const BYTE_VALUES = 0x100;

/** Which symbols occur, and how many in all. */
export class SymbolCensus {
  readonly #seen = new Uint8Array(SYMBOL_LIMIT);
  /** Pairs of bytes that occur, by their 16 bits: marking two at once is what makes a large file quick to go through. */
  readonly #pairs = new Uint8Array(BYTE_VALUES ** 2);
  count = 0;

  add(symbols: Symbols, count: number): void {
    const even = symbols instanceof Uint8Array && symbols.byteOffset % 2 === 0 ? count - (count % 2) : 0;
    if (even > 0) this.#addPairs(new Uint16Array(symbols.buffer, symbols.byteOffset, even / 2));
    for (let i = even; i < count; i++) this.#seen[symbols[i]] = 1;
    this.count += count;
  }

  #addPairs(pairs: Uint16Array): void {
    const marks = this.#pairs;
    const { length } = pairs;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      marks[pairs[i]] = 1;
      marks[pairs[i + 1]] = 1;
      marks[pairs[i + 2]] = 1;
      marks[pairs[i + 3]] = 1;
    }
    for (; i < length; i++) marks[pairs[i]] = 1;
  }

  /** The different symbols in code order. */
  different(): number[] {
    this.#mergePairs();
    const found: number[] = [];
    for (let symbol = this.#seen.indexOf(1); symbol >= 0; symbol = this.#seen.indexOf(1, symbol + 1))
      found.push(symbol);
    return found;
  }

  #mergePairs(): void {
    for (let pair = this.#pairs.indexOf(1); pair >= 0; pair = this.#pairs.indexOf(1, pair + 1)) {
      this.#seen[pair % BYTE_VALUES] = 1;
      this.#seen[Math.floor(pair / BYTE_VALUES)] = 1;
    }
  }
}
