// The interface of the numeric kernels: what may be computed on the arena, and how an argument list is laid out there.
// Three implementations (reference, wasm, native) stand behind it and are interchangeable on the same memory.
// A kernel is not: a graph, an allocator, a scheduler. It takes numbers, reads and writes the arena, and returns.
//
// Long argument lists are descriptors: blocks of float64 numbers in the arena, written once, passed by byte offset
// (25 to 45 ns a call, against 95 to 155 ns for twelve arguments to Node-API). Every offset in a descriptor is in bytes,
// every stride in elements. Floats are float32 (float64 in the reference kernels' other precision), indices are int32.
//
// Widths are padded to PANEL: a row of H floats takes padded(H), its tail is zero and stays zero.
// A matrix [K, N] stands in panels, [N / PANEL][K][PANEL], K padded as well: the order in which a product reads it.

/** Floats in a row of a panel: one AVX-512 vector, two of AVX2, four of WebAssembly; one cache line of float32. */
export const PANEL = 16;

/** `n` rounded up to whole panels. */
export const padded = (n: number): number => Math.ceil(n / PANEL) * PANEL;

/** The names of a descriptor's numbers, in their order. */
function layout<const Name extends string>(
  ...names: readonly Name[]
): { readonly [K in Name]: number } & { size: number } {
  const fields = Object.fromEntries(names.map((name, index) => [name, index]));
  return { ...fields, size: names.length } as { readonly [K in Name]: number } & { size: number };
}

/**
 * C[g] = init + A[g] W for the groups g of a call (a group is a time step): A[g] is [rows, depth], W [depth, 16 panelCount]
 * in panels, C[g] [rows, 16 panelCount]. An output element is one accumulator that takes its terms in the order of the
 * depth, whatever the tile; `+0` is added when it is stored, so that no -0 comes out.
 */
export const Product = layout(
  'a', // A of group 0
  'lda', // floats between rows of A
  'aGroup', // floats between groups of A
  'panels', // W, first panel to use
  'depth', // K; a multiple of PANEL is not required
  'panelStride', // floats between panels: 16 * rows of the stored matrix
  'panelCount',
  'c',
  'ldc',
  'cGroup',
  'rows',
  'init', // Init: what the accumulators start from
  'bias', // [16 panelCount], when init is Init.bias
  'bias2', // a second bias added to the first; 0 for none
  'active', // lists of A's rows as ActiveUnits writes them, of sparseProduct alone
  'ldActive', // int32s between rows
  'activeGroup', // int32s between groups
  'counts', // their lengths
  'countGroup',
);

/** The fields of a product whose left factor has no lists. */
export const NO_LISTS = { active: 0, ldActive: 0, activeGroup: 0, counts: 0, countGroup: 0 } as const;

/** For the groups [from, to) of A: which columns of each row are not zero, in ascending order. NaN is not zero. */
export const ActiveUnits = layout(
  'a',
  'lda',
  'aGroup',
  'rows',
  'columns', // a multiple of PANEL
  'active', // int32 [groups, rows, columns]: a row's list fills the beginning of its place; what is behind is undefined
  'ldActive',
  'activeGroup',
  'counts', // int32 [groups, rows]
  'countGroup',
);

/**
 * For the groups [from, to) of A, in place: the `keep` largest of a row's values above zero stay, all else becomes zero (k-winners-take-all,
 * Makhzani & Frey 2013). Of equal values those in lower columns stay. NaN stays, and is none of those that are kept.
 */
export const Winners = layout(
  'a',
  'lda',
  'aGroup',
  'rows',
  'columns', // a multiple of PANEL
  'keep', // K
);

/** Rows of a block of lists of rows. */
export const LIST_ROWS = 256;

/** The same lists by columns, for blocks [from, to) of LIST_ROWS rows: which rows of a block are not zero, in ascending order. */
export const ActiveRows = layout(
  'a',
  'lda',
  'rows', // of all blocks; the last block may be shorter
  'columns',
  'active', // lists of A's rows as ActiveUnits writes them
  'ldActive',
  'counts',
  'indices', // int32 [blocks, columns * LIST_ROWS]: rows, counted from the block's first one, list behind list
  'values', // [blocks, columns * LIST_ROWS]: what stands there
  'starts', // int32 [blocks, columns + 1]: where a column's list begins, and where the last one ends
);

/** What a product's accumulators start from. */
export const Init = { zero: 0, accumulate: 1, bias: 2 } as const;

/**
 * The weight gradient dW = X' D, X [rows, depth], D [rows, ...]: panels [from, to) of dW, each [depth][16]. On the way the sums
 * over the rows of D, which biases need, as in ColumnSums. One accumulator an element, rows in order.
 */
export const Gradient = layout(
  'x',
  'ldx',
  'd',
  'ldd',
  'rows', // T * B of the window
  'depth', // columns of X, rows of dW: a multiple of PANEL
  'dw', // panel 0 of dW
  'scratch', // GRADIENT_SCRATCH floats that no one else uses
  'sums', // [columns of D]; 0 for none
  'sums2', // a copy; 0 for none
  'indices', // lists of X's columns as ActiveRows writes them, of sparseGradient alone
  'values',
  'starts',
  'firstRow', // the row of the lists that is X's first one
);

/** The fields of a gradient whose left factor has no lists. */
export const NO_ROW_LISTS = { indices: 0, values: 0, starts: 0, firstRow: 0 } as const;

/** Floats of scratch space a worker needs for `gradient`: 256 rows of eight panels of D, copied close together. */
export const GRADIENT_SCRATCH = 256 * 8 * PANEL;

/** out[g][r] = table[token] + bias + bias2: rows of a lookup table, for groups [from, to). */
export const Gather = layout(
  'table', // [vocabulary, ldt]
  'ldt',
  'vocabulary',
  'tokens', // int32, group 0
  'tokenGroup', // int32s between groups
  'out',
  'ldo',
  'outGroup',
  'rows',
  'columns', // a multiple of PANEL
  'bias', // [columns]; 0 for none
  'bias2', // [columns]; 0 for none
);

/** table[token[r]] += D[r] for all rows in order, after zeroing, for columns [from, to) (multiples of PANEL) of the table. */
export const Scatter = layout('d', 'ldd', 'tokens', 'rows', 'table', 'ldt', 'vocabulary');

/** What an optimizer's step is made of besides the numbers that it works on. */
const RULE = [
  'clipFactor', // multiplies the gradient
  'clipValue', // bounds the gradient's elements; 0 for no bound
  'l1', // after the step, parameters come nearer to zero by rate * l1, and stop there
  'l2', // added to the gradient after clipping; decoupled for AdamW
  'proximal', // 1: l2 divides by 1 + rate * l2 after all else instead (FoBoS)
  'rate',
  'beta1', // momentum, Adam's beta1
  'beta2', // Adam's beta2, RMSprop's alpha
  'epsilon',
  'correction1', // 1 - beta1^n
  'correction2', // sqrt(1 - beta2^n)
] as const;

/** Pieces of a table that is updated by rows, at most: row f is in piece floor(f / R) mod P; P and R are powers of two. */
export const MOST_PIECES = 64;
/** Rows that share a cache line belong together, R at most. */
export const MOST_PIECE_ROWS = 128;

/**
 * Sorts the entries of chunks [from, to) of some rows by the piece of the table that they read: what a piece's gradient needs
 * stands together then, in the order of the rows.
 */
export const Deal = layout(
  'starts', // int32 [rows + 1]: where a row's entries begin; 0: each row has one, whose number is the row's
  'features', // int32 [entries]: which row of the table is read
  'values', // [entries]: what it is multiplied with; 0: nothing
  'rows',
  'chunkRows', // rows of a chunk; the last one may be shorter
  'vocabulary', // rows of the table
  'pieces', // P
  'pieceRows', // R
  'dealtFeatures', // int32 [entries]: the chunk's entries, piece by piece
  'dealtRows', // int32 [entries]
  'dealtValues', // [entries]; 0 where there are no values
  'bins', // int32 [chunks, P + 1]: where the entries of a piece begin, and where those of the last one end
);

/** How a row of a table that steps left out has changed meanwhile: |w| -> max(0, (1 - d) |w| - b), or w -> w - b m and m -> (1 - d) m. */
export const CatchUp = { none: 0, shrink: 1, momentum: 2 } as const;

const CATCH_UP = [
  'catchUp', // CatchUp
  'touchedAt', // int32 [vocabulary]: updates of the present period after which a row was last up to date
  'maps', // float64 [period, 2]: d and b from there until now
  'period',
] as const;

/** out[g][r] = bias + bias2 + sum of values * rows of a table that the entries of the row name, in their order; groups [from, to). */
export const Lookup = layout(
  'table', // [vocabulary, ldt], from the first column that is computed on
  'ldt',
  'vocabulary',
  'm', // first state of the optimizer, as the table; of CatchUp.momentum alone
  'starts', // as in Deal, as are the next two; from row 0 of group 0 on
  'features',
  'values',
  'rowGroup', // rows between groups
  'out',
  'ldo',
  'outGroup',
  'rows',
  'columns',
  'bias', // [columns]; 0 for none
  'bias2',
  ...CATCH_UP,
);

/**
 * The gradients of pieces [from, to) of a table: for each of its rows that is named the sum of values * D[r], entries in order.
 * Rows get their places in the order in which they are named first.
 */
export const RowGradient = layout(
  'd', // [rows, ldd]
  'ldd',
  'rows',
  'columns',
  'vocabulary',
  'dealtFeatures',
  'dealtRows',
  'dealtValues',
  'bins',
  'chunks',
  'pieces',
  'bases', // int32 [P + 1]: a piece's places in g begin there; as many as it has entries
  'g', // [places, columns]
  'touched', // int32 [places]: the row of the table, -1 where a piece has fewer rows than entries
  'norms', // float64 [P]: sum of squares of a piece's gradient
  'slots', // int32 [vocabulary]: 1 + a row's place, as `touched` confirms; whatever stands there for other rows; 0: nobody asks
  'hash', // int32 [hashSize] that no one else uses: finds the place of a row again
  'hashSize', // at least twice the entries of a piece, as the next power of two
);

/**
 * An optimizer's step on rows of a table: those at places [from, to), or with `all` rows [from, to), whose gradient is zero where
 * they have no place. Rows catch up first.
 */
export const RowUpdate = layout(
  'kind', // Optimizer
  'w', // [vocabulary, columns]
  'm',
  'v',
  'columns',
  'vocabulary',
  'places', // of g and touched that this step uses
  'g',
  'touched',
  'slots',
  'undo', // [3][to - from][columns]: w, m, v as they were
  'scratch', // [to - from][columns]; only with `all`
  'all',
  'now', // updates of the present period that are done after this one; 0 where the next period begins
  ...CATCH_UP,
  ...RULE,
);

/** out[j] = sum over r of D[r, j], rows in order, for columns [from, to) (multiples of PANEL); a copy to out2 unless it is 0. */
export const ColumnSums = layout('d', 'ldd', 'rows', 'out', 'out2');

/**
 * The point-wise part of a cell, one time step a call. State rows h, c stand in [T + 1, B, H] with the initial state at
 * index 0: step t reads index t and writes index t + 1. Gates are interleaved by blocks of 16 units:
 * z is [T, B, H/16, gates, 16]. One leading dimension `ldh` and one group stride `hGroup` serve h, c, tanhC and dh. A reversed
 * direction goes from the last step to the first: step t reads index t + 1 of h and c, and writes index t.
 */
export const Cell = layout(
  'z', // [T, B, gates H]: pre-activations, overwritten by the gates' values; backward: overwritten by their deltas
  'ldz',
  'zGroup',
  'r', // GRU only, strides as z: the recurrent part W_h h + b_h; backward: its deltas
  'h', // [T + 1, B, H]
  'ldh',
  'hGroup',
  'c', // LSTM only: [T + 1, B, H]
  'tanhC', // LSTM only: [T, B, H]
  'dh', // [T, B, H] dLoss/dh(t) from above, complete when step t is reached
  'dc', // LSTM only: [B, H] dLoss/dc carried back; read and overwritten
  'rows',
  'units', // H, not padded: what lies behind it is written as zero
  'firstBlock', // blocks of 16 units: this call does [firstBlock, firstBlock + blocks)
  'blocks',
  'activation', // Activation; RNN only
  'reversed', // 1 where step t follows step t + 1
  'penalty', // added to dLoss/dh of active units; ReLU only, backward
);

/** Activations of the simple RNN, and the functions of `map`. */
export const Activation = { sigmoid: 0, tanh: 1, relu: 2, exp: 3 } as const;

/**
 * Softmax with cross-entropy for groups [from, to): logits become (softmax - q) * scale * weight, zero where the target is -1 and in
 * the padding. q is 1 at the target, or with smoothing s (Szegedy et al. 2016) 1 - s there and s / V more at every class. `train` 0
 * leaves the logits alone.
 */
export const Softmax = layout(
  'logits',
  'ldl',
  'logitGroup',
  'classes', // V, not padded
  'targets', // int32, -1 where no prediction counts
  'targetGroup', // int32s between groups; also floats between groups of losses and hits
  'rows',
  'losses', // [groups, targetGroup] nats, times the target's weight; 0 where the target is -1
  'hits', // floats, 1 where the largest logit is the target's; 0 for none
  'scale', // 1 / predictions that count, or their weights' sum
  'train',
  'weights', // [V] of the classes; 0: each weighs 1
  'smoothing', // s, from 0 on and below 1
);

/**
 * The losses of outputs that are no classes, for groups [from, to): a row's loss is the mean over its K outputs, and the logits
 * become the gradient of its sum over rows times `scale`; zero in rows that do not count and in the padding. With smoothing s it is
 * y (1 - s) + s / 2 that outputs come close to in place of y. `train` 0 leaves the logits alone.
 */
export const OutputLoss = layout(
  'logits',
  'ldl',
  'logitGroup',
  'outputs', // K, not padded
  'values', // [groups, rows, padded(K)]: what to predict; what stands in the padding is not read into anything
  'ldv',
  'valueGroup',
  'targets', // int32, -1 where a row does not count
  'targetGroup', // int32s between groups; also floats between groups of losses and hits
  'rows',
  'losses', // [groups, targetGroup]; 0 where a row does not count
  'hits', // floats, 1 where all outputs of a row are right; 0 for none
  'scale', // 1 / rows that count
  'train',
  'smoothing', // s, from 0 on and below 1
);

/** out[g][r][j] = in * mask / (1 - p): the mask of (key, stream, time, unit) for groups [from, to). May work in place. */
export const Dropout = layout(
  'in',
  'out',
  'ld',
  'group',
  'rows',
  'columns', // a multiple of PANEL
  'threshold', // p * 2^32: a unit whose 32 random bits lie below is dropped
  'scale', // 1 / (1 - p)
  'key', // uint32 of seed, step and layer
  'firstStream', // stream of row 0; the time is the group
);

/** out[g][r] = a[g][r] + b[g][r] for groups [from, to), rows alike in all three. May work in place. */
export const Add = layout('a', 'b', 'out', 'ld', 'group', 'rows', 'columns'); // columns: a multiple of PANEL

/**
 * Layer normalization (Ba, Kiros & Hinton 2016) of rows of N = parts * units numbers, for groups [from, to). A row holds the units of each
 * direction, padded each by itself: what stands in the padding is not read into anything, and is written as zero.
 */
export const LayerNorm = layout(
  'in', // [groups, rows, parts padded(units)], as are the others unless it is said
  'out',
  'normal', // (in - mean) / deviation, for backward; 0: it is not kept. Backward: overwritten by dOut * normal, the terms of dGain
  'inverse', // [groups, inverseGroup] 1 / deviation; 0: it is not kept
  'inverseGroup',
  'gain', // [parts padded(units)]
  'bias',
  'dOut', // dLoss/dOut, read by backward
  'dIn', // dLoss/dIn, written by backward
  'ld',
  'group',
  'rows',
  'units', // of a part, not padded
  'parts',
  'epsilon', // added to the variance
);

/** An optimizer's step on elements [from, to) of one parameter. */
export const Update = layout(
  'kind', // Optimizer
  'w',
  'g',
  'm', // first state: momentum, Adam's m; 0 where the optimizer has none
  'v', // second state: sums or means of squares; 0 where the optimizer has none
  'undo', // [3][to - from]: w, m, v as they were
  'transposed', // panels of the transpose, [depth / 16][transposedDepth][16]; 0 where no one reads them
  'depth', // rows of a panel of w, when transposed is set; from and to are multiples of 256 then, else of PANEL
  'transposedDepth', // rows of a panel of the transpose: the padded columns of w
  'shared', // 1 where other threads read w and its transpose: they are stored past the caches where that is faster
  ...RULE,
);

export const Optimizer = { sgd: 0, momentum: 1, nesterov: 2, adagrad: 3, rmsprop: 4, adam: 5, adamw: 6 } as const;

/** Sum of squares of elements [from, to) (multiples of PANEL), on 16 virtual lanes, added in pairs at the end. */
export const SquareNorm = layout('g');

/** out[i] = f(in[i]) for i in [from, to), f one of Activation. Any from and to. */
export const Elementwise = layout('in', 'out', 'function');

/** Values that `multiplyAdd` works on: as many as fill the registers of each instruction set a whole number of times. */
export const PEAK_VALUES = 2688;

/** values[i] = values[i] * factor + factor for all PEAK_VALUES, once for each round of [from, to): no memory in between. */
export const MultiplyAdd = layout('values', 'factor');

/** a[i] = b[i] + scale c[i] for i in [from, to) (multiples of PANEL): the triad of STREAM (McCalpin 1995). */
export const Triad = layout('a', 'b', 'c', 'scale');

/**
 * All methods throw a RangeError when a descriptor points outside the arena, before anything is written; and when a token or an index in
 * a list does, after which the outputs of the call hold anything.
 */
export interface Kernels {
  readonly name: 'native' | 'wasm' | 'reference';
  /** Bytes of a float: 4, or 8 in the reference kernels' float64 precision. */
  readonly floatBytes: 4 | 8;
  product(descriptor: number, fromGroup: number, toGroup: number): void;
  gradient(descriptor: number, fromPanel: number, toPanel: number): void;
  /** The lists of groups [from, to). @returns how many units are active in all */
  activeUnits(descriptor: number, fromGroup: number, toGroup: number): number;
  activeRows(descriptor: number, fromBlock: number, toBlock: number): void;
  winners(descriptor: number, fromGroup: number, toGroup: number): void;
  /** `product` without the terms that are zero, by the lists of A's rows: the same bits. */
  sparseProduct(descriptor: number, fromGroup: number, toGroup: number): void;
  /** `gradient` without the terms that are zero, by the lists of X's columns: the same bits. */
  sparseGradient(descriptor: number, fromPanel: number, toPanel: number): void;
  gather(descriptor: number, fromGroup: number, toGroup: number): void;
  scatter(descriptor: number, fromColumn: number, toColumn: number): void;
  columnSums(descriptor: number, fromColumn: number, toColumn: number): void;
  deal(descriptor: number, fromChunk: number, toChunk: number): void;
  lookup(descriptor: number, fromGroup: number, toGroup: number): void;
  rowGradient(descriptor: number, fromPiece: number, toPiece: number): void;
  rowUpdate(descriptor: number, from: number, to: number): void;
  /** h(t) = f(z(t)). */
  rnnForward(descriptor: number, t: number): void;
  rnnBackward(descriptor: number, t: number): void;
  /** i, f, g, o in PyTorch's order: c(t) = f c(t-1) + i g, h(t) = o tanh c(t) (Hochreiter & Schmidhuber 1997, Gers et al. 2000). */
  lstmForward(descriptor: number, t: number): void;
  lstmBackward(descriptor: number, t: number): void;
  /** r, z, n: n = tanh(z_n + r r_n), h(t) = (1 - z) n + z h(t-1) (Cho et al. 2014, reset after the product as in PyTorch). Backward adds z dh(t) to dh of the step before, where there is one; a reversed direction has place for it behind the last step. */
  gruForward(descriptor: number, t: number): void;
  gruBackward(descriptor: number, t: number): void;
  softmax(descriptor: number, fromGroup: number, toGroup: number): void;
  /**
   * Independent sigmoids with binary cross-entropy: loss = max(l, 0) - l y + log(1 + exp(-|l|)), gradient (sigmoid(l) - y) scale / K;
   * right where l > 0 just where y > 1/2.
   */
  sigmoidLoss(descriptor: number, fromGroup: number, toGroup: number): void;
  /** Linear outputs with squared error: loss = (l - y)^2, gradient 2 (l - y) scale / K; there are no hits. */
  squaredLoss(descriptor: number, fromGroup: number, toGroup: number): void;
  dropout(descriptor: number, fromGroup: number, toGroup: number): void;
  add(descriptor: number, fromGroup: number, toGroup: number): void;
  /** out = gain (in - mean) / sqrt(variance + epsilon) + bias, mean and variance (that of the row itself, over N) row by row. */
  normForward(descriptor: number, fromGroup: number, toGroup: number): void;
  /** From what forward kept: dIn = (g - mean(g) - normal mean(g normal)) / deviation, g = dOut gain. */
  normBackward(descriptor: number, fromGroup: number, toGroup: number): void;
  update(descriptor: number, from: number, to: number): void;
  squareNorm(descriptor: number, from: number, to: number): number;
  map(descriptor: number, from: number, to: number): void;
}

/** What a core can do at best: loops that only the benches run. */
export interface PeakKernels {
  multiplyAdd(descriptor: number, from: number, to: number): void;
  triad(descriptor: number, from: number, to: number): void;
}
