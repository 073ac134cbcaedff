// compareMarkov as a program uses it, on small runs that learned texts from files.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { compareMarkov, loadModel, type MarkovComparison, train, UserError } from '../../src/index.js';
import { evaluationsOf, kernelNames, metricsOf, newFolders, someText } from './runs.js';

/** What the machine says that it has. */
const machine = vi.hoisted(() => ({ bytes: 2 ** 40 }));
vi.mock('node:os', async (original) => ({ ...(await original<object>()), totalmem: () => machine.bytes }));

const newFolder = newFolders();
const folder = newFolder('data');
const file = (name: string): string => join(folder, name);
const [kernels] = kernelNames;
const settings = { hidden: 16, batch: 4, window: 8, steps: 40, lr: 0.01, workers: 1, kernels } as const;
const LENGTH = 6000;
let run: string;
let compared: MarkovComparison;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(file('book.txt'), someText(LENGTH));
  writeFileSync(file('other.txt'), someText(900, 7));
  run = newFolder();
  await train({ ...settings, text: file('book.txt'), out: run });
  compared = await compareMarkov(run, { kernels });
});

test('the recurrent model has the figures that its run ended with', () => {
  const { loss, bitsPerCharacter, perplexity, accuracy } = compared.recurrent;
  const last = evaluationsOf(metricsOf(run)).at(-1);
  expect(last).toMatchObject({ bitsPerCharacter, perplexity, accuracy });
  expect(last?.loss).toBe(loss);
});

test('Markov models of orders 1 to 6 predict the same tokens, and what they take is told', () => {
  const characters = [...someText(LENGTH)];
  const cut = Math.floor(characters.length * 0.9);
  expect(compared).toMatchObject({ text: file('book.txt'), file: null, trainingTokens: cut, skipped: 0 });
  expect(compared.tokens).toBe(characters.length - cut);
  expect(compared.markov.map(({ order }) => order)).toEqual([1, 2, 3, 4, 5, 6]);
  for (const { ngrams, bytes, trainSeconds, evalSeconds } of compared.markov) {
    expect(bytes).toBeGreaterThan(5 * ngrams);
    expect(trainSeconds).toBeGreaterThan(0);
    expect(evalSeconds).toBeGreaterThan(0);
  }
  // Words of up to 7 letters in any order: what is seen of a word helps, more than a word does not.
  const bits = compared.markov.map(({ bitsPerCharacter }) => bitsPerCharacter as number);
  expect(bits[3]).toBeLessThan(bits[0] / 2);
  const { parameters, bytes, trainSeconds } = compared.recurrent;
  expect(bytes).toBe(4 * parameters);
  expect(trainSeconds).toBeGreaterThan(0);
});

test('of order 1 is left what the frequencies alone say', () => {
  const characters = [...someText(LENGTH)];
  const cut = Math.floor(characters.length * 0.9);
  const learned = characters.slice(0, cut);
  const share = new Map<string, number>();
  for (const character of learned) share.set(character, (share.get(character) ?? 0) + 1 / cut);
  const heldOut = characters.slice(cut);
  const bits = heldOut.reduce((sum, character) => sum - Math.log2(share.get(character) ?? 0), 0) / heldOut.length;
  expect(compared.markov[0].bitsPerCharacter).toBeCloseTo(bits, 2);
  const [[commonest]] = [...share].sort(([, a], [, b]) => b - a);
  const hits = heldOut.filter((character) => character === commonest).length;
  expect(compared.markov[0].accuracy).toBeCloseTo(hits / heldOut.length, 12);
});

test('another text is predicted as a whole, as loadModel(...).eval does it', async () => {
  const other = await compareMarkov(join(run, 'latest'), { file: file('other.txt'), orders: [3, 1, 3], kernels });
  const { tokens, skipped, unknown, ...figures } = await (await loadModel(join(run, 'latest'), { kernels })).eval({
    file: file('other.txt'),
  });
  expect(unknown).toBeUndefined(); // of words alone
  expect(other).toMatchObject({ file: file('other.txt'), tokens, skipped, recurrent: figures });
  expect(other.markov.map(({ order }) => order)).toEqual([1, 3]);
  expect(other.trainingTokens).toBe(compared.trainingTokens);
});

test('symbols that the model does not know are left out where that is asked for', async () => {
  // z and r.
  writeFileSync(file('zebra.txt'), 'the zebra of the sea');
  await expect(compareMarkov(run, { file: file('zebra.txt') })).rejects.toThrow(/zebra\.txt:1:5: .*does not occur/);
  const { tokens, skipped } = await compareMarkov(run, { file: file('zebra.txt'), skipUnknown: true, orders: [2] });
  expect([tokens + 1 + skipped, skipped]).toEqual(['the zebra of the sea'.length, 2]);
});

test('how long a run took is not known once it was resumed', async () => {
  const resumed = newFolder();
  await train({ ...settings, text: file('book.txt'), out: resumed });
  await train({ resume: resumed, steps: 45 });
  const { recurrent } = await compareMarkov(resumed, { orders: [1] });
  expect(recurrent.trainSeconds).toBeNull();
});

test('a run of bytes is compared by bytes', async () => {
  const out = newFolder();
  await train({ ...settings, text: file('book.txt'), tokens: 'byte', steps: 2, out });
  const { trainingTokens, tokens } = await compareMarkov(out, { orders: [2] });
  expect(trainingTokens + tokens).toBe(readFileSync(file('book.txt')).length);
});

describe('is refused with a reason', () => {
  const refusal = (path: string, options = {}) => expect(compareMarkov(path, options)).rejects;

  test('of orders that are none', async () => {
    await refusal(run, { orders: [2, 11] }).toThrow('orders: 11 is not allowed; it is the orders of the Markov models');
    await refusal(run, { orders: [1.5] }).toThrow(UserError);
    await refusal(run, { orders: 3 }).toThrow('orders: 3 is not allowed');
    await refusal(run, { orders: [] }).toThrow('orders: an empty list is not allowed');
  });

  test('of a model that learned sparse examples', async () => {
    const lines = Array.from({ length: 60 }, (_, i) => `${i % 2} ${1 + (i % 5)}:1\n`);
    writeFileSync(file('examples.svm'), lines.join(''));
    const out = newFolder();
    await train({
      svmlight: file('examples.svm'),
      cell: 'mlp',
      hidden: 4,
      batch: 4,
      steps: 2,
      workers: 1,
      kernels,
      out,
    });
    await refusal(out).toThrow(/^MODEL: .* learned sparse examples; Markov models predict the next token of a text$/);
  });

  test('of a model that learned what was given in memory', async () => {
    const [sequences, text] = [newFolder(), newFolder()];
    const tokens = Array.from({ length: 20 }, (_, i) => Array.from({ length: 9 }, (_, t) => (i + t) % 5));
    await train({ ...settings, steps: 2, out: sequences, data: { sequences: tokens } });
    await refusal(sequences).toThrow(/learned sequences given in memory, which are gone/);
    await train({ ...settings, steps: 2, out: text, data: { text: someText(LENGTH) } });
    await refusal(text).toThrow(/learned a text given in memory, which is gone/);
  });

  test('of a model outside its run folder', async () => {
    const path = file('alone.safetensors');
    await cp(join(run, 'latest/model.safetensors'), path);
    await refusal(path).toThrow(/^MODEL: .*alone\.safetensors is in no run folder, whose config\.json names the text/);
  });

  test('of a text that was changed since', async () => {
    const [path, out] = [file('changed.txt'), newFolder()];
    writeFileSync(path, someText(LENGTH));
    await train({ ...settings, steps: 2, text: path, out });
    writeFileSync(path, someText(LENGTH, 2));
    await refusal(out).toThrow(/^MODEL: .* learned another text than .*changed\.txt holds now/);
  });

  test('of orders that may need more memory than there is', async () => {
    const out = newFolder();
    writeFileSync(file('long.txt'), someText(40 * LENGTH));
    await train({ ...settings, steps: 2, text: file('long.txt'), out });
    // The recurrent model needs up to 5 MB, in WebAssembly.
    machine.bytes = 6_000_000;
    try {
      await refusal(out, { orders: [1, 10] }).toThrow(
        /^--orders: a Markov model of order 10 may need \d+\.\d MB and this machine has 6\.0 MB; give lower orders$/,
      );
      expect((await compareMarkov(out, { orders: [1, 2] })).markov).toHaveLength(2);
    } finally {
      machine.bytes = 2 ** 40;
    }
  });

  test('of a run that held nothing out, but for another text', async () => {
    const out = newFolder();
    await train({ ...settings, steps: 2, text: file('book.txt'), validation: 0, out });
    await refusal(out).toThrow(/^--text: it is missing; the run of .* held nothing out, so give --text FILE/);
    const { trainingTokens } = await compareMarkov(out, { file: file('other.txt'), orders: [1] });
    expect(trainingTokens).toBe([...someText(LENGTH)].length);
  });
});
