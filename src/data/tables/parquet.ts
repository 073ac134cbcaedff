// Reads Parquet into columns, a column of a row group at a time. hyparquet decodes; it is loaded where there is such a file.

import { closeSync, readSync } from 'node:fs';
import * as zlib from 'node:zlib';
import {
  type AsyncBuffer,
  type ColumnMetaData,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from 'hyparquet';
import { getTreePath } from 'hyparquet/src/schema.js';
import { UserError } from '../../errors.js';
import { type AnyTable, type PartStore, tableWith } from './long-table.js';
import { checkPages } from './parquet-guard.js';
import { columnsOf, type ParquetColumn } from './parquet-schema.js';
import { PARSERS, tableValue } from './parquet-values.js';
import type { FileSource } from './source.js';
import { type Column, checkAsked, kindAsked, leaveOutEmpty, shown, type TableOptions } from './table.js';
import { ValueColumn } from './value-column.js';

/** Node has it from 22.15 and 23.8 on, and its types do not know it yet. */
const { zstdDecompressSync } = zlib as typeof zlib & { readonly zstdDecompressSync?: typeof zlib.gunzipSync };

const atMost = (length: number) => ({ maxOutputLength: Math.max(1, length) });
const COMPRESSORS: Compressors = {
  GZIP: (bytes, length) => zlib.gunzipSync(bytes, atMost(length)),
  ...(zstdDecompressSync && { ZSTD: (bytes, length) => zstdDecompressSync(bytes, atMost(length)) }),
};
const CODECS = new Set(['UNCOMPRESSED', 'SNAPPY', ...Object.keys(COMPRESSORS)]);
/** Numbers of rows are 32-bit numbers. */
const MAX_ROWS = 2 ** 31 - 1;

interface OpenFile {
  readonly title: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly schema: SchemaTree;
}

/** @param store takes what is more than memory should hold */
export async function readParquet(source: FileSource, options: TableOptions, store: PartStore): Promise<AnyTable> {
  const { name, title } = source;
  let checksum = 0;
  for await (const chunk of source.chunks()) checksum = zlib.crc32(chunk, checksum);
  const { fd, sizeBytes } = source.open();
  try {
    const buffer: AsyncBuffer = {
      byteLength: sizeBytes,
      slice: (start, end = sizeBytes) => slice(fd, start, Math.min(end, sizeBytes)),
    };
    // For maps (of land) it would go through as many columns as the file says it has.
    const metadata = await decoded(title, () => parquetMetadataAsync(buffer, { geoparquet: false }));
    const schema = await decoded(title, () => schemaOf(metadata));
    const file = { title, buffer, metadata, schema };
    const rows = await decoded(title, () => rowsOf(metadata));
    if (rows === 0) throw new UserError(`${title} has no rows; there is nothing to read`);
    const place = (row: number): string => `${name}: row ${row + 1}`;
    const reading: Reading[] = [];
    for (const column of askedColumns(name, file, options)) {
      const values = new ValueColumn(column.name, {
        ...{ table: name, place, as: kindAsked(options, column.name), writing: options.writing },
      });
      reading.push({ column, values, scan: await scanOf(file, column.name) });
    }
    await readGroups(file, reading, place, store);
    const columns: Column[] = [];
    const empty: string[] = [];
    const odd = new Map<string, string>();
    for (const { column, values } of reading) {
      const finished = values.finish(rows);
      if (finished?.kind === 'text' && values.odd !== undefined) odd.set(column.name, values.odd);
      if (finished === undefined) empty.push(column.name);
      else columns.push(finished);
    }
    const notices = leaveOutEmpty(name, options, empty);
    return tableWith({ name, rows, columns, place, checksum, odd, notices }, store, options.writing);
  } finally {
    closeSync(fd);
  }
}

function slice(fd: number, start: number, end: number): ArrayBuffer {
  const bytes = new Uint8Array(end - start);
  let length = 0;
  for (let got = -1; got !== 0 && length < bytes.length; length += got) {
    got = readSync(fd, bytes, length, bytes.length - length, start + length);
  }
  if (length < bytes.length) throw new Error('it became shorter while it was read');
  return bytes.buffer;
}

/** What hyparquet throws is about the file. @param column the one that is read */
async function decoded<T>(title: string, work: () => T | Promise<T>, column?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const where = column === undefined ? ', or no Parquet file' : ` in the column ${shown(column)}`;
    // What it stumbles over by accident has a message for nobody.
    const why = error instanceof Error && error.constructor === Error ? `: ${error.message}` : '';
    throw new UserError(`${title} is damaged${where}${why}`);
  }
}

function schemaOf(metadata: FileMetaData): SchemaTree {
  const schema = parquetSchema(metadata);
  if (schema.children.every(({ element }) => typeof element.name === 'string')) return schema;
  throw new Error('a column has no name');
}

function rowsOf({ num_rows, row_groups }: FileMetaData): number {
  const rows = row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  if (rows !== Number(num_rows) || row_groups.some((group) => group.num_rows < 0n) || rows > MAX_ROWS) {
    throw new Error(`it says that it has ${num_rows} rows, and its groups have ${rows}`);
  }
  return rows;
}

/** The columns to read. @throws UserError where one of them cannot be */
function askedColumns(name: string, file: OpenFile, options: TableOptions): readonly ParquetColumn[] {
  const all = columnsOf(file.schema);
  const names = new Set(all.map((column) => column.name));
  if (names.size < all.length) {
    const twice = all.find((column, i) => all.findIndex((other) => other.name === column.name) < i);
    throw new UserError(`${name}: two columns have the name ${shown(twice!.name)}; each has its own`);
  }
  checkAsked(name, options, names);
  const asked = all.filter((column) => options.columns?.includes(column.name) !== false);
  for (const { name: column, scalar } of asked) {
    if (typeof scalar === 'string') continue;
    throw new UserError(
      `${name}: the column ${shown(column)} has ${scalar.unread}, which are not read; ` +
        'columns have numbers, texts, booleans, dates, or lists of those',
    );
  }
  return asked;
}

/** A column that is read, a row group at a time. */
interface Reading {
  readonly column: ParquetColumn;
  readonly values: ValueColumn;
  readonly scan: Awaited<ReturnType<typeof parquetScan>>;
}

function scanOf({ title, buffer, metadata }: OpenFile, name: string): Promise<Reading['scan']> {
  const options = { file: buffer, metadata, columns: [name], compressors: COMPRESSORS, parsers: PARSERS };
  return decoded(title, () => parquetScan({ ...options, useOffsetIndex: false }));
}

async function readGroups(
  file: OpenFile,
  reading: readonly Reading[],
  place: (row: number) => string,
  store: PartStore,
): Promise<void> {
  const groups = file.metadata.row_groups.filter((group) => group.num_rows > 0n);
  let rows = 0;
  let held = 0;
  for (const [i, group] of groups.entries()) {
    for (const one of reading) await readColumn(file, group, i, one, place);
    rows += Number(group.num_rows);
    held += Number(group.total_byte_size) + Number(group.num_rows) * reading.length * Float64Array.BYTES_PER_ELEMENT;
    if (held < store.limitBytes) continue;
    for (const { column, values } of reading) store.put(column.name, store.ends.length, values.take(rows));
    store.ends.push(rows);
    held = 0;
  }
}

async function readColumn(
  file: OpenFile,
  group: RowGroup,
  number: number,
  { column, values, scan }: Reading,
  place: (row: number) => string,
): Promise<void> {
  const { title } = file;
  const { name } = column;
  const { rowStart, rowEnd } = scan.ranges[number];
  const metas = await decoded(title, () => chunksOf(group, name), name);
  for (const meta of metas) {
    if (!CODECS.has(meta.codec)) throw badCodec(title, name, meta.codec);
    await decoded(title, () => check(file, meta), name);
  }
  const read = await decoded(
    title,
    async () => {
      const found = await scan.readColumn({ column: name, rowStart, rowEnd });
      if (found.length === rowEnd - rowStart) return found;
      throw new Error(`it has ${found.length} of ${rowEnd - rowStart} rows`);
    },
    name,
  );
  for (let row = rowStart; row < rowEnd; row++) {
    const value = tableValue(read[row - rowStart], column, () => place(row));
    if (value !== undefined) values.add(row, value);
  }
}

function chunksOf(group: RowGroup, name: string): readonly ColumnMetaData[] {
  return group.columns.flatMap(({ meta_data }) => (meta_data?.path_in_schema[0] === name ? [meta_data] : []));
}

async function check({ buffer, schema }: OpenFile, meta: ColumnMetaData): Promise<void> {
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const bytes = await buffer.slice(start, start + Number(meta.total_compressed_size));
  checkPages({ meta, path: getTreePath(schema, meta.path_in_schema), bytes, compressors: COMPRESSORS });
}

function badCodec(title: string, column: string, codec: string | undefined): UserError {
  const which = codec === 'ZSTD' ? 'which Node 22.15 and later read; take that, or' : 'which is not read;';
  return new UserError(
    `${title}: the column ${shown(column)} is compressed with ${codec ?? 'an unknown codec'}, ${which} ` +
      'write the file with snappy, gzip or none',
  );
}
