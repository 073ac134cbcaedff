// A file for what is too much for memory, in the cache folder. Its name is taken away as soon as it is open: whatever ends the
// process, be it Ctrl-C or a kill, the system then frees what it took.

import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RunError, systemReason, UserError } from '../errors.js';
import { cacheFolder } from './dataset.js';
import { makeFolders } from './folders.js';

export class TemporaryFile {
  readonly #fd: number;
  readonly #folder: string;
  #end = 0;

  /** @param about what is kept in it, for messages. @throws UserError where the folder takes no files */
  constructor(about: string, folder = cacheFolder()) {
    this.#folder = `${about}: a temporary file in ${folder}`;
    const path = join(folder, `unroll-${process.pid}-${randomUUID()}.tmp`);
    try {
      makeFolders(folder);
      this.#fd = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
    } catch (error) {
      throw this.#cannotWrite(error);
    }
  }

  /** Of the open file; it is closed with the descriptor too. */
  get fd(): number {
    return this.#fd;
  }

  /** Bytes up to the end of what was written. */
  get sizeBytes(): number {
    return this.#end;
  }

  /** @returns where the bytes begin */
  append(bytes: Uint8Array): number {
    const at = this.#end;
    this.write(bytes, at);
    return at;
  }

  /** @throws UserError where the disk is full */
  write(bytes: Uint8Array, at: number): void {
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#fd, bytes, done, bytes.length - done, at + done);
    } catch (error) {
      throw this.#cannotWrite(error);
    }
    this.#end = Math.max(this.#end, at + bytes.length);
  }

  /** Fills `into` with what was written from `at` on. */
  read(into: Uint8Array, at: number): void {
    for (let done = 0; done < into.length; ) {
      let got: number;
      try {
        got = readSync(this.#fd, into, done, into.length - done, at + done);
      } catch (error) {
        throw new RunError(`${this.#folder} cannot be read: ${systemReason(error)}`);
      }
      if (got === 0) throw new RunError(`${this.#folder} ends before what was written to it`);
      done += got;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #cannotWrite(error: unknown): UserError {
    return new UserError(
      `${this.#folder} cannot be written: ${systemReason(error)}; ` +
        'what is larger than memory needs about as much room there as its file has; UNROLL_CACHE names another folder',
    );
  }
}
