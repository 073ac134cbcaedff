import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lookAtText, openText, openTextFor } from '../../src/data/text-file.js';
import { textInMemory, textInMemoryFor } from '../../src/data/text-memory.js';
import type { TokenSource } from '../../src/data/tokens.js';
import { CHUNK_BYTES } from '../../src/data/utf8.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { RunError } from '../../src/errors.js';
import { temporaryFolder } from './texts.js';

const { folder, file, refusal } = temporaryFolder();

function read(source: TokenSource, start = 0, count = source.length - start): number[] {
  const into = new Int32Array(count);
  source.read(start, count, into, 0);
  return [...into];
}

test('a text is read as code points or as bytes', () => {
  const path = file('whale.txt', 'naïve 🐋\n');
  const chars = openText(path, 'char');
  expect(chars.vocabulary.toJSON()).toEqual({ mode: 'char', symbols: '\n aenvï🐋' });
  expect(chars.vocabulary.decode(read(chars.source))).toBe('naïve 🐋\n');
  expect(chars.source.sizeBytes).toBe(8);
  const bytes = openText(path, 'byte');
  expect(bytes.source.length).toBe(12);
  expect(bytes.vocabulary.decode(read(bytes.source))).toBe('naïve 🐋\n');
});

test('characters that lie across the chunks of reading are put together', () => {
  // Each line has 13 bytes, so that the chunk's end falls on every byte of a character as the file grows.
  for (let shift = 0; shift < 5; shift++) {
    const text = `${'x'.repeat(CHUNK_BYTES - shift)}🐋é☃\n${'ab🐋é☃\n'.repeat(3)}`;
    const { vocabulary, source } = openText(file('long.txt', text), 'char');
    expect(source.length).toBe([...text].length);
    expect(vocabulary.decode(read(source, CHUNK_BYTES - 8))).toBe([...text].slice(CHUNK_BYTES - 8).join(''));
  }
});

test('a byte order mark is no character, and said to be skipped; of bytes it is three', () => {
  const marked = file('marked.txt', '\ufeffäb\nba\ufeff');
  const plain = openText(file('plain.txt', 'äb\nba\ufeff'), 'char');
  const { vocabulary, source, checksum, marked: isMarked } = openText(marked, 'char');
  expect([isMarked, plain.marked]).toEqual([true, false]);
  expect([checksum, vocabulary.toJSON()]).toEqual([plain.checksum, plain.vocabulary.toJSON()]);
  expect(source.length).toBe(6);
  expect(openTextFor(marked, vocabulary).source.length).toBe(6);
  expect(openText(marked, 'byte').source.length).toBe(12);
  expect(textInMemory('\ufeffäb\nba\ufeff', 'char').checksum).toBe(checksum);
  expect(textInMemoryFor(Buffer.from('\ufeffäb'), vocabulary).source.length).toBe(2);
  expect(textInMemory('\ufeffäb', 'byte').source.length).toBe(6);
  const broken = file('broken.txt', Buffer.from([0xef, 0xbb, 0xbf, 97, 98, 10, 97, 0xff]));
  expect(() => openText(broken, 'char')).toThrow('broken.txt:2:2: this is not UTF-8 text (byte 0xff at offset 7)');
});

test('a look at a text tells whether it is one', () => {
  expect(lookAtText(file('look.txt', 'naïve'), '--x')).toEqual({ tokens: 'char', sizeBytes: 6 });
  expect(lookAtText(file('look.bin', Buffer.of(97, 0xff, 98)), '--x')).toEqual({ tokens: 'byte', sizeBytes: 3 });
  expect(refusal(() => lookAtText(file('none.txt', ''), '--x'))).toMatch(/^--x: none\.txt is empty;/);
  expect(refusal(() => lookAtText(file('aaa.txt', 'aaa'), '--x'))).toMatch(/^--x: aaa\.txt has 3 symbols and all are/);
  const cut = `${'a'.repeat(CHUNK_BYTES - 1)}é`;
  expect(lookAtText(file('cut.txt', cut), '--x').tokens).toBe('char');
});

test('more than 256 different characters take two bytes each', () => {
  const text = Array.from({ length: 400 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
  const { vocabulary, source } = openText(file('many.txt', text), 'char');
  expect(source.sizeBytes).toBe(800);
  expect(read(source)).toEqual(Array.from({ length: 400 }, (_, i) => i));
  expect(vocabulary.size).toBe(400);
});

describe('what cannot be learned is refused', () => {
  test('by name', () => {
    expect(refusal(() => openText(join(folder, 'absent.txt'), 'char'))).toBe(
      '--text: absent.txt cannot be read: it does not exist',
    );
    const long = 'x'.repeat(300);
    expect(refusal(() => openText(join(folder, long), 'char'))).toBe(
      `--text: ${long} cannot be read: the name is too long`,
    );
    mkdirSync(join(folder, 'sub'));
    expect(refusal(() => openText(join(folder, 'sub'), 'char'))).toBe(
      '--text: sub is a folder without a .txt file; give a text file, or a folder of .txt files',
    );
    expect(refusal(() => openText('/dev/null', 'char'))).toBe('--text: /dev/null is no regular file; give a text file');
  });

  test('a pipe, without waiting for its writer', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(refusal(() => openText(join(folder, 'pipe'), 'byte'))).toBe(
      '--text: pipe is a pipe, which can be read only once; save it as a file and give that',
    );
  });

  test.each([
    ['', '--text: x.txt is empty; a text to learn needs at least two different symbols'],
    ['a', '--text: x.txt has one symbol; a text to learn needs at least two different symbols'],
    ['éé', '--text: x.txt has 2 symbols and all are the same; a text to learn needs at least two different symbols'],
  ])('%j', (content, message) => {
    expect(refusal(() => openText(file('x.txt', content), 'char'))).toBe(message);
  });

  test.each([
    ['at once', [0xff, 0xfe, 0x41, 0], 'x.bin:1:1: this is not UTF-8 text (byte 0xff at offset 0)'],
    ['later', [0x61, 0x0a, 0xc3, 0xa9, 0x62, 0xc3, 0x28], 'x.bin:2:3: this is not UTF-8 text (byte 0xc3 at offset 5)'],
    ['at its end', [0x61, 0x62, 0xe2, 0x98], 'x.bin:1:3: this is not UTF-8 text (byte 0xe2 at offset 2)'],
    ['a surrogate', [0x61, 0xed, 0xa0, 0x80], 'x.bin:1:2: this is not UTF-8 text (byte 0xed at offset 1)'],
  ])('a file that is not UTF-8: %s', (_, content, message) => {
    const path = file('x.bin', Uint8Array.from(content));
    expect(refusal(() => openText(path, 'char'))).toBe(`${message}; use --tokens byte, which takes any file`);
    expect(openText(path, 'byte').source.length).toBe(content.length);
  });

  test('a fault in a later chunk has the right place', () => {
    const line = `${'é'.repeat(50)}\n`;
    const lines = Math.ceil((2 * CHUNK_BYTES) / 101);
    const content = Buffer.concat([Buffer.from(line.repeat(lines)), Buffer.from('ab\xff', 'latin1')]);
    const expected = `big.txt:${lines + 1}:3: this is not UTF-8 text (byte 0xff at offset ${content.length - 1})`;
    expect(refusal(() => openText(file('big.txt', content), 'char'))).toContain(expected);
  });

  test.each(['char', 'byte'] as const)('3 GB of zeros as %s: soon, and without holding them', (mode) => {
    const path = join(folder, 'zeros');
    const fd = openSync(path, 'w');
    ftruncateSync(fd, 3e9);
    closeSync(fd);
    const before = process.memoryUsage.rss();
    expect(refusal(() => openText(path, mode))).toMatch(/^--text: zeros has 3000000000 symbols and all are the same/);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64e6);
  });
});

test('a large file of bytes stays on disk, and gives the tokens that memory would', () => {
  const path = join(folder, 'large');
  const fd = openSync(path, 'w');
  const block = Buffer.from(Array.from({ length: 1 << 16 }, (_, i) => 32 + ((i * i) % 89)));
  for (let i = 0; i < 1100; i++) writeSync(fd, block);
  writeSync(fd, 'end');
  closeSync(fd);
  for (const mode of ['byte', 'char'] as const) {
    const { vocabulary, source } = openText(path, mode);
    expect(source.length).toBe(1100 * 65536 + 3);
    expect(source.sizeBytes).toBeLessThan(20e6);
    expect(vocabulary.decode(read(source, 1_000_000, 20_000))).toBe(
      Buffer.concat([block, block]).toString('latin1', 1_000_000 % 65536, (1_000_000 % 65536) + 20_000),
    );
    expect(vocabulary.decode(read(source, source.length - 3))).toBe('end');
    expect(() => source.read(source.length - 3, 4, new Int32Array(4), 0)).toThrow(RangeError);
    source.close();
  }
  const { source } = openText(path, 'byte');
  truncateSync(path, 50_000_000);
  expect(() => read(source, 60_000_000, 10)).toThrow(RunError);
  expect(() => read(source, 60_000_000, 10)).toThrow(/the text was changed while it was in use/);
  source.close();
});

test('a text for a model has the vocabulary of the model; what it does not know is refused, or left out and counted', () => {
  const vocabulary = Vocabulary.ofSymbols('char', [10, 97, 98]);
  const path = file('other.txt', 'ab\nba\na☃bé');
  expect(refusal(() => openTextFor(path, vocabulary))).toBe(
    'other.txt:3:2: "☃" (U+2603) does not occur in the text that the model learned; --skip-unknown leaves such symbols out',
  );
  const opened = openTextFor(path, vocabulary, { skipUnknown: true });
  expect(opened).toMatchObject({ skipped: 2, vocabulary });
  expect(vocabulary.decode(read(opened.source))).toBe('ab\nba\nab');
  expect(openTextFor(file('known.txt', 'a'), vocabulary).source.length).toBe(1);
  expect(refusal(() => openTextFor(path, Vocabulary.ofNumbers(5)))).toMatch(/^--text: the model learned numbers/);
});

describe('a folder', () => {
  const of = (name: string, files: Readonly<Record<string, string | Uint8Array>>): string => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name, path)), { recursive: true });
      writeFileSync(join(folder, name, path), text);
    }
    return join(folder, name);
  };

  test('is the text of its .txt files in the order of their paths, each with its last line ended', () => {
    const path = of('books', {
      'b.txt': 'second',
      'a/z.TXT': 'first\n\n',
      'c.txt': '',
      'd/e/f.txt': 'third\nand last\n',
      'notes.md': 'not this',
    });
    const { vocabulary, source } = openText(path, 'char');
    expect(vocabulary.decode(read(source))).toBe('first\n\nsecond\nthird\nand last\n');
    const bytes = openText(path, 'byte');
    expect(bytes.source.length).toBe(source.length);
    expect(openText(file('same.txt', 'first\n\nsecond\nthird\nand last\n'), 'char').checksum).toBe(
      openText(path, 'char').checksum,
    );
    expect(openText(path, { minCount: 1 }).source.length).toBe(10);
  });

  test('without the byte order marks of its files; of bytes they are kept', () => {
    const path = of('marked', { 'a.txt': '\ufeffab\n', 'b.txt': '\ufeffba', 'c.txt': 'ab' });
    const { vocabulary, source, marked } = openText(path, 'char');
    expect([vocabulary.decode(read(source)), marked]).toEqual(['ab\nba\nab\n', true]);
    expect(openTextFor(path, vocabulary).source.length).toBe(9);
    expect(openText(path, 'byte').source.length).toBe(15);
    const bad = of('badly-marked', { 'a.txt': '\ufeffab\n', 'b.txt': Buffer.from([0xef, 0xbb, 0xbf, 97, 0xff]) });
    expect(refusal(() => openText(bad, 'char'))).toMatch(/^badly-marked\/b\.txt:1:2: .*\(byte 0xff at offset 4\)/);
  });

  test('of which one is not UTF-8, or has an unknown character, says which and where', () => {
    const path = of('bad', {
      'a.txt': 'one\ntwo',
      'b.txt': Buffer.concat([Buffer.from('é\nab'), Buffer.of(0xff)]),
      'c.txt': 'three',
    });
    expect(refusal(() => openText(path, 'char'))).toMatch(
      /^bad\/b\.txt:2:3: this is not UTF-8 text \(byte 0xff at offset 5\)/,
    );
    const { vocabulary } = openText(file('known.txt', 'onetw \n'), 'char');
    const other = of('other', { 'a.txt': 'one\ntwo', 'b.txt': 'one\none two\nwoe\nwon\nox' });
    expect(refusal(() => openTextFor(other, vocabulary))).toMatch(/^other\/b\.txt:5:2: "x"/);
    const { source, skipped } = openTextFor(other, vocabulary, { skipUnknown: true });
    expect([source.length, skipped]).toEqual([30, 1]);
  });

  test('follows links to files, and names one that leads nowhere', () => {
    const path = of('linked', { 'a.txt': 'one\n' });
    symlinkSync(file('elsewhere', 'two'), join(path, 'b.txt'));
    const { vocabulary, source } = openText(path, 'char');
    expect(vocabulary.decode(read(source))).toBe('one\ntwo\n');
    symlinkSync('nowhere', join(path, 'c.txt'));
    expect(refusal(() => openText(path, 'char'))).toBe('--text: linked/c.txt cannot be read: it does not exist');
  });
});
