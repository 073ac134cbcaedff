// The vocabulary: which symbols there are and which token number each has. It goes into a model's file as JSON.

import { excerpt, UserError } from '../errors.js';
import { place, SYMBOL_LIMIT, type Symbols, symbolName, symbolsOf, type TextMode } from './symbols.js';
import type { TokenMode } from './tokens.js';
import { Position } from './utf8.js';
import { splitWords, UNKNOWN_WORD, WordJoiner } from './words.js';

/** `symbols` of a char vocabulary is one string, in code order; `words` begin with <unk>; `size` counts the numbers 0 .. size-1. */
export type VocabularyJson =
  | { readonly mode: 'char'; readonly symbols: string }
  | { readonly mode: 'byte'; readonly symbols: readonly number[] }
  | { readonly mode: 'word'; readonly words: readonly string[] }
  | { readonly mode: 'number'; readonly size: number };

export interface EncodeOptions {
  /** Leaves unknown symbols out, and counts them. */
  readonly skipUnknown?: boolean;
  /** What messages call the text: a file's name, `--prompt`. */
  readonly origin?: string;
}

export interface Encoded {
  readonly tokens: Int32Array;
  /** Unknown symbols that were left out. */
  readonly skipped: number;
  /** Of words: the unknown ones that are read as <unk>. */
  readonly unknown?: readonly string[];
}

/** Turns tokens into text piece by piece. In byte mode a character may be spread over several tokens. */
export interface TokenDecoder {
  write(token: number): string;
  /** What is left of an unfinished character, as a replacement character. */
  end(): string;
}

const UNKNOWN = -1;
/** The token of UNKNOWN_WORD. */
const UNKNOWN_TOKEN = 0;

export class Vocabulary {
  readonly mode: TokenMode;
  readonly size: number;
  /** [V] the symbol of each token; empty where tokens are words or numbers. */
  readonly #symbols: readonly number[];
  /** The token of each symbol up to the largest one, or UNKNOWN. */
  readonly #tokens: Int32Array;
  /** [V] the word of each token, where tokens are words. */
  readonly #words: readonly string[];
  readonly #wordTokens: ReadonlyMap<string, number>;

  private constructor(mode: TokenMode, size: number, symbols: readonly number[], words: readonly string[] = []) {
    this.mode = mode;
    this.size = size;
    this.#symbols = symbols;
    this.#words = words;
    this.#wordTokens = new Map(words.map((word, token) => [word, token]));
    this.#tokens = new Int32Array((symbols.at(-1) ?? -1) + 1).fill(UNKNOWN);
    for (let token = 0; token < symbols.length; token++) this.#tokens[symbols[token]] = token;
  }

  /** @param symbols different, in code order */
  static ofSymbols(mode: TextMode, symbols: readonly number[]): Vocabulary {
    return new Vocabulary(mode, symbols.length, symbols);
  }

  /** @param words different, the unknown one first */
  static ofWords(words: readonly string[]): Vocabulary {
    return new Vocabulary('word', words.length, [], words);
  }

  /** Tokens that are given as numbers 0 .. size-1 and stand for nothing here; none of a model that reads real-valued features. */
  static ofNumbers(size: number): Vocabulary {
    return new Vocabulary('number', size, []);
  }

  /** @throws UserError where `json` is not what toJSON gives; `origin` is the file that it was read from */
  static fromJSON(json: unknown, origin: string): Vocabulary {
    const { mode, symbols, words, size } = (json ?? {}) as Record<string, unknown>;
    if (mode === 'number' && (size === 0 || isCount(size, MAX_TOKENS))) return Vocabulary.ofNumbers(size);
    if (mode === 'char' && typeof symbols === 'string') {
      const points = Array.from(symbols, (character) => character.codePointAt(0) as number);
      if (isGrowing(points, SYMBOL_LIMIT)) return Vocabulary.ofSymbols('char', points);
    }
    if (mode === 'byte' && Array.isArray(symbols) && isGrowing(symbols, 0x100))
      return Vocabulary.ofSymbols('byte', symbols);
    if (mode === 'word' && Array.isArray(words) && areWords(words)) return Vocabulary.ofWords(words);
    throw new UserError(`${origin}: its vocabulary is damaged, or was written by something else`);
  }

  toJSON(): VocabularyJson {
    if (this.mode === 'number') return { mode: 'number', size: this.size };
    if (this.mode === 'byte') return { mode: 'byte', symbols: this.#symbols };
    if (this.mode === 'word') return { mode: 'word', words: this.#words };
    return { mode: 'char', symbols: this.#symbols.map((point) => String.fromCodePoint(point)).join('') };
  }

  /** The token of a symbol, or -1. */
  tokenOf(symbol: number): number {
    return symbol < this.#tokens.length ? this.#tokens[symbol] : UNKNOWN;
  }

  /** The token of a word; that of <unk> where it is not known. */
  tokenOfWord(word: string): number {
    return this.#wordTokens.get(word) ?? UNKNOWN_TOKEN;
  }

  /** The token that stands for whatever is not known, where there is one. */
  get unknown(): number | undefined {
    return this.mode === 'word' ? UNKNOWN_TOKEN : undefined;
  }

  /**
   * Translates symbols[0, count) into tokens, leaving unknown ones out.
   *
   * @param into written from `at` on
   * @returns the number of tokens written
   */
  translate(
    symbols: Symbols,
    count: number,
    into: Int32Array | Uint8Array | Uint16Array | Uint32Array,
    at: number,
  ): number {
    const table = this.#tokens;
    let written = 0;
    for (let i = 0; i < count; i++) {
      const symbol = symbols[i];
      const token = symbol < table.length ? table[symbol] : UNKNOWN;
      if (token !== UNKNOWN) into[at + written++] = token;
    }
    return written;
  }

  /** @throws UserError with the place of an unknown symbol, unless they are skipped */
  encode(text: string | Uint8Array, options: EncodeOptions = {}): Encoded {
    const { skipUnknown = false, origin = 'text' } = options;
    if (this.mode === 'number') return this.#encodeNumbers(text, origin);
    if (this.mode === 'word') return this.#encodeWords(splitWords(symbolsOf(text, 'char', origin)), skipUnknown);
    const symbols = symbolsOf(text, this.mode, origin);
    const tokens = new Int32Array(symbols.length);
    const written = this.translate(symbols, symbols.length, tokens, 0);
    const skipped = symbols.length - written;
    if (skipped > 0 && !skipUnknown) {
      const at = symbols.findIndex((symbol: number) => this.tokenOf(symbol) === UNKNOWN);
      const position = new Position();
      position.pass(symbols, at);
      throw this.unknownSymbol(origin, position, symbols[at]);
    }
    return { tokens: tokens.subarray(0, written), skipped };
  }

  unknownSymbol(origin: string, at: Pick<Position, 'line' | 'column'>, symbol: number): UserError {
    const name = symbolName(symbol, this.mode as TextMode);
    return new UserError(
      `${place(origin, at)}: ${name} does not occur in the text that the model learned; --skip-unknown leaves such symbols out`,
    );
  }

  #encodeWords(words: readonly string[], skipUnknown: boolean): Encoded {
    const isUnknown = (word: string): boolean => !this.#wordTokens.has(word);
    const unknown = words.filter(isUnknown);
    const kept = skipUnknown ? words.filter((word) => !isUnknown(word)) : words;
    return {
      tokens: Int32Array.from(kept, (word) => this.tokenOfWord(word)),
      skipped: words.length - kept.length,
      unknown: skipUnknown ? [] : unknown,
    };
  }

  /** Numbers are written with spaces or commas between them: "3 17 4". */
  #encodeNumbers(text: string | Uint8Array, origin: string): Encoded {
    const words = (typeof text === 'string' ? text : new TextDecoder().decode(text))
      .split(/[\s,]+/)
      .filter((word) => word !== '');
    const tokens = words.map((word) => {
      const token = /^\d+$/.test(word) ? Number(word) : Number.NaN;
      if (!(token < this.size)) {
        throw new UserError(
          `${origin}: ${excerpt(word)} is not allowed; tokens of this model are numbers, 0 to ${this.size - 1}`,
        );
      }
      return token;
    });
    return { tokens: Int32Array.from(tokens), skipped: 0 };
  }

  decoder(): TokenDecoder {
    if (this.mode === 'char') return { write: (token) => String.fromCodePoint(this.#symbolOf(token)), end: () => '' };
    if (this.mode === 'number') return numberDecoder();
    if (this.mode === 'word') return this.#wordDecoder(new WordJoiner());
    const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
    const byte = new Uint8Array(1);
    return {
      write: (token) => {
        byte[0] = this.#symbolOf(token);
        return utf8.decode(byte, { stream: true });
      },
      end: () => utf8.decode(),
    };
  }

  decode(tokens: Iterable<number>): string {
    const decoder = this.decoder();
    let text = '';
    for (const token of tokens) text += decoder.write(token);
    return text + decoder.end();
  }

  /** A decoder of what follows a text, whose tokens are given too: of words, it begins with a space where one belongs there. */
  decoderAfter(text: string, tokens: Iterable<number>): TokenDecoder {
    if (this.mode !== 'word') return this.decoder();
    const joiner = new WordJoiner();
    for (const token of tokens) joiner.write(this.#words[token]);
    if (/\s$/.test(text)) joiner.space();
    return this.#wordDecoder(joiner);
  }

  #wordDecoder(joiner: WordJoiner): TokenDecoder {
    const wordOf = (token: number): string => {
      if (token in this.#words) return this.#words[token];
      throw new RangeError(`token ${token} does not lie in a vocabulary of ${this.size}`);
    };
    return { write: (token) => joiner.write(wordOf(token)), end: () => '' };
  }

  #symbolOf(token: number): number {
    const symbol = this.#symbols[token];
    if (symbol === undefined) throw new RangeError(`token ${token} does not lie in a vocabulary of ${this.size}`);
    return symbol;
  }
}

/** Token numbers given in memory are 32-bit, and each has a row of weights. */
export const MAX_TOKENS = 1 << 24;

function numberDecoder(): TokenDecoder {
  let separator = '';
  return {
    write: (token) => {
      const piece = `${separator}${token}`;
      separator = ' ';
      return piece;
    },
    end: () => '',
  };
}

function isCount(value: unknown, limit: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= limit;
}

function areWords(values: readonly unknown[]): values is readonly string[] {
  if (values[UNKNOWN_TOKEN] !== UNKNOWN_WORD || values.length > MAX_TOKENS) return false;
  return new Set(values).size === values.length && values.every((word) => typeof word === 'string' && word !== '');
}

function isGrowing(values: readonly unknown[], limit: number): values is readonly number[] {
  if (values.length === 0) return false;
  return values.every((value, i) => {
    const last = i === 0 ? -1 : (values[i - 1] as number);
    return Number.isInteger(value) && (value as number) > last && (value as number) < limit;
  });
}
