// A model of words, from training to text: perplexity in the place of bits per character.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { folder, unroll } from './command.js';

const path = (name: string): string => join(folder, name);
const TRAIN = ['train', '--text', 'text.txt', '--tokens', 'word', '--min-count', '2'];
const SMALL = ['--hidden', '12', '--embedding', '6', '--batch', '4', '--window', '8', '--workers', '2'];

beforeAll(() => {
  const line = (i: number): string => `the whale number${i} swims on, and the ship sails on; we don't stop.\n`;
  writeFileSync(path('text.txt'), Array.from({ length: 120 }, (_, i) => line(i)).join(''));
});

test('perplexity is what train, eval, inspect and compare tell of a model of words; nothing is said of characters', () => {
  const { status, stdout, stderr } = unroll([...TRAIN, ...SMALL, '--epochs', '6', '--lr', '0.02', '--out', 'run']);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/words to learn, .* 15 different/);
  expect(stdout).toMatch(/validation perplexity \d+\.\d\d, accuracy/);
  const events = readFileSync(path('run/metrics.jsonl'), 'utf8').trim().split('\n');
  const evaluation = events.map((line) => JSON.parse(line)).findLast(({ event }) => event === 'eval');
  expect(evaluation.bitsPerCharacter).toBeNull();
  expect(evaluation.perplexity).toBeCloseTo(Math.exp(evaluation.loss), 9);

  const evaluated = unroll(['eval', 'run', '--text', 'text.txt']).stdout;
  expect(evaluated).toMatch(/^perplexity +\d/m);
  expect(evaluated).toMatch(/^unknown +120 words read as <unk>$/m);
  expect(unroll(['inspect', 'run']).stdout).toMatch(/^tokens +word, 15 different\n(.*\n)*best +perplexity/m);
  const compared = unroll(['compare', 'markov', 'run', '--orders', '1..2']).stdout;
  expect(compared).toMatch(/^Markov, order 2 +\d/m);
  for (const text of [stdout, evaluated, compared]) expect(text).not.toContain('bits per character');
});

test('sample goes on from the words of a prompt, says which are unknown, and writes no <unk>', () => {
  const { status, stdout, stderr } = unroll(['sample', 'run', '--prompt', 'the kraken swims', '--length', '60']);
  expect([status, stderr]).toEqual([0, '--prompt: not known, and read as <unk>: kraken\n']);
  expect(stdout).toMatch(/^the kraken swims[ ,.;\n]/);
  expect(stdout).not.toMatch(/<unk>| ,|\n /);
  const json = JSON.parse(unroll(['sample', 'run', '--prompt', 'the kraken', '--length', '5', '--json']).stdout);
  expect(json).toMatchObject({ prompt: 'the kraken', skipped: 0, unknown: ['kraken'] });
});

test('a run of words that is resumed has the bits of one that never stopped; other words are no way to go on', () => {
  const flags = [...SMALL, '--quiet'];
  unroll([...TRAIN, ...flags, '--steps', '12', '--out', 'whole']);
  unroll([...TRAIN, ...flags, '--steps', '5', '--out', 'part']);
  expect(unroll(['train', '--resume', 'part', '--steps', '12', '--quiet'])).toMatchObject({ status: 0, stderr: '' });
  const model = (run: string) => readFileSync(path(`${run}/latest/model.safetensors`));
  expect(model('part').equals(model('whole'))).toBe(true);
  expect(unroll(['train', '--resume', 'part', '--min-count', '3'])).toMatchObject({ status: 2 });
  const fewer = unroll([
    ...TRAIN.slice(0, 5),
    '--vocabulary-size',
    '8',
    ...flags,
    '--init-from',
    'part',
    '--out',
    'new',
  ]);
  expect(fewer.stderr).toMatch(/the model's vocabulary is not that of the text \(word, 15 symbols, against word, 8\)/);
});

test.each([
  [['--text', 'text.txt', '--vocabulary-size', '100'], /--vocabulary-size: it is for words; take --tokens word/],
  [['--text', 'text.txt', '--tokens', 'char', '--min-count', '3'], /--min-count: it is for words/],
  [['--text', 'text.txt', '--tokens', 'word', '--vocabulary-size', '1'], /--vocabulary-size: 1 is not allowed/],
])('%j is refused', (flags, message) => {
  const { status, stderr } = unroll(['train', ...flags]);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
});
