// Files of sparse examples that can be learned, for tests of whole runs: labels that follow from the features of their line, the
// same each time.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { TrainOptions } from '../../src/index.js';
import { createRandom } from '../kernels/bench-arena.js';

export type Labels = NonNullable<TrainOptions['labels']>;
export const LABELS: readonly Labels[] = ['classes', 'multilabel', 'numbers'];

/** A linear, a feedforward and each kind of recurrent model, each with another rule for its rows. */
export const MODELS = {
  linear: { cell: 'mlp', layers: 0, optimizer: 'sgd', lr: 0.5, l1: 1e-4, l2: 1e-3 },
  feedforward: { cell: 'mlp', activation: 'relu', hidden: 18, optimizer: 'adagrad', lr: 0.1 },
  'rnn with ReLU': { cell: 'rnn', activation: 'relu', hidden: 12, window: 5, optimizer: 'sparse-adam', lr: 0.01 },
  gru: { cell: 'gru', hidden: 12, window: 5, optimizer: 'adam', lr: 0.02 },
  lstm: { cell: 'lstm', hidden: 12, window: 7, stride: 3, optimizer: 'momentum', lr: 0.4 },
} as const satisfies Readonly<Record<string, TrainOptions>>;

const FEATURES = 15;
/** Every third index of the file, so that indices and the numbers of features differ. */
const indexOf = (feature: number): number => 3 * feature + 1;
/** Names of classes and labels that are no numbers of rows. */
const NAMES = [-1, 2, 7];

const NEWLINE = '\n';

/** Lines of examples: up to 5 features each, none in every ninth, and where `grouped` sequences of 1 to 9 lines. */
export function exampleLines(count: number, labels: Labels, { grouped = false, seed = 1 } = {}): readonly string[] {
  const random = createRandom(seed);
  const weights = Array.from({ length: FEATURES * NAMES.length }, (_, i) => Math.sin(7 * i + 1));
  let [group, left] = [0, 0];
  return Array.from({ length: count }, (_, line) => {
    const named = new Set(Array.from({ length: line % 9 === 8 ? 0 : 5 }, () => Math.floor(FEATURES * random())));
    const row = [...named].sort((a, b) => a - b).map((feature) => [feature, 2 * random() - 1] as const);
    const sums = NAMES.map((_, k) => row.reduce((sum, [i, value]) => sum + value * weights[i * NAMES.length + k], 0));
    if (left === 0) [group, left] = [group + 1, 1 + Math.floor(9 * random())];
    left--;
    const qid = grouped ? ` qid:${group}` : '';
    return `${labelOf(sums, labels)}${qid} ${row.map(([feature, value]) => `${indexOf(feature)}:${value.toFixed(4)}`).join(' ')}`;
  });
}

/** Of what the features of a line add up to. */
function labelOf(sums: readonly number[], labels: Labels): string {
  if (labels === 'classes') return `${NAMES[sums.indexOf(Math.max(...sums))]}`;
  if (labels === 'multilabel') return NAMES.filter((_, k) => sums[k] >= 0).join(',');
  return sums
    .slice(0, 2)
    .map((sum) => (3 * sum).toFixed(4))
    .join(',');
}

/** Writes files into a folder that is removed after the tests of a file. */
export function exampleFiles(): (lines: readonly string[]) => string {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-examples-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  return (lines) => {
    const path = join(folder, `${count++}.svm`);
    writeFileSync(path, lines.join(NEWLINE) + NEWLINE);
    return path;
  };
}
