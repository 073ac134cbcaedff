// Files that pyarrow wrote: see make_parquet.py beside them.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { TableOptions } from '../../../src/data/tables/table.js';
import { as, columnOf, listed, noticesOf, reading, valuesOf } from './reading.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/parquet', import.meta.url));
const { file, read, readPath, refusal } = reading('parquet');
const fixture = (name: string): string => join(FIXTURES, `${name}.parquet`);
const refused = async (name: string, options: TableOptions = {}): Promise<string> =>
  (await refusal(readPath(fixture(name), options))).replaceAll(`${FIXTURES}/`, '');

const readsZstd = 'zstdDecompressSync' in zlib;
const DAY = Date.UTC(2024, 2, 9);
const KINDS = {
  int8: ['number', 1, -2, null, 4, 5, 127],
  uint32: ['number', 1, 4294967295, null, 4, 5, 6],
  int64: ['number', 1, -(2 ** 53), null, 2 ** 53, 5, 6],
  uint64: ['number', 1, 2, null, 2 ** 53, 5, 6],
  half: ['number', 1.5, -2, null, 0, 5, 6],
  float: ['number', 1.5, -2.25, null, 0, 5, null],
  double: ['number', 0.1, -2.25e300, null, 0, 5, 1e-300],
  decimal: ['number', 1.25, -2.5, null, 0, 9999999.99, 0.01],
  text: ['text', 'a', 'b', '', '', 'naïve 🐋', 'a'],
  words: ['text', 'a', 'b', '', 'a', 'b', 'a'],
  flag: ['text', 'true', 'false', '', 'true', 'true', 'false'],
  day: ['date', DAY, -86_400_000, null, 0, Date.UTC(2000, 1, 29), Date.UTC(2024, 11, 31)],
  milli: ['date', 0, DAY + 123, null, -1, 5, 6],
  micro: ['date', 0, DAY + 123, null, -1, 5, 6],
  nano: ['date', 0, DAY + 123, null, -1, 5, 6],
  written: ['date', DAY, DAY + 43_200_000, null, 0, Date.UTC(2000, 1, 29), Date.UTC(2024, 11, 31)],
  numbers: ['list', ['1', '2'], [], [], ['3', ''], ['4'], ['5']],
  labels: ['list', ['a', 'b'], [], [], ['a'], ['c', ''], ['b']],
  flags: ['list', ['true'], [], [], ['false', 'true'], ['true'], []],
  days: ['list', ['2024-03-09T00:00:00.000Z'], [], [], [], [], []],
};

const readable = ['kinds-none', 'kinds-snappy', 'kinds-gzip', 'kinds-v2', 'kinds-groups'];

test.each(readsZstd ? [...readable, 'kinds-zstd'] : readable)('%s has all kinds of columns', async (name) => {
  const table = await readPath(fixture(name));
  expect(listed(table)).toEqual(KINDS);
  expect([table.rows, basename(table.place(4))]).toEqual([6, `${name}.parquet: row 5`]);
  expect(table.checksum).toBe(zlib.crc32(readFileSync(fixture(name))));
  expect(noticesOf(table)).toEqual([`${name}.parquet: without a value in any row, and left out: "nothing"`]);
});

test('a column of many pages and groups is put together', async () => {
  const table = await readPath(fixture('long'));
  const all = Array.from({ length: 3000 }, (_, i) => i);
  expect(valuesOf(columnOf(table, 'i'))).toEqual(all);
  expect(valuesOf(columnOf(table, 'x'))).toEqual(all.map((i) => (i % 7 === 0 ? null : i / 8)));
  expect(valuesOf(columnOf(table, 'word'))).toEqual(all.map((i) => `w${i % 10}`));
  expect(valuesOf(columnOf(table, 'tags'))).toEqual(all.map((i) => all.slice(0, i % 4).map((j) => `t${j}`)));
});

test('columns that nobody asks for are not looked at', async () => {
  const table = await readPath(fixture('struct'), { columns: ['good'] });
  expect(listed(table)).toEqual({ good: ['number', 1, 2, 3] });
  expect(
    (await readPath(fixture('kinds-none'), { columns: ['words', 'half'] })).columns.map(({ name }) => name),
  ).toEqual(['half', 'words']);
});

test('a kind that is asked for is kept', async () => {
  const options: TableOptions = { columns: ['written', 'nothing'], as: { written: 'text', nothing: 'date' } };
  expect(listed(await readPath(fixture('kinds-none'), options))).toEqual({
    written: ['text', '2024-03-09', '2024-03-09T12:00:00Z', '', '1970-01-01 00:00', '2000-02-29', '2024-12-31'],
    nothing: ['date', null, null, null, null, null, null],
  });
});

const TYPES = 'which are not read; columns have numbers, texts, booleans, dates, or lists of those';

describe('what cannot be read is refused', () => {
  test.each([
    ['structs', 'struct', `struct.parquet: the column "user" has structs, ${TYPES}`],
    ['maps', 'map', `map.parquet: the column "pairs" has maps, ${TYPES}`],
    ['lists of lists', 'nested', `nested.parquet: the column "grid" has lists of lists, ${TYPES}`],
    ['times of day', 'time', `time.parquet: the column "at" has times of day, ${TYPES}`],
    ['bytes of a fixed length', 'fixed', `fixed.parquet: the column "raw" has bytes of a fixed length, ${TYPES}`],
    [
      'bytes that are no text',
      'bytes',
      '--parquet: bytes.parquet is damaged in the column "raw": it has bytes that are no text in UTF-8',
    ],
    [
      'whole numbers that a double has not',
      'large',
      'large.parquet: row 2: 9007199254740993 in the column "id" is beyond 2^53, from where on not each whole number is there; ' +
        'write it as text if it is a name, or divide it',
    ],
    [
      'infinity',
      'infinite',
      'infinite.parquet: row 3: the number Infinity is not allowed in the column "x"; ' +
        'a value there is a finite decimal number such as 3, -0.5 or 1e-3, or null where it is missing',
    ],
    ['no rows', 'empty', '--parquet: empty.parquet has no rows; there is nothing to read'],
    ['a name twice', 'same', 'same.parquet: two columns have the name "x"; each has its own'],
  ])('%s', async (_, name, message) => {
    expect(await refused(name)).toBe(message);
  });

  test.skipIf(readsZstd)('a compression that this Node does not know', async () => {
    expect(await refused('kinds-zstd')).toBe(
      '--parquet: kinds-zstd.parquet: the column "int8" is compressed with ZSTD, which Node 22.15 and later read; take that, or ' +
        'write the file with snappy, gzip or none',
    );
  });

  test.each<[string, TableOptions, string]>([
    ['a column', { columns: ['bad'] }, 'struct.parquet: there is no column "bad"; there is "good", "user"'],
    [
      'another kind',
      { columns: ['good'], ...as('good', 'list') },
      'struct.parquet: row 1: the number 1 is not allowed in the column "good"; a value there is a list of numbers, texts or booleans, or null where it is missing',
    ],
  ])('%s', async (_, options, message) => {
    expect(await refused('struct', options)).toBe(message);
  });

  test('a value that is not there', async () => {
    expect(await refused('kinds-none', { columns: ['nothing'] })).toBe(
      'kinds-none.parquet: the column "nothing" has no value in any row; leave it out',
    );
  });
});

describe('a file that is damaged is refused', () => {
  const good = readFileSync(fixture('kinds-snappy'));

  test.each([
    ['an empty file', Buffer.alloc(0), /^--parquet: x\.parquet is damaged, or no Parquet file/],
    [
      'a text',
      Buffer.from('a,b\n1,2\n'),
      /^--parquet: x\.parquet is damaged, or no Parquet file: parquet file invalid/,
    ],
    ['a start', good.subarray(0, 1000), /^--parquet: x\.parquet is damaged, or no Parquet file/],
    ['an end', good.subarray(1000), /^--parquet: x\.parquet is damaged/],
  ])('%s', async (_, content, message) => {
    expect(await refusal(read(content))).toMatch(message);
  });

  test('a count that would fill all memory', async () => {
    // The run of definition levels of the first column, 6 times 1, becomes one of 2^30 and more.
    const bytes = Buffer.from(readFileSync(fixture('kinds-none')));
    const runs = Buffer.from([2, 0, 0, 0, 3, 0b111011]);
    const at = bytes.indexOf(runs);
    expect(at).toBeGreaterThan(0);
    Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f]).copy(bytes, at + 4);
    expect(await refusal(read(bytes))).toBe(
      '--parquet: x.parquet is damaged in the column "int8": a run has more values than its page',
    );
  });

  test('a folder, and a file that is not there', async () => {
    expect(await refused('absent')).toBe('--parquet: absent.parquet cannot be read: it does not exist');
    const path = file('y.parquet', '');
    expect(await refusal(readPath(join(path, '..'), { flag: '--table' }))).toMatch(
      / is a folder; give a Parquet file$/,
    );
  });
});
