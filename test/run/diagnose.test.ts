// diagnose() on models that real runs wrote, and what its verdict says of norms.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeModel } from '../../src/checkpoint/model-file.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { UserError } from '../../src/errors.js';
import { nativeProblem } from '../../src/kernels/native.js';
import type { Architecture } from '../../src/model/architecture.js';
import { elementsOf, fromTorch, type Parameter, parametersOf } from '../../src/model/parameters.js';
import { diagnose } from '../../src/run/diagnose.js';
import { adviceFor, reachOf, verdictOf } from '../../src/run/reach.js';
import { train } from '../../src/run/train-api.js';
import { freshPath, run, SETTINGS, text } from './small-runs.js';

const kernels = nativeProblem() ? 'wasm' : 'native';
const settings = { ...SETTINGS, kernels, steps: 3 } as const;
/** Norms that are multiplied by `ratio` at every step. */
const geometric = (ratio: number, steps: number): number[] => Array.from({ length: steps }, (_, back) => ratio ** back);

describe('the verdict', () => {
  test('has the ratio of a step and the first step below 1%', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 1.5, noNaN: true }), fc.integer({ min: 2, max: 100 }), (ratio, steps) => {
        const { norms, ratio: found, fadesAt } = reachOf(geometric(ratio, steps));
        expect(found).toBeCloseTo(ratio, 9);
        if (fadesAt === null) expect(norms[steps - 1]).toBeGreaterThanOrEqual(0.01);
        else expect([norms[fadesAt - 1] >= 0.01, norms[fadesAt] < 0.01]).toEqual([true, true]);
      }),
    );
  });

  test('is vanishes, explodes or healthy, and one layer that reaches far is enough', () => {
    const layers = [0.5, 0.97, 1.2].map((ratio) => reachOf(geometric(ratio, 64)));
    expect(layers.map((layer) => verdictOf([layer]))).toEqual(['vanishes', 'healthy', 'explodes']);
    expect(verdictOf([layers[0], layers[0]])).toBe('vanishes');
    expect(verdictOf([layers[0], layers[1]])).toBe('healthy');
    expect(verdictOf([layers[0], layers[2]])).toBe('explodes');
  });

  test('is healthy where a small part of the gradient stays, or where it fades only late', () => {
    const stays = (share: number): number[] => [1, ...new Array<number>(63).fill(share)];
    expect([0.009, 0.0002, 0.00009].map((share) => verdictOf([reachOf(stays(share))]))).toEqual([
      ...['healthy', 'healthy', 'vanishes'],
    ]);
    const lasts = (steps: number): number[] => [
      ...new Array<number>(steps).fill(1),
      ...new Array<number>(64 - steps).fill(0),
    ];
    expect([31, 32].map((steps) => verdictOf([reachOf(lasts(steps))]))).toEqual(['vanishes', 'healthy']);
  });

  test('knows gradients that die, and those that are not finite', () => {
    const dead = reachOf([1, 0.5, ...new Array<number>(30).fill(0)]);
    expect([dead.ratio, dead.fadesAt, verdictOf([dead])]).toEqual([null, 2, 'vanishes']);
    const lost = reachOf([1, 10, Number.POSITIVE_INFINITY, Number.NaN]);
    expect([lost.ratio, lost.fadesAt, verdictOf([lost])]).toEqual([null, null, 'explodes']);
  });

  test('comes with flags to try, unless the gradient is healthy', () => {
    const model = (cell: Architecture['cell'], activation: Architecture['activation']): Architecture => ({
      ...{ cell, activation, hidden: 4, layers: 1, embedding: 0, vocabulary: 3 },
    });
    expect(adviceFor('healthy', model('rnn', 'tanh'))).toBeUndefined();
    expect(adviceFor('explodes', model('rnn', 'relu'))).toMatch(/--clip-norm 1.*--init orthogonal.*--lr/);
    expect(adviceFor('vanishes', model('rnn', 'tanh'))).toMatch(/--cell lstm or --cell gru/);
    expect(adviceFor('vanishes', model('rnn', 'relu'))).toMatch(/^--init identity or orthogonal/);
    expect(adviceFor('vanishes', model('lstm', 'tanh'))).toMatch(/^--forget-bias 1/);
    expect(adviceFor('vanishes', model('gru', 'tanh'))).toMatch(/--forget-bias 1/);
  });
});

/** The file of a ReLU net whose recurrent weights are a multiple of the identity, and whose units are all active. */
function scaledNet(scale: number): string {
  const model: Architecture = { cell: 'rnn', activation: 'relu', hidden: 8, layers: 1, embedding: 0, vocabulary: 4 };
  const file = `${freshPath()}.safetensors`;
  const values = (name: string, length: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => {
      if (name.startsWith('rnn.weight_hh')) return i % (model.hidden + 1) === 0 ? scale : 0;
      return name.includes('bias') ? 0 : 0.01 * (1 + (i % 3));
    });
  const symbols = [...'abcd'].map((symbol) => symbol.codePointAt(0) ?? 0);
  const stored = (p: Parameter): Float32Array => {
    const floats = new Float32Array(p.length);
    fromTorch(p, values(p.name, elementsOf(p)), floats);
    return floats;
  };
  const parameters = parametersOf(model).map((p) => ({ ...p, weights: 0 }));
  writeModel(file, parameters, stored, { architecture: model, vocabulary: Vocabulary.ofSymbols('char', symbols) });
  return file;
}

const LETTERS = 'abcdabdcbacd'.repeat(60);

test('recurrent weights of ReLU decide: a multiple of the identity multiplies the gradient at every step', async () => {
  for (const [scale, verdict] of [
    [0.5, 'vanishes'],
    [1, 'healthy'],
    [1.3, 'explodes'],
  ] as const) {
    const found = await diagnose(scaledNet(scale), { text: LETTERS, window: 40, kernels });
    expect(found.verdict).toBe(verdict);
    expect(found.layers[0].ratio).toBeCloseTo(scale, 3);
    expect(found.advice === null).toBe(verdict === 'healthy');
  }
});

test('a run is diagnosed on the text of its config, and the same at each layer on the text in memory', async () => {
  const book = `${freshPath()}.txt`;
  writeFileSync(book, text(3000));
  const out = freshPath();
  const { path } = await train({ ...settings, layers: 2, text: book, out });
  const found = await diagnose(out, { window: 16, kernels });
  expect(found).toMatchObject({ window: 16, streams: 32, architecture: { cell: 'lstm', hidden: 20 } });
  expect(found.layers).toHaveLength(2);
  for (const { norms } of found.layers) {
    expect(norms).toHaveLength(16);
    for (const norm of norms) expect(norm).toBeGreaterThan(0);
  }
  expect(await diagnose(join(path, 'model.safetensors'), { text: text(3000), window: 16, kernels })).toEqual(found);
  // No start in a text gives the loss of another text.
  expect((await diagnose(out, { text: text(3000).slice(7), window: 16, kernels })).layers).not.toEqual(found.layers);
});

test('what is not what the model learned any more is refused, and read where it is named', async () => {
  const book = `${freshPath()}.txt`;
  writeFileSync(book, text(3000));
  const out = freshPath();
  await train({ ...settings, text: book, out });
  writeFileSync(book, text(3000).slice(7));
  const message = `--text: ${book} is not what the model learned any more; name it with --text to go through it as it is`;
  await expect(diagnose(out, { window: 16, kernels })).rejects.toThrow(message);
  expect((await diagnose(out, { file: book, window: 16, kernels })).streams).toBe(32);
  writeFileSync(book, `${text(3000)}#`);
  await expect(diagnose(out, { file: book, window: 16, kernels })).rejects.toThrow(/does not occur in the text/);
  expect((await diagnose(out, { file: book, window: 16, kernels, skipUnknown: true })).streams).toBe(32);
  const table = `${freshPath()}.csv`;
  const rows = Array.from({ length: 80 }, (_, i) => `${i % 7},${i % 3}\n`);
  writeFileSync(table, `a,b\n${rows.join('')}`);
  const tagged = freshPath();
  await train({ ...settings, csv: table, task: 'tag', target: 'b', out: tagged });
  expect((await diagnose(tagged, { window: 8, kernels })).window).toBe(8);
  writeFileSync(table, `a,b\n${rows.toReversed().join('')}`);
  await expect(diagnose(tagged, { window: 8, kernels })).rejects.toThrow(
    /is not what the model learned any more; name/,
  );
  expect((await diagnose(tagged, { window: 8, kernels, table: { csv: table } })).window).toBe(8);
  await expect(diagnose(tagged, { windw: 8 } as object)).rejects.toThrow(
    'diagnose.windw: there is no such option; did',
  );
});

test('a text of one window and one token more is enough', async () => {
  const { path } = await run(settings);
  const exact = await diagnose(path, { text: text(3000).slice(0, 41), window: 40, kernels });
  expect([exact.streams, exact.layers[0].norms.length]).toEqual([1, 40]);
  const shorter = diagnose(path, { text: text(3000).slice(0, 40), window: 40, kernels });
  await expect(shorter).rejects.toThrow(/^text: it has 40 tokens; a --window of 40 needs 41 or more$/);
});

test('what cannot be diagnosed is refused', async () => {
  const { out } = await run(settings);
  await expect(diagnose(out, { kernels })).rejects.toThrow(/^--text: it is missing, and no config\.json of a run says/);
  await expect(diagnose(out, { text: text(900), window: 1 })).rejects.toThrow(
    /^window: 1 is not allowed; .*2 to 1024$/,
  );
  await expect(diagnose(out, { text: 'zebra' })).rejects.toThrow(UserError);
  const examples = `${freshPath()}.svm`;
  writeFileSync(examples, Array.from({ length: 40 }, (_, i) => `${i % 2} 1:${i} 3:1\n`).join(''));
  for (const [cell, message] of [
    ['mlp', /^MODEL: it is a feedforward net without steps in time; diagnose takes --cell rnn, lstm or gru$/],
    ['rnn', /^MODEL: it reads sparse examples; diagnose takes models that learned a text or a table$/],
  ] as const) {
    const window = cell === 'mlp' ? undefined : 2;
    const { path } = await train({ ...settings, cell, window, svmlight: examples, batch: 2, out: freshPath() });
    await expect(diagnose(path, { text: text(900), kernels })).rejects.toThrow(message);
  }
});
