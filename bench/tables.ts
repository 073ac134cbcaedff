// unroll bench tables: what it brings to update a lookup table by rows. A large vocabulary against a small one, and a linear model
// whose rows catch up when they are read against one whose rows are all visited in each step.
import type { KernelName } from '../src/kernels/choose.js';
import { Counter } from '../src/model/counter.js';
import { Phase } from '../src/model/phases.js';
import { linearModel, randomExamples, sourceOf } from './linear.js';
import { ratios, type Spread, spread, takeTurns } from './rounds.js';
import { type BenchShape, checkFits, type Source, TrainingBench } from './training-bench.js';

export interface TablesOptions {
  readonly kernels: KernelName;
  readonly workers: readonly number[];
  /** Tokens of the large vocabulary; the small one has a hundredth. */
  readonly tokens: number;
  /** Of the linear model, and how many of them an example names. */
  readonly features: number;
  readonly entries: number;
  readonly batch: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
}

export interface VocabularyRow {
  readonly table: 'vocabulary';
  readonly drawn: 'alike' | 'like words';
  readonly workers: number;
  readonly tokens: readonly [large: number, small: number];
  /** What of a step is the embedding's: lookup, gradient and update of its rows, of one worker. */
  readonly microseconds: readonly [large: Spread, small: Spread];
  readonly ratio: Spread;
  readonly stepMicroseconds: readonly [large: Spread, small: Spread];
}

export interface LazyRow {
  readonly table: 'lazy';
  readonly batch: number;
  readonly workers: number;
  readonly lazy: Spread;
  readonly dense: Spread;
  /** Steps a second, lazy over dense. */
  readonly ratio: Spread;
  /** What of a step is the table's: lookup, gradient and update of its rows, of one worker. */
  readonly microseconds: readonly [lazy: Spread, dense: Spread];
  /** The same, dense over lazy. */
  readonly tableRatio: Spread;
  readonly examplesPerSecond: Spread;
  /** The largest difference of any weight after the same steps. */
  readonly difference: number;
}

/** Of this LSTM an embedding's rows would be as wide as the rows of gates that its features name: 128 floats. */
const LSTM = { hidden: 32, batch: 32, window: 32 };
const SMALLER = 100;
/** A head over a large vocabulary would be slow, and is no part of the matter. */
const CLASSES = 16;
/** Batches that are prepared, and dealt again and again. */
const BATCHES = 64;
const SAME_STEPS = 200;
const ELASTIC_NET = { l1: 1e-6, l2: 1e-5, clipNorm: 0 };
const RATE = 0.1;

/** @throws UserError when the trainings do not fit into the memory, before anything is measured */
export function benchTables(options: TablesOptions): AsyncGenerator<VocabularyRow | LazyRow> {
  const workers = Math.max(...options.workers);
  const { tokens, features } = options;
  checkFits({ ...vocabularyShape(options, tokens), workers }, 2, `--tokens: ${tokens} tokens`);
  const lazy = lazyShape(options, Math.max(...options.batch));
  checkFits({ ...lazy, rowRule: 'shrink', workers }, 2, `--features: ${features} features`);
  return benchBoth(options);
}

async function* benchBoth(options: TablesOptions): AsyncGenerator<VocabularyRow | LazyRow> {
  for (const drawn of ['alike', 'like words'] as const)
    for (const workers of options.workers) yield await benchVocabulary(options, drawn, workers);
  for (const batch of options.batch)
    for (const workers of options.workers) yield await benchLazy(options, batch, workers);
}

const vocabularyShape = ({ kernels }: TablesOptions, tokens: number) => ({
  model: {
    ...({ cell: 'lstm', activation: 'tanh', hidden: LSTM.hidden, layers: 1, embedding: 0 } as const),
    ...{ vocabulary: CLASSES, sparseFeatures: tokens },
  },
  ...({ batch: LSTM.batch, window: LSTM.window, kernels, optimizer: 'adagrad', rowRule: 'touched' } as const),
});

const lazyShape = ({ kernels, features }: TablesOptions, batch: number) => ({
  ...{ model: linearModel(features), batch, window: 1, kernels, rate: RATE, settings: ELASTIC_NET },
  optimizer: 'sgd' as const,
});

async function benchVocabulary(
  options: TablesOptions,
  drawn: VocabularyRow['drawn'],
  workers: number,
): Promise<VocabularyRow> {
  const tokens = [options.tokens, Math.ceil(options.tokens / SMALLER)] as const;
  const shapes = tokens.map((count) => ({
    ...{ ...vocabularyShape(options, count), workers, profile: true, source: randomTokens(count, drawn) },
  }));
  return withBenches(shapes, async (benches) => {
    const { rates, own } = await measureTables(benches, options);
    const steps = rates.map((values) => values.map((rate) => 1e6 / rate));
    return {
      ...{ table: 'vocabulary', drawn, workers, tokens },
      microseconds: [spread(own[0]), spread(own[1])],
      ratio: ratios(own[0], own[1]),
      stepMicroseconds: [spread(steps[0]), spread(steps[1])],
    };
  });
}

/** Steps a second of each training, and microseconds of a step that are its table's, round by round. */
async function measureTables(
  benches: readonly TrainingBench[],
  { rounds, seconds }: TablesOptions,
): Promise<{ readonly rates: readonly (readonly number[])[]; readonly own: readonly (readonly number[])[] }> {
  const own: number[][] = benches.map(() => []);
  const measures = benches.map((bench, i) => async () => {
    const before = tableMs(bench);
    const rate = await bench.stepsPerSecond(seconds);
    const after = tableMs(bench);
    own[i].push((1000 * (after.ms - before.ms)) / (after.steps - before.steps));
    return rate;
  });
  await takeTurns(measures, 1); // warms up
  for (const values of own) values.length = 0;
  return { rates: await takeTurns(measures, rounds), own };
}

/** Milliseconds of looking up, dealing, gradients and updates of the table so far, the mean of the workers. */
function tableMs(bench: TrainingBench): { readonly ms: number; readonly steps: number } {
  const profile = bench.profile();
  const sum = profile.reduce((total, { sums }) => total + sums[Phase.gather] + sums[Phase.table], 0);
  return { ms: sum / profile.length, steps: profile[0].steps };
}

/** One entry of value 1 a row: a token. */
function randomTokens(tokens: number, drawn: VocabularyRow['drawn']): Source {
  const rows = LSTM.batch * LSTM.window;
  const random = new Counter(0, 'tokens');
  // Like words: token n in proportion to 1 / n (Zipf's law).
  const draw = () => (drawn === 'alike' ? random.uniform() * tokens : tokens ** random.uniform() - 1);
  const features = Int32Array.from({ length: BATCHES * rows }, () => Math.floor(draw()));
  const targets = Int32Array.from({ length: rows }, () => Math.floor(random.uniform() * CLASSES));
  let batch = 0;
  return {
    maxEntries: rows,
    next({ entries, targets: into, reset, carry }) {
      entries?.starts.forEach((_, row, starts) => {
        starts[row] = row;
      });
      entries?.features.set(features.subarray(batch * rows, (batch + 1) * rows));
      entries?.values.fill(1);
      into.set(targets);
      reset.fill(0);
      carry.fill(LSTM.window);
      batch = (batch + 1) % BATCHES;
    },
  };
}

async function benchLazy(options: TablesOptions, batch: number, workers: number): Promise<LazyRow> {
  const examples = randomExamples(BATCHES * batch, options.features, options.entries);
  const shapes = (['shrink', 'dense'] as const).map((rowRule) => ({
    ...{ ...lazyShape(options, batch), workers, rowRule, profile: true, source: sourceOf(examples, batch) },
  }));
  return withBenches(shapes, async (benches) => {
    for (const bench of benches) await bench.train(SAME_STEPS - 1);
    const difference = largestDifference(benches[0].weights(), benches[1].weights());
    const { rates, own } = await measureTables(benches, options);
    const [lazy, dense] = rates;
    return {
      ...{ microseconds: [spread(own[0]), spread(own[1])], tableRatio: ratios(own[1], own[0]) },
      ...{ table: 'lazy', batch, workers, lazy: spread(lazy), dense: spread(dense), ratio: ratios(lazy, dense) },
      ...{ examplesPerSecond: spread(lazy.map((rate) => rate * batch)), difference },
    };
  });
}

function largestDifference(some: readonly Float32Array[], others: readonly Float32Array[]): number {
  let largest = 0;
  for (const [p, values] of some.entries())
    for (const [i, value] of values.entries()) largest = Math.max(largest, Math.abs(value - others[p][i]));
  return largest;
}

/** Builds the trainings, and ends them whatever happens. */
async function withBenches<T>(
  shapes: readonly BenchShape[],
  measure: (benches: readonly TrainingBench[]) => Promise<T>,
): Promise<T> {
  const benches: TrainingBench[] = [];
  try {
    for (const shape of shapes) benches.push(new TrainingBench(shape));
    return await measure(benches);
  } finally {
    for (const bench of benches) await bench.close();
  }
}
