// Sparse examples through the real binary: what is printed of a run and of its model, and everything that may be wrong with a file or
// with the flags beside it: exit code 2, one message that says where, and no run folder.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { folder, unroll } from './command.js';

const path = (name: string): string => join(folder, name);
/** Feature 3 tells the two classes apart; 8 and 20 say nothing. */
const GOOD = Array.from({ length: 120 }, (_, i) =>
  i % 2 === 0 ? `+1 3:${1 + (i % 7) / 8} 8:1` : `-1 3:-${1 + (i % 5) / 8} 20:${i % 3}`,
);
const LINEAR = ['--cell', 'mlp', '--layers', '0'] as const;
const SMALL = ['--batch', '4', '--workers', '1', '--quiet'] as const;

/** Writes a file whose third line is the given one. */
function withLine(name: string, line: string): void {
  writeFileSync(path(name), `${[...GOOD.slice(0, 2), line, ...GOOD.slice(2)].join('\n')}\n`);
}

const LINES: readonly (readonly [string, string, string, readonly string[]])[] = [
  ['an index that is not sorted', '+1 3:1 20:1 8:1', '13: index 8 comes after 20; the indices of a line ascend', []],
  ['an index twice', '+1 3:1 8:1 8:2', '12: index 8 comes twice; a line has each once', []],
  ['index 0', '+1 0:1 3:1', '4: index 0 is not allowed; .*--zero-based allows 0', []],
  ['a value that is no number', '+1 3:NaN', '4: "3:NaN" is not allowed; the value of a pair is a finite number', []],
  ['a value that is infinite', '+1 3:1e39', '4: "3:1e39" is not allowed; .* up to 3.4e38', []],
  ['a line of 10 MB', `+1 ${'#'.repeat(10 << 20)}`, '1: the line is longer than 4 MiB', []],
  ['no label', '3:1 8:1', '1: the line has no label; a line begins with the number of one class', []],
  ['a label that is a word', 'spam 3:1', '1: "spam" is not allowed; a line begins with the number of one class', []],
  ['several labels', '1,2 3:1', '1: "1,2" is not allowed', []],
  ['a label twice', '1,1 3:1', '3: the line has the label 1 twice', ['--labels', 'multilabel']],
  ['more numbers', '1,2 3:1', '1: the line has 2 numbers to predict; the lines before have 1', ['--labels', 'numbers']],
  ['a qid in one line', '+1 qid:4 3:1', '4: the line has a qid, and those before have none', []],
  ['a pair without a value', '+1 3', '4: "3" is not allowed; after the label come pairs', []],
  ['an index that is too large', '+1 2147483648:1', '4: .*indices are whole numbers, 1 to 2147483647', []],
];

const nameOf = (i: number): string => `bad${i}.svm`;
let before: readonly string[];

beforeAll(() => {
  writeFileSync(path('good.svm'), `${GOOD.join('\n')}\n`);
  writeFileSync(path('text.txt'), 'The ship sails on, and the whale with it.\n'.repeat(60));
  writeFileSync(path('empty.svm'), '');
  writeFileSync(path('bare.svm'), '+1\n-1\n+1\n');
  writeFileSync(path('same.svm'), '+1 3:1\n+1 4:1\n');
  withLine('unknown.svm', '4 3:1');
  LINES.forEach(([, line], i) => {
    withLine(nameOf(i), line);
  });
  const flags = [...SMALL, '--optimizer', 'sgd', '--lr', '0.5', '--l1', '0.01', '--epochs', '4'];
  expect(unroll(['train', '--svmlight', 'good.svm', ...LINEAR, ...flags, '--out', 'linear'])).toEqual({
    ...{ status: 0, stdout: '', stderr: '' },
  });
  expect(unroll(['train', '--text', 'text.txt', ...SMALL, '--steps', '2', '--out', 'text']).status).toBe(0);
  before = readdirSync(folder).sort();
});

/** Exit code 2, one message, nothing on stdout and nothing written. */
function refused(args: readonly string[], message: RegExp): void {
  const { status, stdout, stderr } = unroll(args);
  expect(stderr.trimEnd()).toMatch(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect([status, stdout]).toEqual([2, '']);
  expect(readdirSync(folder).sort()).toEqual(before);
}

describe('a file that is wrong', () => {
  test.each(LINES.map((line, i) => [...line, nameOf(i)] as const))('%s', (_, __, message, flags, name) => {
    const args = ['train', '--svmlight', name, ...LINEAR, ...SMALL, ...flags, '--out', 'new'];
    refused(args, new RegExp(`^${name}:3:${message}`));
  });

  test.each([
    ['nowhere.svm', /^--svmlight: nowhere\.svm cannot be read: it does not exist$/],
    ['.', /^--svmlight: \. is a folder; give a text file$/],
    ['empty.svm', /^--svmlight: empty\.svm is empty; an example is a line such as/],
    ['bare.svm', /^--svmlight: bare\.svm has no index:value pair; there is nothing to learn from$/],
    ['same.svm', /^--svmlight: same\.svm has the label 1 in all of its 2 examples; classes to learn are at least two$/],
    ['-', /^--svmlight: - would be the standard input, which can be read only once; save it as a file and give that$/],
    ['/dev/null', /^--svmlight: \/dev\/null is no regular file; give a text file$/],
    ['text.txt', /^text\.txt:1:1: "The" is not allowed; a line begins with the number of one class/],
  ])('%s', (name, message) => refused(['train', '--svmlight', name, ...LINEAR, ...SMALL, '--out', 'new'], message));

  test('of which a model does not know a label', () => {
    const message = /^unknown\.svm:3:1: label 4 does not occur in what the model learned, which has -1, 1$/;
    refused(['eval', 'linear', '--svmlight', 'unknown.svm'], message);
  });
});

const train = (...flags: readonly string[]) => ['train', ...flags, '--quiet', '--out', 'new'];
const examples = (...flags: readonly string[]) => train('--svmlight', 'good.svm', ...flags);
const text = (...flags: readonly string[]) => train('--text', 'text.txt', ...flags);

describe('flags that contradict each other', () => {
  test.each<readonly [string, readonly string[], RegExp]>([
    ['a text as well', examples('--text', 'text.txt'), /^--svmlight: --text is given as well; give one of the two$/],
    ['a data set as well', examples('--dataset', 'moby-dick'), /^--svmlight: --dataset is given as well/],
    ['an embedding', examples('--embedding', '8'), /^--embedding: it is for tokens, and --svmlight has features/],
    [
      'a window',
      examples('--cell', 'mlp', '--window', '8'),
      /^--window: with --cell mlp each example stands by itself/,
    ],
    [
      'a stride',
      examples('--cell', 'mlp', '--stride', '4'),
      /^--stride: with --cell mlp each example stands by itself/,
    ],
    ['no layers', examples('--cell', 'lstm', '--layers', '0'), /^--layers: 0 is not allowed with --cell lstm; take/],
    ['no layers of a text', text('--layers', '0'), /^--layers: 0 is not allowed; it is the number of layers, 1 to 8/],
    [
      'labels of a text',
      text('--labels', 'multilabel'),
      /^--labels: multilabel needs --svmlight FILE or a table; leave it out$/,
    ],
    ['zero-based text', text('--zero-based'), /^--zero-based: it needs --svmlight FILE; leave it out$/],
    [
      'layers for a text',
      text('--cell', 'mlp'),
      /^--cell: mlp needs --svmlight FILE or a table: a text is a sequence; take rnn/,
    ],
    ['FoBoS and Adam', examples('--proximal'), /^--proximal: it is not allowed with --optimizer adam; take/],
    [
      'decay that SparseAdam has not',
      examples('--optimizer', 'sparse-adam', '--l2', '0.1'),
      /^--l2: --optimizer sparse-adam has none, as in PyTorch/,
    ],
    [
      'a penalty that it has not',
      examples('--optimizer', 'sparse-adam', '--l1', '0.1'),
      /^--l1: --optimizer sparse-adam has none, as in PyTorch; .*--optimizer adagrad$/,
    ],
    [
      'rows that it does not visit',
      examples('--optimizer', 'sparse-adam', '--lazy', 'never'),
      /^--lazy: never is not allowed with --optimizer sparse-adam, which leaves rows alone/,
    ],
    [
      'winners of a linear model',
      examples(...LINEAR, '--activation', 'relu', '--k-winners', '1'),
      /^--k-winners: only --cell rnn or mlp with --activation relu has units/,
    ],
    [
      'unknown labels',
      examples('--labels', 'words'),
      /^--labels: "words" is not allowed; .*classes, multilabel, numbers/,
    ],
    [
      'more rows than examples',
      examples(...LINEAR, '--batch', '999'),
      /^--batch: 999 examples are more than .*1 to 108$/,
    ],
    [
      'a window longer than a stream',
      examples('--batch', '8'),
      /^--window: 64 is longer than the 14 examples of a stream/,
    ],
    ['all held out', examples(...LINEAR, '--validation', '0.99'), /^--validation: 0\.99 is not allowed/],
    ['a text for examples', ['eval', 'linear', '--text', 'text.txt'], /^--svmlight: it is missing; the model reads/],
    ['examples for a text', ['eval', 'text', '--svmlight', 'good.svm'], /^--svmlight: the model reads tokens, not/],
    ['both to measure on', ['eval', 'linear', '--svmlight', 'good.svm', '--text', 'text.txt'], /several are given/],
    ['text of a linear model', ['sample', 'linear'], /^sample: the model tells examples apart, it writes no text; use/],
    [
      'a start of a text',
      examples(...LINEAR, '--init-from', 'text'),
      /^--init-from: text: the model reads a text, and/,
    ],
    [
      'a start of examples',
      text('--init-from', 'linear'),
      /^--init-from: linear: the model reads sparse examples, and/,
    ],
    [
      'a resumed run with other labels',
      ['train', '--resume', 'linear', '--labels', 'numbers'],
      /^--labels: "numbers" is not allowed with --resume; in the run it is "classes"/,
    ],
  ])('%s', (_, args, message) => refused(args, message));
});

describe('a linear model', () => {
  test('is described in words and for machines', () => {
    const { stdout } = unroll(['inspect', 'linear']);
    expect(stdout).toMatch(/^model\s+linear$/m);
    expect(stdout).toMatch(/^input\s+3 sparse features, index 3 to 20$/m);
    expect(stdout).toMatch(/^classes\s+2: -1, 1$/m);
    expect(stdout).toMatch(/^best\s+loss 0\.\d+ at step \d+$/m);
    expect(stdout).toMatch(/^head\.weight\s+2 x 3\s+24 /m);
    expect(JSON.parse(unroll(['inspect', 'linear', '--json']).stdout)).toMatchObject({
      architecture: { cell: 'mlp', layers: 0, vocabulary: 2, sparseFeatures: 3, output: 'softmax' },
      labels: { kind: 'classes', names: [-1, 1] },
      parameters: [{ name: 'head.weight', shape: [2, 3] }, { name: 'head.bias' }],
      training: { step: 108 },
    });
  });

  test('is measured in examples, without bits per character', () => {
    const { stdout } = unroll(['eval', 'linear', '--svmlight', 'good.svm']);
    expect(stdout).toMatch(/^loss\s+0\.\d{4}\naccuracy\s+100\.0%\nexamples\s+120\n$/);
    const known = JSON.parse(unroll(['eval', 'linear', '--svmlight', 'good.svm', '--json']).stdout);
    expect(known).toMatchObject({ event: 'eval', bitsPerCharacter: null, accuracy: 1, tokens: 120, skipped: 0 });
  });

  test('is resumed, and begins another run', () => {
    expect(unroll(['train', '--resume', 'linear', '--epochs', '5', '--quiet'])).toMatchObject({
      status: 0,
      stderr: '',
    });
    const flags = ['--svmlight', 'good.svm', ...LINEAR, ...SMALL, '--init-from', 'linear', '--out', 'second'];
    expect(unroll(['train', ...flags, '--steps', '2'])).toMatchObject({ status: 0, stderr: '' });
  });
});

test('a feedforward net of labels, and a GRU of numbers in sequences, tell what they are', () => {
  writeFileSync(path('labels.svm'), `${GOOD.map((line, i) => line.replace(/^\S+/, i % 2 ? '1,4' : '4')).join('\n')}\n`);
  const numbers = GOOD.map((line, i) => line.replace(/^\S+/, `${i % 2},${-i % 3} qid:${Math.floor(i / 6)}`));
  writeFileSync(path('numbers.svm'), `${numbers.join('\n')}\n`);
  const labelled = ['--svmlight', 'labels.svm', '--labels', 'multilabel', '--cell', 'mlp', '--activation', 'relu'];
  expect(unroll(['train', ...labelled, '--hidden', '8', ...SMALL, '--out', 'labels'])).toMatchObject({ status: 0 });
  const described = unroll(['inspect', 'labels']).stdout;
  expect(described).toMatch(/^model\s+mlp \(relu\), 1 layer of 8$/m);
  expect(described).toMatch(/^labels\s+2: 1, 4$/m);
  expect(described).toMatch(/^hidden\.0\.weight\s+8 x 3 /m);
  const sequences = ['--svmlight', 'numbers.svm', '--labels', 'numbers', '--cell', 'gru', '--window', '4'];
  expect(unroll(['train', ...sequences, '--hidden', '8', ...SMALL, '--out', 'numbers'])).toMatchObject({ status: 0 });
  expect(unroll(['inspect', 'numbers']).stdout).toMatch(/^labels\s+2 numbers$/m);
  const measured = unroll(['eval', 'numbers', '--svmlight', 'numbers.svm']).stdout;
  expect(measured).toMatch(/^loss\s+\d+\.\d{4}\nroot of it\s+\d+\.\d{4}\nexamples\s+120\n$/);
  const { accuracy } = JSON.parse(unroll(['eval', 'numbers', '--svmlight', 'numbers.svm', '--json']).stdout);
  expect(accuracy).toBeNull();
});

test('a run prints examples, not characters', () => {
  const flags = ['--svmlight', 'good.svm', ...LINEAR, '--batch', '4', '--workers', '1', '--out', 'printed'];
  const { stdout, stderr } = unroll(['train', ...flags]);
  const printed = stdout + stderr;
  expect(printed).toMatch(/108 examples to learn, 12 held out, 2 outputs; 27 steps an epoch, 27 in all/);
  expect(printed).toMatch(/validation loss 0\.\d+, accuracy \d+\.\d%/);
  expect(printed).toMatch(/examples\/s/);
  expect(printed).toMatch(/saved in printed; try: unroll eval printed --svmlight FILE/);
  expect(printed).not.toMatch(/character|token/);
  const metrics = readFileSync(path('printed/metrics.jsonl'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  expect(metrics[0]).toMatchObject({ event: 'plan', unit: 'example', trainingTokens: 108, validationTokens: 12 });
});

test('settings of a file name examples too, and a flag for a text takes their place', () => {
  writeFileSync(path('examples.yaml'), 'svmlight: good.svm\ncell: mlp\nlayers: 0\nbatch: 4\nworkers: 1\nquiet: true\n');
  expect(unroll(['train', 'examples.yaml', '--steps', '2', '--out', 'from-yaml'])).toMatchObject({ status: 0 });
  const { stderr } = unroll(['train', 'examples.yaml', '--text', 'text.txt']);
  expect(stderr).toMatch(/examples\.yaml:2:\d+: cell: mlp needs --svmlight FILE/);
});

test('help and completion know the flags', () => {
  const help = unroll(['train', '--help']).stdout;
  const flags = ['--svmlight', '--labels', '--zero-based', '--l1', '--proximal', '--lazy'];
  const completed = unroll(['--get-yargs-completions', 'unroll', 'train', '--']).stdout.split('\n');
  for (const flag of flags) {
    expect(help).toMatch(new RegExp(`^ +${flag} `, 'm'));
    expect(completed.map((line) => line.split(':')[0])).toContain(flag);
  }
  const choices = (flag: string) => unroll(['--get-yargs-completions', 'unroll', 'train', flag, '']).stdout.split('\n');
  expect(choices('--cell')).toContain('mlp');
  expect(choices('--optimizer')).toContain('sparse-adam');
  expect(choices('--labels')).toEqual(expect.arrayContaining(['classes', 'multilabel', 'numbers']));
  expect(unroll(['eval', '--help']).stdout).toMatch(/--svmlight .*\n +--zero-based /);
});
