// Where the bytes of a table come from: a file, or a stream such as the standard input. Both can be gone through again, since
// a column may show in its last row that it is another kind than it seemed.

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { systemReason, UserError } from '../../errors.js';
import { type TextFile, withFile } from '../open-file.js';
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

/** Keeps what it reads: a stream comes once. What is gone through again is what was handed out. */
export function streamSource(stream: Readable, name: string): Source {
  const kept: Uint8Array[] = [];
  let begun = false;
  async function* chunks(): AsyncIterable<Uint8Array> {
    if (begun) {
      yield* kept;
      return;
    }
    begun = true;
    for await (const chunk of readable(() => stream, name)) {
      kept.push(chunk);
      yield chunk;
    }
  }
  return { name, title: name, chunks };
}

async function* readable(open: () => Readable, title: string): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of open()) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${title} cannot be read: ${systemReason(error)}`);
  }
}
