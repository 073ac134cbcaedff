// Calls of the kernels as a training makes them, each with what it computes or moves: what the table of kernels times.
import {
  Activation,
  Cell,
  ColumnSums,
  Dropout,
  Elementwise,
  Gather,
  GRADIENT_SCRATCH,
  Gradient,
  Init,
  type Kernels,
  NO_LISTS,
  NO_ROW_LISTS,
  Optimizer,
  OutputLoss,
  PANEL,
  Product,
  padded,
  Scatter,
  Softmax,
  SquareNorm,
  Update,
} from '../src/kernels/kernels.js';
import { type Arena, Descriptors } from '../src/memory/arena.js';
import { PlanBuilder } from '../src/memory/plan.js';
import { leadingDimension } from '../src/model/views.js';
import { STATES } from '../src/train/layout.js';

/** What one call does: multiply-adds of a product, or elements of something point-wise with the bytes that it reads and writes. */
export type Work = { readonly multiplyAdds: number } | { readonly elements: number; readonly bytes: number };

export interface KernelCase {
  readonly kernel: string;
  readonly shape: string;
  /** Lays out its operands; what was laid out before is forgotten. */
  prepare(place: Place): { readonly work: Work; readonly call: () => void };
}

/** Enough for any case. */
export const ARENA_BYTES = 96 << 20;
const DESCRIPTOR_NUMBERS = 64;

/** Where a case's operands lie. */
export class Place {
  readonly #plan: PlanBuilder;
  readonly #descriptors: Descriptors;

  constructor(
    readonly kernels: Kernels,
    readonly arena: Arena,
    startBytes: number,
  ) {
    this.#plan = new PlanBuilder(4, startBytes);
    this.#descriptors = new Descriptors(arena, this.#plan.doubles('control', DESCRIPTOR_NUMBERS), DESCRIPTOR_NUMBERS);
  }

  /** Numbers around zero: subnormal ones would be another bench. */
  floats(count: number): number {
    const offset = this.#plan.floats('activations', count);
    const view = this.arena.floatsAt(offset, count);
    for (let i = 0; i < count; i++) view[i] = ((i * 7919) % 1009) / 1009 - 0.5;
    return offset;
  }

  tokens(count: number, vocabulary: number): number {
    const offset = this.#plan.ints('batches', count);
    this.arena.intsAt(offset, count).forEach((_, i, all) => {
      all[i] = (i * 7919) % vocabulary;
    });
    return offset;
  }

  add: Descriptors['add'] = (layout, values) => this.#descriptors.add(layout, values);
}

const SIZES = [256, 512, 1024];
const ROWS = [32, 48, 64];
const GRADIENT_ROWS = [1024, 2048];
/** As in train/tiles.ts: floats of a gradient's tile. */
const GRADIENT_TILE = 128 * 1024;

function product(kernel: string, rows: number, depth: number, columns: number): KernelCase {
  return {
    kernel,
    shape: `M ${rows}, K ${depth}, N ${columns}`,
    prepare(place) {
      const [lda, ldc] = [leadingDimension(depth), leadingDimension(columns)];
      const call = place.add(Product, {
        ...{ a: place.floats(rows * lda), lda, aGroup: 0, panels: place.floats(depth * columns), depth },
        ...{ panelStride: depth * PANEL, panelCount: columns / PANEL, c: place.floats(rows * ldc), ldc, cGroup: 0 },
        ...{ rows, init: Init.accumulate, bias: 0, bias2: 0, ...NO_LISTS },
      });
      return { work: { multiplyAdds: rows * depth * columns }, call: () => place.kernels.product(call, 0, 1) };
    },
  };
}

function gradient(rows: number, depth: number): KernelCase {
  const panels = Math.min(depth / PANEL, GRADIENT_TILE / (depth * PANEL));
  return {
    kernel: 'weight gradient',
    shape: `T*B ${rows}, K ${depth}, ${panels * PANEL} of N`,
    prepare(place) {
      const ld = leadingDimension(depth);
      const call = place.add(Gradient, {
        ...{ x: place.floats(rows * ld), ldx: ld, d: place.floats(rows * ld), ldd: ld, rows, depth },
        ...{ dw: place.floats(depth * panels * PANEL), scratch: place.floats(GRADIENT_SCRATCH) },
        ...{ sums: place.floats(panels * PANEL), sums2: 0, ...NO_ROW_LISTS },
      });
      return {
        work: { multiplyAdds: rows * depth * panels * PANEL },
        call: () => place.kernels.gradient(call, 0, panels),
      };
    },
  };
}

type CellKernel = 'rnnForward' | 'rnnBackward' | 'lstmForward' | 'lstmBackward' | 'gruForward' | 'gruBackward';
/** Floats that a cell reads and writes for a unit: gates, states, deltas. */
const CELL_FLOATS: Readonly<Record<CellKernel, number>> = {
  rnnForward: 2,
  rnnBackward: 3,
  lstmForward: 12,
  lstmBackward: 13,
  gruForward: 11,
  gruBackward: 14,
};

function cell(kernel: CellKernel, hidden: number, rows: number): KernelCase {
  const gates = kernel.startsWith('lstm') ? 4 : kernel.startsWith('gru') ? 3 : 1;
  return {
    kernel,
    shape: `B ${rows}, H ${hidden}`,
    prepare(place) {
      const [ldz, ldh] = [leadingDimension(gates * hidden), leadingDimension(hidden)];
      const states = (): number => place.floats(3 * rows * ldh);
      const call = place.add(Cell, {
        ...{
          z: place.floats(2 * rows * ldz),
          r: place.floats(2 * rows * ldz),
          ldz,
          zGroup: rows * ldz,
          ldh,
          hGroup: rows * ldh,
        },
        ...{ h: states(), c: states(), tanhC: states(), dh: states(), dc: states(), rows, units: hidden },
        ...{ firstBlock: 0, blocks: hidden / PANEL, activation: Activation.tanh, reversed: 0, penalty: 0 },
      });
      const elements = rows * hidden;
      return {
        work: { elements, bytes: elements * 4 * CELL_FLOATS[kernel] },
        call: () => place.kernels[kernel](call, 1),
      };
    },
  };
}

function softmax(rows: number, classes: number): KernelCase {
  return {
    kernel: 'softmax',
    shape: `B ${rows}, V ${classes}`,
    prepare(place) {
      const ldl = leadingDimension(padded(classes));
      const call = place.add(Softmax, {
        ...{
          logits: place.floats(rows * ldl),
          ldl,
          logitGroup: 0,
          classes,
          targets: place.tokens(rows, classes),
          targetGroup: 0,
        },
        ...{ rows, losses: place.floats(rows), hits: place.floats(rows), scale: 1 / rows, train: 1 },
        ...{ weights: 0, smoothing: 0 },
      });
      const elements = rows * classes;
      return { work: { elements, bytes: 8 * elements }, call: () => place.kernels.softmax(call, 0, 1) };
    },
  };
}

function outputLoss(kernel: 'sigmoidLoss' | 'squaredLoss', rows: number, outputs: number): KernelCase {
  return {
    kernel,
    shape: `B ${rows}, K ${outputs}`,
    prepare(place) {
      const [ldl, ldv] = [leadingDimension(padded(outputs)), padded(outputs)];
      const call = place.add(OutputLoss, {
        ...{ logits: place.floats(rows * ldl), ldl, logitGroup: 0, outputs },
        ...{ values: place.floats(rows * ldv), ldv, valueGroup: 0, targets: place.tokens(rows, 1), targetGroup: 0 },
        ...{ rows, losses: place.floats(rows), hits: place.floats(rows), scale: 1 / rows, train: 1, smoothing: 0 },
      });
      const elements = rows * outputs;
      // A logit is read and overwritten, what it should be is read.
      return { work: { elements, bytes: 12 * elements }, call: () => place.kernels[kernel](call, 0, 1) };
    },
  };
}

const VOCABULARY = 96;

/** Rows of a table of 96 tokens into z, and back: a stripe of columns as GRADIENT cuts it. */
function gather(rows: number, columns: number): KernelCase {
  return {
    kernel: 'gather',
    shape: `rows ${rows}, columns ${columns}`,
    prepare(place) {
      const ldo = leadingDimension(columns);
      const call = place.add(Gather, {
        ...{ table: place.floats(VOCABULARY * columns), ldt: columns, vocabulary: VOCABULARY, tokenGroup: 0 },
        ...{ tokens: place.tokens(rows, VOCABULARY), out: place.floats(rows * ldo), ldo, outGroup: 0, rows, columns },
        ...{ bias: 0, bias2: 0 },
      });
      const elements = rows * columns;
      return { work: { elements, bytes: 8 * elements }, call: () => place.kernels.gather(call, 0, 1) };
    },
  };
}

function scatter(rows: number, width: number, stripe: number): KernelCase {
  return {
    kernel: 'scatter',
    shape: `rows ${rows}, ${stripe} of ${width} columns`,
    prepare(place) {
      const ldd = leadingDimension(width);
      const call = place.add(Scatter, {
        ...{ d: place.floats(rows * ldd), ldd, tokens: place.tokens(rows, VOCABULARY), rows },
        ...{ table: place.floats(VOCABULARY * width), ldt: width, vocabulary: VOCABULARY },
      });
      const elements = rows * stripe;
      // A delta is read, its row of the table read and written.
      return { work: { elements, bytes: 12 * elements }, call: () => place.kernels.scatter(call, 0, stripe) };
    },
  };
}

function columnSums(rows: number, columns: number): KernelCase {
  return {
    kernel: 'columnSums',
    shape: `rows ${rows}, columns ${columns}`,
    prepare(place) {
      const ldd = leadingDimension(columns);
      const call = place.add(ColumnSums, {
        d: place.floats(rows * ldd),
        ldd,
        rows,
        out: place.floats(columns),
        out2: 0,
      });
      const elements = rows * columns;
      return { work: { elements, bytes: 4 * elements }, call: () => place.kernels.columnSums(call, 0, columns) };
    },
  };
}

function dropout(rows: number, columns: number): KernelCase {
  return {
    kernel: 'dropout',
    shape: `rows ${rows}, columns ${columns}`,
    prepare(place) {
      const ld = leadingDimension(columns);
      const call = place.add(Dropout, {
        ...{ in: place.floats(rows * ld), out: place.floats(rows * ld), ld, group: 0, rows, columns },
        ...{ threshold: 2 ** 31, scale: 2, key: 1, firstStream: 0 },
      });
      const elements = rows * columns;
      return { work: { elements, bytes: 8 * elements }, call: () => place.kernels.dropout(call, 0, 1) };
    },
  };
}

/** As in train/tiles.ts: floats of a piece. */
const PIECE = 4096;

function update(name: keyof typeof Optimizer, depth: number, columns: number): KernelCase {
  const states = Number(STATES[name].first) + Number(STATES[name].second);
  return {
    kernel: `update ${name}`,
    shape: `weights ${depth} x ${columns}`,
    prepare(place) {
      const elements = depth * columns;
      const call = place.add(Update, {
        ...{
          kind: Optimizer[name],
          w: place.floats(elements),
          g: place.floats(elements),
          undo: place.floats(3 * PIECE),
        },
        ...{ m: STATES[name].first ? place.floats(elements) : 0, v: STATES[name].second ? place.floats(elements) : 0 },
        ...{
          transposed: place.floats(elements),
          depth,
          transposedDepth: columns,
          shared: 0,
          clipFactor: 1,
          clipValue: 0,
          l1: 0,
          l2: 0,
          proximal: 0,
        },
        ...{ rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: 1, correction2: 1 },
      });
      const pieces = (): void => {
        for (let from = 0; from < elements; from += PIECE) place.kernels.update(call, from, from + PIECE);
      };
      // Weight and states are read, written and copied for undo; the gradient is read, the transpose written.
      return { work: { elements, bytes: 4 * elements * (5 + 3 * states) }, call: pieces };
    },
  };
}

function squareNorm(elements: number): KernelCase {
  return {
    kernel: 'squareNorm',
    shape: `${elements} elements`,
    prepare(place) {
      const call = place.add(SquareNorm, { g: place.floats(elements) });
      return { work: { elements, bytes: 4 * elements }, call: () => place.kernels.squareNorm(call, 0, elements) };
    },
  };
}

function elementwise(name: 'exp' | 'tanh' | 'sigmoid', elements: number): KernelCase {
  return {
    kernel: name,
    shape: `${elements} elements`,
    prepare(place) {
      const call = place.add(Elementwise, {
        in: place.floats(elements),
        out: place.floats(elements),
        function: Activation[name],
      });
      return { work: { elements, bytes: 8 * elements }, call: () => place.kernels.map(call, 0, elements) };
    },
  };
}

const pairs = <A, B>(as: readonly A[], bs: readonly B[]): [A, B][] => as.flatMap((a) => bs.map((b): [A, B] => [a, b]));

const OPTIMIZERS = Object.keys(Optimizer) as (keyof typeof Optimizer)[];

/** The table's rows. Backward is an LSTM's: four gates' deltas to one layer's units. */
export const KERNEL_CASES: readonly KernelCase[] = [
  ...pairs(SIZES, ROWS).map(([size, rows]) => product('forward product', rows, size, size)),
  ...pairs(SIZES, ROWS).map(([size, rows]) => product('backward product', rows, 4 * size, size)),
  ...pairs(SIZES, GRADIENT_ROWS).map(([size, rows]) => gradient(rows, size)),
  ...(Object.keys(CELL_FLOATS) as CellKernel[]).map((kernel) => cell(kernel, 256, 32)),
  ...[softmax(32, 96), softmax(32, 10_000)],
  ...[outputLoss('sigmoidLoss', 2048, 1), outputLoss('sigmoidLoss', 32, 1000)],
  ...[outputLoss('squaredLoss', 2048, 1), outputLoss('squaredLoss', 32, 1000)],
  ...[gather(64, 1024), scatter(2048, 1024, 128), columnSums(2048, 1024), dropout(64, 256)],
  ...OPTIMIZERS.map((name) => update(name, 512, 2048)),
  squareNorm(4 * PIECE),
  ...(['exp', 'tanh', 'sigmoid'] as const).map((name) => elementwise(name, PIECE)),
];
