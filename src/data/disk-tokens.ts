// Tokens that stay on disk: a file of which each byte is one token, read by position as it is needed.

import { closeSync, readSync } from 'node:fs';
import { RunError, systemReason } from '../errors.js';
import { checkRange, type TokenSource } from './tokens.js';

/** Read at once: a page, which costs little more than one byte of it. A stream finds its next windows there. */
const BLOCK_BYTES = 4096;
/** Blocks kept: enough for the read-ahead of as many streams. */
const MAX_BLOCKS = 4096;

export class DiskTokens implements TokenSource {
  readonly length: number;
  readonly sizeBytes = BLOCK_BYTES * MAX_BLOCKS;
  readonly #fd: number;
  readonly #name: string;
  /** [256] the token of each byte, or -1. */
  readonly #table: Int16Array;
  /** By number, the least recently used first. */
  readonly #blocks = new Map<number, Uint8Array>();

  /** Takes over the open file `fd`, which holds `length` bytes. */
  constructor(fd: number, name: string, length: number, tokenOf: (byte: number) => number) {
    this.#fd = fd;
    this.#name = name;
    this.length = length;
    this.#table = Int16Array.from({ length: 256 }, (_, byte) => tokenOf(byte));
  }

  read(start: number, count: number, into: Int32Array, at: number): void {
    checkRange(this.length, start, count);
    for (let done = 0; done < count; ) {
      const offset = start + done;
      const number = Math.floor(offset / BLOCK_BYTES);
      const block = this.#block(number);
      const from = offset - number * BLOCK_BYTES;
      const here = Math.min(count - done, block.length - from);
      for (let i = 0; i < here; i++) {
        const token = this.#table[block[from + i]];
        if (token < 0) throw this.#changed();
        into[at + done + i] = token;
      }
      done += here;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #block(number: number): Uint8Array {
    let block = this.#blocks.get(number);
    if (block === undefined) {
      block = this.#load(number);
      const [oldest] = this.#blocks.size < MAX_BLOCKS ? [] : this.#blocks.keys();
      if (oldest !== undefined) this.#blocks.delete(oldest);
    } else {
      this.#blocks.delete(number);
    }
    this.#blocks.set(number, block);
    return block;
  }

  #load(number: number): Uint8Array {
    const start = number * BLOCK_BYTES;
    const block = new Uint8Array(Math.min(BLOCK_BYTES, this.length - start));
    for (let done = 0; done < block.length; ) {
      let got: number;
      try {
        got = readSync(this.#fd, block, done, block.length - done, start + done);
      } catch (error) {
        throw new RunError(`${this.#name}: reading the text failed: ${systemReason(error)}`);
      }
      if (got === 0) throw this.#changed();
      done += got;
    }
    return block;
  }

  #changed(): RunError {
    return new RunError(`${this.#name}: the text was changed while it was in use; begin again with a text that stays`);
  }
}
