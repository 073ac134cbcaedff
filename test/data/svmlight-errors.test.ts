import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Growing } from '../../src/data/growing.js';
import { readSvmlight, type SvmlightOptions } from '../../src/data/svmlight.js';
import type { Labels } from '../../src/data/svmlight-labels.js';
import { UserError } from '../../src/errors.js';
import { temporaryFolder } from './texts.js';

const { folder, file, refusal } = temporaryFolder();

const read = (content: string | Uint8Array, labels: Labels = 'classes', options: Partial<SvmlightOptions> = {}) =>
  readSvmlight(file('x.svm', content), { labels, zeroBased: false, ...options });

const BAD_VALUE = 'is not allowed; the value of a pair is a finite number such as 3, -0.5 or 1e-3, up to 3.4e38';

test.each(['1e400', '3.5e38', '0x10', '1_000', 'inf', 'nan', '', '.', '-', 'e5', '1e', '1e+', '1.2.3', '1,5', '1:2'])(
  '%j is no value',
  (text) => {
    expect(refusal(() => read(`2\n1 1:0 2:${text} 3:1`))).toBe(`x.svm:2:7: "2:${text}" ${BAD_VALUE}`);
  },
);

const PAIRS = 'is not allowed; after the label come pairs index:value, and';
const INDICES = 'indices are whole numbers, 1 to 2147483647';
const CLASS = 'a line begins with the number of one class, such as +1, -1 or 3';
const LABELS = 'labels are numbers with commas between them, such as 1,4,7; white space for none';
const NUMBERS = 'a line begins with finite numbers with commas between them, up to 3.4e38';
const QIDS = 'is not allowed; a qid is a whole number, 0 to 9007199254740991';

describe('what is wrong in a line is refused at its place, with what is allowed', () => {
  test.each([
    ['index 0', '1 0:1', `1:3: index 0 is not allowed; ${INDICES}, and --zero-based allows 0`],
    ['a negative index', '1 -1:1', `1:3: "-1:1" ${PAIRS} ${INDICES}`],
    ['an index that is not whole', '1 1.5:1', `1:3: "1.5:1" ${PAIRS} ${INDICES}`],
    ['an index with an exponent', '1 1e2:1', `1:3: "1e2:1" ${PAIRS} ${INDICES}`],
    ['an index that is too large', '1 2147483648:1', `1:3: "2147483648:1" is not allowed; ${INDICES}`],
    ['no index', '1 :1', `1:3: ":1" ${PAIRS} ${INDICES}`],
    ['no value', '1 1:1 5', `1:7: "5" ${PAIRS} ${INDICES}`],
    ['a space before the value', '1 1: 5', `1:3: "1:" ${BAD_VALUE}`],
    ['unsorted indices', '1 7:1 3:1', '1:7: index 3 comes after 7; the indices of a line ascend: sort them'],
    ['an index twice', '2\n1 3:1 3:1', '2:7: index 3 comes twice; a line has each once'],
    ['a word', '1 abc', `1:3: "abc" ${PAIRS} ${INDICES}`],
    ['a long word', `1 ${'x'.repeat(99)}`, `1:3: "${'x'.repeat(32)}..." ${PAIRS} ${INDICES}`],
    ['a carriage return inside a line', '1 1:1\r2 1:1', `1:3: "1:1\\r2" ${BAD_VALUE}`],
    ['no label', '1:1 2:1', `1:1: the line has no label; ${CLASS}`],
    ['no label but a qid', ' qid:1 2:1', `1:2: the line has no label; ${CLASS}`],
    ['a label that is no number', 'yes 1:1', `1:1: "yes" is not allowed; ${CLASS}`],
    ['an infinite label', '1e999 1:1', `1:1: "1e999" is not allowed; ${CLASS}`],
    ['two classes', '1,2 1:1', `1:1: "1,2" is not allowed; ${CLASS}`],
    ['a qid behind a pair', '1 1:1 qid:3', `1:7: "qid:3" ${PAIRS} a qid stands before the first pair`],
    ['a qid that is not whole', '1 qid:1.5', `1:3: "qid:1.5" ${QIDS}`],
    ['a qid without a number', '1 qid:', `1:3: "qid:" ${QIDS}`],
    ['a negative qid', '1 qid:-1', `1:3: "qid:-1" ${QIDS}`],
    ['a qid that is too large', '1 qid:9007199254740993', `1:3: "qid:9007199254740993" ${QIDS}`],
    [
      'a qid missing',
      '1 qid:1\n2 1:1',
      '2:3: the line has no qid, and those before have; give one to all lines or to none',
    ],
    [
      'a qid missing at the end',
      '1 qid:1\n2',
      '2:2: the line has no qid, and those before have; give one to all lines or to none',
    ],
    [
      'a qid too many',
      '1 1:1\n2 qid:1',
      '2:3: the line has a qid, and those before have none; give one to all lines or to none',
    ],
    ['a qid again', '1 qid:1\n1 qid:2\n1 qid:1', '3:3: qid 1 comes again after others; put its lines together'],
  ])('%s', (_, content, message) => {
    expect(refusal(() => read(content))).toBe(`x.svm:${message}`);
  });

  test.each<[string, Labels, string, string]>([
    ['an empty label', 'multilabel', '1,,2 1:1', `1:1: "1,,2" is not allowed; ${LABELS}`],
    ['a comma at the end', 'multilabel', '1, 1:1', `1:1: "1," is not allowed; ${LABELS}`],
    ['a label twice', 'multilabel', '1 1:1\n1,2,1.0', '2:5: the line has the label 1 twice; give each once'],
    ['labels behind white space', 'multilabel', ' 1,2 1:1', `1:2: "1,2" ${PAIRS} ${INDICES}`],
    ['no numbers', 'numbers', '1:1', `1:1: the line has no label; ${NUMBERS}`],
    ['no float', 'numbers', '1e39', `1:1: "1e39" is not allowed; ${NUMBERS}`],
    ['a number too few', 'numbers', '1,2\n3', '2:1: the line has 1 number to predict; the lines before have 2'],
    ['a number too many', 'numbers', '1\n3,4', '2:1: the line has 2 numbers to predict; the lines before have 1'],
  ])('%s among %s', (_, labels, content, message) => {
    expect(refusal(() => read(content, labels))).toBe(`x.svm:${message}`);
  });

  test.each<[string, number[], string]>([
    ['a byte 0', [49, 32, 0, 10], '1:3: byte 0x00 is not allowed; svmlight files are text'],
    ['a byte 0 in a comment', [49, 32, 35, 120, 0], '1:5: byte 0x00 is not allowed; svmlight files are text'],
    ['a byte beyond ASCII', [49, 32, 49, 0xc3, 0xa9, 58, 49], '1:4: byte 0xc3 is not allowed; lines are ASCII'],
    [
      'a byte order mark',
      [0xef, 0xbb, 0xbf, 49, 10],
      '1:1: a byte order mark is not allowed; save the file as ASCII, or',
    ],
    [
      'one before a comment',
      [0xef, 0xbb, 0xbf, 35, 10],
      '1:1: a byte order mark is not allowed; save the file as ASCII, or',
    ],
    ['one in another line', [49, 10, 0xef, 0xbb, 0xbf, 10], '2:1: byte 0xef is not allowed; lines are ASCII'],
    ['another byte at the start', [0xef, 0xbb, 49, 10], '1:1: byte 0xef is not allowed; lines are ASCII'],
  ])('%s', (_, content, message) => {
    expect(refusal(() => read(Uint8Array.from(content)))).toContain(`x.svm:${message}`);
  });

  test('a line of 10 MB', () => {
    const message = 'x.svm:2:1: the line is longer than 4 MiB, which is the most; is this a file of examples?';
    expect(refusal(() => read(`1 1:1\n2 #${'x'.repeat(10e6)}\n`))).toBe(message);
    expect(read(`1 1:1\n2 #${'x'.repeat(4e6)}\n`).count).toBe(2);
  });

  test('more classes than are allowed', () => {
    const lines = Array.from({ length: 2 ** 20 + 1 }, (_, i) => `${i / 8} 1:1`);
    expect(refusal(() => read(lines.join('\n')))).toBe(
      'x.svm:1048577:1: label 131072 is one too many; 1048576 different ones are allowed',
    );
  });

  test('more entries than are allowed', () => {
    const limits = { chunkBytes: 100, maxEntries: 3 };
    expect(read('1 1:1 2:1\n2 1:1', 'classes', { limits }).features.length).toBe(3);
    expect(refusal(() => read('1 1:1 2:1\n2 1:1 2:1', 'classes', { limits }))).toBe(
      'x.svm:2:10: the file has more than 3 index:value pairs up to here, which is the most; give a part of it',
    );
  });
});

describe('a file that cannot be learned from is refused by name', () => {
  test.each<[string, Labels, string]>([
    ['', 'classes', 'is empty; an example is a line such as: +1 3:0.5 7:1'],
    [
      '\n # x\n',
      'classes',
      'has no examples, only comments and blank lines; an example is a line such as: +1 3:0.5 7:1',
    ],
    ['1\n2\n', 'classes', 'has no index:value pair; there is nothing to learn from'],
    ['1 1:1\n1 2:1\n', 'classes', 'has the label 1 in all of its 2 examples; classes to learn are at least two'],
    ['-1 1:1', 'classes', 'has the label -1 in its only example; classes to learn are at least two'],
    ['1:1\n2:1\n', 'multilabel', 'has no label in any line; there is nothing to learn'],
  ])('%j as %s', (content, labels, message) => {
    expect(refusal(() => read(content, labels))).toBe(`--svmlight: x.svm ${message}`);
  });

  test('a folder, no file, and no regular file', () => {
    const open = (path: string) =>
      refusal(() => readSvmlight(path, { labels: 'classes', zeroBased: false, flag: '--data' }));
    mkdirSync(join(folder, 'sub'));
    expect(open(join(folder, 'sub'))).toBe('--data: sub is a folder; give a text file');
    expect(open(join(folder, 'absent'))).toBe('--data: absent cannot be read: it does not exist');
    expect(open('/dev/null')).toBe('--data: /dev/null is no regular file; give a text file');
  });

  test('3 GB of zeros: soon', () => {
    const path = join(folder, 'zeros');
    const fd = openSync(path, 'w');
    ftruncateSync(fd, 3e9);
    closeSync(fd);
    expect(refusal(() => readSvmlight(path, { labels: 'classes', zeroBased: false }))).toMatch(
      /^zeros:1:1: the line is longer/,
    );
  });

  test('more than memory can hold', () => {
    const full = new Growing((length) => (length > 2000 ? new Int32Array(2 ** 40) : new Int32Array(length)), 'x.svm');
    const fill = () => {
      for (let i = 0; i < 3000; i++) full.push(i);
    };
    expect(refusal(fill)).toBe('x.svm does not fit into memory: 2048 numbers in one array are too many');
  });
});

/** Pseudorandom whole numbers below n (Marsaglia 2003). */
function below(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

test('2000 mutations of a file are read or refused at a place, the same whatever the chunks are', () => {
  const random = below(20);
  const valid = Buffer.from(
    '+1 qid:1 3:0.5 17:1e-3 # a\n-1 qid:1 2:7\n\n3 qid:4 1:-.25 2147483647:12.5\r\n1 qid:5 9:0\n',
  );
  const pieces = ['0', '9', ':', '-', '.', 'e', ' ', '\n', '\r', '#', ',', 'qid:', '\0', 'é', '99999999999', '\t', '+'];
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const mutate = (bytes: Buffer): Buffer => {
      const at = random(bytes.length + 1);
      const piece = Buffer.from(random(3) === 0 ? '' : pieces[random(pieces.length)]);
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + random(3))]);
    };
    let content: Buffer = valid;
    for (let n = 1 + random(3); n > 0; n--) content = mutate(content);
    const labels = (['classes', 'multilabel', 'numbers'] as const)[i % 3];
    const outcome = (chunkBytes: number): unknown => {
      try {
        return read(content, labels, { limits: { chunkBytes, maxEntries: 100 } });
      } catch (error) {
        expect(error, `mutation ${i}: ${JSON.stringify(content.toString('latin1'))}`).toBeInstanceOf(UserError);
        expect((error as Error).message).toMatch(/x\.svm:[1-9]\d*:[1-9]\d*: ./);
        return (error as Error).message;
      }
    };
    const whole = outcome(1 << 20);
    if (typeof whole === 'string') refused++;
    expect(outcome(1 + (i % 7)), `mutation ${i}`).toEqual(whole);
  }
  expect(refused).toBeGreaterThan(500);
  expect(refused).toBeLessThan(1900);
});
