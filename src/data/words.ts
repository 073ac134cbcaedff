// Words as the tokens of a text: where one ends and the next begins, and how they are put together again. A word is a run of letters,
// digits and combining marks; an apostrophe within it belongs to it (don't), and so does a point or comma between digits (10,000).
// Any other character but white space stands by itself, and so does the end of a line. Other white space is not kept.

import { SYMBOL_LIMIT, type Symbols } from './symbols.js';

/** Token 0 of every vocabulary of words: whatever is not among the others. A text may have it written out, as WikiText does. */
export const UNKNOWN_WORD = '<unk>';
export const NEWLINE_WORD = '\n';

/** A longer run of letters is cut: no language has such words, and a text without spaces is to take no more memory than others. */
const LONGEST_WORD = 128;
/** Points that are held back until more come: a word, and what says that it is whole. */
const HELD = LONGEST_WORD + 2;
/** Points that are looked at together. */
const ROOM = 1 << 16;

const NEWLINE = 10;
const LESS = '<'.charCodeAt(0);
const UNKNOWN_POINTS = Array.from(UNKNOWN_WORD, (letter) => letter.charCodeAt(0));
const APOSTROPHES: ReadonlySet<number> = new Set([0x27, 0x2019]);
const IN_NUMBERS: ReadonlySet<number> = new Set([0x2c, 0x2e]);

/** What a point is to words. NEW: not looked at yet. */
const NEW = 0;
const SPACE = 1;
const LETTER = 2;
const MARK = 3;

/** Splits a text that comes in pieces. */
export class WordSplitter {
  readonly #onWord: (word: string) => void;
  /** By code point. */
  readonly #kinds = new Uint8Array(SYMBOL_LIMIT);
  /** What has not become words yet. */
  readonly #points = new Int32Array(ROOM);
  #length = 0;

  constructor(onWord: (word: string) => void) {
    this.#onWord = onWord;
  }

  /** Takes the next code points of the text. */
  add(symbols: Symbols, count: number): void {
    for (let from = 0; from < count; ) {
      const taken = Math.min(count - from, ROOM - this.#length);
      this.#points.set(symbols.subarray(from, from + taken), this.#length);
      this.#length += taken;
      from += taken;
      this.#split(HELD);
    }
  }

  /** The text is at its end. */
  end(): void {
    this.#split(0);
  }

  /** @param held points at the end that are not begun with */
  #split(held: number): void {
    const points = this.#points;
    const length = this.#length;
    let at = 0;
    while (at < length - held) {
      const kind = this.#kindOf(points[at]);
      const end = kind === LETTER ? this.#wordEnd(at) : at + this.#markLength(at);
      if (kind !== SPACE) this.#onWord(String.fromCodePoint(...points.subarray(at, end)));
      at = end;
    }
    points.copyWithin(0, at, length);
    this.#length = length - at;
  }

  #wordEnd(start: number): number {
    const most = Math.min(this.#length, start + LONGEST_WORD);
    let end = start + 1;
    while (end < most && (this.#isLetter(end) || this.#joins(end))) end++;
    return end;
  }

  /** Whether the point belongs to the word that stands on both of its sides. */
  #joins(at: number): boolean {
    const point = this.#points[at];
    if (APOSTROPHES.has(point)) return this.#isLetter(at - 1) && this.#isLetter(at + 1);
    return IN_NUMBERS.has(point) && this.#isDigit(at - 1) && this.#isDigit(at + 1);
  }

  #markLength(at: number): number {
    if (this.#points[at] !== LESS) return 1;
    return UNKNOWN_POINTS.every((point, i) => at + i < this.#length && this.#points[at + i] === point)
      ? UNKNOWN_POINTS.length
      : 1;
  }

  #isLetter(at: number): boolean {
    return at < this.#length && this.#kindOf(this.#points[at]) === LETTER;
  }

  #isDigit(at: number): boolean {
    return at < this.#length && this.#points[at] >= 0x30 && this.#points[at] <= 0x39;
  }

  #kindOf(point: number): number {
    const known = this.#kinds[point];
    if (known !== NEW) return known;
    const text = String.fromCodePoint(point);
    const isSpace = point !== NEWLINE && /\s/u.test(text);
    this.#kinds[point] = isSpace ? SPACE : /[\p{L}\p{N}\p{M}]/u.test(text) ? LETTER : MARK;
    return this.#kinds[point];
  }
}

/** The words of a text in memory. */
export function splitWords(symbols: Symbols): readonly string[] {
  const words: string[] = [];
  const splitter = new WordSplitter((word) => words.push(word));
  splitter.add(symbols, symbols.length);
  splitter.end();
  return words;
}

/** No space stands before these, or behind those. */
const CLOSING = /^[.,;:!?)\]}%’”»…]$/u;
const OPENING = /^[([{‘“«$£€#@]$/u;
/** No space on either side: half-time, and/or. */
const JOINING = /^[-–—/\\^~=+*<>|&]$/u;
/** The first of two opens, the second closes. */
const QUOTES = /^["'_`]$/;

/** Puts words together again: spaces as they mostly stand in print. */
export class WordJoiner {
  /** Whether a space may come next. */
  #open = false;
  readonly #quoted = new Set<string>();

  /** There is a space already. */
  space(): void {
    this.#open = false;
  }

  /** @returns the word, with a space before it where one belongs there */
  write(word: string): string {
    const closes = QUOTES.test(word) && this.#quoted.delete(word);
    const opens = QUOTES.test(word) && !closes;
    if (opens) this.#quoted.add(word);
    const isJoining = JOINING.test(word);
    const isSpaced = this.#open && !closes && !isJoining && word !== NEWLINE_WORD && !CLOSING.test(word);
    this.#open = !opens && !isJoining && word !== NEWLINE_WORD && !OPENING.test(word);
    return isSpaced ? ` ${word}` : word;
  }
}
