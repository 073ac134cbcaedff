// What columns of a table hold: what is said where it does not show, and how a person says what is meant.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, unroll } from './command.js';

const write = (name: string, lines: readonly string[]): void =>
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
const rows = <T>(of: (i: number) => T): readonly T[] => Array.from({ length: 40 }, (_, i) => of(i));
const SMALL = ['--hidden', '4', '--epochs', '1', '--workers', '1', '--quiet'];
const MLP = ['--cell', 'mlp', ...SMALL];
const columnsOf = (run: string) => JSON.parse(unroll(['inspect', run, '--json']).stdout).columns;

write('shop.csv', [
  'day;price;zip;"size, cm";label',
  ...rows((i) => `${1 + (i % 28)}/11/2024;${i},50;0${i % 3};${i % 5};${i % 2 ? 'yes' : 'no'}`),
]);
const SHOP = ['train', '--csv', 'shop.csv', '--task', 'classify', '--target', 'label'];

test('numbers and dates in another writing are named with their place and what to do, and the run goes on', () => {
  const { status, stderr } = unroll([...SHOP, ...MLP, '--out', 'odd']);
  expect(status).toBe(0);
  expect(stderr).toContain(
    'shop.csv:2:1: "1/11/2024" looks like a date, and the column "day" is read as text: --dates',
  );
  expect(stderr).toContain(
    'shop.csv:2:11: "0,50" has a decimal comma, and the column "price" is read as text: --decimal ,',
  );
});

test('where they are what is predicted, or the time, the refusal says the same', () => {
  const predicted = unroll(['train', '--csv', 'shop.csv', '--task', 'regress', '--target', 'price', ...MLP]);
  expect(predicted.status).toBe(2);
  expect(predicted.stderr).toMatch(/--task regress predicts numbers; shop.csv:2:\d+: "0,50" has a decimal comma/);
  const time = unroll([...SHOP.slice(0, 3), '--task', 'tag', '--target', 'label', '--time', 'day', ...SMALL]);
  expect(time.status).toBe(2);
  expect(time.stderr).toMatch(/"day" of shop.csv holds text; .*"1\/11\/2024" looks like a date/);
});

test('--decimal, --dates and --columns say what is meant, in the model as well', () => {
  const flags = ['--decimal', ',', '--dates', 'dmy', '--columns', 'zip:category,"size, cm:category"'];
  expect(unroll([...SHOP, ...flags, ...MLP, '--out', 'said'])).toMatchObject({
    status: 0,
    stderr: expect.not.stringMatching(/read as text/),
  });
  const { inputs, writing } = columnsOf('said');
  expect(inputs.map(({ name, kind }: { name: string; kind: string }) => [name, kind])).toEqual([
    ['day', 'date'],
    ['price', 'number'],
    ['zip', 'category'],
    ['size, cm', 'category'],
  ]);
  expect(inputs[2].values).toEqual(['00', '01', '02']);
  expect(writing).toEqual({ decimal: ',', dates: 'dmy' });
  expect(unroll(['eval', 'said', '--csv', 'shop.csv'])).toMatchObject({ status: 0, stderr: '' });
  expect(unroll(['train', '--resume', 'said', '--epochs', '2', '--quiet'])).toMatchObject({ status: 0 });
});

test.each([
  [
    ['--columns', 'zip:number,day:date'],
    /shop.csv:2:1: "1\/11\/2024" is not allowed in the column "day"; a value there is a date/,
  ],
  [
    ['--columns', 'price:number'],
    /shop.csv:2:11: "0,50" is not allowed in the column "price"; a value there is a finite/,
  ],
  [['--columns', 'pirce:number'], /--columns: shop.csv has no column "pirce"; it has "day"/],
  [['--columns', 'price:float'], /--columns: \{"price":"float"\} is not allowed; .* number, date, category, text/],
  [['--columns', 'price'], /--columns: "price" is not allowed; .*a:number,b:text/],
  [
    ['--columns', 'zip:text'],
    /--columns: "zip" cannot be read word by word: that is for --task classify and regress, --cell/,
  ],
])('%j is refused with its place', (flags, message) => {
  const { status, stderr } = unroll([...SHOP, ...flags, ...MLP, '--out', 'refused']);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
});

test('several columns of texts are read one after another, each behind a mark', () => {
  const line = (i: number) => ({ title: i % 2 ? 'good one' : 'bad one', body: i % 3 ? 'read it' : '', label: i % 2 });
  write(
    'reviews.jsonl',
    rows((i) => JSON.stringify(line(i))),
  );
  const flags = ['--task', 'classify', '--target', 'label', '--cell', 'gru', ...SMALL];
  const { status, stderr } = unroll(['train', '--jsonl', 'reviews.jsonl', ...flags, '--out', 'reviews']);
  expect([status, stderr]).toEqual([0, '']);
  expect(columnsOf('reviews').inputs).toEqual([
    {
      name: 'title',
      kind: 'tokens',
      split: 'word',
      tokens: ['<body>', 'bad', 'good', 'it', 'one', 'read'],
      more: ['body'],
    },
  ]);
  expect(unroll(['eval', 'reviews', '--jsonl', 'reviews.jsonl']).stdout).toMatch(/^accuracy/m);
  expect(unroll(['inspect', 'reviews']).stdout).toMatch(/^features +title \+ body \(tokens\)$/m);
  const empty = unroll(
    ['predict', 'reviews', '--jsonl', '-'],
    {},
    '{"title":"a","body":"b"}\n{"title":"","body":""}\n',
  );
  expect([empty.status, empty.stderr]).toEqual([2, '<stdin>:2: "title" is empty; a sequence has one step or more\n']);
  const mixed = unroll(['train', '--jsonl', 'reviews.jsonl', ...flags, '--columns', 'title:category,body:text']);
  expect(mixed.stderr).toMatch(/"body" cannot be read word by word: all features are texts then, and "title" is none/);
});

test('classes that are numbers are told in other files too, however they are written', () => {
  write(
    'numbers.jsonl',
    rows((i) => JSON.stringify({ x: i, y: i % 2 })),
  );
  write('numbers.csv', ['x,y', ...rows((i) => `${i},${i % 2}.0`)]);
  for (const format of ['jsonl', 'csv']) {
    const data = [`--${format}`, `numbers.${format}`];
    unroll(['train', ...data, '--task', 'classify', '--target', 'y', ...MLP, '--out', format]);
    expect(unroll(['eval', format, ...data]), format).toMatchObject({ status: 0, stderr: '' });
  }
  expect(unroll(['eval', 'csv', '--csv', 'numbers.csv', '--json']).stdout).toContain('"tokens":40');
  expect(readFileSync(join(folder, 'csv/config.json'), 'utf8')).toContain('numbers.csv');
});
