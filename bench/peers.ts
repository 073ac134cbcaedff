// unroll bench peers: a full training step of unroll and of other engines, in turn. Of each engine every arrangement is timed, and
// it is told how many times as fast unroll is as its best one process, and as its best arrangement of all.
import { checkLimits, type KernelName } from '../src/kernels/choose.js';
import { Peaks } from './peaks.js';
import type { Arrangement, Peer } from './peer-kinds.js';
import type { PeerProcess } from './peer-process.js';
import type { PeerRow } from './peer-rows.js';
import { ratios, type Spread, spread } from './rounds.js';
import { modelOf, multiplyAdds } from './shapes.js';
import { leastBytes, TrainingBench } from './training-bench.js';

export interface PeersOptions {
  readonly rows: readonly PeerRow[];
  readonly peers: readonly Peer[];
  readonly kernels: KernelName;
  readonly workers: number;
  readonly rounds: number;
  /** Of one arrangement in a round. */
  readonly seconds: number;
  /** Seconds in which a peer must be ready; torch.compile has some times as long. */
  readonly limit: number;
}

/** An arrangement of a peer, and how many times as fast as it unroll is. */
export interface Compared {
  readonly arrangement: string;
  readonly tokensPerSecond: Spread;
  readonly ratio: Spread;
}

export interface PeersRow extends PeerRow {
  readonly kernels: KernelName;
  readonly tokensPerSecond: Spread;
  /** GFLOP/s of all workers together: multiply-adds on registers alone. */
  readonly peakGflops: number;
  /** Of that, what unroll's step really computes. */
  readonly peakShare: number;
  readonly peers: readonly {
    readonly peer: string;
    readonly single?: Compared;
    readonly best?: Compared;
    readonly notRun: readonly string[];
  }[];
}

const COMPILE_LIMITS = 4;
const PEAK_SECONDS = 0.04;
/** A slow arrangement is asked no more when it has taken so many times its share of time. */
const PATIENCE = 4;

/** One arrangement while its row is measured. */
interface Running {
  readonly arrangement: Arrangement;
  readonly processes: readonly PeerProcess[];
  readonly speeds: number[];
  ms: number;
  notRun?: string;
}

/** Measures row after row. @throws UserError when one does not fit, RunError when a peer dies or answers rubbish */
export async function* benchPeers(options: PeersOptions): AsyncGenerator<PeersRow> {
  for (const row of options.rows) yield await benchRow(options, row);
}

async function benchRow(options: PeersOptions, row: PeerRow): Promise<PeersRow> {
  const { peers, workers, rounds, seconds } = options;
  const kernels = row.kernels ?? options.kernels;
  const model = modelOf(row.model);
  const { batch, window } = row;
  checkLimits(kernels, leastBytes({ model, batch, window, kernels }), workers);
  const running = new Map(peers.map((peer): [Peer, Running[]] => [peer, []]));
  const peaks = new Peaks(kernels, workers, false);
  const bench = new TrainingBench({ model, batch, window, workers, kernels });
  try {
    for (const [peer, own] of running) if (peer.runs(row)) await startAll(peer, row, own, options.limit);
    const [speeds, peak]: number[][] = [[], []];
    await bench.stepsPerSecond(seconds); // warms up
    for (let round = 0; round < rounds; round++) {
      speeds.push((await bench.stepsPerSecond(seconds)) * batch * window);
      peak.push(await peaks.gflops(workers, PEAK_SECONDS));
      for (const own of running.values()) for (const one of own) await measure(one, options);
    }
    const tokensPerSecond = spread(speeds);
    const peakGflops = spread(peak).median;
    const gflops = (2 * multiplyAdds(model, batch, window) * tokensPerSecond.median) / (batch * window * 1e9);
    return {
      ...{ ...row, kernels, tokensPerSecond, peakGflops, peakShare: gflops / peakGflops },
      peers: [...running].map(([{ name }, own]) => ({ peer: name, ...outcome(own, speeds) })),
    };
  } finally {
    await Promise.all([...running.values()].flat().flatMap(({ processes }) => processes.map((one) => one.close())));
    await bench.close();
    await peaks.close();
  }
}

/** One after another, so that none is late because of the others. One stream is not divided. */
async function startAll(peer: Peer, row: PeerRow, running: Running[], limit: number): Promise<void> {
  for (const arrangement of peer.arrangements) {
    if (arrangement.processes > row.batch) continue;
    const one: Running = { arrangement, processes: peer.start(row, arrangement), speeds: [], ms: 0 };
    running.push(one);
    await awaitReady(one, limit);
  }
}

async function awaitReady(one: Running, limit: number): Promise<void> {
  const seconds = one.arrangement.compile ? COMPILE_LIMITS * limit : limit;
  try {
    const ready = await Promise.all(one.processes.map((process) => process.ready(seconds * 1000)));
    if (ready.includes(false)) await end(one, `not ready within ${seconds} s`);
  } catch (error) {
    // It is no part of PyTorch that one can count on: it wants a compiler, for one thing.
    if (!one.arrangement.compile) throw error;
    await end(one, (error as Error).message);
  }
}

/** What is late would go on computing while others are measured. */
async function end(one: Running, why: string): Promise<void> {
  one.notRun = why;
  await Promise.all(one.processes.map((process) => process.close(0)));
}

async function measure(one: Running, { seconds, rounds, limit }: PeersOptions): Promise<void> {
  const spent = one.ms > PATIENCE * rounds * seconds * 1000;
  if (one.notRun !== undefined || spent) return;
  const start = performance.now();
  const limitMs = (seconds + limit) * 1000;
  const answers = await Promise.all(one.processes.map((process) => process.tokensPerSecond(seconds, limitMs)));
  one.ms += performance.now() - start;
  let sum = 0;
  for (const speed of answers) sum += speed ?? Number.NaN;
  if (Number.isNaN(sum)) await end(one, `no step within ${seconds + limit} s`);
  else one.speeds.push(sum);
}

function outcome(all: readonly Running[], ours: readonly number[]) {
  const compared = all
    .filter(({ speeds }) => speeds.length > 0)
    .map(({ arrangement, speeds }) => ({
      single: arrangement.processes === 1,
      compared: {
        arrangement: arrangement.name,
        tokensPerSecond: spread(speeds),
        ratio: ratios(ours.slice(0, speeds.length), speeds),
      },
    }))
    .sort((a, b) => b.compared.tokensPerSecond.median - a.compared.tokensPerSecond.median);
  const failed = all.filter(({ notRun }) => notRun !== undefined);
  return {
    single: compared.find(({ single }) => single)?.compared,
    best: compared[0]?.compared,
    notRun:
      all.length === 0
        ? ['it has no such model']
        : failed.map(({ arrangement, notRun }) => `${arrangement.name}: ${notRun}`),
  };
}
