// What a text is to everything above: a row of token numbers that is read piece by piece.

export type TokenMode = 'char' | 'byte' | 'word' | 'number';

export interface TokenSource {
  /** Tokens in all. */
  readonly length: number;
  /** What is held in memory for it: a line of the memory plan. */
  readonly sizeBytes: number;
  /** Writes the tokens [start, start + count) to `into` from index `at` on. The range must lie within the source. */
  read(start: number, count: number, into: Int32Array, at: number): void;
  /** Lets go of the file behind it, if there is one. */
  close(): void;
}

/** The narrowest array that holds token numbers below `size`. */
export type TokenArray = Uint8Array | Uint16Array | Uint32Array;

export function tokenArray(size: number, length: number): TokenArray {
  if (size <= 0x100) return new Uint8Array(length);
  return size <= 0x1_0000 ? new Uint16Array(length) : new Uint32Array(length);
}

/** Tokens that lie in memory. */
export class MemoryTokens implements TokenSource {
  readonly #tokens: TokenArray;

  constructor(tokens: TokenArray) {
    this.#tokens = tokens;
  }

  get length(): number {
    return this.#tokens.length;
  }

  get sizeBytes(): number {
    return this.#tokens.byteLength;
  }

  read(start: number, count: number, into: Int32Array, at: number): void {
    checkRange(this.length, start, count);
    for (let i = 0; i < count; i++) into[at + i] = this.#tokens[start + i];
  }

  close(): void {}
}

/** The part [start, start + length) of another source, which stays the owner of its file. */
export class TokenSlice implements TokenSource {
  readonly sizeBytes = 0;
  readonly length: number;
  readonly #whole: TokenSource;
  readonly #start: number;

  constructor(whole: TokenSource, start: number, length: number) {
    checkRange(whole.length, start, length);
    this.#whole = whole;
    this.#start = start;
    this.length = length;
  }

  read(start: number, count: number, into: Int32Array, at: number): void {
    checkRange(this.length, start, count);
    this.#whole.read(this.#start + start, count, into, at);
  }

  close(): void {}
}

export function checkRange(length: number, start: number, count: number): void {
  if (start < 0 || count < 0 || start + count > length) {
    throw new RangeError(`tokens [${start}, ${start + count}) do not lie within a source of ${length}`);
  }
}
