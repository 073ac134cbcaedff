import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { houses, sentences, series, waves } from '../run/table-files.js';
import { folder, unroll } from './command.js';

const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

test.each<[string, string | Buffer, Readonly<Record<string, string>>]>([
  [
    'waves.csv',
    waves(30)
      .replaceAll(/,(high|low)$/gm, '')
      .replace(',level', ''),
    { task: 'classify', target: '["speed"]', group: '"id"', cell: 'gru' },
  ],
  ['houses.csv', houses(60).replaceAll(/,[^,]*$/gm, ''), { task: 'regress', target: '["price"]', cell: 'mlp' }],
  ['series.csv', series(200), { task: 'forecast', target: '["load"]', time: '"date"', horizon: '10' }],
  [
    'sentences.jsonl',
    sentences(40).replaceAll(/"text":"[^"]*",|,"label":"[^"]*"/g, ''),
    { task: 'tag', target: '["tags"]' },
  ],
  [
    'reviews.jsonl',
    sentences(40).replaceAll(/,"words":.*?\],"tags":.*?\]/g, ''),
    { task: 'classify', target: '["label"]', embedding: '32' },
  ],
  [
    'labels.jsonl',
    Array.from({ length: 40 }, (_, i) =>
      `{"x":${i},"size":${i % 7},"l":["red","blue"]}\n`.replace('"red"', i % 2 ? '"red"' : '"green"'),
    ).join(''),
    { task: 'classify', target: '["l"]', cell: 'mlp' },
  ],
  [
    'mixed.jsonl',
    Array.from(
      { length: 40 },
      (_, i) => `{"id":"m${i % 4}","words":["a","b${i % 3}"],"size":${i},"label":"${i % 2}"}\n`,
    ).join(''),
    { task: 'classify', target: '["label"]', features: '["words"]', cell: 'gru' },
  ],
  ['book.txt', 'A line of a book, and again.\n'.repeat(200), { text: '"book.txt"', tokens: 'char', cell: 'lstm' }],
  ['noise.bin', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 37) % 256)), { tokens: 'byte', cell: 'lstm' }],
])('looks at %s and writes a config that trains', (name, content, expected) => {
  writeFileSync(join(folder, name), content);
  const config = `${name}.yaml`;
  expect(unroll(['init', name, '--out', config]).status).toBe(0);
  for (const [key, value] of Object.entries(expected))
    expect(read(config)).toMatch(new RegExp(`^${key}: ${value.replaceAll(/[[\]]/g, '\\$&')}( |$)`, 'm'));
  const { status, stderr } = unroll([
    'train',
    config,
    '--hidden',
    '4',
    '--batch',
    '4',
    '--steps',
    '3',
    '--workers',
    '1',
    '--out',
    `${name}-run`,
  ]);
  expect([status, stderr.replace(/^.* missing values .*\n/, '')]).toEqual([0, '']);
});

test('shows names of columns in one line, and nothing that a terminal obeys', () => {
  writeFileSync(join(folder, 'odd.csv'), '"a\nlayers: 99","\u001b[2Jb"\n1,2\n3,4\n');
  const { status, stdout } = unroll(['init', 'odd.csv', '--out', '-']);
  expect(status).toBe(0);
  expect(stdout).not.toMatch(/^layers: 99/m);
  expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});

test('says what is missing', () => {
  expect(unroll(['init'])).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^DATA: it is missing; give a file/),
  });
});

beforeAll(() => {
  symlinkSync('circle', join(folder, 'circle'));
  for (const name of ['file', 'none.svm']) writeFileSync(join(folder, name), '');
  writeFileSync(join(folder, 'head.csv'), 'a,b\n');
  writeFileSync(join(folder, 'good.txt'), 'A line.\n');
});

test.each<[string, readonly string[], RegExp]>([
  ['a link in a circle', ['circle'], /^DATA: circle cannot be read: its symbolic links go in a circle$/],
  ['a path below a file', ['file/x'], /^DATA: file\/x cannot be read: a part of the path is not a folder$/],
  ['the standard input', ['-'], /^DATA: it is empty, or the standard input, which can be read only once; give a file$/],
  ['a device', ['/dev/null'], /^DATA: \/dev\/null is no regular file; give a text file$/],
  ['an empty text', ['file'], /^DATA: file is empty; a text to learn needs at least two different symbols$/],
  ['no examples', ['none.svm'], /^DATA: none.svm is empty; it has a line for each example$/],
  ['a table without a row', ['head.csv'], /^DATA: head.csv has a line of names and no row/],
  [
    'a folder that is missing',
    ['good.txt', '--out', 'x/y.yaml'],
    /^--out: x\/y.yaml .*: there is no folder x; make it/,
  ],
  ['a path to write below a file', ['good.txt', '--out', 'file/y'], /^--out: file\/y .*: a part of the path is not a/],
  ['a link that is there', ['good.txt', '--out', 'circle'], /^--out: circle is there already; give another name/],
])('%s is refused with code 2, and nothing is written', (_, args, message) => {
  const before = readdirSync(folder);
  const { status, stdout, stderr } = unroll(['init', ...args]);
  expect(stderr.trimEnd()).toMatch(message);
  expect([status, stdout]).toEqual([2, '']);
  expect(readdirSync(folder)).toEqual(before);
});

test('writes over nothing, and names what it cannot read', () => {
  writeFileSync(join(folder, 'kept.yaml'), 'mine');
  writeFileSync(join(folder, 'small.csv'), 'a,b\n1,2\n');
  expect(unroll(['init', 'small.csv', '--out', 'kept.yaml'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--out: kept.yaml is there already'),
  });
  expect(read('kept.yaml')).toBe('mine');
  expect(unroll(['init', 'nowhere.csv']).stderr).toContain('nowhere.csv cannot be read');
  expect(unroll(['init', 'small.csv']).status).toBe(0);
  expect(read('unroll.yaml')).toContain('csv: "small.csv"');
  expect(unroll(['init', 'small.csv', '--out', '-']).stdout).toBe(read('unroll.yaml'));
});
