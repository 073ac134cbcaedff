// Runs of every task and optimizer at rates that are far too high, and what must hold of them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { RunError } from '../../src/errors.js';
import { loadModel, type TrainOptions } from '../../src/index.js';
import { exampleLines, type Labels } from './example-files.js';
import { checkpointsIn, kernelNames, run, someText, stepsOf, tensorsIn } from './runs.js';
import { houses, sentences, series, waves } from './table-files.js';

export const OPTIMIZERS = [
  'sgd',
  'momentum',
  'nesterov',
  'adagrad',
  'rmsprop',
  'adam',
  'adamw',
  'sparse-adam',
] as const;
export type Optimizer = (typeof OPTIMIZERS)[number];
/** A thousand times what is usual, and so much that numbers overflow in a step or two. */
export const RATES = [10, 3e38] as const;

/** Every task, with each kind of inputs and outputs. @param file writes a text to a new path */
export function tasks(file: (text: string, ending: string) => string): Readonly<Record<string, TrainOptions>> {
  const text = { data: { text: someText(1500) }, window: 8 } as const;
  const csv = { waves: file(waves(12), 'csv'), houses: file(houses(40), 'csv'), series: file(series(120), 'csv') };
  const rows: TrainOptions = { csv: csv.houses, features: ['rooms', 'city'], cell: 'mlp', activation: 'relu' };
  const svmlight = (labels: Labels, grouped = false) =>
    ({ svmlight: file(`${exampleLines(60, labels, { grouped }).join('\n')}\n`, 'svm'), labels }) as const;
  return {
    'lm, lstm': { ...text, cell: 'lstm' },
    'lm, rnn': { ...text, cell: 'rnn', activation: 'relu' },
    classify: {
      ...{ csv: csv.waves, task: 'classify', target: ['speed'], features: ['value', 'room'] },
      ...{ group: 'id', cell: 'gru' },
    },
    tag: {
      ...{ jsonl: file(sentences(30), 'jsonl'), task: 'tag', target: ['tags'], features: ['words'] },
      ...{ cell: 'gru', bidirectional: true },
    },
    multilabel: { ...rows, task: 'classify', labels: 'multilabel', target: ['kinds'] },
    regress: { ...rows, task: 'regress', target: ['price'] },
    forecast: { csv: csv.series, task: 'forecast', target: ['load'], time: 'date', horizon: 2, window: 8 },
    'svmlight, classes': { ...svmlight('classes', true), cell: 'rnn', activation: 'relu', window: 4 },
    'svmlight, labels': { ...svmlight('multilabel'), cell: 'mlp', layers: 0 },
    'svmlight, numbers': { ...svmlight('numbers'), cell: 'mlp', activation: 'relu' },
  };
}

/**
 * Trains at a rate that is too high, saving each step: the run ends with advice, or goes on; nothing that is saved is not finite.
 *
 * @returns whether it ended
 */
export async function expectFinite(
  task: TrainOptions,
  optimizer: Optimizer,
  lr: number,
  out: string,
): Promise<boolean> {
  const small = {
    hidden: 8,
    batch: 4,
    steps: 40,
    workers: 1,
    clipNorm: 0,
    checkpointEvery: 1,
    kernels: kernelNames[0],
  };
  const error = await run({ ...small, ...task, optimizer, lr, out }).then(
    ({ events }) => {
      expect(stepsOf(events)).toHaveLength(small.steps);
    },
    (caught: unknown) => caught,
  );
  const saved = existsSync(join(out, 'checkpoints')) ? checkpointsIn(out) : [];
  for (const step of saved) {
    for (const name of ['model', 'trainer']) {
      const { floats } = tensorsIn(join(out, 'checkpoints', step, `${name}.safetensors`));
      expect(floats.every(Number.isFinite), `${step}, ${name}`).toBe(true);
    }
  }
  if (saved.length > 0) await loadModel(out);
  if (error === undefined) return false;
  expect(error).toBeInstanceOf(RunError);
  const [how, most] =
    saved.length > 0 ? [`--init-from ${out}`, Number(saved.at(-1)?.slice(5))] : ['nothing was saved yet', 0];
  expect((error as Error).message).toMatch(/not finite.*; a lower --lr or --clip-norm may help; /);
  expect((error as Error).message).toContain(how);
  // No step of those that were left out is saved as if it were good.
  expect(most).toBeLessThan(small.steps);
  return true;
}
