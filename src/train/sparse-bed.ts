// A product and a weight gradient by themselves, with a left factor of any density, in an arena of their own: what is timed to find
// from which density on leaving out zeros is slower than not to, and to show what it brings.
import { allocate, createKernels, type KernelName, reservedBytes } from '../kernels/choose.js';
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
  padded,
} from '../kernels/kernels.js';
import { Arena, Descriptors } from '../memory/arena.js';
import { PlanBuilder } from '../memory/plan.js';
import { createSharedBuffer } from '../memory/shared-array-buffer.js';
import { Counter } from '../model/counter.js';
import { leadingDimension } from '../model/views.js';

/** The same work with and without the terms that are zero. */
export interface Both {
  readonly dense: () => void;
  readonly sparse: () => void;
}

export interface BedShape {
  /** Units that are read, and outputs of the product. */
  readonly units: number;
  /** Rows of the gradient's factors, in blocks of LIST_ROWS. */
  readonly blocks: number;
  /** Panels of the gradient, at most as many as there are outputs. */
  readonly panels: number;
}

/** Rows of the product: a worker's streams in a time step. */
const PRODUCT_ROWS = 32;
/** What nothing depends on, as long as it is no subnormal number. */
const VALUE = 0.5;
const DESCRIPTOR_NUMBERS = Product.size + Gradient.size + ActiveUnits.size + ActiveRows.size;

export class SparseBed {
  readonly product: Both;
  readonly gradient: Both;
  readonly #factor: Float32Array | Float64Array;
  readonly #list: () => void;

  constructor(name: KernelName, shape: BedShape) {
    const plan = new PlanBuilder(4, reservedBytes(name));
    const floats = (count: number): number => plan.floats('activations', count);
    const ints = (count: number): number => plan.ints('activations', count);
    const depth = padded(shape.units);
    const ld = leadingDimension(depth);
    const rows = shape.blocks * LIST_ROWS;
    const panels = Math.min(shape.panels, depth / PANEL);
    const [a, d, weights] = [floats(rows * ld), floats(rows * ld), floats(depth * depth)];
    const lists = { active: ints(rows * ld), ldActive: ld, counts: ints(rows) };
    const grouped = { ...lists, activeGroup: 0, countGroup: rows };
    const byUnit = {
      indices: ints(rows * depth),
      values: floats(rows * depth),
      starts: ints(shape.blocks * (depth + 1)),
    };
    const outputs = { c: floats(PRODUCT_ROWS * ld), dw: floats(depth * panels * PANEL) };
    const scratch = floats(GRADIENT_SCRATCH);
    const stretch = plan.doubles('control', DESCRIPTOR_NUMBERS);
    const memory = allocate(name, plan.bytes, createSharedBuffer);
    const arena = new Arena(memory.buffer, 4);
    const kernels = createKernels(name, memory, 0);
    arena.floatsAt(weights, depth * depth).fill(VALUE);
    arena.floatsAt(d, rows * ld).fill(VALUE);
    this.#factor = arena.floatsAt(a, rows * ld);

    const descriptors = new Descriptors(arena, stretch, DESCRIPTOR_NUMBERS);
    const matrix = { a, lda: ld, rows };
    const units = descriptors.add(ActiveUnits, { ...matrix, aGroup: 0, columns: depth, ...grouped });
    const unitRows = descriptors.add(ActiveRows, { ...matrix, columns: depth, ...lists, ...byUnit });
    const product = descriptors.add(Product, {
      ...{ a, lda: ld, aGroup: 0, panels: weights, depth, panelStride: depth * PANEL, panelCount: depth / PANEL },
      ...{ c: outputs.c, ldc: ld, cGroup: 0, rows: PRODUCT_ROWS, init: Init.zero, bias: 0, bias2: 0 },
      ...{ ...NO_LISTS, ...grouped },
    });
    const gradient = descriptors.add(Gradient, {
      ...{ x: a, ldx: ld, d, ldd: ld, rows, depth, dw: outputs.dw, scratch, sums: 0, sums2: 0 },
      ...{ ...byUnit, firstRow: 0 },
    });
    this.#list = () => {
      kernels.activeUnits(units, 0, 1);
      kernels.activeRows(unitRows, 0, shape.blocks);
    };
    this.product = {
      dense: () => kernels.product(product, 0, 1),
      sparse: () => kernels.sparseProduct(product, 0, 1),
    };
    this.gradient = {
      dense: () => kernels.gradient(gradient, 0, panels),
      sparse: () => kernels.sparseGradient(gradient, 0, panels),
    };
  }

  /** Gives the left factor a density, and lists what is active. */
  fill(density: number): void {
    const random = new Counter(0, 'density');
    for (let i = 0; i < this.#factor.length; i++) this.#factor[i] = random.uniform() < density ? VALUE : 0;
    this.#list();
  }
}
