// unroll bench cells: tokens a second of a full training step (forward, backward, clip, Adam) for cell x hidden size x batch x
// workers. Arrangements of one model are timed in turn, round by round, so that a slow spell of the machine hits them all.

import { totalmem } from 'node:os';
import { UserError } from '../src/errors.js';
import { checkLimits, type KernelName } from '../src/kernels/choose.js';
import type { Architecture } from '../src/model/architecture.js';
import { bytes } from '../src/report/format.js';
import { torchTokensPerSecond } from './torch.js';
import { leastBytes, TrainingBench } from './training-bench.js';

/** A simple RNN is named by its activation. */
export const CELLS = ['lstm', 'gru', 'tanh', 'relu'] as const;
export type CellName = (typeof CELLS)[number];

export interface CellsOptions {
  readonly cells: readonly CellName[];
  readonly hidden: readonly number[];
  readonly batch: readonly number[];
  readonly workers: readonly number[];
  readonly window: number;
  readonly vocabulary: number;
  readonly rounds: number;
  /** Seconds of one round of one arrangement. */
  readonly seconds: number;
  readonly kernels: KernelName;
  /** A python that has PyTorch, which is timed in turn; undefined: it is not. */
  readonly python: string | undefined;
}

/** Of rounds: median, least and most. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface CellsRow {
  readonly cell: CellName;
  readonly hidden: number;
  readonly batch: number;
  readonly workers: number;
  readonly tokensPerSecond: Spread;
  /** Against the fewest workers of the same model. */
  readonly speedup: number;
  /** PyTorch's best arrangement of the same model, and how much faster this is. */
  readonly torch?: { readonly arrangement: string; readonly tokensPerSecond: Spread; readonly ratio: number };
}

/**
 * Measures model after model; each one's rows come when they are done.
 * @throws UserError when a model does not fit into the memory, before anything is measured
 */
export function benchCells(options: CellsOptions): AsyncGenerator<CellsRow> {
  checkMemory(options);
  return benchModels(options);
}

async function* benchModels(options: CellsOptions): AsyncGenerator<CellsRow> {
  for (const cell of options.cells)
    for (const hidden of options.hidden)
      for (const batch of options.batch) yield* benchModel(options, cell, hidden, batch);
}

async function* benchModel(
  options: CellsOptions,
  cell: CellName,
  hidden: number,
  batch: number,
): AsyncGenerator<CellsRow> {
  const { window, vocabulary, kernels, workers, rounds, seconds, python } = options;
  const arrangements: {
    readonly workers: number;
    readonly bench: TrainingBench;
    steps: number;
    readonly speeds: number[];
  }[] = [];
  const torch = new Map<string, number[]>();
  try {
    for (const count of workers) {
      const bench = new TrainingBench({
        model: modelOf(cell, hidden, vocabulary),
        batch,
        window,
        workers: count,
        kernels,
      });
      arrangements.push({ workers: count, bench, steps: 2, speeds: [] });
    }
    // Two rounds warm up: the first says how many steps fill one, the second is as long as those that count.
    for (let round = -1; round <= rounds; round++) {
      for (const one of arrangements) {
        const speed = await one.bench.tokensPerSecond(one.steps);
        if (round > 0) one.speeds.push(speed);
        one.steps = Math.max(2, Math.round((speed * seconds) / (batch * window)));
      }
      if (python === undefined || round <= 0) continue;
      for (const [name, speed] of await torchTokensPerSecond(python, {
        cell,
        hidden,
        batch,
        window,
        vocabulary,
        seconds,
      }))
        torch.set(name, [...(torch.get(name) ?? []), speed]);
    }
  } finally {
    for (const { bench } of arrangements) await bench.close();
  }
  const peer = bestOf(torch);
  const slowest = spread(arrangements[0].speeds).median;
  for (const { workers: count, speeds } of arrangements) {
    const tokensPerSecond = spread(speeds);
    const row = { cell, hidden, batch, workers: count, tokensPerSecond, speedup: tokensPerSecond.median / slowest };
    yield peer === undefined
      ? row
      : { ...row, torch: { ...peer, ratio: tokensPerSecond.median / peer.tokensPerSecond.median } };
  }
}

/** All arrangements of a model are there at once. */
function checkMemory({ cells, hidden, batch, window, vocabulary, workers, kernels }: CellsOptions): void {
  const model = { cell: cells[0], hidden: Math.max(...hidden), batch: Math.max(...batch) };
  const available = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const least = leastBytes({
    model: modelOf(model.cell, model.hidden, vocabulary),
    batch: model.batch,
    window,
    kernels,
  });
  checkLimits(kernels, least, Math.max(...workers));
  if (least * workers.length <= available) return;
  throw new UserError(
    `--hidden: ${model.hidden} units and ${model.batch} streams need more than ${bytes(least)} for each of ${workers.length} numbers of workers, ` +
      `and this machine has ${bytes(available)}; lower --hidden, --batch or --window`,
  );
}

function modelOf(cell: CellName, hidden: number, vocabulary: number): Architecture {
  const shape = { hidden, vocabulary, layers: 1, embedding: hidden };
  return cell === 'tanh' || cell === 'relu'
    ? { ...shape, cell: 'rnn', activation: cell }
    : { ...shape, cell, activation: 'tanh' };
}

function bestOf(speeds: ReadonlyMap<string, readonly number[]>) {
  const all = [...speeds].map(([arrangement, own]) => ({ arrangement, tokensPerSecond: spread(own) }));
  return all.sort((a, b) => b.tokensPerSecond.median - a.tokensPerSecond.median)[0];
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], most: sorted[sorted.length - 1] };
}
