// Weights to PyTorch and back, where PyTorch is installed (UNROLL_PYTHON names the python that has it).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nativeProblem } from '../../src/kernels/native.js';
import { loadModel } from '../../src/run/model.js';
import { freshPath, run, SETTINGS } from './small-runs.js';

const PYTHON = process.env.UNROLL_PYTHON ?? 'python3';
const kernels = nativeProblem() ? 'wasm' : 'native';
const hasTorch = spawnSync(PYTHON, ['-c', 'import torch']).status === 0;
if (!hasTorch) console.warn(`PyTorch is not installed for ${PYTHON}: its tests are left out`);

const MODELS = (['rnn', 'lstm', 'gru'] as const).flatMap((cell) =>
  [1, 2].flatMap((layers) => [0, 6].map((embedding) => [cell, layers, embedding] as const)),
);
const TOKENS = [0, 3, 1, 4, 4, 2, 5, 0, 1];

/** What torch_roundtrip.py prints: logits [T][V]. */
function torchLogits(...args: readonly string[]): number[][] {
  const script = join(import.meta.dirname, '../fixtures/torch_roundtrip.py');
  const { status, stdout, stderr } = spawnSync(PYTHON, [script, ...args, JSON.stringify(TOKENS)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Probabilities [T][V] of our model. */
async function ours(path: string): Promise<number[][]> {
  const model = await loadModel(path, { kernels });
  return TOKENS.map((token) => [...model.step(token)]);
}

function softmax(logits: number[]): number[] {
  const exps = logits.map(Math.exp);
  const sum = exps.reduce((all, x) => all + x, 0);
  return exps.map((x) => x / sum);
}

function expectEqual(got: number[][], wanted: number[][]): void {
  const worst = Math.max(...wanted.flatMap((row, t) => row.map((p, v) => Math.abs(got[t][v] - p))));
  expect(worst).toBeLessThan(1e-5);
}

describe.skipIf(!hasTorch)('with PyTorch', () => {
  const sequences = Array.from({ length: 30 }, (_, i) => Array.from({ length: 12 }, (_, t) => (i * t + t) % 6));

  test.each(MODELS)(
    '%s, %i layers, embedding %i: our file gives the same probabilities there',
    async (cell, layers, embedding) => {
      const { path } = await run({ ...SETTINGS, kernels, cell, layers, embedding, data: { sequences }, steps: 20 });
      expectEqual(await ours(path), torchLogits(join(path, 'model.safetensors')).map(softmax));
    },
  );

  test('rnn with winners: our file gives the same probabilities there', async () => {
    const model = { cell: 'rnn', activation: 'relu', layers: 2, kWinners: 4 } as const;
    const { path } = await run({ ...SETTINGS, kernels, ...model, data: { sequences }, steps: 20 });
    expectEqual(await ours(path), torchLogits(join(path, 'model.safetensors')).map(softmax));
  });

  test.each(MODELS)(
    '%s, %i layers, embedding %i: a run starts from weights made there',
    async (cell, layers, embedding) => {
      const file = `${freshPath()}.safetensors`;
      const shape = { cell, layers, embedding, hidden: 9, vocabulary: 6 };
      const flags = Object.entries(shape).flatMap(([name, value]) => [`--${name}`, String(value)]);
      const wanted = torchLogits('--save', file, ...flags).map(softmax);
      const settings = { ...SETTINGS, kernels, cell, layers, embedding, hidden: 9 } as const;
      const { path } = await run({ ...settings, initFrom: file, data: { sequences }, steps: 1, lr: 1e-12 });
      expectEqual(await ours(path), wanted);
    },
  );
});
