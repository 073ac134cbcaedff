import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTable } from '../../src/data/tables/read-table.js';
import { columnFacts } from '../../src/run/column-facts.js';
import { reading } from '../data/tables/reading.js';

const { file, folder } = reading('csv');
const before = process.env.UNROLL_CACHE;

beforeAll(() => {
  process.env.UNROLL_CACHE = folder;
});

afterAll(() => {
  if (before === undefined) delete process.env.UNROLL_CACHE;
  else process.env.UNROLL_CACHE = before;
});

const rows = Array.from({ length: 900 }, (_, i) => `${i % 7},${i % 3 ? i / 2 : ''},m${i % 30},2024-01-0${1 + (i % 9)}`);
const table = `whole,halves,machine,day\n${rows.join('\n')}\n`;

test.each([Number.POSITIVE_INFINITY, 2000])('of a table in parts of %s bytes', async (partBytes) => {
  const facts = columnFacts(await readTable(file('x.csv', table), 'csv', {}, partBytes));
  expect(facts.map(({ name, kind, different, areWhole }) => [name, kind, different, areWhole])).toEqual([
    ['whole', 'number', 7, true],
    ['halves', 'number', 601, false],
    ['machine', 'text', 30, false],
    ['day', 'date', 9, false],
  ]);
});

test('lists are not counted', async () => {
  const lists = file('x.jsonl', '{"words":["a","b"]}\n{"words":["a","b"]}\n');
  expect(columnFacts(await readTable(lists, 'jsonl'))).toMatchObject([
    { kind: 'list', different: Number.POSITIVE_INFINITY },
  ]);
});
