// unroll bench sparse: what it brings to leave out the zeros of ReLU, density by density: a product, a weight gradient, and a whole
// training step, each against the dense one in turn.
import type { KernelChoice } from '../src/kernels/choose.js';
import type { Architecture } from '../src/model/architecture.js';
import { type Crossover, EVERYWHERE } from '../src/model/sparsity.js';
import { type Both, SparseBed } from '../src/train/sparse-bed.js';
import { bestSlices, callsPerSecond, ratios, type Spread, spread, takeTurns } from './rounds.js';
import { modelOf } from './shapes.js';
import { checkFits, TrainingBench } from './training-bench.js';

export interface SparseOptions {
  readonly choice: KernelChoice;
  readonly crossover: Crossover;
  readonly hidden: number;
  readonly batch: number;
  readonly window: number;
  readonly layers: number;
  readonly vocabulary: number;
  readonly workers: number;
  readonly densities: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
}

export interface SparseRow {
  /** What was asked for, and the share of active units that the step has. */
  readonly asked: number;
  readonly density: number;
  /** Sparse over dense, of one core: a time step's product of 32 rows, and the gradient of 8 panels over 2,048 rows. */
  readonly product: Spread;
  readonly gradient: Spread;
  /** Whole steps on all workers. */
  readonly tokensPerSecond: Readonly<Record<'never' | 'auto' | 'always', Spread>>;
  /** Speed over the one with `never`. */
  readonly auto: Spread;
  readonly always: Spread;
}

/** Of the gradient that is timed by itself: blocks of 256 rows, and panels. */
const GRADIENT = { blocks: 8, panels: 8 };

/** @throws UserError when the trainings do not fit into the memory, before anything is measured */
export function benchSparse(options: SparseOptions): AsyncGenerator<SparseRow> {
  const { hidden, layers, vocabulary, batch, window, choice, workers } = options;
  const model = modelOf({ cell: 'relu', hidden, layers, vocabulary, embedding: 0 });
  checkFits({ model, batch, window, kernels: choice.name, workers }, MODES.length);
  return benchDensities(options, model);
}

const MODES = ['never', 'auto', 'always'] as const;

async function* benchDensities(options: SparseOptions, model: Architecture): AsyncGenerator<SparseRow> {
  const { choice, crossover, hidden, batch, window, workers, rounds, seconds } = options;
  const sparse = { never: undefined, auto: crossover, always: EVERYWHERE };
  const shape = { model, batch, window, workers, kernels: choice.name, rate: 0 };
  const benches = MODES.map((mode) => new TrainingBench({ ...shape, sparse: sparse[mode] }));
  const bed = new SparseBed(choice.name, { units: hidden, ...GRADIENT });
  try {
    for (const asked of options.densities) {
      // All have the same weights, so that the same bias makes them as dense.
      const { bias, density } = await benches[0].findBias(asked);
      for (const bench of benches) bench.setBiases(bias);
      bed.fill(asked);
      const measures = benches.map((bench) => () => bench.stepsPerSecond(seconds));
      await takeTurns(measures, 1); // warms up
      const rates = await takeTurns(measures, rounds);
      const tokens = rates.map((values) => spread(values.map((rate) => rate * batch * window)));
      yield {
        ...{ asked, density },
        product: faster(bed.product, rounds, seconds / MODES.length),
        gradient: faster(bed.gradient, rounds, seconds / MODES.length),
        tokensPerSecond: { never: tokens[0], auto: tokens[1], always: tokens[2] },
        ...{ auto: ratios(rates[1], rates[0]), always: ratios(rates[2], rates[0]) },
      };
    }
  } finally {
    for (const bench of benches) await bench.close();
  }
}

/** Sparse over dense, of calls on this thread. */
function faster({ dense, sparse }: Both, rounds: number, seconds: number): Spread {
  const things = [dense, sparse].map((call) => (slice: number) => callsPerSecond(call, slice));
  const round = () => bestSlices(things, seconds);
  round(); // warms up
  const rates = Array.from({ length: rounds }, round);
  return ratios(
    rates.map(([, skipping]) => skipping),
    rates.map(([whole]) => whole),
  );
}
