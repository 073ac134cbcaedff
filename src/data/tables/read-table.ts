// Reads a table, from a file or a stream, into columns.

import type { Readable } from 'node:stream';
import { readCsv } from './csv.js';
import { readJsonl } from './jsonl.js';
import { fileSource, type Source, streamSource } from './source.js';
import type { Format, Table, TableOptions } from './table.js';

type TextFormat = Exclude<Format, 'parquet'>;

const READERS: Readonly<Record<TextFormat, (source: Source, options: TableOptions) => Promise<Table>>> = {
  csv: readCsv,
  jsonl: readJsonl,
};
const WANTED: Readonly<Record<Format, string>> = {
  csv: 'a CSV file',
  jsonl: 'a file of JSON lines',
  parquet: 'a Parquet file',
};

/** @throws UserError that says where in the file, what was found and what is allowed */
export async function readTable(path: string, format: Format, options: TableOptions = {}): Promise<Table> {
  const source = fileSource(path, options.flag ?? `--${format}`, WANTED[format]);
  if (format !== 'parquet') return READERS[format](source, options);
  // Loaded here: most tables are text.
  const { readParquet } = await import('./parquet.js');
  return readParquet(source, options);
}

/** Reads a table from a stream such as the standard input. @param name what messages call it */
export function readTableFrom(
  stream: Readable,
  name: string,
  format: TextFormat,
  options: TableOptions = {},
): Promise<Table> {
  return READERS[format](streamSource(stream, name), options);
}
