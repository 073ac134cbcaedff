// Rows of a fixed number of 32-bit words, floats and ints side by side: in memory while they are few, in a temporary file once they
// are more. They are written first, in any order, and then read.

import { TemporaryFile } from '../temporary-file.js';

const WORD_BYTES = 4;
/** Read at once: a page costs little more than one row of it, and the rows of a sequence lie side by side. */
const BLOCK_BYTES = 4096;
/** Blocks kept: enough for the windows of many streams. */
const CACHE_BYTES = 16 << 20;
const FEWEST_BLOCKS = 64;
const NO_BLOCK = -1;
const FIRST_ROWS = 1024;

export class RowStore {
  /** Words of a row. */
  readonly width: number;
  /** All rows, or the blocks that are held; as one and as the other. */
  floats: Float32Array = new Float32Array(0);
  ints: Int32Array = new Int32Array(0);
  readonly #name: string;
  readonly #limitBytes: number;
  #count = 0;
  #file: TemporaryFile | undefined;
  /** Of the file: rows of a block, and which block each place of the cache holds. */
  readonly #blockRows: number;
  #held: Int32Array = new Int32Array(0);

  /** @param name of what is stored, for messages. @param limitBytes of rows that stay in memory */
  constructor(name: string, width: number, limitBytes: number) {
    this.#name = name;
    this.width = width;
    this.#limitBytes = limitBytes;
    this.#blockRows = Math.max(1, Math.floor(BLOCK_BYTES / (WORD_BYTES * width)));
  }

  /** Rows up to the last one that was written. */
  get count(): number {
    return this.#count;
  }

  /** Memory that is taken. */
  get sizeBytes(): number {
    return this.floats.byteLength;
  }

  /** Makes room for so many rows. */
  reserve(rows: number): void {
    const words = rows * this.width;
    if (this.#file) return;
    if (words * WORD_BYTES > this.#limitBytes) this.#moveToFile();
    else if (words > this.floats.length) this.#grow(words);
  }

  /** Writes words, which are whole rows, from row `first` on. */
  write(first: number, words: Float32Array): void {
    const end = first + words.length / this.width;
    if (end * this.width > this.floats.length) {
      const most = Math.floor(this.#limitBytes / (this.width * WORD_BYTES));
      this.reserve(Math.max(end, Math.min(most, Math.max(2 * this.#count, FIRST_ROWS))));
    }
    if (this.#file) {
      const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
      this.#file.write(bytes, first * this.width * WORD_BYTES);
    } else this.floats.set(words, first * this.width);
    this.#count = Math.max(this.#count, end);
  }

  /** Where a row that was written begins in `floats` and `ints`; good until the next call. */
  find(row: number): number {
    const { width } = this;
    if (!this.#file) return row * width;
    const block = Math.floor(row / this.#blockRows);
    const place = block % this.#held.length;
    if (this.#held[place] !== block) this.#load(block, place);
    return (place * this.#blockRows + row - block * this.#blockRows) * width;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #grow(words: number): void {
    const grown = new Float32Array(words);
    grown.set(this.floats);
    this.#use(grown);
  }

  #use(floats: Float32Array): void {
    this.floats = floats;
    this.ints = new Int32Array(floats.buffer);
  }

  #moveToFile(): void {
    const { floats } = this;
    this.#file = new TemporaryFile(this.#name);
    this.#file.write(new Uint8Array(floats.buffer, 0, this.#count * this.width * WORD_BYTES), 0);
    const blockWords = this.#blockRows * this.width;
    const blocks = Math.max(FEWEST_BLOCKS, Math.floor(CACHE_BYTES / (blockWords * WORD_BYTES)));
    this.#use(new Float32Array(blocks * blockWords));
    this.#held = new Int32Array(blocks).fill(NO_BLOCK);
  }

  #load(block: number, place: number): void {
    const words = this.#blockRows * this.width;
    const first = block * this.#blockRows;
    const rows = Math.min(this.#blockRows, this.#count - first);
    const into = new Uint8Array(this.floats.buffer, place * words * WORD_BYTES, rows * this.width * WORD_BYTES);
    this.#held[place] = NO_BLOCK;
    this.#file?.read(into, first * this.width * WORD_BYTES);
    this.#held[place] = block;
  }
}
