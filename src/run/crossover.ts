// From which density on leaving out zeros is slower than not to: measured on this machine, and kept for its next runs.
import { mkdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../checkpoint/atomic.js';
import { cacheFolder } from '../data/dataset.js';
import { allocate, createKernels, type KernelChoice, reservedBytes } from '../kernels/choose.js';
import {
  ActiveRows,
  ActiveUnits,
  GRADIENT_SCRATCH,
  Gradient,
  Init,
  type Kernels,
  LIST_ROWS,
  NO_LISTS,
  PANEL,
  Product,
} from '../kernels/kernels.js';
import { Arena, Descriptors } from '../memory/arena.js';
import { PlanBuilder } from '../memory/plan.js';
import { createSharedBuffer } from '../memory/shared-array-buffer.js';
import { Counter } from '../model/counter.js';
import type { Crossover } from '../model/sparsity.js';
import { packageVersion } from './run-folder.js';

/** Units and outputs of the products that are timed: weights of 1 MB. */
const WIDTH = 512;
const ROWS = 32;
/** What a sparse kernel shall gain at least: less would not pay for the lists. */
const LEAST_GAIN = 1.02;
/** The density is halved in on so often: to a sixty-fourth. */
const HALVINGS = 6;
const SLICE_MS = 1;
const SLICES = 3;

/** In plain loops each term that is left out is time saved. */
const REFERENCE: Crossover = { product: 1, gradient: 1 };

/** What the cache holds of this machine, or a measurement of a tenth of a second that is written there. */
export function crossoverOf(choice: KernelChoice): Crossover {
  if (choice.name === 'reference') return REFERENCE;
  const path = join(cacheFolder(), 'crossover.json');
  const key = [cpus()[0]?.model.trim(), choice.name, choice.instructionSet, packageVersion()]
    .filter(Boolean)
    .join(', ');
  const kept = read(path);
  const known = kept[key];
  if (isCrossover(known)) return known;
  const measured = measureCrossover(choice);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileAtomic(path, `${JSON.stringify({ ...kept, [key]: measured }, undefined, 2)}\n`);
  } catch {
    // Then the next run measures again.
  }
  return measured;
}

function read(path: string): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof kept === 'object' && kept !== null ? { ...kept } : {};
  } catch {
    return {};
  }
}

function isCrossover(value: unknown): value is Crossover {
  if (typeof value !== 'object' || value === null) return false;
  const { product, gradient } = value as Partial<Crossover>;
  return [product, gradient].every((density) => typeof density === 'number' && density >= 0 && density <= 1);
}

export function measureCrossover(choice: KernelChoice): Crossover {
  const bed = new TestBed(choice);
  const faster = (dense: () => void, sparse: () => void) => (density: number) => {
    bed.fill(density);
    const [slow, quick] = bestTimes([dense, sparse]);
    return slow >= LEAST_GAIN * quick;
  };
  return {
    product: largest(faster(bed.product, bed.sparseProduct)),
    gradient: largest(faster(bed.gradient, bed.sparseGradient)),
  };
}

/** The largest density, to a sixty-fourth, at which it is so: up to there it always is. */
function largest(isSo: (density: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (isSo(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The shortest time of each, in turn: what else runs on the machine only makes them longer. */
function bestTimes(calls: readonly (() => void)[]): readonly number[] {
  const best = calls.map(() => Number.POSITIVE_INFINITY);
  for (let slice = 0; slice < SLICES; slice++) {
    for (const [i, call] of calls.entries()) {
      const end = performance.now() + SLICE_MS;
      for (let start = performance.now(); start < end; start = performance.now()) {
        call();
        best[i] = Math.min(best[i], performance.now() - start);
      }
    }
  }
  return best;
}

/** A product and a weight gradient with a left factor of any density, in an arena of their own. */
class TestBed {
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #random = new Counter(0, 'crossover');
  readonly #product: number;
  readonly #gradient: number;
  readonly #listUnits: number;
  readonly #listRows: number;
  readonly #a: number;

  constructor({ name }: KernelChoice) {
    const plan = new PlanBuilder(4, reservedBytes(name));
    const rows = LIST_ROWS;
    const floats = (count: number): number => plan.floats('control', count);
    const ints = (count: number): number => plan.ints('control', count);
    const a = floats(rows * WIDTH);
    const d = floats(rows * WIDTH);
    const c = floats(ROWS * WIDTH);
    const weights = floats(WIDTH * WIDTH);
    const dw = floats(WIDTH * WIDTH);
    const scratch = floats(GRADIENT_SCRATCH);
    const [active, counts] = [ints(rows * WIDTH), ints(rows)];
    const lists = { indices: ints(rows * WIDTH), values: floats(rows * WIDTH), starts: ints(WIDTH + 1) };
    const numbers = 128;
    const stretch = plan.doubles('control', numbers);
    const memory = allocate(name, plan.bytes, createSharedBuffer);
    this.#arena = new Arena(memory.buffer, 4);
    this.#kernels = createKernels(name, memory, 0);
    this.#a = a;
    const descriptors = new Descriptors(this.#arena, stretch, numbers);
    const left = { a, lda: WIDTH, aGroup: 0 };
    const rowLists = { active, ldActive: WIDTH, activeGroup: 0, counts, countGroup: 0 };
    this.#listUnits = descriptors.add(ActiveUnits, { ...left, rows, columns: WIDTH, ...rowLists });
    const { aGroup: _, ...matrix } = left;
    this.#listRows = descriptors.add(ActiveRows, {
      ...{ ...matrix, rows, columns: WIDTH, active, ldActive: WIDTH, counts },
      ...lists,
    });
    this.#product = descriptors.add(Product, {
      ...{ ...left, panels: weights, depth: WIDTH, panelStride: WIDTH * PANEL, panelCount: WIDTH / PANEL },
      ...{ c, ldc: WIDTH, cGroup: 0, rows: ROWS, init: Init.zero, bias: 0, bias2: 0, ...NO_LISTS, ...rowLists },
    });
    this.#gradient = descriptors.add(Gradient, {
      ...{ x: a, ldx: WIDTH, d, ldd: WIDTH, rows, depth: WIDTH, dw, scratch, sums: 0, sums2: 0 },
      ...{ ...lists, firstRow: 0 },
    });
    this.#arena.floatsAt(weights, WIDTH * WIDTH).fill(0.5);
    this.#arena.floatsAt(d, rows * WIDTH).fill(0.5);
  }

  /** Gives the left factor a density, and lists what is active. */
  fill(density: number): void {
    const values = this.#arena.floatsAt(this.#a, LIST_ROWS * WIDTH);
    for (let i = 0; i < values.length; i++) values[i] = this.#random.uniform() < density ? 0.5 : 0;
    this.#kernels.activeUnits(this.#listUnits, 0, 1);
    this.#kernels.activeRows(this.#listRows, 0, 1);
  }

  readonly product = (): void => this.#kernels.product(this.#product, 0, 1);
  readonly sparseProduct = (): void => this.#kernels.sparseProduct(this.#product, 0, 1);
  readonly gradient = (): void => this.#kernels.gradient(this.#gradient, 0, WIDTH / PANEL);
  readonly sparseGradient = (): void => this.#kernels.sparseGradient(this.#gradient, 0, WIDTH / PANEL);
}
