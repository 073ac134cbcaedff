import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTableFrom } from '../../../src/data/tables/read-table.js';
import type { TableOptions } from '../../../src/data/tables/table.js';
import { as, columnOf, listed, noticesOf, reading, readPieces, valuesOf, whole } from './reading.js';

const { file, read, readPath, refusal } = reading('csv');
const DAY = Date.UTC(2024, 2, 9);

test('a table has numbers, dates and text, with what is missing', async () => {
  const table = await read('day,load,name\n2024-03-09,1.5,Ann\n,NA,\n2024-03-10,-2e3,"Bob, ""B"""\n');
  expect(listed(table)).toEqual({
    day: ['date', DAY, null, DAY + 86_400_000],
    load: ['number', 1.5, null, -2000],
    name: ['text', 'Ann', '', 'Bob, "B"'],
  });
  expect([table.rows, table.notices]).toEqual([3, []]);
});

test('it knows its name, the lines of its rows and the checksum of its bytes', async () => {
  const path = file('lines.csv', 'a,b\n1,"x\ny"\n\n2,z\n');
  const table = await readPath(path);
  expect([table.name, table.place(0), table.place(1)]).toEqual([path, `${path}:2`, `${path}:5`]);
  expect(table.checksum).toBe(crc32(readFileSync(path)));
  expect(noticesOf(table)).toEqual(['lines.csv: 1 blank line was left out']);
});

test.each(['NA', 'n/a', 'N/A', 'NaN', 'nan', 'null', 'NULL', '?', '', ' ', '" NA "', '""'])(
  '%j is a missing value',
  async (text) => {
    const table = await read(`x,y\n1,a\n${text},${text}\n`);
    expect(listed(table)).toEqual({ x: ['number', 1, null], y: ['text', 'a', ''] });
  },
);

test.each([
  ['3', 3],
  ['+3', 3],
  ['-0.5', -0.5],
  ['.5', 0.5],
  ['5.', 5],
  [' 7\t', 7],
  ['"8"', 8],
  ['1e-3', 0.001],
  ['0.1000000000000000055511151231257827', 0.1],
  ['9007199254740993', 9007199254740992],
])('%j is a number', async (text, number) => {
  expect(listed(await read(`x\n${text}\n`))).toEqual({ x: ['number', number] });
});

test.each(['0x10', '1_000', '1e', '--1', '1 2', '1,5', 'inf or so', '12 Main Street', '١'])(
  '%j is text',
  async (text) => {
    expect(listed(await read(`x\n"${text}"\n`))).toEqual({ x: ['text', text] });
  },
);

test.each([
  ['2024-03-09', DAY],
  ['2024-03-09 16:30', DAY + 59_400_000],
  ['2024-03-09T16:30:05', DAY + 59_405_000],
  ['2024-03-09T16:30:05.25Z', DAY + 59_405_250],
  ['2024-03-09T16:30:05.1239999', DAY + 59_405_123],
  ['2024-03-09T00:00+02:00', DAY - 7_200_000],
  ['2024-03-09T00:00-0130', DAY + 5_400_000],
  ['2024-03-09T00:00+01', DAY - 3_600_000],
  ['1969-12-31T23:59:59.999', -1],
  ['0001-01-01', -62_135_596_800_000],
  ['2000-02-29', 951_782_400_000],
])('%s is a date', async (text, time) => {
  expect(listed(await read(`x\n${text}\n`))).toEqual({ x: ['date', time] });
});

test.each([
  '2023-02-29',
  '1900-02-29',
  '2024-13-01',
  '2024-00-01',
  '2024-04-31',
  '2024-03-09T24:00',
  '2024-3-9',
  '2024-03-09X',
  '09.03.2024',
])('%s is text', async (text) => {
  expect(listed(await read(`x\n${text}\n`))).toEqual({ x: ['text', text] });
});

describe('a column of numbers and others', () => {
  const mixed = (texts: number) => Array.from({ length: 150 }, (_, i) => (i >= 150 - texts ? `v${i}` : `${i}.50`));

  test('is text as it was written, and the order of columns stays', async () => {
    const values = mixed(2);
    const table = await read(`id,code,x\n${values.map((value, i) => `${i},${value},${i / 2}`).join('\n')}\n`);
    expect(table.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ['id', 'number'],
      ['code', 'text'],
      ['x', 'number'],
    ]);
    expect(valuesOf(columnOf(table, 'code'))).toEqual(values);
  });

  test('is read again from a stream too', async () => {
    const table = await readPieces(`code\n1.50\nNA\nx\n`, 'csv', 3);
    expect(listed(table)).toEqual({ code: ['text', '1.50', '', 'x'] });
  });

  test('is text where numbers and dates are mixed', async () => {
    expect(listed(await read('x\n2024\n2024-03-09\n'))).toEqual({ x: ['text', '2024', '2024-03-09'] });
  });
});

describe('separators, marks and line ends', () => {
  test.each([
    ['semicolons', ';'],
    ['tabs', '\t'],
  ])('%s separate where the header has no comma', async (name, separator) => {
    const table = await read(`"a,b"${separator}c\n1${separator}x`);
    expect(listed(table)).toEqual({ 'a,b': ['number', 1], c: ['text', 'x'] });
    expect(noticesOf(table)).toEqual([`x.csv: ${name} separate the columns`]);
  });

  test('a byte order mark is skipped and carriage returns are no part of values', async () => {
    const table = await read('\ufeffa,b\r\n1,x\r\n2,"y"\r\n');
    expect(listed(table)).toEqual({ a: ['number', 1, 2], b: ['text', 'x', 'y'] });
    expect(noticesOf(table)).toEqual(['x.csv: the byte order mark at its start was skipped']);
  });

  test('the last line needs no end', async () => {
    expect(listed(await read('a,b\n1,x\n2,"y"'))).toEqual({ a: ['number', 1, 2], b: ['text', 'x', 'y'] });
  });
});

describe('what a person should hear of', () => {
  test('columns without values are left out', async () => {
    const table = await read('a,b,c\n1,,NA\n2,,\n');
    expect(Object.keys(listed(table))).toEqual(['a']);
    expect(noticesOf(table)).toEqual(['x.csv: without a value in any row, and left out: "b", "c"']);
  });

  const oddIn = async (values: string, options: TableOptions = {}): Promise<string | undefined> => {
    const rows = values.split('|').map((value) => `y;${value}\n`);
    const { odd } = await read(`b;a\n${rows.join('')}`, options);
    return odd?.get('a')?.replace(/^.*x\.csv/, 'x.csv');
  };

  test('a column of numbers or dates in another writing is text, with what to do about it', async () => {
    expect(await oddIn('1,5|2|x')).toBe(
      'x.csv:2:3: "1,5" has a decimal comma, and the column "a" is read as text: --decimal , reads decimal commas; ' +
        '--columns a:category where texts are meant',
    );
    expect(await oddIn('999|1,234|12,345.6')).toMatch(/^x.csv:3:3: "1,234" is a number with its thousands apart/);
    expect(await oddIn('$5|$6.50|$7')).toMatch(/^x.csv:2:3: "\$5" has a sign .*: leave the sign out;/);
    expect(await oddIn('31.12.2024|1.1.2025')).toMatch(/"31.12.2024" looks like a date, .*--dates dmy reads/);
    for (const date of ['2024/12/31', '31/12/24', 'Dec 31, 2024', '31-Dec-24', '3 March 2024'])
      expect(await oddIn(`${date}|NA|${date}`), date).toMatch(/looks like a date, .*: write 2024-12-31;/);
    expect(await oddIn('1.5|2,5', { writing: { decimal: ',' } })).toMatch(
      /"1.5" is a number by itself, .*leave it out/,
    );
  });

  test.each(['red|1,5|blue|green', '1.2.3|4.5.6', '2024-01-01|x', '555-123-4567|555-999-1234', 'May|June'])(
    'texts are no odd numbers or dates: %s',
    async (column) => expect(await oddIn(column)).toBeUndefined(),
  );

  test('a column whose kind is said is not odd', async () => {
    expect(await oddIn('1,5|2,5', as('a', 'text'))).toBeUndefined();
  });

  test('a first line of numbers may be a row', async () => {
    expect(noticesOf(await read('1,2\n3,4\n'))[0]).toMatch(
      /first line is taken for names, and all of them are numbers$/,
    );
  });
});

describe('what is asked for', () => {
  test('columns are kept in the order of the file, and others are not looked at', async () => {
    const bad = Array.from({ length: 200 }, (_, i) => `${i},${i === 150 ? 'odd' : i},x`);
    const table = await read(`a,b,c\n${bad.join('\n')}\n`, { columns: ['c', 'a'] });
    expect(table.columns.map(({ name }) => name)).toEqual(['a', 'c']);
  });

  test('a kind is kept, without any value too', async () => {
    const options = { as: { a: 'text', b: 'number', c: 'date' } } as const;
    expect(listed(await read('a,b,c\n007,,NA\n', options))).toEqual({
      a: ['text', '007'],
      b: ['number', null],
      c: ['date', null],
    });
  });

  test('decimal commas and dates in another order are read where that is said; what is neither is refused with its place', async () => {
    const writing = { decimal: ',', dates: 'dmy' } as const;
    const table = await read('a;d\n1,5;31/12/2024\n-1.234.567,25;1.2.2024 16:30\n,5e3;2024-03-09\n', { writing });
    expect(listed(table)).toEqual({
      a: ['number', 1.5, -1234567.25, 500],
      d: ['date', Date.UTC(2024, 11, 31), Date.UTC(2024, 1, 1, 16, 30), Date.UTC(2024, 2, 9)],
    });
    const mdy = await read('d\n12/31/2024\n', { writing: { dates: 'mdy' } });
    expect(listed(mdy)).toEqual({ d: ['date', Date.UTC(2024, 11, 31)] });
    expect(await refusal(read('a;b\nx;1.5\n', { writing, ...as('b', 'number') }))).toBe(
      'x.csv:2:3: "1.5" is not allowed in the column "b"; a value there is a finite number with a decimal comma, ' +
        'such as 3, -0,5 or 1.234,5, or nothing, NA, N/A, NaN, null or ? where it is missing',
    );
    expect(await refusal(read('d\n12/31/2024\n', { writing, ...as('d', 'date') }))).toMatch(
      /^x.csv:2:1: "12\/31\/2024" is not allowed in the column "d"; a value there is a date such as 31\/12\/2024/,
    );
  });

  test('every finite number comes back from its writing with a comma', async () => {
    const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(numbers, async (values) => {
        const content = `a;b\n${values.map((value) => `${String(value).replace('.', ',')};x`).join('\n')}\n`;
        const [column] = (await read(content, { writing: { decimal: ',' } })).columns;
        expect([...column.values]).toEqual(values.map((value) => value));
      }),
      { seed: 5, numRuns: 40 },
    );
  });

  test('a column may be named like what every object has', async () => {
    const table = await read('constructor,__proto__\n1,2\n', as('x', 'text'));
    expect(table.columns.map(({ name, kind }) => [name, kind])).toEqual([
      ['constructor', 'number'],
      ['__proto__', 'number'],
    ]);
  });
});

/** A field as RFC 4180 writes it. */
const written = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
// A letter before them keeps them from being numbers, dates or missing.
const texts = fc
  .array(fc.constantFrom('a', '"', ',', ';', '\t', '\n', '\r\n', ' ', 'é', '🐋', '""'), { maxLength: 6 })
  .map((parts) => `t${parts.join('')}`);

test('texts with quotes, separators and line ends come back as they were', async () => {
  const tables = fc.integer({ min: 1, max: 4 }).chain((width) =>
    fc.record({
      rows: fc.array(fc.array(texts, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }),
      end: fc.constantFrom('\n', '\r\n'),
      piece: fc.integer({ min: 1, max: 40 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(tables, async ({ rows, end, piece }) => {
      const names = rows[0].map((_, i) => `c${i}`);
      const content = [names, ...rows].map((row) => row.map(written).join(',')).join(end);
      for (const table of [await read(content), await readPieces(content, 'csv', piece)]) {
        expect(table.columns.map((column) => column.values)).toEqual(names.map((_, i) => rows.map((row) => row[i])));
        const before = rows.map((_, i) => [names, ...rows.slice(0, i)].map((row) => row.join('')).join('\n'));
        expect(rows.map((_, i) => table.place(i))).toEqual(
          before.map((text) => `${table.name}:${text.split('\n').length + 1}`),
        );
      }
    }),
  );
});

test('numbers come back to the last bit', async () => {
  const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(numbers, async (values) => {
      const table = await read(`x,y\n${values.map((value, i) => `${value},${i}`).join('\n')}\n`);
      // The text of -0 is 0.
      expect(valuesOf(columnOf(table, 'x'))).toEqual(values.map((value) => value + 0));
    }),
  );
});

test('dates come back', async () => {
  const dates = fc.array(fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), {
    minLength: 1,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(dates, async (values) => {
      const table = await read(`x\n${values.map((value) => value.toISOString()).join('\n')}\n`);
      expect(listed(table)).toEqual({ x: ['date', ...values.map((value) => value.getTime())] });
    }),
  );
});

test('a stream may give strings', async () => {
  const table = whole(await readTableFrom(Readable.from(['a\n1', '\n2\n']), '<stdin>', 'csv'));
  expect([listed(table), table.place(1)]).toEqual([{ a: ['number', 1, 2] }, '<stdin>:3']);
});

test('rows across the chunks of a large file are put together', async () => {
  const row = (i: number): string => `${i},"${'x\n'.repeat(1000)}${i}"`;
  const table = await read(`i,text\n${Array.from({ length: 2000 }, (_, i) => row(i)).join('\n')}\n`);
  expect(table.rows).toBe(2000);
  expect(valuesOf(columnOf(table, 'i'))).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  expect((columnOf(table, 'text').values as readonly string[]).every((text, i) => text.endsWith(`\n${i}`))).toBe(true);
});
