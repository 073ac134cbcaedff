import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readTableFrom } from '../../../src/data/tables/read-table.js';
import { as, inPieces, reading } from './reading.js';

const { folder, read, readPath, refusal } = reading('csv');

const MISSING = 'or nothing, NA, N/A, NaN, null or ? where it is missing';
const NUMBER = `a value there is a finite decimal number such as 3, -0.5 or 1e-3, ${MISSING}`;
const DATE = `a value there is a date such as 2024-03-09, 2024-03-09 16:30 or 2024-03-09T16:30:00Z, ${MISSING}`;
const NAMES = 'the first line names each column, and each otherwise';
const QUOTES = 'a quote inside a field without quotes; put quotes around it and write each inside twice';

describe('what is wrong in a file is refused at its place', () => {
  test.each([
    ['a short row', 'a,b\n1,2\n3\n', '3: the row has 1 field, and the header has 2'],
    ['a long row', 'a,b\n1,2,3\n', '2: the row has 3 fields, and the header has 2'],
    ['a short row behind a row of two lines', 'a,b\n"1\n",2\n3', '4: the row has 1 field, and the header has 2'],
    ['a name twice', 'a,"b",b\n1,2,3\n', `1:7: two columns have the name "b"; ${NAMES}`],
    ['no name', 'a,,b\n1,2,3\n', `1:3: a column has no name; ${NAMES}`],
    ['a name of spaces', 'a, \n1,2\n', `1:3: a column has no name; ${NAMES}`],
    ['a separator at the end of the header', 'a,b,\n1,2,\n', `1:5: a column has no name; ${NAMES}`],
    ['a blank first line', '\na,b\n1,2\n', `1:1: a column has no name; ${NAMES}`],
    ['a quote that is not closed', 'a,b\n1,"x\ny\n', '2:3: the quote that opens here is not closed'],
    ['a quote that is not closed in the header', 'a,"b\n1,2\n', '1:3: the quote that opens here is not closed'],
    ['a quote inside', 'a,b\n1,5" pipe\n', `2:4: ${QUOTES}`],
    [
      'text behind a quote',
      'a,b\n1,"x"y\n',
      '2:6: after the quote that closes a field comes a separator; a quote inside is written twice',
    ],
    [
      'a carriage return by itself',
      'a,b\rc\n1,2\n',
      '1:4: a carriage return stands by itself; lines end with \\n or \\r\\n',
    ],
    ['infinity', 'a,x\n1,2\n3,inf\n', `3:3: "inf" is not allowed in the column "x"; ${NUMBER}`],
    ['negative infinity', 'x\n2\n-Infinity\n', `3:1: "-Infinity" is not allowed in the column "x"; ${NUMBER}`],
    ['a number that is too large', 'é,x\né,1e999\n', `2:3: "1e999" is not allowed in the column "x"; ${NUMBER}`],
  ])('%s', async (_, content, message) => {
    expect(await refusal(read(content))).toBe(`x.csv:${message}`);
  });

  test.each([
    ['an empty file', '', 'is empty'],
    ['a header alone', 'a,b\n', 'has a line of names and no row'],
  ])('%s', async (_, content, found) => {
    const message = `--csv: x.csv ${found}; the first line names the columns, and each other line is a row`;
    expect(await refusal(read(content))).toBe(message);
    expect(await refusal(read(content, { flag: '--table' }))).toBe(message.replace('--csv', '--table'));
  });

  test('more columns than are allowed', async () => {
    const names = Array.from({ length: 32769 }, (_, i) => `c${i}`).join();
    expect(await refusal(read(`${names}\n`))).toBe('x.csv:1: 32769 columns are too many; 32768 are the most');
  });

  test('a row that does not end', async () => {
    const long = Readable.from(
      (function* () {
        yield Buffer.from('a,b\n1,2\n3,"');
        for (let i = 0; i < 65; i++) yield Buffer.alloc(1 << 20, 'x\n');
      })(),
    );
    expect(await refusal(readTableFrom(long, '<stdin>', 'csv'))).toBe(
      '<stdin>:3: the line is longer than 64 MiB, which is the most; is a quote left open, or is this no table?',
    );
  });
});

describe('text that is not UTF-8 is refused', () => {
  const ADVICE = 'write the file anew, such as with: iconv -f latin1 -t utf-8';
  const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

  test.each([
    ['in a row', latin1('a,b\n1,x\n2,é \n'), `3:3: byte 0xe9 is not UTF-8; ${ADVICE}`],
    [
      'behind other characters',
      Buffer.concat([Buffer.from('é,b\n🐋,'), latin1('ü\n')]),
      `2:3: byte 0xfc is not UTF-8; ${ADVICE}`,
    ],
    ['in the header', latin1('é,b\n1,x\n'), `1:1: byte 0xe9 is not UTF-8; ${ADVICE}`],
    ['at the end', latin1('a,b\n1,\xc3'), `2:3: byte 0xc3 is not UTF-8; ${ADVICE}`],
    ['in a column that nobody asks for', latin1('a,b\n1,é\n'), `2:3: byte 0xe9 is not UTF-8; ${ADVICE}`],
    [
      'in UTF-16',
      Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'),
      '1:1: the text is UTF-16; write it anew with: iconv -f utf-16 -t utf-8',
    ],
  ])('%s', async (_, content, message) => {
    expect(await refusal(read(content, { columns: ['a'] }))).toBe(`x.csv:${message}`);
  });

  test('far into a file and from a stream', async () => {
    const content = Buffer.concat([Buffer.from(`a,b\n${'1,é\n'.repeat(600_000)}`), latin1('2,é\n')]);
    const message = `600002:3: byte 0xe9 is not UTF-8; ${ADVICE}`;
    expect(await refusal(read(content))).toBe(`x.csv:${message}`);
    expect(await refusal(readTableFrom(Readable.from([content]), '<stdin>', 'csv'))).toBe(`<stdin>:${message}`);
  });
});

describe('a few odd values in a column', () => {
  const column = (count: number, odd: Readonly<Record<number, string>>, value = (i: number) => `${i}`): string =>
    `x,y\n${Array.from({ length: count }, (_, i) => `${odd[i] ?? value(i)},a`).join('\n')}\n`;
  const ADVICE = 'mend it, or leave the field empty where the value is missing';

  test.each([
    ['at the end', column(101, { 100: 'n.a.' }), '102:1: "n.a." is no number, and 100'],
    ['at the start', column(200, { 0: 'n.a.', 150: '-' }), '2:1: "n.a." is no number, and 198'],
    ['that are dates', column(300, { 7: '2024-03-09' }), '9:1: "2024-03-09" is no number, and 299'],
    ['among dates', column(200, { 9: '9.3.2024' }, () => '2024-03-09'), '11:1: "9.3.2024" is no date, and 199'],
  ])('%s are refused', async (_, content, message) => {
    expect(await refusal(read(content))).toBe(`x.csv:${message} other values of the column "x" are; ${ADVICE}`);
  });

  test.each([
    ['more than one in a hundred', column(200, { 50: 'a', 60: 'b', 70: 'c' })],
    ['among fewer than a hundred numbers', column(100, { 50: 'a' })],
  ])('%s make it text, which is said', async (_, content) => {
    const { columns, odd } = await read(content);
    expect(columns.map(({ kind }) => kind)).toEqual(['text', 'text']);
    expect(odd?.get('x')).toMatch(
      /x\.csv:52:1: "a" is no number, and the column "x", in which (197|99) other values are,/,
    );
    expect(odd?.get('y')).toBeUndefined();
  });

  test('that are no fewer than the others are texts', async () => {
    expect((await read(column(4, { 1: 'a', 3: 'b' }))).odd?.size).toBe(0);
  });

  test('are allowed where text is asked for', async () => {
    const table = await read(column(200, { 50: 'a' }), as('x', 'text'));
    expect(table.columns.map(({ kind }) => kind)).toEqual(['text', 'text']);
  });
});

describe('what is asked for and not there', () => {
  test('a column', async () => {
    expect(await refusal(read('a,b\n1,2\n', { columns: ['a', 'x'] }))).toBe(
      'x.csv: there is no column "x"; there is "a", "b"',
    );
    const many = Array.from({ length: 30 }, (_, i) => `c${i}`).join();
    expect(await refusal(read(`${many}\n${many}\n`, { columns: ['x'] }))).toMatch(
      /"c18", "c19", \.\.\. \(30 in all\)$/,
    );
  });

  test('a value', async () => {
    expect(await refusal(read('a,b\n1,\n2,NA\n', { columns: ['a', 'b'] }))).toBe(
      'x.csv: the column "b" has no value in any row; leave it out',
    );
  });

  test.each([
    ['a number', as('x', 'number'), 'a', `3:3: "a" is not allowed in the column "x"; ${NUMBER}`],
    ['a number that is finite', as('x', 'number'), 'inf', `3:3: "inf" is not allowed in the column "x"; ${NUMBER}`],
    ['no date', as('x', 'number'), '2024-03-09', `3:3: "2024-03-09" is not allowed in the column "x"; ${NUMBER}`],
    ['a date', as('x', 'date'), '7', `3:3: "7" is not allowed in the column "x"; ${DATE}`],
    [
      'a day that there is',
      as('x', 'date'),
      '2023-02-29',
      `3:3: "2023-02-29" is not allowed in the column "x"; ${DATE}`,
    ],
    [
      'a short word',
      as('x', 'date'),
      'w'.repeat(99),
      `3:3: "${'w'.repeat(32)}..." is not allowed in the column "x"; ${DATE}`,
    ],
  ])('%s', async (_, options, value, message) => {
    expect(await refusal(read(`a,x\n1,\n2,${value}\n`, options))).toBe(`x.csv:${message}`);
  });

  test('a list', async () => {
    expect(await refusal(read('x\n1\n', as('x', 'list')))).toBe(
      'x.csv: the column "x" must be one of lists, which CSV has not; take JSON lines',
    );
  });
});

describe('what cannot be read', () => {
  test('by name', async () => {
    expect(await refusal(readPath(join(folder, 'absent.csv')))).toBe(
      '--csv: absent.csv cannot be read: it does not exist',
    );
    mkdirSync(join(folder, 'sub'));
    expect(await refusal(readPath(join(folder, 'sub'), { flag: '--table' }))).toBe(
      '--table: sub is a folder; give a CSV file',
    );
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(await refusal(readPath(join(folder, 'pipe')))).toBe(
      '--csv: pipe is a pipe, which can be read only once; save it as a file and give that',
    );
  });

  test('a stream that fails', async () => {
    const stream = inPieces('a\n1\n', 2);
    stream.destroy(Object.assign(new Error('read EIO'), { code: 'EIO', syscall: 'read' }));
    expect(await refusal(readTableFrom(stream, '<stdin>', 'csv'))).toBe(
      '<stdin> cannot be read: the device reports an input/output error',
    );
  });
});
