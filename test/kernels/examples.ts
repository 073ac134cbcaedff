// A small valid call of each kernel, for the tests that then make it invalid.
import {
  ActiveRows,
  ActiveUnits,
  Add,
  CatchUp,
  Cell,
  ColumnSums,
  Deal,
  Dropout,
  Elementwise,
  Gather,
  Gradient,
  Init,
  type Kernels,
  LayerNorm,
  Lookup,
  MultiplyAdd,
  Optimizer,
  OutputLoss,
  PANEL,
  type PeakKernels,
  Product,
  RowGradient,
  RowUpdate,
  Scatter,
  Softmax,
  SquareNorm,
  Triad,
  Update,
  Winners,
} from '../../src/kernels/kernels.js';

export type Method = Exclude<keyof (Kernels & PeakKernels), 'name' | 'floatBytes'>;
type Layout = { readonly size: number } & { readonly [name: string]: number };

/** `offsets` and `sizes` are the fields whose values must lie in the arena. */
export interface Example {
  readonly layout: Layout;
  readonly offsets: readonly string[];
  readonly sizes: readonly string[];
  readonly fields: Readonly<Record<string, number>>;
  readonly range: readonly [number, number];
}

const cell = {
  ldz: 4 * PANEL,
  zGroup: 12 * PANEL,
  ldh: PANEL,
  hGroup: 3 * PANEL,
  units: PANEL,
  blocks: 1,
  rows: 3,
  activation: 1,
  reversed: 0,
};

const cellExample = (offsets: readonly string[]): Example => ({
  layout: Cell,
  offsets,
  sizes: ['rows', 'ldz', 'ldh', 'zGroup', 'hGroup', 'firstBlock', 'blocks'],
  fields: cell,
  range: [1, 0],
});

const lossExample: Example = {
  layout: OutputLoss,
  offsets: ['logits', 'values', 'targets', 'losses', 'hits'],
  sizes: ['ldl', 'logitGroup', 'outputs', 'ldv', 'valueGroup', 'targetGroup', 'rows'],
  fields: {
    ...{ ldl: PANEL, logitGroup: PANEL, outputs: 9, ldv: PANEL, valueGroup: PANEL, targetGroup: 3, rows: 3 },
    ...{ scale: 1, train: 1, smoothing: 0.1 },
  },
  range: [0, 2],
};

const normExample = (offsets: readonly string[]): Example => ({
  layout: LayerNorm,
  offsets: [...offsets, 'normal', 'inverse', 'gain', 'bias'],
  sizes: ['inverseGroup', 'ld', 'group', 'rows', 'units', 'parts'],
  fields: { inverseGroup: 3, ld: 2 * PANEL, group: 6 * PANEL, rows: 3, units: PANEL - 1, parts: 2, epsilon: 1e-5 },
  range: [0, 2],
});

export const EXAMPLES: Readonly<Record<Method, Example>> = {
  product: {
    layout: Product,
    offsets: ['a', 'panels', 'c', 'bias', 'bias2'],
    sizes: ['lda', 'aGroup', 'depth', 'panelStride', 'panelCount', 'ldc', 'cGroup', 'rows'],
    fields: {
      ...{ lda: PANEL, aGroup: PANEL, depth: PANEL, panelStride: PANEL, panelCount: 2, ldc: 2 * PANEL, cGroup: PANEL },
      ...{ rows: 3, init: Init.bias },
    },
    range: [0, 2],
  },
  gradient: {
    layout: Gradient,
    offsets: ['x', 'd', 'dw', 'sums', 'sums2'],
    sizes: ['ldx', 'ldd', 'rows', 'depth'],
    fields: { ldx: PANEL, ldd: PANEL, rows: 3, depth: PANEL },
    range: [0, 1],
  },
  activeUnits: {
    layout: ActiveUnits,
    offsets: ['a', 'active', 'counts'],
    sizes: ['lda', 'aGroup', 'rows', 'columns', 'ldActive', 'activeGroup', 'countGroup'],
    fields: {
      ...{ lda: PANEL, aGroup: 3 * PANEL, rows: 3, columns: PANEL },
      ...{ ldActive: PANEL, activeGroup: 3 * PANEL, countGroup: 3 },
    },
    range: [0, 2],
  },
  winners: {
    layout: Winners,
    offsets: ['a'],
    sizes: ['lda', 'aGroup', 'rows', 'columns'],
    fields: { lda: PANEL, aGroup: 3 * PANEL, rows: 3, columns: PANEL, keep: 2 },
    range: [0, 2],
  },
  activeRows: {
    layout: ActiveRows,
    offsets: ['a', 'active', 'counts', 'indices', 'values', 'starts'],
    sizes: ['lda', 'rows', 'columns', 'ldActive'],
    fields: { lda: PANEL, rows: 3, columns: PANEL, ldActive: PANEL },
    range: [0, 1],
  },
  sparseProduct: {
    layout: Product,
    offsets: ['a', 'panels', 'c', 'bias', 'bias2', 'active', 'counts'],
    sizes: [
      ...['lda', 'aGroup', 'depth', 'panelStride', 'panelCount', 'ldc', 'cGroup', 'rows'],
      ...['ldActive', 'activeGroup', 'countGroup'],
    ],
    fields: {
      ...{ lda: PANEL, aGroup: PANEL, depth: PANEL, panelStride: PANEL, panelCount: 2, ldc: 2 * PANEL, cGroup: PANEL },
      ...{ rows: 3, init: Init.bias, ldActive: PANEL, activeGroup: PANEL, countGroup: 3 },
    },
    range: [0, 2],
  },
  sparseGradient: {
    layout: Gradient,
    offsets: ['x', 'd', 'dw', 'sums', 'sums2', 'indices', 'values', 'starts'],
    sizes: ['ldx', 'ldd', 'rows', 'depth', 'firstRow'],
    fields: { ldx: PANEL, ldd: PANEL, rows: 3, depth: PANEL, firstRow: 2 },
    range: [0, 1],
  },
  gather: {
    layout: Gather,
    offsets: ['table', 'tokens', 'out', 'bias', 'bias2'],
    sizes: ['ldt', 'vocabulary', 'tokenGroup', 'ldo', 'outGroup', 'rows', 'columns'],
    fields: { rows: 3, columns: PANEL, vocabulary: 4, ldt: PANEL, ldo: PANEL, tokenGroup: 3, outGroup: 3 * PANEL },
    range: [0, 2],
  },
  scatter: {
    layout: Scatter,
    offsets: ['d', 'tokens', 'table'],
    sizes: ['ldd', 'rows', 'ldt', 'vocabulary'],
    fields: { rows: 3, vocabulary: 4, ldd: PANEL, ldt: PANEL },
    range: [0, PANEL],
  },
  deal: {
    layout: Deal,
    offsets: ['features', 'values', 'dealtFeatures', 'dealtRows', 'dealtValues', 'bins'],
    sizes: ['rows', 'pieces', 'pieceRows'],
    fields: { rows: 3, chunkRows: 2 ** 40, vocabulary: 4, pieces: 2, pieceRows: 1 },
    range: [0, 1],
  },
  lookup: {
    layout: Lookup,
    offsets: ['table', 'm', 'features', 'out', 'bias', 'bias2', 'touchedAt', 'maps'],
    sizes: ['ldt', 'vocabulary', 'rowGroup', 'ldo', 'outGroup', 'rows', 'columns', 'period'],
    fields: {
      ...{ ldt: PANEL, vocabulary: 4, rowGroup: 3, ldo: PANEL, outGroup: 3 * PANEL, rows: 3, columns: PANEL },
      ...{ catchUp: CatchUp.momentum, period: 5 },
    },
    range: [0, 2],
  },
  rowGradient: {
    layout: RowGradient,
    offsets: ['d', 'bins', 'bases', 'norms', 'slots', 'hash'],
    sizes: ['ldd', 'rows', 'columns', 'vocabulary', 'chunks', 'pieces', 'hashSize'],
    fields: { ldd: PANEL, rows: 3, columns: PANEL, vocabulary: 4, chunks: 1, pieces: 2, hashSize: 8 },
    range: [0, 2],
  },
  rowUpdate: {
    layout: RowUpdate,
    offsets: ['w', 'm', 'v', 'g', 'slots', 'undo', 'scratch', 'touchedAt', 'maps'],
    sizes: ['columns', 'vocabulary', 'places', 'period'],
    fields: {
      ...{ kind: Optimizer.adam, columns: PANEL, vocabulary: 4, places: 3, all: 1 },
      ...{ catchUp: CatchUp.shrink, period: 5, correction1: 1, correction2: 1 },
    },
    range: [0, 4],
  },
  columnSums: {
    layout: ColumnSums,
    offsets: ['d', 'out', 'out2'],
    sizes: ['ldd', 'rows'],
    fields: { ldd: PANEL, rows: 3 },
    range: [0, PANEL],
  },
  rnnForward: cellExample(['z', 'h']),
  rnnBackward: cellExample(['z', 'h', 'dh']),
  lstmForward: cellExample(['z', 'h', 'c', 'tanhC']),
  lstmBackward: cellExample(['z', 'c', 'tanhC', 'dh', 'dc']),
  gruForward: cellExample(['z', 'r', 'h']),
  gruBackward: cellExample(['z', 'r', 'h', 'dh']),
  softmax: {
    layout: Softmax,
    offsets: ['logits', 'targets', 'losses', 'hits', 'weights'],
    sizes: ['ldl', 'logitGroup', 'classes', 'targetGroup', 'rows'],
    fields: { ldl: PANEL, logitGroup: PANEL, classes: 9, targetGroup: 3, rows: 3, scale: 1, train: 1, smoothing: 0.1 },
    range: [0, 2],
  },
  sigmoidLoss: lossExample,
  squaredLoss: lossExample,
  dropout: {
    layout: Dropout,
    offsets: ['in', 'out'],
    sizes: ['ld', 'group', 'rows', 'columns'],
    fields: { ld: PANEL, group: PANEL, rows: 3, columns: PANEL, threshold: 2 ** 31, scale: 2, key: 1 },
    range: [0, 2],
  },
  add: {
    layout: Add,
    offsets: ['a', 'b', 'out'],
    sizes: ['ld', 'group', 'rows', 'columns'],
    fields: { ld: PANEL, group: 3 * PANEL, rows: 3, columns: PANEL },
    range: [0, 2],
  },
  normForward: normExample(['in', 'out']),
  normBackward: normExample(['dOut', 'dIn']),
  update: {
    layout: Update,
    offsets: ['w', 'g', 'm', 'v', 'undo', 'transposed'],
    sizes: ['depth', 'transposedDepth'],
    fields: { kind: Optimizer.adam, depth: PANEL, transposedDepth: PANEL, correction1: 1, correction2: 1 },
    range: [0, PANEL * PANEL],
  },
  squareNorm: { layout: SquareNorm, offsets: ['g'], sizes: [], fields: {}, range: [0, PANEL] },
  map: { layout: Elementwise, offsets: ['in', 'out'], sizes: [], fields: {}, range: [0, PANEL] },
  multiplyAdd: { layout: MultiplyAdd, offsets: ['values'], sizes: [], fields: { factor: 1 }, range: [0, 3] },
  triad: { layout: Triad, offsets: ['a', 'b', 'c'], sizes: [], fields: { scale: 1 }, range: [0, PANEL] },
};

/** Fields of int32 arrays. */
export const WHOLE = [
  ...['tokens', 'targets', 'active', 'counts', 'indices', 'starts', 'features', 'dealtFeatures', 'dealtRows', 'bins'],
  ...['bases', 'slots', 'touched', 'touchedAt', 'hash'],
];
