// The linear model beside scikit-learn's SGDClassifier and liblinear, on the same examples and with the same penalties, in turn.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SparseExamples } from '../src/data/sparse-examples.js';
import type { KernelName } from '../src/kernels/choose.js';
import { linearModel, randomExamples, sourceOf } from './linear.js';
import type { Missing } from './peer-kinds.js';
import { PeerProcess } from './peer-process.js';
import { ratios, type Spread, spread, takeTurns } from './rounds.js';
import { TrainingBench } from './training-bench.js';

export interface LinearPeersOptions {
  /** One that has scikit-learn. */
  readonly python: string;
  readonly kernels: KernelName;
  readonly workers: readonly number[];
  readonly features: number;
  readonly entries: number;
  readonly batch: number;
  /** Batches in all examples. */
  readonly batches: number;
  readonly rounds: number;
  readonly seconds: number;
}

export interface LinearPeerRow {
  readonly table: 'peer';
  readonly peer: string;
  readonly penalty: string;
  readonly batch: number;
  /** Examples a second; of liblinear, examples times iterations. */
  readonly peerPerSecond: Spread;
  readonly ours: readonly {
    readonly workers: number;
    readonly examplesPerSecond: Spread;
    /** Of each core over the peer's one. */
    readonly ratio: Spread;
  }[];
}

const [L1, L2, RATE] = [1e-6, 1e-5, 0.1];
/** By the names that scikit-learn has for both. */
const PEERS = [
  { solver: 'sgd', penalty: 'elasticnet', l1: L1, l2: L2 },
  { solver: 'sgd', penalty: 'l2', l1: 0, l2: L2 },
  { solver: 'liblinear', penalty: 'l1', l1: L1, l2: 0 },
  { solver: 'liblinear', penalty: 'l2', l1: 0, l2: L2 },
] as const;
type LinearPeer = (typeof PEERS)[number];

/** Reading and a first epoch, of liblinear ten iterations. */
const READY_MS = 120_000;

/** @returns the command that installs it where it is not there */
export async function findScikit(python: string): Promise<Missing | undefined> {
  try {
    await promisify(execFile)(python, ['-c', 'import sklearn, scipy']);
    return undefined;
  } catch {
    return { name: `scikit-learn (${python})`, install: `${python} -m pip install scikit-learn` };
  }
}

/** @throws RunError when a peer dies or answers rubbish */
export async function* benchLinearPeers(options: LinearPeersOptions): AsyncGenerator<LinearPeerRow> {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-linear-'));
  try {
    const examples = randomExamples(options.batch * options.batches, options.features, options.entries);
    writeExamples(folder, examples);
    for (const peer of PEERS) yield await benchPeer(options, peer, examples, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeExamples(folder: string, { starts, features, values, labels }: SparseExamples): void {
  if (labels.kind !== 'classes') throw new Error('the examples have no classes');
  const files = { 'starts.i32': starts, 'features.i32': features, 'values.f32': values, 'classes.i32': labels.classes };
  for (const [name, numbers] of Object.entries(files)) writeFileSync(join(folder, name), numbers);
}

async function benchPeer(
  options: LinearPeersOptions,
  peer: LinearPeer,
  examples: SparseExamples,
  folder: string,
): Promise<LinearPeerRow> {
  const { kernels, features, batch, seconds, rounds } = options;
  const { solver, penalty, l1, l2 } = peer;
  const name = solver === 'sgd' ? 'SGDClassifier' : 'liblinear';
  const script = createRequire(import.meta.url).resolve('#peers/linear_peer.py');
  const task = JSON.stringify({ folder, features, ...peer, rate: RATE });
  const process = new PeerProcess(`${name}, ${penalty},`, options.python, [script, task]);
  const benches: TrainingBench[] = [];
  try {
    for (const workers of options.workers)
      benches.push(
        new TrainingBench({
          ...{ model: linearModel(features), batch, window: 1, workers, kernels, rate: RATE, optimizer: 'sgd' },
          ...{ settings: { l1, l2, clipNorm: 0 }, rowRule: 'shrink', source: sourceOf(examples, batch) },
        }),
      );
    await process.ready(READY_MS);
    const peerRate = async () => (await process.tokensPerSecond(seconds, READY_MS)) ?? Number.NaN;
    const ownRates = benches.map((bench) => async () => (await bench.stepsPerSecond(seconds)) * batch);
    await takeTurns(ownRates, 1); // warms up
    const [peers, ...own] = await takeTurns([peerRate, ...ownRates], rounds);
    return {
      ...{ table: 'peer', peer: name, penalty, batch, peerPerSecond: spread(peers) },
      ours: options.workers.map((workers, i) => ({
        ...{ workers, examplesPerSecond: spread(own[i]) },
        ratio: ratios(
          own[i].map((rate) => rate / workers),
          peers,
        ),
      })),
    };
  } finally {
    await process.close();
    for (const bench of benches) await bench.close();
  }
}
