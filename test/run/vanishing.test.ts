// What a run says at its end where it learned nothing and its gradients vanish.

import { expect, test } from 'vitest';
import type { TrainOptions } from '../../src/index.js';
import { newFolders, run } from './runs.js';
import { tableFile } from './table-files.js';

const folder = newFolders();
const file = tableFile(folder);

/** Lists of 40 numbers, of which one says the label, and none the number. */
const told = (by: number): string =>
  file(
    Array.from({ length: 120 }, (_, i) => {
      const x = Array.from({ length: 40 }, (__, t) => Math.sin(7 * i + 3 * t));
      return `${JSON.stringify({ x, label: x[by] > 0 ? 'up' : 'down', y: i % 2 })}\n`;
    }).join(''),
    'jsonl',
  );

async function noticesOf(by: number, options: TrainOptions): Promise<readonly string[]> {
  const notices: string[] = [];
  const base = { task: 'classify', target: 'label', features: 'x', hidden: 8, batch: 20, workers: 1 } as const;
  const steps = { steps: 120, evalEvery: 60 };
  const onNotice = (notice: string) => notices.push(notice);
  await run({ ...base, ...steps, jsonl: told(by), out: folder(), onNotice, ...options });
  return notices;
}

const NOTHING = /^nothing was learned, and the gradient vanishes: less than 1% of it is left \d+ steps back .*; try --/;
const still: TrainOptions = { cell: 'rnn', lr: 1e-6 };

test.each<[string, TrainOptions]>([
  ['of classes', still],
  ['of numbers', { ...still, task: 'regress', target: 'y' }],
  ['measured at its end alone', { ...still, evalEvery: 500 }],
  ['of several workers', { ...still, workers: 2, layers: 2 }],
])('a net %s that learned nothing', async (_, options) => {
  const notices = await noticesOf(0, options);
  expect(notices).toEqual([expect.stringMatching(NOTHING)]);
  expect(notices[0]).toContain('try --cell lstm or --cell gru, or --activation relu with --init');
});

test.each<[string, number, TrainOptions]>([
  ['that has learned something', 39, { cell: 'rnn', lr: 0.02 }],
  ['whose gradient reaches back', 0, { ...still, activation: 'relu', init: 'identity' }],
  ['that has hardly begun', 0, { ...still, steps: 99 }],
  ['of which nothing is held out', 0, { ...still, validation: 0, evalEvery: undefined }],
  ['of both directions', 0, { ...still, cell: 'lstm', bidirectional: true }],
])('nothing is said of a net %s', async (_, by, options) => {
  expect(await noticesOf(by, options)).toEqual([]);
});
