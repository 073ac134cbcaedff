// Reads a table, from a file or a stream, into columns.

import type { Readable } from 'node:stream';
import { readCsv } from './csv.js';
import { readJsonl } from './jsonl.js';
import { type AnyTable, PartStore } from './long-table.js';
import { fileSource, type Source, StreamSource } from './source.js';
import type { Format, TableOptions } from './table.js';

type TextFormat = Exclude<Format, 'parquet'>;

type Reader = (source: Source, options: TableOptions, store: PartStore) => Promise<AnyTable>;

const READERS: Readonly<Record<TextFormat, Reader>> = { csv: readCsv, jsonl: readJsonl };
const WANTED: Readonly<Record<Format, string>> = {
  csv: 'a CSV file',
  jsonl: 'a file of JSON lines',
  parquet: 'a Parquet file',
};

/**
 * Reads a table of any length.
 *
 * @param partBytes about so much of it is held in memory; a longer one is to be closed
 * @throws UserError that says where in the file, what was found and what is allowed
 */
export function readTable(
  path: string,
  format: Format,
  options: TableOptions = {},
  partBytes = Number.POSITIVE_INFINITY,
): Promise<AnyTable> {
  const source = fileSource(path, options.flag ?? `--${format}`, WANTED[format]);
  return inParts(path, partBytes, async (store) => {
    if (format !== 'parquet') return READERS[format](source, options, store);
    // Loaded here: most tables are text.
    const { readParquet } = await import('./parquet.js');
    return readParquet(source, options, store);
  });
}

/** The same from a stream such as the standard input. @param name what messages call it */
export async function readTableFrom(
  stream: Readable,
  name: string,
  format: TextFormat,
  options: TableOptions = {},
  partBytes = Number.POSITIVE_INFINITY,
): Promise<AnyTable> {
  const source = new StreamSource(stream, name, partBytes);
  try {
    return await inParts(name, partBytes, (store) => READERS[format](source, options, store));
  } finally {
    source.close();
  }
}

async function inParts(
  name: string,
  partBytes: number,
  read: (store: PartStore) => Promise<AnyTable>,
): Promise<AnyTable> {
  const store = new PartStore(name, partBytes);
  try {
    return await read(store);
  } catch (error) {
    store.close();
    throw error;
  }
}
