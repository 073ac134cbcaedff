// Tables through the real binary: what is refused with its place and leaves nothing behind, and what is handled and said so.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { folder, unroll } from './command.js';

const rows = Array.from({ length: 40 }, (_, i) => `${i % 7},${i % 3 ? 'a' : 'b'},${i % 7 > 3 ? 'yes' : 'no'}`);
const csv = (lines: readonly string[], header = 'x,kind,label'): string => `${[header, ...lines].join('\n')}\n`;
const json = Array.from(
  { length: 30 },
  (_, i) => `{"text":"${i % 2 ? 'good' : 'bad'} one","label":"${i % 2 ? 'p' : 'n'}"}`,
);

const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return name;
};
const training = [
  '--task',
  'classify',
  '--target',
  'label',
  '--cell',
  'mlp',
  '--hidden',
  '4',
  '--epochs',
  '1',
  '--workers',
  '1',
];

/** The flags of the training, but for those that are given anew. */
function merged(flags: readonly string[]): readonly string[] {
  const kept = training.filter((_, i) => !flags.includes(training[i - (i % 2)]));
  return [...kept, ...flags];
}

describe('refused with code 2, and nothing is written:', () => {
  const at = (index: number, line: string): readonly string[] => rows.with(index, line);
  test.each<[string, string | Uint8Array, readonly string[], string]>([
    ['a row with a field too few', csv(at(4, '1,a')), [], 'bad.csv:6'],
    ['a row with a field too many', csv(at(4, '1,a,yes,3')), [], 'bad.csv:6'],
    ['one odd value among numbers', csv([...rows, ...rows, ...rows, 'oops,a,yes']), [], 'bad.csv:122:1'],
    ['a number that is none', csv(at(2, '1e999,a,yes')), [], 'bad.csv:4:1'],
    ['a header twice', csv(rows, 'x,x,label'), [], 'bad.csv:1:3'],
    ['a header without a name', csv(rows, 'x,,label'), [], 'bad.csv:1:3'],
    ['a target that is missing in a row', csv(at(1, '1,a,')), [], 'bad.csv:3: column "label" is empty'],
    ['a target that is no column', csv(rows), ['--target', 'lable'], 'it has "x", "kind", "label"'],
    ['a feature that is no column', csv(rows), ['--features', 'x,y'], 'there is no column "y"'],
    [
      'a target that is always the same',
      csv(rows.map((row) => row.replace(/(yes|no)$/, 'yes'))),
      [],
      'has one value ("yes")',
    ],
    [
      'an empty column that is asked for',
      csv(rows.map((row) => row.replace(/^\d/, ''))),
      ['--features', 'x'],
      'the column "x" has no value',
    ],
    ['Latin-1', Buffer.from(csv(at(3, '1,\xe9,yes')), 'latin1'), [], 'bad.csv:5:3'],
    ['an empty file', '', [], 'bad.csv'],
    ['a header alone', csv([]), [], 'bad.csv'],
    [
      'numbers to predict that are texts',
      csv(rows),
      ['--task', 'regress'],
      '--target: column "label" of bad.csv holds texts; --task regress predicts numbers',
    ],
    [
      'a recurrent cell for rows by themselves',
      csv(rows),
      ['--cell', 'lstm'],
      '--cell: lstm needs sequences; name the column whose rows are one with --group',
    ],
    [
      'an embedding of numbers',
      csv(rows),
      ['--embedding', '8', '--features', 'x'],
      '--embedding: it is for tokens, and --cell mlp reads none; leave it out',
    ],
    [
      'an embedding of the numbers of a series',
      csv(rows),
      ['--task', 'forecast', '--target', 'x', '--features', 'x', '--cell', 'gru', '--embedding', '8'],
      '--embedding: it is for tokens, and "x" of bad.csv has none; leave it out',
    ],
    [
      'an embedding of steps',
      csv(rows),
      ['--task', 'tag', '--cell', 'lstm', '--embedding', '8'],
      '--embedding: it is for tokens, and "x" of bad.csv has none; leave it out',
    ],
    [
      'classes that no double tells apart',
      csv(
        rows.map((row, i) => `${row},${['9007199254740993', '9007199254740992'][i % 2]}`),
        'x,kind,label,sku',
      ),
      ['--target', 'sku'],
      'has 9007199254740992, beyond 2^53, from where on not each whole number is there; if such are names, --columns sku:category reads',
    ],
    [
      'times that no double tells apart',
      csv(
        rows.map((row, i) => `${row},17000000000000000${10 + i}`),
        'x,kind,label,at',
      ),
      ['--task', 'tag', '--cell', 'gru', '--time', 'at'],
      '--time: column "at" of bad.csv has 1700000000000000000, beyond 2^53',
    ],
    [
      'a kind of a column that is not read',
      csv(rows),
      ['--features', 'x', '--columns', 'kind:category'],
      '--columns: "kind" is not read; it is not among what --features, --target and others name',
    ],
    [
      'more values ahead than there are',
      csv(rows),
      ['--task', 'forecast', '--target', 'x', '--features', 'x', '--cell', 'gru', '--horizon', '36'],
      '--horizon: 36 values ahead are more than any series of bad.csv has in its part to learn, 35 at most',
    ],
    ['a target twice', csv(rows), ['--target', 'x,x'], '--target: "x" is given twice; give it once'],
    ['a feature twice', csv(rows), ['--features', 'x,kind,x'], '--features: "x" is given twice; give it once'],
    [
      'a group that says two things',
      csv(rows),
      ['--cell', 'lstm', '--group', 'kind'],
      '--task classify has one for each "kind"',
    ],
    [
      'a time that is none',
      csv(rows),
      ['--task', 'tag', '--cell', 'lstm', '--time', 'kind'],
      '--time: column "kind" of bad.csv holds text',
    ],
  ])('%s', (_, content, flags, message) => {
    const data = write('bad.csv', content);
    const { status, stderr } = unroll(['train', '--csv', data, ...merged(flags), '--out', 'bad-run']);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(2);
    expect(existsSync(join(folder, 'bad-run'))).toBe(false);
  });

  test.each<[string, string, string]>([
    ['broken JSON on line 7', json.with(6, '{"text": "a", "label" "b"}').join('\n'), 'bad.jsonl:7:23'],
    ['a line that is no object', json.with(6, '[1]').join('\n'), 'bad.jsonl:7'],
    ['an object in an object', json.with(6, '{"text":{"a":1},"label":"p"}').join('\n'), 'bad.jsonl:7'],
    [
      'an embedding of lists of numbers',
      json.map((_, i) => `{"x":[${i},1],"label":"${i % 2}"}`).join('\n'),
      '--embedding: it is for tokens, and "x" of bad.jsonl has none; leave it out',
    ],
    ['an empty text', json.with(6, '{"text":"","label":"p"}').join('\n'), 'bad.jsonl:7: "text" is empty'],
  ])('%s', (_, content, message) => {
    const data = write('bad.jsonl', content);
    const flags = ['--task', 'classify', '--target', 'label', '--hidden', '4', '--workers', '1', '--out', 'bad-run'];
    const { status, stderr } = unroll(['train', '--jsonl', data, ...flags, '--embedding', '8']);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(existsSync(join(folder, 'bad-run'))).toBe(false);
  });

  test.each<[string, readonly string[], string]>([
    [
      'no task',
      ['--csv', 'x.csv'],
      '--task: it is missing; with --csv it is one of classify, tag, regress and forecast',
    ],
    ['no target', ['--csv', 'x.csv', '--task', 'tag'], '--target: it is missing'],
    [
      'a target that is read as well',
      ['--csv', 'x.csv', '--task', 'tag', '--target', 'y', '--features', 'x,y'],
      'the model would read what it is to predict',
    ],
    [
      'a horizon without a forecast',
      ['--csv', 'x.csv', '--task', 'tag', '--target', 'y', '--horizon', '3'],
      '--horizon: --task tag predicts nothing ahead',
    ],
    [
      'a forecast without memory',
      ['--csv', 'x.csv', '--task', 'forecast', '--target', 'y', '--cell', 'mlp'],
      '--cell: mlp has no memory',
    ],
    [
      'a window that would cut a sequence',
      ['--csv', 'x.csv', '--task', 'classify', '--target', 'y', '--window', '9'],
      '--window: 9 is not allowed',
    ],
    [
      'a mean of what has an answer for each step',
      ['--csv', 'x.csv', '--task', 'tag', '--target', 'y', '--pooling', 'mean'],
      '--pooling: mean is not allowed with --task tag, which answers at each step; leave it out',
    ],
    [
      'a mean over rows by themselves',
      ['--csv', 'x.csv', '--task', 'classify', '--target', 'y', '--cell', 'mlp', '--pooling', 'mean'],
      '--pooling: mlp reads no sequences; leave it out, or take --cell rnn, lstm or gru',
    ],
    [
      'a mean over a text',
      ['--text', 'x.txt', '--pooling', 'mean'],
      '--pooling: mean makes one answer of a whole sequence; it is for --task classify and regress, with a table',
    ],
    [
      'a forecast from both ends',
      ['--csv', 'x.csv', '--task', 'forecast', '--target', 'y', '--bidirectional'],
      '--bidirectional: it would read what --task forecast is to predict; leave it out',
    ],
    ['a text and a table', ['--csv', 'x.csv', '--text', 'y.txt'], 'give one of the two'],
    ['a task without a table', ['--text', 'y.txt', '--task', 'tag'], '--task: tag needs a table'],
    ['a target without a table', ['--text', 'y.txt', '--target', 'y'], '--target: it needs a table'],
  ])('%s', (_, flags, message) => {
    const { status, stderr } = unroll(['train', ...flags]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});

describe('said:', () => {
  test.each<[string, string, readonly string[], string]>([
    [
      'a column that is always the same',
      csv(rows.map((row) => row.replace(/^\d/, '5'))),
      [],
      'column "x" of said.csv is the same in',
    ],
    [
      'a column of which most values are numbers',
      csv(rows.with(3, '4a,a,no')),
      [],
      'said.csv:5:1: "4a" is no number, and the',
    ],
    [
      'a flag for words without words',
      csv(rows),
      ['--min-count', '2'],
      '--min-count has no effect: no text is read word',
    ],
    ['a name that looks like a number', csv(rows, '7,007,label'), ['--features', '007'], ''],
    [
      'numbers with zeros before them',
      csv(rows.map((row) => `0${row}`)),
      [],
      'said.csv:2:1: "00" is read as a number, like all of the column "x", so the zeros before it do not count; --columns x:category',
    ],
    [
      'nothing held out',
      csv(rows),
      ['--task', 'forecast', '--target', 'x', '--features', 'x', '--cell', 'gru', '--horizon', '9'],
      'nothing is held out, so nothing is evaluated: no series has 10 rows in its held-out part, of which --horizon 9',
    ],
  ])('%s', (name, content, flags, message) => {
    const out = `said-${name.replaceAll(/\W/g, '')}`;
    const { status, stderr } = unroll(['train', '--csv', write('said.csv', content), ...merged(flags), '--out', out]);
    expect(stderr).toContain(message);
    expect([status, stderr.split('\n').length]).toEqual([0, message === '' ? 1 : 2]);
    const { columns } = JSON.parse(unroll(['inspect', out, '--json']).stdout);
    if (message === '') expect(columns.inputs.map((input: { name: string }) => input.name)).toEqual(['007']);
  });

  test('paths with spaces are quoted in commands to copy', () => {
    const { stdout } = unroll(['train', '--csv', write('said.csv', csv(rows)), ...training, '--out', "it's here"]);
    expect(stdout).toContain("saved in it's here; try: unroll predict 'it'\\''s here' --csv FILE\n");
  });
});

describe('handled:', () => {
  test.each<[string, string]>([
    ['a BOM', `\ufeff${csv(rows)}`],
    ['lines that end as in Windows', csv(rows).replaceAll('\n', '\r\n')],
    ['semicolons between fields', csv(rows).replaceAll(',', ';')],
    ['quotes, with separators within', csv(rows.map((row) => row.replace(/,(.),/, ',"$1, or so",')))],
    ['missing values', csv(rows.with(3, 'NA,a,no'))],
  ])('%s', (name, content) => {
    const out = `handled-${name.replaceAll(/\W/g, '')}`;
    const { status, stdout, stderr } = unroll([
      'train',
      '--csv',
      write('good.csv', content),
      ...training,
      '--out',
      out,
    ]);
    expect(status).toBe(0);
    expect(stderr.replaceAll(/^.*(missing|separated|semicolon|byte order mark).*\n/gim, '')).toBe('');
    expect(stdout).toContain('try: unroll predict');
  });
});

describe('a trained model', () => {
  beforeAll(() => {
    unroll(['train', '--csv', write('learned.csv', csv(rows)), ...training, '--out', 'model']);
    const flags = ['--task', 'classify', '--target', 'label', '--hidden', '4', '--workers', '1', '--out', 'texts'];
    unroll(['train', '--jsonl', write('learned.jsonl', json.join('\n')), ...flags]);
  });

  test('predicts a row each, from a file and from what comes on the standard input', () => {
    const { status, stdout } = unroll(['predict', 'model', '--csv', write('new.csv', csv(['1,a', '6,b'], 'x,kind'))]);
    expect(status).toBe(0);
    const [header, ...lines] = stdout.trim().split('\n');
    expect(header).toBe('row,prediction,probability');
    expect(lines.map((line) => /^\d,(yes|no),[01]\.\d+$/.test(line))).toEqual([true, true]);
    const { stdout: piped } = unroll(
      ['predict', 'texts', '--jsonl', '-', '--json'],
      {},
      '{"text":"good one"}\n{"text":"never seen"}\n',
    );
    expect(
      piped
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).row),
    ).toEqual([1, 2]);
  });

  test('is measured by more than its loss', () => {
    const { stdout } = unroll(['eval', 'model', '--csv', 'learned.csv', '--json']);
    const { accuracy, tokens, figures } = JSON.parse(stdout);
    expect(tokens).toBe(40);
    expect(Object.keys(figures)).toEqual([
      'accuracy',
      'baselineAccuracy',
      'precision',
      'recall',
      'f1',
      'calibrationError',
      'auc',
    ]);
    expect(figures.accuracy).toBe(accuracy);
  });

  test.each<[string, readonly string[], string, string]>([
    [
      'a label that it never saw',
      ['eval', 'model'],
      csv([...rows, '1,a,maybe']),
      'new.csv:42: label "maybe" in column "label" does not occur in what the model learned, which has no, yes',
    ],
    [
      'a category that it never saw',
      ['predict', 'model'],
      csv(['1,z'], 'x,kind'),
      'new.csv:2: "z" in column "kind" does not occur',
    ],
    ['a text for a number', ['predict', 'model'], csv(['one,a'], 'x,kind'), 'new.csv:2:1'],
    ['a table without one of its columns', ['predict', 'model'], csv(['1'], 'x'), 'there is no column "kind"'],
    ['a table without what is right', ['eval', 'model'], csv(['1,a'], 'x,kind'), 'there is no column "label"'],
  ])('refuses %s', (_, [command, model], content, message) => {
    const { status, stdout, stderr } = unroll([command, model, '--csv', write('new.csv', content)]);
    expect(stderr).toContain(message);
    expect([status, stdout]).toEqual([2, '']);
  });

  test('has an interval only where it forecasts', () => {
    const { status, stderr } = unroll(['predict', 'model', '--csv', 'learned.csv', '--interval', '0.5']);
    expect([status, stderr]).toEqual([
      2,
      '--interval: it is for forecasts, and the model has learned to classify; leave it out\n',
    ]);
  });

  test('inspect tells its columns', () => {
    const { stdout } = unroll(['inspect', 'model']);
    expect(stdout).toContain('task      classify\nfeatures  x (number), kind (category)\ntarget    label (class)\n');
  });
});
