// Tables in parts hold what the same tables hold in memory, whatever the parts are.

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LongTable, partsOf } from '../../../src/data/tables/long-table.js';
import { readTable, readTableFrom } from '../../../src/data/tables/read-table.js';
import type { Column, Format, TableOptions } from '../../../src/data/tables/table.js';
import { inPieces, listed, reading, valuesOf, whole } from './reading.js';

const { folder, file, refusal } = reading('csv');
const cache = join(folder, 'cache');

beforeEach(() => {
  mkdirSync(cache, { recursive: true });
  vi.stubEnv('UNROLL_CACHE', cache);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** The table in parts of so many bytes, put together, and how many there were. */
async function inParts(path: string, format: Format, options: TableOptions, partBytes: number) {
  const table = await readTable(path, format, options, partBytes);
  const names = table.columns.map(({ name }) => name);
  const columns = new Map<string, unknown[]>(table.columns.map(({ name, kind }) => [name, [kind]]));
  const places: string[] = [];
  let count = 0;
  for (const part of partsOf(table, names)) {
    count++;
    for (const column of part.columns) columns.get(column.name)?.push(...valuesOf(column as Column));
    for (let row = 0; row < part.rows; row++) places.push(part.place(row));
  }
  if (table instanceof LongTable) table.close();
  return { count, places, listed: Object.fromEntries(columns), table };
}

async function same(path: string, format: Format, partBytes: number, options: TableOptions = {}): Promise<number> {
  const all = whole(await readTable(path, format, options));
  const parted = await inParts(path, format, options, partBytes);
  expect(parted.listed).toEqual(listed(all));
  expect(parted.places).toEqual(Array.from({ length: all.rows }, (_, row) => all.place(row)));
  const { rows, checksum, notices } = parted.table;
  expect({ rows, checksum, notices }).toEqual({ rows: all.rows, checksum: all.checksum, notices: all.notices });
  return parted.count;
}

const cell = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -99, max: 99 }).map(String) },
  fc.constantFrom('', 'NA', 'one', 'zwei', '2024-05-31', '0.5', '"a ""b"", c"', '"two\nlines"'),
);

describe('a CSV file', () => {
  test('of any columns is the same in parts of any size: kinds, values, places and notices', async () => {
    const row = fc.tuple(cell, fc.integer(), cell);
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 2000 }),
        async (rows, bytes) => {
          const path = file('any.csv', `a,b,c\n${rows.map((cells) => `${cells.join(',')}\n`).join('')}`);
          await same(path, 'csv', bytes);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('whose column of numbers turns out to be text late has all of it as it was written', async () => {
    const rows = Array.from({ length: 50 }, (_, i) => `${i}.50,${i}\n`);
    const path = file('late.csv', `a,b\n${rows.join('')}old,7\n`);
    expect(await same(path, 'csv', 100)).toBeGreaterThan(10);
  });

  test('with columns whose values begin or end within parts', async () => {
    const rows = Array.from({ length: 90 }, (_, i) => `${i > 60 ? i : ''},${i < 20 ? 'x' : ''},${i}\n`);
    expect(await same(file('ends.csv', `a,b,c\n${rows.join('')}`), 'csv', 300)).toBeGreaterThan(3);
  });
});

test('JSON lines of which keys come late, and texts that are dates, are the same in parts', async () => {
  const rows = Array.from({ length: 80 }, (_, i) => ({
    ...(i > 50 ? { late: i } : {}),
    ...(i % 3 ? { day: `2024-03-${String(1 + (i % 28)).padStart(2, '0')}` } : {}),
    words: i % 2 ? ['a', `b${i}`] : [],
    text: i === 79 ? 'not a date' : '2024-01-01',
    mixed: String(i),
  }));
  rows[30].text = 'neither';
  rows[31].text = 'nor this';
  const path = file('x.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  expect(await same(path, 'jsonl', 500)).toBeGreaterThan(5);
  expect(await same(path, 'jsonl', 500, { columns: ['late', 'words'], as: { late: 'number' } })).toBeGreaterThan(2);
});

test('a Parquet file is the same, a row group a part', async () => {
  const path = new URL('../../fixtures/parquet/kinds-groups.parquet', import.meta.url).pathname;
  expect(await same(path, 'parquet', 1)).toBeGreaterThan(1);
});

test('nothing is left in the cache folder, even while the table is open', async () => {
  const path = file('open.csv', `a\n${Array.from({ length: 999 }, (_, i) => `${i}\n`).join('')}`);
  const table = await readTable(path, 'csv', {}, 100);
  expect(table).toBeInstanceOf(LongTable);
  expect(readdirSync(cache)).toEqual([]);
  (table as LongTable).close();
});

test('a stream that shows late what a column is, is read again from a file', async () => {
  const text = `a,b\n${Array.from({ length: 999 }, (_, i) => `${i < 500 ? i : 'x'},${i}\n`).join('')}`;
  const all = listed(whole(await readTable(file('late.csv', text), 'csv')));
  const stored = await readTableFrom(inPieces(text, 100), '<stdin>', 'csv', {}, 500);
  expect(readdirSync(cache)).toEqual([]);
  const parts = [...partsOf(stored, ['a', 'b'])].map(listed);
  expect(parts.length).toBeGreaterThan(5);
  for (const name of ['a', 'b'])
    expect([all[name][0], ...parts.flatMap((part) => part[name].slice(1))]).toEqual(all[name]);
  expect(parts[0].a.slice(0, 2)).toEqual(['text', '0']);
  (stored as LongTable).close();
});

test('a table that fits into one part takes no file', async () => {
  vi.stubEnv('UNROLL_CACHE', file('not-a-folder', 'x'));
  expect(await readTable(file('few.csv', 'a\n1\n2\n'), 'csv', {}, 1000)).not.toBeInstanceOf(LongTable);
});

test('where no file can be written it says where, why and what to do', async () => {
  vi.stubEnv('UNROLL_CACHE', file('not-a-folder', 'x'));
  const path = file('many.csv', `a\n${Array.from({ length: 999 }, (_, i) => `${i}\n`).join('')}`);
  expect(await refusal(readTable(path, 'csv', {}, 100))).toMatch(
    /^many.csv: a temporary file in not-a-folder cannot be written: .*; what is larger than memory needs about as much room/,
  );
});
