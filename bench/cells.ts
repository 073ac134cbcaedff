// unroll bench cells: tokens a second of a full training step (forward, backward, clip, Adam) for cell x hidden size x batch x
// workers. Arrangements of one model are timed in turn, round by round, so that a slow spell of the machine hits them all.

import { totalmem } from 'node:os';
import { UserError } from '../src/errors.js';
import { checkLimits, type KernelName } from '../src/kernels/choose.js';
import { bytes } from '../src/report/format.js';
import { type Spread, spread } from './rounds.js';
import { type CellName, modelOf } from './shapes.js';
import { leastBytes, TrainingBench } from './training-bench.js';

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
}

export interface CellsRow {
  readonly cell: CellName;
  readonly hidden: number;
  readonly batch: number;
  readonly workers: number;
  readonly tokensPerSecond: Spread;
  /** Against the fewest workers of the same model. */
  readonly speedup: number;
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
  const { window, vocabulary, kernels, workers, rounds, seconds } = options;
  const arrangements: {
    readonly workers: number;
    readonly bench: TrainingBench;
    steps: number;
    readonly speeds: number[];
  }[] = [];
  try {
    for (const count of workers) {
      const bench = new TrainingBench({
        model: modelOf({ cell, hidden, vocabulary, layers: 1 }),
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
    }
  } finally {
    for (const { bench } of arrangements) await bench.close();
  }
  const slowest = spread(arrangements[0].speeds).median;
  for (const { workers: count, speeds } of arrangements) {
    const tokensPerSecond = spread(speeds);
    yield { cell, hidden, batch, workers: count, tokensPerSecond, speedup: tokensPerSecond.median / slowest };
  }
}

/** All arrangements of a model are there at once. */
function checkMemory({ cells, hidden, batch, window, vocabulary, workers, kernels }: CellsOptions): void {
  const model = { cell: cells[0], hidden: Math.max(...hidden), batch: Math.max(...batch) };
  const available = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const least = leastBytes({
    model: modelOf({ cell: model.cell, hidden: model.hidden, vocabulary, layers: 1 }),
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
