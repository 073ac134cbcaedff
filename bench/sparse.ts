// unroll bench sparse: what it brings to leave out the zeros of ReLU, density by density: a product, a weight gradient, and a whole
// training step, each against the dense one in turn.
import { allocate, createKernels, type KernelChoice, reservedBytes } from '../src/kernels/choose.js';
import {
  ActiveRows,
  ActiveUnits,
  GRADIENT_SCRATCH,
  Gradient,
  Init,
  LIST_ROWS,
  NO_LISTS,
  PANEL,
  Product,
} from '../src/kernels/kernels.js';
import { Arena } from '../src/memory/arena.js';
import { createSharedBuffer } from '../src/memory/shared-array-buffer.js';
import { Counter } from '../src/model/counter.js';
import type { Crossover } from '../src/model/sparsity.js';
import { leadingDimension } from '../src/model/views.js';
import { Place } from './kernel-calls.js';
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

const PRODUCT_ROWS = 32;
const GRADIENT_BLOCKS = 8;
const GRADIENT_PANELS = 8;

/** @throws UserError when the trainings do not fit into the memory, before anything is measured */
export function benchSparse(options: SparseOptions): AsyncGenerator<SparseRow> {
  const { hidden, layers, vocabulary, batch, window, choice, workers } = options;
  const model = modelOf({ cell: 'relu', hidden, layers, vocabulary, embedding: 0 });
  checkFits({ model, batch, window, kernels: choice.name, workers }, MODES.length);
  return benchDensities(options);
}

const MODES = ['never', 'auto', 'always'] as const;

async function* benchDensities(options: SparseOptions): AsyncGenerator<SparseRow> {
  const { choice, crossover, hidden, layers, vocabulary, batch, window, workers, rounds, seconds } = options;
  const model = modelOf({ cell: 'relu', hidden, layers, vocabulary, embedding: 0 });
  const sparse = {
    never: undefined,
    auto: { mode: 'auto', ...crossover },
    always: { mode: 'always', product: 1, gradient: 1 },
  } as const;
  const shape = { model, batch, window, workers, kernels: choice.name, rate: 0 };
  const benches = MODES.map((mode) => new TrainingBench({ ...shape, sparse: sparse[mode] }));
  const products = new Products(choice, hidden);
  try {
    for (const asked of options.densities) {
      const reached: number[] = [];
      for (const bench of benches) reached.push(await bench.setDensity(asked));
      const measures = benches.map((bench) => () => bench.stepsPerSecond(seconds));
      await takeTurns(measures, 1); // warms up
      const rates = await takeTurns(measures, rounds);
      const tokens = rates.map((values) => spread(values.map((rate) => rate * batch * window)));
      yield {
        ...{ asked, density: reached[0], ...products.at(asked, rounds, seconds / MODES.length) },
        tokensPerSecond: { never: tokens[0], auto: tokens[1], always: tokens[2] },
        ...{ auto: ratios(rates[1], rates[0]), always: ratios(rates[2], rates[0]) },
      };
    }
  } finally {
    for (const bench of benches) await bench.close();
  }
}

/** The two products by themselves, on this thread. */
class Products {
  readonly #arena: Arena;
  readonly #a: number;
  readonly #floats: number;
  readonly #list: () => void;
  readonly #product: readonly [dense: () => void, sparse: () => void];
  readonly #gradient: readonly [dense: () => void, sparse: () => void];

  constructor({ name }: KernelChoice, hidden: number) {
    const depth = Math.ceil(hidden / PANEL) * PANEL;
    const ld = leadingDimension(depth);
    const rows = GRADIENT_BLOCKS * LIST_ROWS;
    const width = GRADIENT_PANELS * PANEL;
    const numbers = depth * (depth + width) + 4 * rows * ld + 2 * rows * depth + GRADIENT_SCRATCH;
    const memory = allocate(name, reservedBytes(name) + 4 * numbers + (1 << 20), createSharedBuffer);
    this.#arena = new Arena(memory.buffer, 4);
    const kernels = createKernels(name, memory, 0);
    const place = new Place(kernels, this.#arena, reservedBytes(name));
    this.#floats = rows * ld;
    this.#a = place.floats(this.#floats);
    const lists = { active: place.ints(rows * ld), ldActive: ld, counts: place.ints(rows) };
    const grouped = { ...lists, activeGroup: 0, countGroup: rows };
    const rowLists = {
      indices: place.ints(rows * depth),
      values: place.floats(rows * depth),
      starts: place.ints(GRADIENT_BLOCKS * (depth + 1)),
    };
    const matrix = { a: this.#a, lda: ld, rows };
    const units = place.add(ActiveUnits, { ...matrix, aGroup: 0, columns: depth, ...grouped });
    const byUnit = place.add(ActiveRows, { ...matrix, columns: depth, ...lists, ...rowLists });
    const product = place.add(Product, {
      ...{ a: this.#a, lda: ld, aGroup: 0, panels: place.floats(depth * depth), depth },
      ...{ panelStride: depth * PANEL, panelCount: depth / PANEL, c: place.floats(PRODUCT_ROWS * ld), ldc: ld },
      ...{ cGroup: 0, rows: PRODUCT_ROWS, init: Init.zero, bias: 0, bias2: 0, ...NO_LISTS, ...grouped },
    });
    const gradient = place.add(Gradient, {
      ...{ x: this.#a, ldx: ld, d: place.floats(rows * ld), ldd: ld, rows, depth, dw: place.floats(depth * width) },
      ...{ scratch: place.floats(GRADIENT_SCRATCH), sums: 0, sums2: 0, ...rowLists, firstRow: 0 },
    });
    this.#list = () => {
      kernels.activeUnits(units, 0, 1);
      kernels.activeRows(byUnit, 0, GRADIENT_BLOCKS);
    };
    this.#product = [() => kernels.product(product, 0, 1), () => kernels.sparseProduct(product, 0, 1)];
    const panels = Math.min(GRADIENT_PANELS, depth / PANEL);
    this.#gradient = [() => kernels.gradient(gradient, 0, panels), () => kernels.sparseGradient(gradient, 0, panels)];
  }

  /** Sparse over dense at a density. */
  at(density: number, rounds: number, seconds: number): { product: Spread; gradient: Spread } {
    const random = new Counter(0, 'density');
    const values = this.#arena.floatsAt(this.#a, this.#floats);
    for (let i = 0; i < values.length; i++) values[i] = random.uniform() < density ? 0.5 : 0;
    this.#list();
    const faster = (both: readonly [() => void, () => void]): Spread => {
      const round = () =>
        bestSlices(
          both.map((call) => (slice: number) => callsPerSecond(call, slice)),
          seconds,
        );
      round(); // warms up
      const rates = Array.from({ length: rounds }, round);
      return ratios(
        rates.map(([, sparse]) => sparse),
        rates.map(([dense]) => dense),
      );
    };
    return { product: faster(this.#product), gradient: faster(this.#gradient) };
  }
}
