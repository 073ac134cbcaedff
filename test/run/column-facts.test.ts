import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LongTable } from '../../src/data/tables/long-table.js';
import { readTable } from '../../src/data/tables/read-table.js';
import { columnFacts } from '../../src/run/column-facts.js';
import { reading } from '../data/tables/reading.js';

const { file, folder } = reading('csv');

beforeAll(() => {
  vi.stubEnv('UNROLL_CACHE', folder);
});

afterAll(() => {
  vi.unstubAllEnvs();
});

const rows = Array.from({ length: 900 }, (_, i) => `${i % 7},${i % 3 ? i / 2 : ''},m${i % 30},2024-01-0${1 + (i % 9)}`);
const table = `whole,halves,machine,day\n${rows.join('\n')}\n`;

test.each([Number.POSITIVE_INFINITY, 2000])('of a table in parts of %s bytes', async (partBytes) => {
  const read = await readTable(file('x.csv', table), 'csv', {}, partBytes);
  const facts = columnFacts(read);
  expect(facts.map(({ name, kind, different, areWhole }) => [name, kind, different, areWhole])).toEqual([
    ['whole', 'number', 7, true],
    ['halves', 'number', 601, false],
    ['machine', 'text', 30, false],
    ['day', 'date', 9, false],
  ]);
  if (read instanceof LongTable) read.close();
});

test('lists are not counted', async () => {
  const lists = file('x.jsonl', '{"words":["a","b"]}\n{"words":["a","b"]}\n');
  expect(columnFacts(await readTable(lists, 'jsonl'))).toMatchObject([
    { kind: 'list', different: Number.POSITIVE_INFINITY },
  ]);
});
