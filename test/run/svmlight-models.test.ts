// What a trained model of sparse examples makes of files that are not quite like those it learned, of calls that are for text, and of
// a model's file that is damaged; and what starts from such a model.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadModel, type Model, type TrainOptions } from '../../src/index.js';
import { exampleFiles, exampleLines, MODELS } from './example-files.js';
import { digests, modelDigest, newFolders, run, someText, tensorsIn } from './runs.js';

const folder = newFolders();
const file = exampleFiles();
const lines = exampleLines(60, 'classes');
const svmlight = file(lines);
const options: TrainOptions = { ...MODELS.feedforward, svmlight, batch: 8, steps: 10, workers: 1 };
const text: TrainOptions = { data: { text: someText(800) }, hidden: 8, batch: 4, window: 8, steps: 3, workers: 1 };
let run1: string;
let path: string;
let model: Model;
let ofText: string;

beforeAll(async () => {
  run1 = folder();
  path = join((await run({ ...options, out: run1 })).outcome.path, 'model.safetensors');
  model = await loadModel(path);
  ofText = (await run({ ...text, out: folder() })).outcome.path;
});

describe('a file for a model', () => {
  test('with unknown features: they are left out and counted, and the rest says the same', async () => {
    const more = lines.map((line, i) => (i % 3 === 0 ? `${line} 900:2 1000000:-3.5` : line));
    const [plain, extended] = [await model.eval({ svmlight }), await model.eval({ svmlight: file(more) })];
    expect(plain.skipped).toBe(0);
    expect(extended).toEqual({ ...plain, skipped: 40 });
  });

  test('with unknown features alone: what is left is the bias', async () => {
    const measured = await model.eval({ svmlight: file(['-1 999:1', '2 999:1', '7 999:1']) });
    expect(measured).toMatchObject({ tokens: 3, skipped: 3 });
    expect(measured.loss).toBeCloseTo((await model.eval({ svmlight: file(['-1', '2', '7']) })).loss, 12);
  });

  test('with an unknown label: an error that says where, and which there are', async () => {
    const other = file([...lines, '5 4:1']);
    await expect(model.eval({ svmlight: other })).rejects.toThrow(
      `${other}:61:1: label 5 does not occur in what the model learned, which has -1, 2, 7`,
    );
  });

  test('with another number of numbers to predict: an error that says where', async () => {
    const learned = file(exampleLines(60, 'numbers'));
    const { outcome } = await run({ ...options, svmlight: learned, labels: 'numbers', out: folder() });
    const other = file(['1,2 4:1', '1 4:1']);
    await expect((await loadModel(outcome.path)).eval({ svmlight: other })).rejects.toThrow(
      `${other}:2:1: the line has 1 number to predict; the model predicts 2`,
    );
  });

  test('that is longer or shorter than what it learned is measured as a whole', async () => {
    const [first, rest] = [lines.slice(0, 1), lines.slice(1)];
    const losses = await Promise.all([first, rest, lines].map((part) => model.eval({ svmlight: file(part) })));
    const [one, others, all] = losses.map(({ loss, tokens }) => loss * tokens);
    expect(one + others).toBeCloseTo(all, 4);
    const many = await model.eval({ svmlight: file(Array.from({ length: 20 }, () => lines).flat()) });
    expect(many.tokens).toBe(1200);
    expect(many.loss).toBeCloseTo(losses[2].loss, 5);
  });

  test('is of the other kind: an error, both ways', async () => {
    await expect(model.eval({ text: 'a text' })).rejects.toThrow(
      '--svmlight: it is missing; the model reads sparse examples, no text',
    );
    await expect(model.eval({ sequences: [[0, 1]] })).rejects.toThrow(/^--svmlight: it is missing/);
    await expect((await loadModel(ofText)).eval({ svmlight })).rejects.toThrow(
      '--svmlight: the model reads tokens, not sparse examples; give --text FILE',
    );
  });
});

test('sample, generate and step refuse: the model writes no text', () => {
  expect(() => model.sample()).toThrow('sample: the model tells examples apart, it writes no text; use eval');
  expect(() => [...model.generate()]).toThrow(/writes no text/);
  expect(() => model.step(0)).toThrow('step: the model tells examples apart, it writes no text; use eval');
  expect(model.examples?.labels).toEqual({ kind: 'classes', names: Float64Array.of(-1, 2, 7) });
});

describe('a run that starts from a model', () => {
  const start = (initFrom: string, given: TrainOptions): Promise<unknown> =>
    run({ ...options, ...given, initFrom, out: folder() });

  test('of the same features and labels goes on from its weights', async () => {
    const before = modelDigest(join(path, '..'));
    const { outcome } = await run({ ...options, optimizer: 'sgd', lr: 1e-30, steps: 1, initFrom: run1, out: folder() });
    expect(modelDigest(outcome.path)).toBe(before);
  });

  test('of other features, though as many: an error that names one', async () => {
    const other = file(lines.map((line) => line.replace(' 4:', ' 5:')));
    await expect(start(run1, { svmlight: other })).rejects.toThrow(
      /^--init-from: .*: the model's features are not those of the examples \(15 different ones against 15; index 4 is in one alone\)/,
    );
  });

  test('of fewer features: an error that names one', async () => {
    await expect(start(run1, { svmlight: file([...lines, '2 3000:1']) })).rejects.toThrow(
      /\(15 different ones against 16; index 3000 is in one alone\); both must be the same$/,
    );
    const fewer = file(lines.map((line) => line.replace(/ 43:\S+/, '')));
    await expect(start(run1, { svmlight: fewer })).rejects.toThrow(
      /\(15 different ones against 14; index 43 is in one alone\)/,
    );
  });

  test('of other labels, though as many: an error that lists them', async () => {
    const other = file(lines.map((line) => line.replace(/^7 /, '8 ')));
    await expect(start(run1, { svmlight: other })).rejects.toThrow(
      /the model's labels are not those of the examples \(classes -1, 2, 7, against classes -1, 2, 8\)/,
    );
    await expect(start(run1, { labels: 'multilabel' })).rejects.toThrow(
      /\(classes -1, 2, 7, against multilabel -1, 2, 7\)/,
    );
    await expect(start(run1, { labels: 'numbers' })).rejects.toThrow(/against numbers, 1 a line\)/);
  });

  test('of another kind of data: an error, both ways', async () => {
    await expect(start(ofText, {})).rejects.toThrow(/the model reads a text, and the run learns --svmlight/);
    await expect(run({ ...text, initFrom: run1, out: folder() })).rejects.toThrow(
      /the model reads sparse examples, and the run learns a text/,
    );
  });
});

test('a run whose file has changed is not resumed', async () => {
  const [out, changing] = [folder(), file(lines)];
  const { outcome } = await run({ ...options, svmlight: changing, out });
  const before = digests(outcome.path);
  writeFileSync(changing, `${lines.join('\n')}\n2 4:1\n`);
  await expect(run({ resume: out, steps: 20 })).rejects.toThrow(
    /^--resume: .* learned 54 examples, the file has \d+ now|^--resume: .* learned another file: 54 examples as well/,
  );
  expect(digests(outcome.path)).toEqual(before);
  writeFileSync(changing, `${lines.join('\n')}\n`);
  const { outcome: longer } = await run({ resume: out, steps: 20 });
  expect(longer.step).toBe(20);
});

type Header = Record<string, { data_offsets: [number, number]; dtype: string; shape: number[] }> & {
  __metadata__: Record<string, string>;
};

/** A copy of the model whose header, metadata or data are changed. */
function damaged(change: (header: Header, data: Buffer) => void): string {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Header;
  const data = Buffer.from(bytes.subarray(start));
  change(header, data);
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc(-json.length & 7, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const copy = `${folder()}.safetensors`;
  writeFileSync(copy, Buffer.concat([length, padded, data]));
  return copy;
}

/** Metadata in JSON, with some fields changed. */
const changed = (name: string, fields: Record<string, unknown>) => (header: Header) => {
  const { __metadata__: metadata } = header;
  metadata[name] = JSON.stringify({ ...JSON.parse(metadata[name]), ...fields });
};

function renamed(header: Header): void {
  header['features.number'] = header['features.index'];
  delete header['features.index'];
}

const LABELS = /its labels are not those of its architecture/;
const FEATURES = /tensor "features\.index" does not hold its features/;
const DAMAGE: readonly (readonly [string, (header: Header, data: Buffer) => void, RegExp])[] = [
  ['no labels', ({ __metadata__ }) => delete __metadata__.labels, LABELS],
  ['labels that are no JSON', ({ __metadata__ }) => Object.assign(__metadata__, { labels: '{' }), /labels is not JSON/],
  ['labels that are no object', ({ __metadata__ }) => Object.assign(__metadata__, { labels: '7' }), LABELS],
  ['labels of another kind', changed('labels', { kind: 'multilabel' }), LABELS],
  ['labels of no kind', changed('labels', { kind: 'colours' }), LABELS],
  ['too few labels', changed('labels', { names: [-1, 2] }), LABELS],
  ['labels out of order', changed('labels', { names: [2, -1, 7] }), LABELS],
  ['a label twice', changed('labels', { names: [-1, 2, 2] }), LABELS],
  ['labels that are no numbers', changed('labels', { names: ['a', 'b', 'c'] }), LABELS],
  ['labels that are no list', changed('labels', { names: 3 }), LABELS],
  [
    'an output that is none',
    changed('architecture', { output: 'guess' }),
    /output of its architecture is not possible/,
  ],
  ['another output', changed('architecture', { output: 'linear' }), LABELS],
  ['no sparse features', changed('architecture', { sparseFeatures: undefined }), /sparseFeatures of its architecture/],
  ['half a feature', changed('architecture', { sparseFeatures: 14.5 }), /sparseFeatures of its architecture/],
  ['one feature less', changed('architecture', { sparseFeatures: 14 }), FEATURES],
  ['an embedding', changed('architecture', { embedding: 4 }), /embedding of its architecture/],
  [
    'no layers of a cell that has some',
    changed('architecture', { cell: 'gru', layers: 0 }),
    /layers of its architecture/,
  ],
  ['another vocabulary', changed('vocabulary', { size: 4 }), /4 symbols in its vocabulary, 3 in its architecture/],
  ['an index of another name', renamed, /features\.index/],
  ['an index of real numbers', (header) => Object.assign(header['features.index'], { dtype: 'F32' }), /I32 is needed/],
  [
    'an index that does not grow',
    (header, data) => data.writeInt32LE(1, header['features.index'].data_offsets[0] + 4),
    FEATURES,
  ],
  ['an index below 0', (header, data) => data.writeInt32LE(-1, header['features.index'].data_offsets[0]), FEATURES],
];

describe('a damaged model file is an error', () => {
  test.each(DAMAGE)('%s', async (_, change, message) => {
    const copy = damaged(change);
    await expect(loadModel(copy)).rejects.toThrow(message);
    await expect(loadModel(copy)).rejects.toThrow(copy);
    await expect(loadModel(copy)).rejects.toMatchObject({ name: 'UserError' });
  });

  test('and one that only was written again is none', async () => {
    const again = await loadModel(damaged(() => {}));
    expect(await again.eval({ svmlight })).toEqual(await model.eval({ svmlight }));
    expect(tensorsIn(path).header).toHaveProperty('features.index');
  });
});
