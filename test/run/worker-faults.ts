// Runs whose workers are lost at instants drawn from a seed, for the short and the long test of it.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { startThreads } from '../../src/coordinator/pool.js';
import { runConfig } from '../../src/run/run-config.js';
import { runTraining } from '../../src/run/train.js';
import { freshPath, stateHash, text } from './small-runs.js';

/** One of `worker`'s, at its so manieth instant since it was started, or once so many records are completed. */
export interface Fault {
  readonly worker: number;
  readonly at?: number;
  readonly after?: number;
  readonly way: 'throw' | 'exit' | 'heap' | 'hang' | 'wasm' | 'native';
}

const COMMON = {
  ...{ workers: 2, steps: 24, evalEvery: 7, checkpointEvery: 9, hidden: 12, layers: 2, batch: 6, window: 8 },
  // Few held-out tokens: most instants shall lie in training steps.
  ...{ validation: 0.02, lr: 0.01, quiet: true, workerTimeout: 2, maxWorkerFaults: 20 },
};

/** Between them all phases, the table by rows, rows that are behind, and what is steered. */
export const KINDS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  dense: { ...COMMON, dropout: 0.2, optimizer: 'adam' },
  rows: { ...COMMON, batch: 2, window: 5, embedding: 6, optimizer: 'momentum', workers: 3 },
  adagrad: { ...COMMON, batch: 2, window: 5, optimizer: 'adagrad', l1: 1e-5 },
  steered: { ...COMMON, cell: 'rnn', activation: 'relu', densityTarget: 0.3, optimizer: 'rmsprop', workers: 3 },
};

export const faultyWorker = fileURLToPath(new URL('faulty-worker.mjs', import.meta.url));

export interface Suffered {
  readonly hash: string;
  /** Way and stage of each fault that happened. */
  readonly faults: readonly string[];
  readonly notices: readonly string[];
}

export async function trainWith(
  kind: string,
  kernels: string,
  faults: readonly Fault[],
  others: Readonly<Record<string, unknown>> = {},
): Promise<Suffered> {
  const [folder, out] = [freshPath(), freshPath()];
  mkdirSync(folder);
  process.env.UNROLL_TEST_FAULTS = JSON.stringify({ folder, faults });
  const { workers = 2, ...settings } = KINDS[kind];
  const config = runConfig({ ...settings, workers, kernels, out, text: '-', ...others });
  const notices: string[] = [];
  const outcome = await runTraining(config, {
    data: { text: text(1500) },
    threads: startThreads(Number(workers), faultyWorker),
    onNotice: (message) => notices.push(message),
  });
  return {
    hash: stateHash(outcome),
    faults: readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')),
    notices,
  };
}

/** Which way a fault goes: those that take long are rare. */
const WAYS: readonly Fault['way'][] = [
  'throw',
  'throw',
  'throw',
  'throw',
  'exit',
  'exit',
  'exit',
  'hang',
  'wasm',
  'heap',
];

/** Draws faults so close together that most happen before their worker is started anew for the last time. */
export function drawFaults(random: () => number, workers: number, count: number, instants: number): Fault[] {
  return Array.from({ length: count }, () => ({
    worker: Math.floor(random() * workers),
    at: 1 + Math.floor(random() * instants),
    way: WAYS[Math.floor(random() * WAYS.length)],
  }));
}

/** Numbers from 0 to 1 (a linear congruential generator): the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** @returns what happened, "way stage" each */
export async function expectSurvival(
  kind: string,
  kernels: string,
  seed: number,
  hash: string,
): Promise<readonly string[]> {
  const faults = drawFaults(randomOf(seed), Number(KINDS[kind].workers ?? 2), 5, 3000);
  const suffered = await trainWith(kind, kernels, faults);
  expect(suffered.hash, `seed ${seed} of ${kind}, ${kernels}: ${suffered.notices.join('\n')}`).toBe(hash);
  return suffered.faults;
}
