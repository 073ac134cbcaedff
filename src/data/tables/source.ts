// Where the bytes of a table come from: a file, or a stream such as the standard input. Both can be gone through again, since
// a column may show in its last row that it is another kind than it seemed.

import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { systemReason, UserError } from '../../errors.js';
import { withFile } from '../open-file.js';
import { CHUNK_BYTES } from '../utf8.js';

export interface Source {
  /** What messages call it where they have a line to name. */
  readonly name: string;
  /** What messages call it that are about all of it. */
  readonly title: string;
  /** The bytes from the start, each time. */
  chunks(): AsyncIterable<Uint8Array>;
}

export function fileSource(path: string, flag: string, wanted: string): Source {
  const title = `${flag}: ${path}`;
  return { name: path, title, chunks: () => fileChunks(path, flag, title, wanted) };
}

async function* fileChunks(path: string, flag: string, title: string, wanted: string): AsyncIterable<Uint8Array> {
  const take = (file: { readonly fd: number; kept: boolean }): number => {
    file.kept = true;
    return file.fd;
  };
  const fd = withFile(path, flag, take, wanted);
  yield* readable(createReadStream(path, { fd, highWaterMark: CHUNK_BYTES }), title);
}

/** Keeps what it reads: a stream comes once. */
export function streamSource(stream: Readable, name: string): Source {
  const kept: Uint8Array[] = [];
  let read = false;
  async function* chunks(): AsyncIterable<Uint8Array> {
    if (read) {
      yield* kept;
      return;
    }
    for await (const chunk of readable(stream, name)) {
      kept.push(chunk);
      yield chunk;
    }
    read = true;
  }
  return { name, title: name, chunks };
}

async function* readable(stream: Readable, title: string): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of stream) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  } catch (error) {
    throw new UserError(`${title} cannot be read: ${systemReason(error)}`);
  }
}
