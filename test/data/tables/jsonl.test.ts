import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { faultOf } from '../../../src/data/tables/json-fault.js';
import { readTableFrom } from '../../../src/data/tables/read-table.js';
import type { TableOptions } from '../../../src/data/tables/table.js';
import { as, listed, noticesOf, reading, readPieces, valuesOf } from './reading.js';

const { read, refusal } = reading('jsonl');
const DAY = Date.UTC(2024, 2, 9);

/** Lines of JSON. */
const lines = (...objects: readonly unknown[]): string =>
  objects.map((object) => `${JSON.stringify(object)}\n`).join('');

test('each key is a column, and lines may leave keys out', async () => {
  const table = await read(
    lines(
      { load: 1.5, day: '2024-03-09', tags: ['a', 2, true, null] },
      { name: 'Ann', day: null, ok: true },
      { load: -2e3, day: '2024-03-09T12:00', tags: [], name: '', ok: 'maybe' },
    ),
  );
  expect(listed(table)).toEqual({
    load: ['number', 1.5, null, -2000],
    day: ['date', DAY, null, DAY + 43_200_000],
    tags: ['list', ['a', '2', 'true', ''], [], []],
    name: ['text', '', 'Ann', ''],
    ok: ['text', '', 'true', 'maybe'],
  });
  expect(table.notices).toEqual([]);
});

test('blank lines are skipped, and rows know their lines', async () => {
  const table = await read('\ufeff{"a":1}\r\n\n  \n{"a":2}');
  expect([table.rows, table.place(0), table.place(1)]).toEqual([2, `${table.name}:1`, `${table.name}:4`]);
  expect(noticesOf(table)).toEqual(['x.jsonl: the byte order mark at its start was skipped']);
});

test('strings stay text, whatever they look like', async () => {
  const table = await read(lines({ a: '1', b: 'NA', c: '2024' }, { a: '2', b: '?', c: '2024-03-09' }));
  expect(listed(table)).toEqual({ a: ['text', '1', '2'], b: ['text', 'NA', '?'], c: ['text', '2024', '2024-03-09'] });
});

test('lines without keys have no columns', async () => {
  expect(await refusal(read('{}\n', { columns: ['a'] }))).toBe('x.jsonl: there is no column "a"; it has none');
});

test('colons and quotes within values make no keys', async () => {
  const text = '{"a" : "x\\":\\":", "b:" :"12:30", "c":"a\\" :"}\n';
  expect(listed(await read(text))).toEqual({ a: ['text', 'x":":'], 'b:': ['text', '12:30'], c: ['text', 'a" :'] });
});

test('a key may be named like what every object has', async () => {
  const table = await read('{"__proto__":1,"constructor":"x"}\n{"toString":2}\n');
  expect(table.columns.map((column) => [column.name, ...valuesOf(column)])).toEqual([
    ['__proto__', 1, null],
    ['constructor', 'x', ''],
    ['toString', null, 2],
  ]);
});

test('keys without a value are left out, and those that nobody asks for are not looked at', async () => {
  const table = await read(lines({ a: 1, b: null, c: '' }));
  expect(Object.keys(listed(table))).toEqual(['a']);
  expect(noticesOf(table)).toEqual(['x.jsonl: without a value in any row, and left out: "b", "c"']);
  expect(listed(await read(lines({ a: 1, b: { c: 2 } }), { columns: ['a'] }))).toEqual({ a: ['number', 1] });
});

test('a kind that is asked for is kept', async () => {
  const options: TableOptions = { as: { a: 'text', b: 'number', c: 'list', d: 'date' } };
  expect(listed(await read(lines({ a: '2024-03-09', b: null, d: '2024-03-09' }, { c: null }), options))).toEqual({
    a: ['text', '2024-03-09', ''],
    b: ['number', null, null],
    c: ['list', [], []],
    d: ['date', DAY, null],
  });
});

const OBJECT = 'a line is one object, such as {"load": 3.5, "day": "2024-03-09"}';
const KINDS = 'a column has values of one kind, or null where one is missing';
const INSIDE = 'is an object or a list inside of another; values are numbers, texts, booleans or lists of those';
const NUMBER = 'a value there is a finite decimal number such as 3, -0.5 or 1e-3, or null where it is missing';

describe('what is wrong in a line is refused at its place', () => {
  test.each([
    ['a comma too many', '{"é":1,}', `2:8: "}" is not JSON here; ${OBJECT}`],
    ['a line that ends too early', '{"a":[1,', `2:9: the line ends inside of its object; ${OBJECT}`],
    ['an open string', '{"a":"x', `2:8: the line ends inside of its object; ${OBJECT}`],
    ['single quotes', "{'a':1}", `2:2: "'a':1}" is not JSON here; ${OBJECT}`],
    ['NaN', '{"a":NaN}', `2:6: "NaN}" is not JSON here; ${OBJECT}`],
    ['two objects', '{"a":1}{"a":2}', `2:8: "{\\"a\\":2}" is not JSON here; ${OBJECT}`],
    ['a list', '[1,2]', `2: "[1,2]" is no object; ${OBJECT}`],
    ['a number', '5', `2: "5" is no object; ${OBJECT}`],
    ['null', ' null', `2: "null" is no object; ${OBJECT}`],
    ['an object inside', '{"a":{"b":1}}', `2: "a" ${INSIDE}`],
    ['an object in a list', '{"c":[1,{"b":1}]}', `2: "c[1]" ${INSIDE}`],
    ['a list in a list', '{"c":[[1]]}', `2: "c[0]" ${INSIDE}`],
    ['a key twice', '{"a":1,"b":"a:\\":","a" : 2}', '2: "a" is given twice; a key has one value'],
    ['a key twice, in other words', '{"a":1,"\\u0061":1}', '2: "a" is given twice; a key has one value'],
    ['an empty key', '{"":1}', '2: a key is empty; each is the name of a column'],
    ['a text among numbers', '{"a":"x"}', `2: the column "a" has "x" here, and a number in the rows before; ${KINDS}`],
    [
      'a list among numbers',
      '{"a":[]}',
      `2: the column "a" has a list here, and a number in the rows before; ${KINDS}`,
    ],
    [
      'a boolean among numbers',
      '{"a":true}',
      `2: the column "a" has "true" here, and a number in the rows before; ${KINDS}`,
    ],
    [
      'a number among texts',
      '{"b":5}',
      `2: the column "b" has the number 5 here, and text in the rows before; ${KINDS}`,
    ],
    ['a number that is too large', '{"a":1e999}', `2: the number Infinity is not allowed in the column "a"; ${NUMBER}`],
  ])('%s', async (_, line, message) => {
    expect(await refusal(read(`{"a":1,"b":"x"}\n${line}\n`))).toBe(`x.jsonl:${message}`);
  });

  test('an empty file', async () => {
    expect(await refusal(read(''))).toBe(`--jsonl: x.jsonl has no rows; ${OBJECT}`);
    expect(await refusal(read('\n\n'))).toBe(`--jsonl: x.jsonl has no rows; ${OBJECT}`);
  });

  test('text that is not UTF-8', async () => {
    expect(await refusal(read(Buffer.from('{"a":"é"}\n', 'latin1')))).toMatch(/^x\.jsonl:1:7: byte 0xe9 is not UTF-8/);
  });

  test('a line of 65 MB', async () => {
    const long = Readable.from(
      (function* () {
        yield Buffer.from('{"a":"x"}\n{"a":"');
        for (let i = 0; i < 65; i++) yield Buffer.alloc(1 << 20, 'x');
      })(),
    );
    expect(await refusal(readTableFrom(long, '<stdin>', 'jsonl'))).toMatch(
      /^<stdin>:2: the line is longer than 64 MiB/,
    );
  });

  test('a key of its own in each line', async () => {
    const objects = Array.from({ length: 5000 }, (_, i) => ({ [`key${i}`]: i }));
    expect(await refusal(read(lines(...objects)))).toBe(
      'x.jsonl:4097: "key4096" is one key too many; 4096 different ones are allowed, as each is a column',
    );
  });

  test('a few odd texts among dates', async () => {
    const days = Array.from({ length: 150 }, (_, i) => ({ day: i === 70 ? 'soon' : '2024-03-09' }));
    expect(await refusal(read(lines(...days)))).toBe(
      'x.jsonl:71: "soon" is no date, and 149 other values of the column "day" are; mend it, or put null where the value is missing',
    );
    expect((await read(lines(...days), as('day', 'text'))).columns[0].kind).toBe('text');
  });
});

describe('what is asked for and not there', () => {
  test.each<[string, TableOptions, string, string]>([
    ['a column', { columns: ['z'] }, '{"a":1,"b":2}', ': there is no column "z"; there is "a", "b"'],
    ['a value', { columns: ['a'] }, '{"a":null,"b":2}', ': the column "a" has no value in any row; leave it out'],
    ['a number', as('a', 'number'), '{"a":"1x"}', `:1: "1x" is not allowed in the column "a"; ${NUMBER}`],
    [
      'a text',
      as('a', 'text'),
      '{"a":[1]}',
      ':1: a list is not allowed in the column "a"; a value there is text, or null where it is missing',
    ],
    [
      'a list',
      as('a', 'list'),
      '{"a":"x"}',
      ':1: "x" is not allowed in the column "a"; a value there is a list of numbers, texts or booleans, or null where it is missing',
    ],
    [
      'a date',
      as('a', 'date'),
      '{"a":"x"}',
      ':1: "x" is not allowed in the column "a"; a value there is a date such as 2024-03-09, 2024-03-09 16:30 or 2024-03-09T16:30:00Z, or null where it is missing',
    ],
  ])('%s', async (_, options, content, message) => {
    expect(await refusal(read(content, options))).toBe(`x.jsonl${message}`);
  });
});

test('a text that is a number is one where that is asked for, and a number is a text', async () => {
  expect(listed(await read('{"a":"1.5"}\n{"a":2}\n{"a":""}', as('a', 'number')))).toEqual({
    a: ['number', 1.5, 2, null],
  });
  expect(listed(await read('{"a":1}\n{"a":"x"}', as('a', 'text')))).toEqual({ a: ['text', '1', 'x'] });
  const options = { ...as('a', 'number'), writing: { decimal: ',' } } as const;
  expect(listed(await read('{"a":"1.234,5"}\n{"a":2.5}', options))).toEqual({ a: ['number', 1234.5, 2.5] });
});

test('texts that look like numbers or dates are odd, and named with what to do', async () => {
  const odd = async (...values: string[]) =>
    (await read(lines(...values.map((a) => ({ a }))))).odd?.get('a')?.replace(/^.*x\.jsonl/, 'x.jsonl');
  expect(await odd('1.5', '2', '3')).toBe(
    'x.jsonl:1: "1.5" is a number by itself, and the column "a" is read as text: ' +
      '--columns a:number reads such numbers; --columns a:category where texts are meant',
  );
  expect(await odd('x', '31/12/2024', '30/12/2024')).toMatch(/^x.jsonl:2: "31\/12\/2024" looks like a date/);
  expect(await odd('red', 'green', '1')).toBeUndefined();
  expect(await odd('2024-01-01', '2024-01-02', 'soon')).toBe(
    'x.jsonl:3: "soon" is no date, and the column "a", in which 2 other values are, is read as text: mend it, or leave it out ' +
      'where the value is missing; --columns a:category where texts are meant',
  );
  const dates = await read('{"a":"31/12/2024"}\n{"a":"1.2.2024 8:30"}', { writing: { dates: 'dmy' } });
  expect(listed(dates)).toEqual({ a: ['date', Date.UTC(2024, 11, 31), Date.UTC(2024, 1, 1, 8, 30)] });
});

test('values come back as they were', async () => {
  const values = {
    n: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
    t: fc.option(fc.string({ unit: 'grapheme' }).map((text) => `t${text}`)),
    l: fc.option(fc.array(fc.string())),
  };
  const rows = fc.array(fc.record(values, { requiredKeys: [] }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 1, max: 60 }), async (objects, piece) => {
      const content = lines({ n: 1, t: 't', l: ['x'] }, ...objects);
      for (const table of [await read(content), await readPieces(content, 'jsonl', piece)]) {
        expect(listed(table)).toEqual({
          n: ['number', 1, ...objects.map(({ n }) => (n == null ? null : n + 0))],
          t: ['text', 't', ...objects.map(({ t }) => t ?? '')],
          l: ['list', ['x'], ...objects.map(({ l }) => l ?? [])],
        });
      }
    }),
  );
});

describe('where a text stops being JSON', () => {
  test('is its end where the rest is missing', () => {
    const json = fc.json().filter((text) => /^[[{]/.test(text));
    fc.assert(
      fc.property(json, fc.nat(), (text, cut) => {
        const start = text.slice(0, cut % text.length);
        const at = faultOf(start);
        // A word or a number that is cut is a fault where it begins, or where its sign ends.
        expect(start.slice(at)).toMatch(/^(?:[a-z]+|-|\.|[eE][+-]?|\\u?[\da-f]{0,3}|)$/);
      }),
    );
  });

  test('is its end where it is JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(faultOf(` ${text}	`)).toBe(text.length + 2);
      }),
    );
  });

  test.each([
    ['{"a" 1}', 5],
    ['{"a":1 "b":2}', 7],
    ['[1 2]', 3],
    ['[1,]', 3],
    ['{,}', 1],
    ['[01]', 2],
    ['["a\\x"]', 3],
    ['["a\\u12g4"]', 3],
    ['["a\tb"]', 3],
    ['{"a":1]', 6],
    ['{}}', 2],
    ['[tru]', 1],
  ])('%s', (text, at) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(faultOf(text)).toBe(at);
  });

  test('may lie deep inside', () => {
    expect(faultOf('['.repeat(1_000_000))).toBe(1_000_000);
  });
});
