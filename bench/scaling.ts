// unroll bench scaling: the same batch on more workers (strong), as many streams for each worker (weak), an empty step and a
// barrier; and beside what was measured what the model predicts from its parts, up to 64 workers.
import { availableParallelism } from 'node:os';
import type { KernelName } from '../src/kernels/choose.js';
import { Peaks } from './peaks.js';
import { ratios, type Spread, spread, takeTurns } from './rounds.js';
import { type MeasuredParts, predict, streamsOf, type Work } from './scaling-model.js';
import { type CellName, modelOf } from './shapes.js';
import { checkFits, TrainingBench } from './training-bench.js';

export interface ScalingOptions {
  readonly cell: CellName;
  readonly hidden: readonly number[];
  /** Streams in all of strong scaling; half of them are each worker's of weak scaling. */
  readonly batch: number;
  readonly window: number;
  readonly vocabulary: number;
  readonly kernels: KernelName;
  readonly rounds: number;
  readonly seconds: number;
}

export type Scaling = 'strong' | 'weak';

export interface ScalingRow {
  readonly scaling: Scaling | 'empty step' | 'barrier';
  readonly hidden: number | null;
  readonly batch: number | null;
  readonly workers: number;
  /** Of a step, or of a barrier; null: there are not so many cores. */
  readonly microseconds: Spread | null;
  /** Work a second against one worker's. */
  readonly speedup: Spread | null;
  readonly predictedMicroseconds: { readonly least: number; readonly most: number } | null;
  readonly predictedSpeedup: { readonly least: number; readonly most: number } | null;
}

/** Of an empty step: H = 8, B = 2, T = 2. */
const EMPTY = { hidden: 8, batch: 2, window: 2 } as const;
/** Where the model says what would be. */
const PREDICTED = [4, 8, 16, 32, 64];
const BANDWIDTH_SECONDS = 0.1;

/** @throws UserError when a model does not fit into the memory, before anything is measured */
export function benchScaling(options: ScalingOptions): AsyncGenerator<ScalingRow> {
  const { batch, window, kernels } = options;
  const { model } = workOf(options, { hidden: Math.max(...options.hidden), batch, window, workers: 1 });
  checkFits({ model, batch, window, kernels, workers: availableParallelism() }, 2 * availableParallelism());
  return benchAll(options);
}

async function* benchAll(options: ScalingOptions): AsyncGenerator<ScalingRow> {
  const cores = availableParallelism();
  const counts = Array.from({ length: cores }, (_, i) => i + 1);
  const peaks = new Peaks(options.kernels, cores, true);
  try {
    const barriers = await benchBarriers(peaks, counts, options.rounds);
    for (const [i, workers] of counts.entries()) yield plainRow('barrier', workers, spread(barriers[i]));
    yield* benchEmpty(options, counts);
    const [one, all] = await takeTurns(
      [() => peaks.gigabytes(1, BANDWIDTH_SECONDS), () => peaks.gigabytes(cores, BANDWIDTH_SECONDS)],
      options.rounds,
    );
    const parts = {
      // The least: what a disturbed thread keeps the others waiting is no part of a barrier.
      barriers: barriers.map((values) => spread(values).least),
      ...{ oneCoreBandwidth: spread(one).median, allCoresBandwidth: spread(all).median, cores },
    };
    for (const hidden of options.hidden) yield* benchModel(options, counts, hidden, parts);
  } finally {
    await peaks.close();
  }
}

const benchBarriers = (peaks: Peaks, counts: readonly number[], rounds: number) =>
  takeTurns(
    counts.map((workers) => () => peaks.barrier(workers)),
    rounds,
  );

const plainRow = (scaling: 'empty step' | 'barrier', workers: number, microseconds: Spread): ScalingRow => ({
  ...{ scaling, workers, microseconds, hidden: null, batch: null },
  ...{ speedup: null, predictedMicroseconds: null, predictedSpeedup: null },
});

async function* benchEmpty(options: ScalingOptions, counts: readonly number[]): AsyncGenerator<ScalingRow> {
  const works = counts.map((workers) => workOf(options, { ...EMPTY, workers }));
  const rates = await stepRates(options, works);
  for (const [i, workers] of counts.entries())
    yield { ...plainRow('empty step', workers, microsecondsOf(rates[i])), hidden: EMPTY.hidden, batch: EMPTY.batch };
}

async function* benchModel(
  options: ScalingOptions,
  counts: readonly number[],
  hidden: number,
  measured: Omit<MeasuredParts, 'step' | 'fixed'>,
): AsyncGenerator<ScalingRow> {
  const { window } = options;
  const workers = [...new Set([...counts, ...PREDICTED])].sort((a, b) => a - b);
  const works = (['strong', 'weak'] as const).flatMap((scaling) =>
    workers.map((count) => {
      const batch = scaling === 'strong' ? options.batch : Math.ceil(options.batch / 2) * count;
      return { scaling, ...workOf(options, { hidden, batch, window, workers: count }) };
    }),
  );
  const here = works.filter((work) => work.workers <= counts.length);
  const streams = [...new Set(works.map((work) => streamsOf(work).rows))];
  const alone = streams.map((batch) => workOf(options, { hidden, batch, window, workers: 1 }));
  const fixed = workOf(options, { hidden, batch: 1, window: 1, workers: 1 });
  const rates = await stepRates(options, [...here, ...alone, fixed]);
  const medians = rates.map((own) => microsecondsOf(own).median);
  const parts: MeasuredParts = {
    ...measured,
    step: new Map(streams.map((batch, i) => [batch, medians[here.length + i]])),
    fixed: medians[medians.length - 1],
  };
  for (const work of works) {
    const { scaling, batch, workers: count } = work;
    const predicted = predict(parts, work);
    const first = works.findIndex((one) => one.scaling === scaling && one.workers === 1);
    const one = predict(parts, works[first]).most;
    // Weak scaling: so many times the streams in a step.
    const streamsTimes = batch / works[first].batch;
    const own = here.indexOf(work);
    const firstRates = rates[here.indexOf(works[first])];
    const isHere = own >= 0;
    yield {
      ...{ scaling, hidden, batch, workers: count },
      microseconds: isHere ? microsecondsOf(rates[own]) : null,
      speedup: isHere
        ? ratios(
            rates[own].map((rate) => rate * streamsTimes),
            firstRates,
          )
        : null,
      predictedMicroseconds: predicted,
      predictedSpeedup: { least: (streamsTimes * one) / predicted.most, most: (streamsTimes * one) / predicted.least },
    };
  }
}

interface WorkShape {
  readonly hidden: number;
  readonly batch: number;
  readonly window: number;
  readonly workers: number;
}

const workOf = ({ cell, vocabulary }: ScalingOptions, { hidden, ...shape }: WorkShape): Work => ({
  ...shape,
  model: modelOf({ cell, hidden, layers: 1, vocabulary }),
});

/** Steps a second, of all in turn; they are there at once. */
async function stepRates({ kernels, rounds, seconds }: ScalingOptions, works: readonly Work[]) {
  const benches: TrainingBench[] = [];
  try {
    for (const { model, batch, window, workers } of works)
      benches.push(new TrainingBench({ model, batch, window, workers, kernels, optimizer: 'adam' }));
    const measures = benches.map((bench) => () => bench.stepsPerSecond(seconds));
    await takeTurns(measures, 1); // warms up
    return await takeTurns(measures, rounds);
  } finally {
    for (const bench of benches) await bench.close();
  }
}

const microsecondsOf = (rates: readonly number[]): Spread => spread(rates.map((rate) => 1e6 / rate));
