// What a training minimizes besides the plain loss: classes that weigh more, targets that are smoothed. What is measured is plain.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel, type TrainOptions } from '../../src/index.js';
import { createRandom } from '../kernels/bench-arena.js';
import { exampleFiles, exampleLines } from './example-files.js';
import { digests, evaluationsOf, kernelNames, modelDigest, newFolders, run, someText, stepsOf } from './runs.js';
import { tableFile, tableRuns } from './table-files.js';

const folder = newFolders();
const file = tableFile(folder);
const runs = tableRuns(file);
const tags = { ...runs['sequences of rows, a class each row'], validation: 0.2, epochs: 3, steps: undefined };

/** Two numbers, and what they mostly are: each tenth row is rare, and looks much like the others. */
const rare = file(
  (() => {
    const random = createRandom(7);
    const lines = Array.from({ length: 600 }, (_, i) => {
      const isRare = i % 10 === 0;
      return `${(random() + (isRare ? 0.4 : 0)).toFixed(4)},${random().toFixed(4)},${isRare ? 'rare' : 'usual'}\n`;
    });
    return `x,y,kind\n${lines.join('')}`;
  })(),
  'csv',
);
const rows: TrainOptions = {
  ...{ csv: rare, task: 'classify', target: ['kind'], cell: 'mlp', activation: 'relu', hidden: 8 },
  ...{ batch: 32, epochs: 12, lr: 0.02, validation: 0.2 },
};

const cases: Readonly<Record<string, TrainOptions>> = {
  'classes of each step, weighted and smoothed': { ...tags, classWeights: ['balanced'], labelSmoothing: 0.1 },
  'a class each row, weighted by name': { ...rows, epochs: 2, classWeights: ['rare:6.5'] },
  'labels, smoothed': { ...runs['rows, labels each'], labelSmoothing: 0.2 },
  'a text, smoothed': {
    data: { text: someText(420) },
    batch: 7,
    hidden: 19,
    window: 9,
    stride: 4,
    labelSmoothing: 0.1,
  },
};

describe.each(Object.entries(cases))('%s', (_, options) => {
  test.each(kernelNames)('%s kernels: the same bits on 1 to 3 workers, and after a stop', async (kernels) => {
    const given = { ...options, kernels, epochs: undefined, steps: 12, evalEvery: 5 };
    const whole = await run({ ...given, workers: 1, out: folder() });
    expect(stepsOf(whole.events).every(({ loss }) => loss !== null)).toBe(true);
    for (const workers of [2, 3]) {
      const other = await run({ ...given, workers, out: folder() });
      expect(digests(other.outcome.path)).toEqual(digests(whole.outcome.path));
    }
    const out = folder();
    await run({ ...given, steps: 5, workers: 2, out });
    const { outcome } = await run({ data: options.data, resume: out, steps: 12, workers: 1 });
    expect(digests(outcome.path)).toEqual(digests(whole.outcome.path));
    const plain = { ...given, classWeights: undefined, labelSmoothing: 0 };
    expect(modelDigest((await run({ ...plain, out: folder() })).outcome.path)).not.toBe(modelDigest(outcome.path));
  });
});

test('balanced gives each class n / (k count), so that all weigh the same together', async () => {
  const lines = readFileSync(rare, 'utf8').trim().split('\n').slice(1);
  // Nothing is held out: what is counted is the file.
  const counts = ['rare', 'usual'].map((kind) => lines.filter((line) => line.endsWith(kind)).length);
  const named = counts.map((count, i) => `${['rare', 'usual'][i]}:${lines.length / (2 * count)}`);
  const given = { ...rows, epochs: 2, validation: 0, workers: 1 };
  const [balanced, byName] = [
    await run({ ...given, classWeights: ['balanced'], out: folder() }),
    await run({ ...given, classWeights: named, out: folder() }),
  ];
  expect(modelDigest(byName.outcome.path)).toBe(modelDigest(balanced.outcome.path));
});

test('classes that all weigh 2 are learned as if nothing was said', async () => {
  const given = { ...rows, epochs: 2, workers: 1 };
  const plain = await run({ ...given, out: folder() });
  const double = await run({ ...given, classWeights: ['rare:2', 'usual:2'], out: folder() });
  expect(modelDigest(double.outcome.path)).toBe(modelDigest(plain.outcome.path));
  expect(stepsOf(double.events).map(({ loss }) => loss)).toEqual(stepsOf(plain.events).map(({ loss }) => loss));
});

test('a rare class is found more often where it weighs more, and the loss of an evaluation is that of the plain model', async () => {
  const recallOf = async (more: TrainOptions) => {
    const { outcome, events } = await run({ ...rows, ...more, out: folder(), workers: 2 });
    const model = await loadModel(outcome.path);
    const predictions = await model.predict({ csv: rare });
    const found = predictions.filter(
      ({ prediction }, i) => i % 10 === 0 && prediction.kind === 'class' && prediction.label === 'rare',
    );
    return { recall: found.length / 60, events, model };
  };
  const plain = await recallOf({});
  const weighted = await recallOf({ classWeights: ['balanced'] });
  expect(weighted.recall).toBeGreaterThan(plain.recall + 0.2);
  // The same held-out rows: a weighted mean would be far from what plain cross-entropy says.
  const said = evaluationsOf(weighted.events).at(-1)?.loss as number;
  const { loss } = await weighted.model.eval({ csv: rare });
  expect(Math.abs(loss - said)).toBeLessThan(0.15);
  expect(said).toBeGreaterThan(evaluationsOf(plain.events).at(-1)?.loss as number);
});

test('smoothing keeps a model from being sure, and an evaluation measures targets as they are', async () => {
  const text = 'ab'.repeat(600);
  const given: TrainOptions = { data: { text }, hidden: 8, batch: 4, window: 16, lr: 0.05, epochs: 8, workers: 1 };
  const { outcome, events } = await run({ ...given, labelSmoothing: 0.2, out: folder() });
  // The next symbol is certain: 1 - s + s / 2 of the probability is what a smoothed target asks for.
  expect(evaluationsOf(events).at(-1)?.loss).toBeCloseTo(-Math.log(0.9), 2);
  const entropy = -0.9 * Math.log(0.9) - 0.1 * Math.log(0.1);
  expect(stepsOf(events).at(-1)?.loss).toBeCloseTo(entropy, 2);
  const { loss } = await (await loadModel(outcome.path)).eval({ text });
  expect(loss).toBeCloseTo(-Math.log(0.9), 2);
});

test('classes of sparse examples are named by their numbers', async () => {
  const svmlight = exampleFiles()(exampleLines(120, 'classes'));
  const given: TrainOptions = { svmlight, cell: 'mlp', layers: 0, batch: 8, steps: 10, workers: 1 };
  const { outcome } = await run({ ...given, classWeights: ['-1:3'], out: folder() });
  const plain = await run({ ...given, out: folder() });
  expect(modelDigest(outcome.path)).not.toBe(modelDigest(plain.outcome.path));
  const wrong = run({ ...given, classWeights: ['3:3'], out: folder() });
  await expect(wrong).rejects.toThrow(/^--class-weights: "3" is no class of what is learned, which has -1, 2, 7/);
});

test('a class that there is not is refused with those that there are, and a resumed run keeps its weights', async () => {
  const given = { ...rows, steps: 3, epochs: undefined, workers: 1 };
  await expect(run({ ...given, classWeights: ['raer:3'], out: folder() })).rejects.toThrow(
    '--class-weights: "raer" is no class of what is learned, which has rare, usual; did you mean rare?',
  );
  const out = folder();
  await run({ ...given, classWeights: ['rare:3'], labelSmoothing: 0.1, out });
  const saved = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(saved).toMatchObject({ classWeights: ['rare:3'], labelSmoothing: 0.1 });
  await expect(run({ resume: out, classWeights: ['rare:4'], steps: 5 })).rejects.toThrow(
    /^classWeights: \["rare:4"\] is not allowed with --resume; in the run it is \["rare:3"\]/,
  );
});
