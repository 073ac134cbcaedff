// Reads a table, from a file or a stream, into columns.

import type { Readable } from 'node:stream';
import { readCsv } from './csv.js';
import { readJsonl } from './jsonl.js';
import { type AnyTable, LongTable, PartStore } from './long-table.js';
import { fileSource, type Source, streamSource } from './source.js';
import type { Format, Table, TableOptions } from './table.js';

type TextFormat = Exclude<Format, 'parquet'>;

type Reader = (source: Source, options: TableOptions, store?: PartStore) => Promise<AnyTable>;

const READERS: Readonly<Record<TextFormat, Reader>> = { csv: readCsv, jsonl: readJsonl };
const WANTED: Readonly<Record<Format, string>> = {
  csv: 'a CSV file',
  jsonl: 'a file of JSON lines',
  parquet: 'a Parquet file',
};

/**
 * Reads a table into memory, all of it.
 *
 * @throws UserError that says where in the file, what was found and what is allowed
 */
export async function readTable(path: string, format: Format, options: TableOptions = {}): Promise<Table> {
  return whole(await read(path, format, options));
}

/** Reads a table of any length. @param partBytes about so much of it is held in memory; a longer one is to be closed */
export function readLongTable(
  path: string,
  format: Format,
  options: TableOptions,
  partBytes: number,
): Promise<AnyTable> {
  return closing(new PartStore(path, partBytes), (store) => read(path, format, options, store));
}

async function read(path: string, format: Format, options: TableOptions, store?: PartStore): Promise<AnyTable> {
  const source = fileSource(path, options.flag ?? `--${format}`, WANTED[format]);
  if (format !== 'parquet') return READERS[format](source, options, store);
  // Loaded here: most tables are text.
  const { readParquet } = await import('./parquet.js');
  return readParquet(source, options, store);
}

/** Reads a table from a stream such as the standard input. @param name what messages call it */
export async function readTableFrom(
  stream: Readable,
  name: string,
  format: TextFormat,
  options: TableOptions = {},
): Promise<Table> {
  return whole(await READERS[format](streamSource(stream, name), options));
}

/** The same of any length. */
export function readLongTableFrom(
  stream: Readable,
  name: string,
  format: TextFormat,
  options: TableOptions,
  partBytes: number,
): Promise<AnyTable> {
  return closing(new PartStore(name, partBytes), (store) =>
    READERS[format](streamSource(stream, name), options, store),
  );
}

function whole(table: AnyTable): Table {
  if (table instanceof LongTable) throw new Error('a table in memory has no parts');
  return table;
}

async function closing(store: PartStore, work: (store: PartStore) => Promise<AnyTable>): Promise<AnyTable> {
  try {
    return await work(store);
  } catch (error) {
    store.close();
    throw error;
  }
}
