// The same bits whatever the number of workers, in two runs, and for a run that was stopped, killed or moved on the way.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { nativeProblem } from '../../src/kernels/native.js';
import type { TrainOptions } from '../../src/run/train-api.js';
import { freshPath, losses, modelHash, run, SETTINGS, stateHash, text } from './runs.js';

const WORKERS = [1, 2, 3, 5, 8] as const;
const KERNELS = nativeProblem() ? (['wasm'] as const) : (['native', 'wasm'] as const);

const MODELS: readonly (readonly [string, TrainOptions])[] = [
  ['lstm, one-hot', { cell: 'lstm' }],
  ['lstm, 2 layers, dropout, embedding', { cell: 'lstm', layers: 2, dropout: 0.3, embedding: 9 }],
  ['lstm, an embedding of more tokens than rows', { cell: 'lstm', embedding: 5, batch: 2, window: 4 }],
  ['gru, k1 < k2', { cell: 'gru', window: 12, stride: 5 }],
  ['gru, 2 layers, dropout, k1 < k2', { cell: 'gru', layers: 2, dropout: 0.5, stride: 7 }],
  ['tanh, 2 layers', { cell: 'rnn', activation: 'tanh', layers: 2 }],
  ['sigmoid, embedding', { cell: 'rnn', activation: 'sigmoid', embedding: 4 }],
  [
    'relu, 2 layers, dropout, identity start',
    { cell: 'rnn', activation: 'relu', layers: 2, dropout: 0.2, init: 'identity' },
  ],
];

/** All models with the kernels that are used here, some with the others: threads meet in the same code. */
const modelsFor = (kernels: string) => (kernels === KERNELS[0] ? MODELS : MODELS.slice(1, 4));

describe.each(KERNELS)('%s kernels', (kernels) => {
  test.each(modelsFor(kernels))('%s: the same bits for any number of workers, and in two runs', async (_, model) => {
    const hashes = new Set<string>();
    for (const workers of [...WORKERS, 2]) {
      hashes.add(stateHash(await run({ ...SETTINGS, kernels, evalEvery: 4, ...model, workers })));
    }
    expect(hashes.size).toBe(1);
  });

  test.each(modelsFor(kernels))(
    '%s: the same bits when it is stopped at an odd step and gone on with',
    async (_, model) => {
      const settings = { ...SETTINGS, kernels, evalEvery: 4, checkpointEvery: 6, ...model };
      const whole = await run(settings);
      const first = await run({ ...settings, steps: 5 });
      const rest = await run({ resume: first.out, steps: settings.steps, workers: 3, out: first.out });
      expect(modelHash(rest)).toBe(modelHash(whole));
      expect(losses(rest.events)).toEqual(losses(whole.events).slice(5));
    },
  );
});

const kernels = KERNELS[0];
const OPTIMIZERS: readonly (readonly [string, TrainOptions])[] = [
  ['sgd', { optimizer: 'sgd', lr: 0.1 }],
  ['nesterov, cosine', { optimizer: 'nesterov', schedule: 'cosine', lr: 0.05, epochs: 3 }],
  ['adagrad, warm-up', { optimizer: 'adagrad', warmup: 7 }],
  ['rmsprop, milestones', { optimizer: 'rmsprop', schedule: 'step', milestones: [1, 2], epochs: 3 }],
  [
    'adamw, plateau, patience',
    { optimizer: 'adamw', schedule: 'plateau', plateauPatience: 0, evalEvery: 3, patience: 50, l2: 0.1, epochs: 3 },
  ],
];

test.each(OPTIMIZERS)('%s goes on from an epoch with the bits of a run that was never stopped', async (_, own) => {
  const settings: TrainOptions = { hidden: 12, batch: 5, window: 20, kernels, workers: 2, seed: 3, epochs: 3, ...own };
  const whole = await run(settings);
  const stopped = await stopAfter(settings, 37);
  const rest = await run({ resume: stopped });
  expect(stateHash(rest)).toBe(stateHash(whole));
});

/** A run that is stopped by its signal some steps in; returns its folder. */
async function stopAfter(settings: TrainOptions, step: number): Promise<string> {
  const { train } = await import('../../src/run/train-api.js');
  const controller = new AbortController();
  const out = freshPath();
  const outcome = await train({
    ...settings,
    out,
    data: { text: text(3000) },
    signal: controller.signal,
    onEvent: (event) => {
      if (event.event === 'step' && event.step === step) controller.abort();
    },
  });
  expect(outcome.reason).toBe('stopped');
  expect(outcome.step).toBeGreaterThanOrEqual(step);
  return out;
}

test('metrics.jsonl of a run that was gone on with reads like that of one that was never stopped', async () => {
  const settings: TrainOptions = { ...SETTINGS, kernels, steps: 40, evalEvery: 8, checkpointEvery: 10 };
  const whole = await run(settings);
  const first = await run({ ...settings, steps: 30 });
  await run({ resume: join(first.out, 'checkpoints', 'step-00000020'), steps: 40, out: first.out });
  const kept = (out: string) =>
    readFileSync(join(out, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'step' || event === 'eval')
      .map(({ event, step, loss }) => [event, step, loss]);
  expect(kept(first.out)).toEqual(kept(whole.out));
});

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

test('a run that is killed goes on to the same bits', async () => {
  const file = freshPath();
  writeFileSync(file, text(20_000));
  const flags = [
    '--hidden',
    '16',
    '--batch',
    '4',
    '--window',
    '8',
    '--checkpoint-every',
    '7',
    '--workers',
    '2',
    '--kernels',
    kernels,
  ];
  const whole = freshPath();
  execFileSync(process.execPath, [CLI, 'train', '--text', file, ...flags, '--steps', '300', '--quiet', '--out', whole]);
  const out = freshPath();
  const child = spawn(process.execPath, [
    CLI,
    'train',
    '--text',
    file,
    ...flags,
    '--steps',
    '300',
    '--json',
    '--out',
    out,
  ]);
  child.stdout.on('data', (lines: Buffer) => {
    if (/"event":"checkpoint","step":(\d{2,})/.test(lines.toString())) child.kill('SIGKILL');
  });
  await once(child, 'exit');
  await wait(20);
  expect(child.signalCode).toBe('SIGKILL');
  execFileSync(process.execPath, [CLI, 'train', '--resume', out, '--quiet']);
  const model = (run: string): string => modelHash({ reason: 'steps', step: 300, path: join(run, 'latest') });
  expect(model(out)).toBe(model(whole));
});
