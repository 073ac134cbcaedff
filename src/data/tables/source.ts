// Where the bytes of a table come from: a file, or a stream such as the standard input. Both can be gone through again, since
// a column may show in its last row that it is another kind than it seemed.

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { systemReason, UserError } from '../../errors.js';
import { type TextFile, withFile } from '../open-file.js';
import { TemporaryFile } from '../temporary-file.js';
import { CHUNK_BYTES } from '../utf8.js';

export interface Source {
  /** What messages call it where they have a line to name. */
  readonly name: string;
  /** What messages call it that are about all of it. */
  readonly title: string;
  /** The bytes from the start, each time. */
  chunks(): AsyncIterable<Uint8Array>;
}

export interface FileSource extends Source {
  /** Opens the file to be read here and there. */
  open(): { readonly fd: number; readonly sizeBytes: number };
}

/** @param wanted what a person should give in the place of a folder */
export function fileSource(path: string, flag: string, wanted: string): FileSource {
  const title = `${flag}: ${path}`;
  const keep = (file: TextFile): TextFile => {
    file.kept = true;
    return file;
  };
  const open = () => withFile(path, flag, keep, wanted);
  const stream = () => createReadStream(path, { fd: open().fd, highWaterMark: CHUNK_BYTES });
  return { name: path, title, open, chunks: () => readable(stream, title) };
}

/**
 * A stream comes once, so what is read of it is kept: in memory, and in a temporary file once it is more than that. What is gone
 * through again is what was handed out.
 */
export class StreamSource implements Source {
  readonly name: string;
  readonly title: string;
  readonly #stream: Readable;
  readonly #limitBytes: number;
  readonly #kept: Uint8Array[] = [];
  #heldBytes = 0;
  #file: TemporaryFile | undefined;
  #begun = false;

  /** @param limitBytes that stay in memory */
  constructor(stream: Readable, name: string, limitBytes: number) {
    this.name = name;
    this.title = name;
    this.#stream = stream;
    this.#limitBytes = limitBytes;
  }

  async *chunks(): AsyncIterable<Uint8Array> {
    if (this.#begun) {
      yield* this.#file ? stored(this.#file) : this.#kept;
      return;
    }
    this.#begun = true;
    for await (const chunk of readable(() => this.#stream, this.title)) {
      this.#keep(chunk);
      yield chunk;
    }
  }

  #keep(chunk: Uint8Array): void {
    this.#heldBytes += chunk.length;
    if (this.#file === undefined && this.#heldBytes > this.#limitBytes) {
      this.#file = new TemporaryFile(this.name);
      for (const held of this.#kept.splice(0)) this.#file.append(held);
    }
    if (this.#file) this.#file.append(chunk);
    else this.#kept.push(chunk);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function* stored(file: TemporaryFile): Generator<Uint8Array> {
  for (let at = 0; at < file.sizeBytes; at += CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, file.sizeBytes - at));
    file.read(chunk, at);
    yield chunk;
  }
}

async function* readable(open: () => Readable, title: string): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of open()) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${title} cannot be read: ${systemReason(error)}`);
  }
}
