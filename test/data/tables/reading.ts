// Tables that the tests of this folder write and read.

import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { type AnyTable, LongTable } from '../../../src/data/tables/long-table.js';
import { readTable, readTableFrom } from '../../../src/data/tables/read-table.js';
import type { Column, Format, Kind, Table, TableOptions } from '../../../src/data/tables/table.js';
import { UserError } from '../../../src/errors.js';
import { temporaryFolder } from '../texts.js';

/** Reads contents of one format from files in a folder of its own. */
export function reading(format: Format) {
  const { folder, file } = temporaryFolder();
  const read = (content: string | Uint8Array, options: TableOptions = {}): Promise<Table> =>
    readPath(file(`x.${format}`, content), options);
  const readPath = async (path: string, options: TableOptions = {}): Promise<Table> =>
    whole(await readTable(path, format, options));
  /** What a UserError says, without the folder. @throws where nothing was refused */
  const refusal = async (table: Promise<unknown>): Promise<string> => {
    const error = await table.then(
      () => new Error('accepted'),
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message.replaceAll(`${folder}/`, '');
  };
  return { folder, file, read, readPath, refusal };
}

/** A table that was not asked to be in parts. */
export function whole(table: AnyTable): Table {
  if (table instanceof LongTable) throw new Error('the table is in parts');
  return table;
}

/** A stream that hands out `text` in pieces of so many bytes. */
export function inPieces(text: string, bytes: number): Readable {
  const all = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(all.length / bytes) }, (_, i) =>
    all.subarray(i * bytes, (i + 1) * bytes),
  );
  return Readable.from(pieces);
}

export async function readPieces(text: string, format: 'csv' | 'jsonl', bytes: number): Promise<Table> {
  return whole(await readTableFrom(inPieces(text, bytes), '<stdin>', format));
}

/** Columns as lists: [kind, ...values]; missing numbers and dates are null. */
export function listed(table: Table): Record<string, unknown[]> {
  return Object.fromEntries(table.columns.map((column) => [column.name, [column.kind, ...valuesOf(column)]]));
}

export function valuesOf(column: Column): unknown[] {
  if (column.kind === 'text' || column.kind === 'list') return [...column.values];
  return Array.from(column.values, (value) => (Number.isNaN(value) ? null : value));
}

export function columnOf(table: Table, name: string): Column {
  const column = table.columns.find((one) => one.name === name);
  if (column === undefined) throw new Error(`no column ${name}`);
  return column;
}

export const as = (name: string, kind: Kind): TableOptions => ({ as: { [name]: kind } });

export const noticesOf = (table: Table): string[] =>
  table.notices.map((notice) => notice.replaceAll(table.name, basename(table.name)));
