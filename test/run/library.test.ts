// The library as a program uses it: train and loadModel.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { nativeProblem } from '../../src/kernels/native.js';
import { loadModel } from '../../src/run/model.js';
import { train } from '../../src/run/train-api.js';
import { freshPath, run, SETTINGS, text } from './small-runs.js';

const kernels = nativeProblem() ? 'wasm' : 'native';
const settings = { ...SETTINGS, kernels } as const;

test('a run is awaited, iterated over, and stopped by a signal', async () => {
  const controller = new AbortController();
  const training = train({
    ...settings,
    steps: 5000,
    out: freshPath(),
    data: { text: text(3000) },
    signal: controller.signal,
  });
  const seen: string[] = [];
  for await (const event of training) {
    seen.push(event.event);
    if (event.event === 'step' && event.step === 3) controller.abort();
  }
  expect(seen[0]).toBe('plan');
  expect(seen.slice(-2)).toEqual(['checkpoint', 'done']);
  expect((await training).reason).toBe('stopped');
});

test('whoever iterates gets all events; one who leaves, or comes when all is over, waits for nothing', async () => {
  const training = train({ ...settings, steps: 20, out: freshPath(), data: { text: text(3000) } });
  const all = async (): Promise<string[]> => {
    const seen: string[] = [];
    for await (const event of training) seen.push(event.event);
    return seen;
  };
  const leaves = async (): Promise<void> => {
    for await (const event of training) if (event.event === 'step') return;
  };
  const [one, two] = await Promise.all([all(), all(), leaves()]);
  expect(one.filter((event) => event === 'step')).toHaveLength(20);
  expect(two).toEqual(one);
  expect(await all()).toEqual([]);
});

const SEQUENCES = Array.from({ length: 40 }, (_, i) => Array.from({ length: 5 + (i % 9) }, (_, t) => (i + 2 * t) % 6));

test.each([
  ['an array', { sequences: SEQUENCES }],
  ['typed arrays', { sequences: SEQUENCES.map((sequence) => Uint8Array.from(sequence)) }],
  ['a function for each epoch', { sequences: () => SEQUENCES.values(), vocabularySize: 6 }],
  [
    'an async iterable',
    {
      sequences: async function* () {
        for (const sequence of SEQUENCES) yield sequence;
      },
      vocabularySize: 6,
      validationSequences: SEQUENCES.slice(0, 5),
    },
  ],
  ['bytes', { text: new TextEncoder().encode(text(2000)) }],
] as const)('learns from %s', async (_, data) => {
  const { path, events } = await run({ ...settings, data, epochs: 2, steps: undefined, lr: 0.03 });
  const steps = events.flatMap((event) => (event.event === 'step' ? [event] : []));
  expect(steps.at(-1)?.loss).toBeLessThan(steps[0].loss ?? 0);
  const model = await loadModel(path, { kernels });
  if ('sequences' in data) {
    const { loss, tokens } = await model.eval({ sequences: SEQUENCES });
    expect(tokens).toBe(SEQUENCES.reduce((sum, { length }) => sum + length - 1, 0));
    expect(loss).toBeLessThan(Math.log(6));
  }
});

test('what cannot be trained on is refused', async () => {
  await expect(train({ ...settings, data: { text: 'aaaa' }, out: freshPath() })).rejects.toThrow(UserError);
  await expect(train({ ...settings, data: { sequences: [[0, -1]] }, out: freshPath() })).rejects.toThrow(/\[0\]\[1\]/);
  const both = { text: text(3000), sequences: [[0, 1, 2]] };
  await expect(train({ ...settings, data: both, out: freshPath() })).rejects.toThrow(/^text: sequences are given as/);
  await expect(train({ hiden: 3 } as object)).rejects.toThrow(/did you mean hidden/);
});

test.each([['lstm'], ['gru'], ['rnn']] as const)(
  '%s: evaluation, steps and samples of the loaded model agree',
  async (cell) => {
    const { path, events } = await run({ ...settings, cell, layers: 2, embedding: 6, steps: 60, validation: 0.3 });
    const evaluated = events.flatMap((event) => (event.event === 'eval' ? [event] : [])).at(-1);
    const model = await loadModel(path, { kernels });
    const whole = text(3000);
    // The held-out part with the 256 tokens before it: the first segment is warmed up on them in training as well.
    const heldOut = await model.eval({ text: whole.slice(2100 - 256) });
    expect(Math.abs(heldOut.loss - (evaluated?.loss ?? 0))).toBeLessThan(0.05);

    // One step after another is what an evaluation does.
    const short = whole.slice(0, 200);
    const tokens = model.vocabulary.encode(short).tokens;
    let loss = 0;
    for (let i = 0; i + 1 < tokens.length; i++) loss -= Math.log(model.step(tokens[i])[tokens[i + 1]]);
    const { loss: all } = await model.eval({ text: short });
    expect(loss / (tokens.length - 1)).toBeCloseTo(all, 5);

    for (const bad of [
      { length: 0 },
      { length: 2.5 },
      { temperature: Number.NaN },
      { topP: 2 },
      { topK: -1 },
      { seed: -1 },
    ])
      expect(() => model.sample(bad), JSON.stringify(bad)).toThrow(UserError);
    expect(() => model.sample({ temperature: -1 })).toThrow(
      'temperature: -1 is not allowed; it is how freely it chooses, 0 for the most likely token every time, a number, 0 to 100',
    );
    const cautious = model.sample({ prompt: 'the ', temperature: 0, length: 30 });
    expect(model.sample({ prompt: 'the ', topK: 1, length: 30, seed: 5 })).toBe(cautious);
    expect(model.sample({ prompt: 'the ', length: 30, seed: 5 })).toBe(
      model.sample({ prompt: 'the ', length: 30, seed: 5 }),
    );
    expect(model.sample({ prompt: 'the ', length: 30, seed: 5 })).not.toBe(
      model.sample({ prompt: 'the ', length: 30, seed: 6 }),
    );
    model.reset();
    let next: Float64Array | undefined;
    for (const symbol of 'the ') next = model.step(symbol);
    const likeliest = next?.indexOf(Math.max(...next)) ?? -1;
    expect(model.vocabulary.decode([likeliest])).toBe(cautious[0]);
    expect(() => model.step('ab')).toThrow(UserError);
  },
);

test('the example program runs', async () => {
  const program = fileURLToPath(new URL('../../examples/library.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, freshPath()]);
  expect(stdout).toMatch(/step \d+: \d\.\d+ bits per character/);
  expect(stdout).toMatch(/^the .{40}/m);
});

test.each([
  [undefined, /^train: it takes an object of settings/],
  [{ ...settings, data: { txt: 'abc' } }, /^data\.txt: there is no such option; did you mean text\?$/],
  [{ ...settings, data: { text: text(300) }, signal: 5 }, /^signal: it is no AbortSignal/],
  [{ ...settings, data: { text: text(300) }, onEvent: 'print' }, /^onEvent: it is no function$/],
  [{ ...settings, data: { text: text(300) }, dryRun: true }, /^dryRun: it is for the command line/],
])('train(%o) is refused before it begins', async (options, message) => {
  const outcome = train(options as never);
  await expect(outcome).rejects.toThrow(UserError);
  await expect(outcome).rejects.toThrow(message);
});

test('options that a model does not have are refused, and symbols that are none', async () => {
  const model = await loadModel((await run({ ...settings, steps: 1 })).path);
  expect(() => model.sample({ temprature: 0.5 } as never)).toThrow(
    /^sample\.temprature: .* did you mean temperature\?$/,
  );
  await expect(model.eval({ path: 'x' } as never)).rejects.toThrow(/^eval\.path: there is no such option/);
  for (const path of [undefined, null, 7])
    await expect(loadModel(path as never)).rejects.toThrow(`loadModel: ${path} is not allowed; it is a path`);
  for (const text of [5, {}, null])
    await expect(model.eval({ text } as never)).rejects.toThrow(/^text: it must be a string or a Uint8Array; found/);
  for (const symbol of [undefined, null, {}, 'ab', -1]) expect(() => model.step(symbol as never)).toThrow(UserError);
});

test('a run in which no update could be made fails, and says why', async () => {
  const [file, out] = [`${freshPath()}.svm`, freshPath()];
  // Weights times such values are beyond float32.
  writeFileSync(file, '1 1:3e38 2:3e38\n0 1:3e38 2:-3e38\n'.repeat(8));
  const options = { svmlight: file, cell: 'mlp', layers: 0, batch: 4, steps: 3, validation: 0, out, kernels } as const;
  await expect(train(options)).rejects.toThrow(
    /^loss or gradient was not finite in 3 of 3 steps, as very large inputs/,
  );
});
