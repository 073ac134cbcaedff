// Whole runs on files of sparse examples: every kind of model learns every kind of label, with the same bits on any number of workers
// and after a stop; and its file measures what the run has measured.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadModel, type TrainEvent, type TrainOptions } from '../../src/index.js';
import { exampleFiles, exampleLines, LABELS, MODELS } from './example-files.js';
import { digests, evaluationsOf, kernelNames, newFolders, run, stepsOf, timeless } from './runs.js';

const folder = newFolders();
const file = exampleFiles();
const COUNT = 240;
/** The part of the file that is learned; with qids, only that it is not all of it. */
const LEARNED = 192;
const settings = { batch: 8, validation: 0.2, epochs: 12, workers: 2 } as const;

const stopAt = (step: number) => (event: TrainEvent, stop: () => void) => {
  if (event.event === 'step' && event.step === step) stop();
};
const mean = (losses: readonly (number | null)[]): number =>
  losses.reduce<number>((sum, loss) => sum + (loss as number), 0) / losses.length;

describe.each(Object.entries(MODELS))('%s', (_, model) => {
  describe.each(LABELS)('%s', (labels) => {
    const lines = exampleLines(COUNT, labels);
    const svmlight = file(lines);
    const options: TrainOptions = { ...settings, ...model, labels, svmlight };

    test('learns, and its file says of the lines that were held out what the run has said', async () => {
      const { events, outcome } = await run({ ...options, out: folder() });
      const losses = stepsOf(events).map(({ loss }) => loss);
      expect(mean(losses.slice(-10))).toBeLessThan(0.6 * mean(losses.slice(0, 3)));
      const reported = evaluationsOf(events).at(-1);
      const heldOut = file(lines.slice(LEARNED));
      const measured = await (await loadModel(outcome.path)).eval({ svmlight: heldOut });
      expect(measured.loss).toBeCloseTo(reported?.loss as number, 6);
      expect(measured).toMatchObject({ accuracy: reported?.accuracy, tokens: COUNT - LEARNED, skipped: 0 });
      expect(measured.bitsPerCharacter).toBeNull();
      expect(measured.accuracy === null).toBe(labels === 'numbers');
    });

    test('has the same bits on 1 to 3 workers, and after a stop', async () => {
      const given = { ...options, epochs: undefined, steps: 40, evalEvery: 9 };
      const whole = await run({ ...given, workers: 1, out: folder() });
      for (const workers of [2, 3]) {
        const other = await run({ ...given, workers, out: folder() });
        expect(digests(other.outcome.path)).toEqual(digests(whole.outcome.path));
        expect(timeless(other.events)).toEqual(timeless(whole.events));
      }
      const out = folder();
      await run({ ...given, out }, stopAt(13));
      const resumed = await run({ resume: out, workers: 1 });
      expect(digests(resumed.outcome.path)).toEqual(digests(whole.outcome.path));
    });
  });
});

describe('lines with qids', () => {
  test.each(['rnn with ReLU', 'gru', 'lstm'] as const)(
    '%s: sequences are shuffled alike on any number of workers and after a stop, and measured from their file',
    async (name) => {
      const lines = exampleLines(COUNT, 'classes', { grouped: true });
      const options = { ...settings, ...MODELS[name], svmlight: file(lines), epochs: 3 };
      const whole = await run({ ...options, workers: 1, out: folder() });
      const three = await run({ ...options, workers: 3, out: folder() });
      expect(digests(three.outcome.path)).toEqual(digests(whole.outcome.path));
      const out = folder();
      await run({ ...options, out }, stopAt(Math.floor(stepsOf(whole.events).length / 2)));
      const resumed = await run({ resume: out });
      expect(digests(resumed.outcome.path)).toEqual(digests(whole.outcome.path));
      const plan = whole.events.find((event) => event.event === 'plan');
      const heldOut = lines.slice(-(plan?.validationTokens as number));
      expect(heldOut.length).toBeLessThan(lines.length);
      const measured = await (await loadModel(whole.outcome.path)).eval({ svmlight: file(heldOut) });
      expect(measured.loss).toBeCloseTo(evaluationsOf(whole.events).at(-1)?.loss as number, 6);
    },
  );

  test('feedforward models take each line by itself: qids change nothing', async () => {
    const plain = exampleLines(COUNT, 'classes');
    const grouped = exampleLines(COUNT, 'classes').map((line, i) => line.replace(' ', ` qid:${i} `));
    const runs = [plain, grouped].map((lines) =>
      run({ ...settings, ...MODELS.feedforward, svmlight: file(lines), epochs: 1, out: folder() }),
    );
    const [a, b] = await Promise.all(runs);
    expect(digests(b.outcome.path).model).toBe(digests(a.outcome.path).model);
  });
});

test('indices that begin with 0 are those that begin with 1, one less', async () => {
  const lines = exampleLines(COUNT, 'classes');
  const lower = lines.map((line) => line.replaceAll(/(\d+):/g, (_, index) => `${index - 1}:`));
  const options = { ...settings, ...MODELS.linear, epochs: 2 };
  const [one, zero] = await Promise.all([
    run({ ...options, svmlight: file(lines), out: folder() }),
    run({ ...options, svmlight: file(lower), zeroBased: true, out: folder() }),
  ]);
  expect(timeless(zero.events)).toEqual(timeless(one.events));
  const model = await loadModel(zero.outcome.path);
  expect(model.examples?.indices[0]).toBe(0);
  const measured = await model.eval({ svmlight: file(lower) }, { zeroBased: true });
  expect(measured.loss).toBe((await (await loadModel(one.outcome.path)).eval({ svmlight: file(lines) })).loss);
});

test('examples of any sizes have the same bits on 1 and 3 workers', async () => {
  const shape = fc.record({
    seed: fc.integer({ min: 1, max: 1e6 }),
    count: fc.integer({ min: 12, max: 60 }),
    batch: fc.integer({ min: 1, max: 5 }),
    hidden: fc.integer({ min: 1, max: 40 }),
    name: fc.constantFrom(...(Object.keys(MODELS) as (keyof typeof MODELS)[])),
    labels: fc.constantFrom(...LABELS),
    grouped: fc.boolean(),
    kernels: fc.constantFrom(...kernelNames),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ seed, count, batch, hidden, name, labels, grouped, kernels }) => {
      const svmlight = file(exampleLines(count, labels, { seed, grouped }));
      const model = { ...MODELS[name], hidden, ...('window' in MODELS[name] ? { window: 2, stride: 1 } : {}) };
      const options: TrainOptions = { ...model, svmlight, labels, batch, kernels, steps: 8, validation: 0.2 };
      const [one, three] = [
        await run({ ...options, workers: 1, out: folder() }),
        await run({ ...options, workers: 3, out: folder() }),
      ];
      expect(stepsOf(one.events).every(({ loss }) => loss !== null)).toBe(true);
      expect(digests(three.outcome.path)).toEqual(digests(one.outcome.path));
    }),
    { numRuns: 12 },
  );
});
