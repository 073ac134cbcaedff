// unroll bench cells: tokens a second of a full training step (forward, backward, clip, update) for cell x hidden size x batch x
// workers, and the share of the peak that its arithmetic reaches. Arrangements of one model take turns, each beside its peak.

import type { KernelName } from '../src/kernels/choose.js';
import type { OptimizerName } from '../src/train/layout.js';
import type { WorkerTimes } from '../src/train/profile.js';
import { Peaks } from './peaks.js';
import { ratios, type Spread, spread, takeTurns } from './rounds.js';
import { type CellName, type ModelShape, modelOf, multiplyAdds } from './shapes.js';
import { checkFits, TrainingBench } from './training-bench.js';

export interface CellsOptions extends Omit<ModelShape, 'cell' | 'hidden'> {
  readonly cells: readonly CellName[];
  readonly hidden: readonly number[];
  readonly batch: readonly number[];
  readonly workers: readonly number[];
  readonly window: number;
  readonly optimizer: OptimizerName;
  readonly rounds: number;
  /** Seconds of one round of one arrangement. */
  readonly seconds: number;
  readonly kernels: KernelName;
  /** Whether phases are recorded. */
  readonly profile: boolean;
}

export interface CellsRow extends ModelShape {
  readonly batch: number;
  readonly window: number;
  readonly workers: number;
  readonly optimizer: OptimizerName;
  readonly tokensPerSecond: Spread;
  readonly stepMicroseconds: Spread;
  /** Arithmetic of the products that were really done, and its share of what that many cores do in registers. */
  readonly gflops: Spread;
  readonly fmaShare: Spread;
  /** Against the fewest workers of the same model. */
  readonly speedup: number;
  /** What the workers recorded, where they did. */
  readonly profile?: readonly WorkerTimes[];
}

/** The peak needs no long look, and shall not make rounds much longer. */
const PEAK_SECONDS = 0.04;

/**
 * Measures model after model; each one's rows come when they are done.
 * @throws UserError when a model does not fit into the memory, before anything is measured
 */
export function benchCells(options: CellsOptions): AsyncGenerator<CellsRow> {
  checkMemory(options);
  return benchModels(options);
}

async function* benchModels(options: CellsOptions): AsyncGenerator<CellsRow> {
  const peaks = new Peaks(options.kernels, Math.max(...options.workers), false);
  try {
    for (const cell of options.cells)
      for (const hidden of options.hidden)
        for (const batch of options.batch)
          yield* benchModel(options, peaks, { ...sharedShape(options), cell, hidden }, batch);
  } finally {
    await peaks.close();
  }
}

const sharedShape = ({ layers, vocabulary, embedding, features }: CellsOptions) => ({
  ...{ layers, vocabulary, embedding, features },
});

async function* benchModel(
  options: CellsOptions,
  peaks: Peaks,
  shape: ModelShape,
  batch: number,
): AsyncGenerator<CellsRow> {
  const { window, workers, kernels, optimizer, seconds, profile } = options;
  const model = modelOf(shape);
  const benches: TrainingBench[] = [];
  let rates: readonly (readonly number[])[];
  try {
    for (const count of workers)
      benches.push(new TrainingBench({ model, batch, window, workers: count, kernels, optimizer, profile }));
    const measures = [
      ...benches.map((bench) => () => bench.stepsPerSecond(seconds)),
      ...workers.map((count) => () => peaks.gflops(count, PEAK_SECONDS)),
    ];
    await takeTurns(measures, 1); // warms up
    rates = await takeTurns(measures, options.rounds);
  } finally {
    for (const bench of benches) await bench.close();
  }
  const operations = (2 * multiplyAdds(model, batch, window)) / 1e9;
  for (const [i, count] of workers.entries()) {
    const each = (of: (rate: number) => number): number[] => rates[i].map(of);
    const gflops = each((rate) => rate * operations);
    yield {
      ...{ ...shape, embedding: model.embedding, batch, window, workers: count, optimizer },
      tokensPerSecond: spread(each((rate) => rate * batch * window)),
      stepMicroseconds: spread(each((rate) => 1e6 / rate)),
      ...{ gflops: spread(gflops), fmaShare: ratios(gflops, rates[workers.length + i]) },
      speedup: ratios(rates[i], rates[0]).median,
      ...(profile ? { profile: benches[i].profile() } : {}),
    };
  }
}

/** All arrangements of a model are there at once. */
function checkMemory(options: CellsOptions): void {
  const { cells, window, workers, kernels, optimizer } = options;
  const [hidden, batch] = [Math.max(...options.hidden), Math.max(...options.batch)];
  const model = modelOf({ ...sharedShape(options), cell: cells[0], hidden });
  checkFits({ model, batch, window, kernels, optimizer, workers: Math.max(...workers) }, workers.length);
}
