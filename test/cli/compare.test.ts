// unroll compare markov, through the real binary.
import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { folder, unroll } from './command.js';

const path = (name: string): string => join(folder, name);

beforeAll(() => {
  writeFileSync(path('text.txt'), 'The ship sails on, and the whale with it.\n'.repeat(60));
  writeFileSync(path('other.txt'), 'The whale sails on, zebra.\n');
  writeFileSync(path('one.txt'), 'T');
  writeFileSync(path('gone.txt'), 'The ship sails on, and the whale with it.\n'.repeat(60));
  const small = ['--hidden', '8', '--batch', '4', '--window', '8', '--workers', '1', '--steps', '5', '--quiet'];
  for (const name of ['text', 'gone'])
    expect(unroll(['train', '--text', `${name}.txt`, ...small, '--out', `run-${name}`]).status).toBe(0);
  unlinkSync(path('gone.txt'));
});

test('prints a table: a row for each order, and the model below', () => {
  const { status, stdout, stderr } = unroll(['compare', 'markov', 'run-text', '--orders', '1..3,5']);
  expect([status, stderr]).toEqual([0, '']);
  const [learned, , head, ...rows] = stdout.trimEnd().split('\n');
  expect(learned).toBe('text.txt: 2,268 tokens learned; predicted 252 held out');
  expect(head).toMatch(/^ +bits per character +perplexity +accuracy +holds +size +trained in +evaluated in$/);
  expect(rows.map((row) => row.split('  ')[0])).toEqual([
    ...[1, 2, 3, 5].map((order) => `Markov, order ${order}`),
    'lstm, 1 layer of 8',
  ]);
  expect(rows[0]).toMatch(/ \d\.\d{4} +\d+\.\d{3} +\d+\.\d% +\d+ n-grams +\d+ bytes +\d\.\d\d s +\d\.\d\d s$/);
  expect(rows[4]).toMatch(/ [\d,]+ parameters +[\d.]+ kB +/);
});

test('--json prints one object', () => {
  const flags = ['--text', 'other.txt', '--skip-unknown', '--orders', '4', '--kernels', 'wasm', '--json'];
  const { status, stdout } = unroll(['compare', 'markov', 'run-text/latest', ...flags]);
  expect(status).toBe(0);
  const { event, file, tokens, skipped, markov, recurrent } = JSON.parse(stdout);
  // z, b and r do not occur.
  expect([event, file, tokens, skipped]).toEqual(['compare', 'other.txt', 23, 3]);
  expect(markov.map(({ order }: { order: number }) => order)).toEqual([4]);
  expect(recurrent).toMatchObject({ kernels: 'wasm', architecture: { cell: 'lstm', hidden: 8 } });
});

const TABLE: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['no model', ['markov'], /^MODEL: it is missing; .*as in "unroll compare markov runs\/book-lstm256"$/],
  ['a comparison that is none', ['hmm', 'run-text'], /^"hmm": there is no such comparison; it is one of markov/],
  ['a model that is missing', ['markov', 'nowhere'], /^MODEL: nowhere does not exist; give a run folder/],
  ['order 0', ['markov', 'run-text', '--orders', '0'], /^--orders: "0" is not allowed; it is .*1 to 10: 4, 1\.\.6 or/],
  ['order 11', ['markov', 'run-text', '--orders', '1..11'], /^--orders: "1\.\.11" is not allowed/],
  ['a range that falls', ['markov', 'run-text', '--orders', '6..1'], /^--orders: "6\.\.1" is not allowed/],
  ['orders in words', ['markov', 'run-text', '--orders', 'all'], /^--orders: "all" is not allowed/],
  ['no orders', ['markov', 'run-text', '--orders='], /^--orders: "" is not allowed/],
  [
    'a text that is gone',
    ['markov', 'run-gone'],
    /^\S*run-gone\/config\.json:\d+:\d+: text: .*gone\.txt cannot be read/,
  ],
  ['unknown symbols', ['markov', 'run-text', '--text', 'other.txt'], /^other\.txt:1:21: .*--skip-unknown/],
  ['a text of one symbol', ['markov', 'run-text', '--text', 'one.txt'], /^--text: one\.txt has one token; evaluation/],
  ['a flag that is none', ['markov', 'run-text', '--order', '3'], /^--order: there is no such flag; .*--orders\?/],
];

test.each(TABLE)('%s: exit code 2, one message, nothing on stdout', (_, args, message) => {
  const { status, stdout, stderr } = unroll(['compare', ...args]);
  expect(stderr.trimEnd()).toMatch(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect([status, stdout]).toEqual([2, '']);
});

test('help and completion know it', () => {
  expect(unroll(['--help']).stdout).toMatch(/compare <rivals> <model>/);
  const { stdout } = unroll(['help', 'compare']);
  expect(stdout).toMatch(/--orders[\s\S]*1\.\.6[\s\S]*unroll compare markov runs\/book-lstm256/);
  expect(unroll(['--get-yargs-completions', 'unroll', 'compare', '']).stdout).toMatch(/^markov$/m);
  expect(existsSync(path('runs'))).toBe(false);
});
