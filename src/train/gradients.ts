// GRADIENT and NORM: the gradients of all parameters from the activations and deltas of a window, tile by tile, and the square
// norms of their pieces. Any worker may do any tile.
import {
  ActiveRows,
  ColumnSums,
  Gradient,
  Init,
  type Kernels,
  NO_LISTS,
  PANEL,
  Product,
  padded,
  Scatter,
  SquareNorm,
} from '../kernels/kernels.js';
import type { Arena, Descriptors } from '../memory/arena.js';
import { cells } from '../model/cells/cells.js';
import type { Sparsity } from '../model/sparsity.js';
import { type LayerViews, listBlocks, outputsOf, type PlacedParameter, projects, weightsOf } from '../model/views.js';
import type { RunLayout } from './layout.js';
import type { StepInput } from './step-input.js';
import type { Tile } from './tiles.js';

/** How the gradient of one parameter is computed. */
interface Task {
  /** Writes into the descriptors what differs from window to window. */
  begin(input: StepInput, rows: number, projected: boolean): void;
  /** Panels (of a matrix) or columns (of a table or vector) [from, to). */
  tile(from: number, to: number, projected: boolean): void;
}

/** Of what is computed elsewhere. */
const NO_TASK: Task = { begin: () => {}, tile: () => {} };

/** A matrix in the arena: byte offset of its first row, floats between rows. */
interface Matrix {
  readonly at: number;
  readonly ld: number;
}

export class Gradients {
  readonly #kernels: Kernels;
  readonly #descriptors: Descriptors;
  readonly #arena: Arena;
  readonly #layout: RunLayout;
  readonly #scratch: number;
  readonly #tasks: readonly Task[];
  readonly #norms: readonly number[];
  /** Of an embedding whose P was projected: dE = dP W_x', a group of the call for each piece of E; the last may be shorter. */
  readonly #tableProduct: { readonly wholePieces: number; readonly whole: number; readonly last: number } | undefined;
  /** Whether the present window projected the vocabulary. */
  #projected = false;

  /** Descriptors of the lists of each layer's active rows; none where there is no room for them. */
  readonly #lists: readonly number[];
  readonly #sparsity: Sparsity;

  /** @param worker whose scratch space is used */
  constructor(kernels: Kernels, descriptors: Descriptors, layout: RunLayout, worker: number, sparsity: Sparsity) {
    this.#kernels = kernels;
    this.#descriptors = descriptors;
    this.#arena = descriptors.arena;
    this.#layout = layout;
    this.#scratch = layout.scratch[worker];
    this.#sparsity = sparsity;
    this.#lists = layout.training.layers.filter(({ activeRows }) => activeRows).map((views) => this.#listCall(views));
    this.#tasks = layout.parameters.map((p) => this.#taskOf(p));
    this.#norms = layout.parameters.map((p) => descriptors.add(SquareNorm, { g: p.gradient }));
    this.#tableProduct = layout.training.projected ? this.#tableProductCalls() : undefined;
  }

  begin(input: StepInput): void {
    const { shape, training } = this.#layout;
    const rows = input.steps * training.streams;
    this.#projected = projects(shape.model, rows, training);
    for (const task of this.#tasks) task.begin(input, rows, this.#projected);
    for (const call of this.#lists) this.#descriptors.set(call, ActiveRows.rows, rows + training.streams);
  }

  /** Whether the lists of active rows of some layer are read, which come before the tiles. */
  get readsLists(): boolean {
    return this.#lists.some((_, layer) => this.#sparsity.gradient(layer));
  }

  /** One block of the lists of active rows; blocks are numbered layer by layer. */
  listBlock(index: number): void {
    const { shape, training } = this.#layout;
    const blocks = listBlocks(shape.steps, training.streams);
    const [layer, block] = [Math.floor(index / blocks), index % blocks];
    if (this.#sparsity.gradient(layer)) this.#kernels.activeRows(this.#lists[layer], block, block + 1);
  }

  /** Whether the table's pieces wait for something: for dP, or for all stripes of the table. */
  get tableWaits(): boolean {
    const { tablePieces, striped } = this.#layout.work;
    return tablePieces.length > 0 && (this.#projected || striped);
  }

  /** NORM for the biases that were summed with the tiles of a matrix, once all of these are done. */
  summedPieces(): void {
    for (const piece of this.#layout.work.summedPieces) this.#norm(piece);
  }

  /** One tile of the gradient, and the square norms of the pieces that it is made of. */
  tile({ parameter, from, to, firstPiece, lastPiece }: Tile): void {
    this.#tasks[parameter].tile(from, to, this.#projected);
    for (let piece = firstPiece; piece < lastPiece; piece++) this.#norm(piece);
    if (this.#layout.parameters[parameter].storage === 'rows' && !this.tableWaits) {
      for (const piece of this.#layout.work.tablePieces) this.#norm(piece);
    }
  }

  /** NORM for one piece of a lookup table; where P was projected, dE = dP W_x' comes first. */
  tablePiece(piece: number): void {
    if (this.#projected && this.#tableProduct) {
      const { wholePieces, whole, last } = this.#tableProduct;
      const group = piece - this.#layout.work.tablePieces[0];
      if (group < wholePieces) this.#kernels.product(whole, group, group + 1);
      else this.#kernels.product(last, 0, 1);
    }
    this.#norm(piece);
  }

  #norm(index: number): void {
    const piece = this.#layout.work.pieces[index];
    const norm = this.#kernels.squareNorm(this.#norms[piece.parameter], piece.from, piece.to);
    this.#arena.doubles[this.#layout.pieceNorms / 8 + index] = norm;
  }

  #taskOf(p: PlacedParameter): Task {
    if (p.gradient === 0) return NO_TASK;
    if (p.role === 'embedding') return this.#embeddingTask(p);
    if (p.storage === 'vector') return this.#biasTask(p);
    if (p.storage === 'rows') return this.#oneHotTask(p);
    const { features, layers } = this.#layout.shape.model;
    if (p.layer > 0 || p.role !== (layers > 0 ? 'input' : 'head')) return this.#weightTask(p);
    return features ? this.#featuresTask(p) : this.#inputTask(p);
  }

  /** dW = X' D, over the rows whose predictions count for the head, over all rows elsewhere. */
  #weightTask(p: PlacedParameter): Task {
    const [{ layer, firstRow, ...x }, d] = [this.#input(p), this.#delta(p)];
    const call = this.#gradientCall(p, layer);
    return {
      begin: (input, rows) => {
        const [skipped, end] = this.#rowsOf(p, input, rows);
        this.#setFactors(call, x, d, skipped, end);
        this.#descriptors.set(call, Gradient.firstRow, firstRow + skipped);
      },
      tile: (from, to) => {
        if (layer !== undefined && this.#sparsity.gradient(layer)) this.#kernels.sparseGradient(call, from, to);
        else this.#kernels.gradient(call, from, to);
      },
    };
  }

  /** The weights over features, of the first layer or of a head without layers, whose rows stand in the step's batch. */
  #featuresTask(p: PlacedParameter): Task {
    const [d, call] = [this.#delta(p), this.#gradientCall(p)];
    return {
      begin: (input, rows) => this.#setFactors(call, { at: input.features, ld: p.depth }, d, 0, rows),
      tile: (from, to) => this.#kernels.gradient(call, from, to),
    };
  }

  /** The input weights over an embedding: from the table and dP where P was projected, else from the embedded rows. */
  #inputTask(p: PlacedParameter): Task {
    const { training: views, shape } = this.#layout;
    const { vocabulary, embedding } = shape.model;
    const ld = padded(embedding);
    const table = weightsOf(this.#layout.parameters, 'embedding');
    const call = this.#gradientCall(p);
    const deltas = this.#delta(p);
    const projectedDeltas = { at: views.projectedGradient, ld: p.columns };
    const scatter = this.#scatterCall(deltas, projectedDeltas);
    return {
      begin: (input, rows, projected) => {
        if (projected) this.#setFactors(call, { at: table.weights, ld }, projectedDeltas, 0, vocabulary);
        else this.#setFactors(call, { at: views.embedded, ld }, deltas, 0, rows);
        this.#setTokens(scatter, input, rows);
      },
      tile: (from, to, projected) => {
        if (projected) this.#kernels.scatter(scatter, from * PANEL, to * PANEL);
        this.#kernels.gradient(call, from, to);
      },
    };
  }

  /** The table over which tokens were looked up; where P was projected its gradient is a product (tablePiece). */
  #embeddingTask(p: PlacedParameter): Task {
    const scatter = this.#scatterCall({ at: this.#layout.training.embeddedGradient, ld: p.columns }, gradientOf(p));
    return {
      begin: (input, rows) => this.#setTokens(scatter, input, rows),
      tile: (from, to, projected) => {
        if (!projected) this.#kernels.scatter(scatter, from, to);
      },
    };
  }

  /** The input weights of one-hot rows. */
  #oneHotTask(p: PlacedParameter): Task {
    const scatter = this.#scatterCall(this.#delta(p), gradientOf(p));
    return {
      begin: (input, rows) => this.#setTokens(scatter, input, rows),
      tile: (from, to) => this.#kernels.scatter(scatter, from, to),
    };
  }

  #biasTask(p: PlacedParameter): Task {
    if (p.summedWith) return NO_TASK;
    const d = this.#delta(p);
    const call = this.#descriptors.add(ColumnSums, { d: d.at, ldd: d.ld, rows: 0, out: p.gradient, out2: 0 });
    return {
      begin: (input, rows) => {
        const [skipped, end] = this.#rowsOf(p, input, rows);
        this.#descriptors.set(call, ColumnSums.d, this.#rowAt(d, skipped));
        this.#descriptors.set(call, ColumnSums.rows, end - skipped);
      },
      tile: (from, to) => this.#kernels.columnSums(call, from, to),
    };
  }

  /** Of a window's rows those that this parameter's product read: of the head none before the first prediction that counts. */
  #rowsOf(p: PlacedParameter, input: StepInput, rows: number): readonly [from: number, to: number] {
    const { streams, pooled } = this.#layout.training;
    if (p.role !== 'head') return [0, rows];
    return pooled ? [0, streams] : [input.headFrom * streams, rows];
  }

  /** What the product with this weight read, [T * B, inputs]: outputs of a layer, and where they begin among the rows of its h. */
  #input(p: PlacedParameter): Matrix & { readonly layer: number | undefined; readonly firstRow: number } {
    const { layers, ldh, streams, pooled } = this.#layout.training;
    const outputsAt = (layer: number) => {
      const { outputs, listed } = outputsOf(this.#layout.training, layer, this.#arena.floatBytes);
      return { at: outputs, ld: ldh, layer: listed, firstRow: streams };
    };
    if (p.role === 'head')
      return pooled ? { at: pooled.outputs, ld: ldh, layer: undefined, firstRow: 0 } : outputsAt(layers.length - 1);
    const { layer } = p;
    if (p.role === 'recurrent') {
      const { hidden } = this.#layout.shape.model;
      // h(t + 1) of the reverse direction's own units: two groups from where the view begins.
      const reverse = p.reverse ? (2 * streams * ldh + padded(hidden)) * this.#arena.floatBytes : 0;
      return { at: layers[layer].h + reverse, ld: ldh, layer, firstRow: 0 };
    }
    const { dropped } = layers[layer - 1];
    // The lists hold what h was before dropout.
    if (dropped) return { at: dropped, ld: ldh, layer: undefined, firstRow: 0 };
    return outputsAt(layer - 1);
  }

  /** The delta of what the product with this parameter wrote, [T * B, outputs]; of a normalization the terms of its gradient. */
  #delta(p: PlacedParameter): Matrix {
    const { layers, logits, ldz, ldl, ldh } = this.#layout.training;
    if (p.role === 'head') return { at: logits, ld: ldl };
    if (p.role === 'gain') return { at: layers[p.layer].normal, ld: ldh };
    if (p.role === 'shift') return { at: layers[p.layer].normedGradient, ld: ldh };
    const { z, r, zReverse, rReverse } = layers[p.layer];
    const separate = p.role === 'recurrent' && cells[this.#layout.shape.model.cell].separateRecurrent;
    if (p.reverse) return { at: separate ? rReverse : zReverse, ld: ldz };
    return { at: separate ? r : z, ld: ldz };
  }

  #rowAt({ at, ld }: Matrix, row: number): number {
    return at + row * ld * this.#arena.floatBytes;
  }

  #listCall({ h, active, activeCounts, activeRows, activeValues, activeStarts }: LayerViews): number {
    const { ldh } = this.#layout.training;
    return this.#descriptors.add(ActiveRows, {
      ...{ a: h, lda: ldh, rows: 0, columns: padded(this.#layout.shape.model.hidden) },
      ...{ active, ldActive: ldh, counts: activeCounts },
      ...{ indices: activeRows, values: activeValues, starts: activeStarts },
    });
  }

  /** @param layer whose outputs the weight reads, where there may be lists of them */
  #gradientCall(p: PlacedParameter, layer?: number): number {
    const [sums = 0, sums2 = 0] = this.#layout.parameters
      .filter(({ summedWith }) => summedWith === p.name)
      .map(({ gradient }) => gradient);
    const fixed = { depth: p.depth, dw: p.gradient, scratch: this.#scratch, sums, sums2, firstRow: 0 };
    const lists = layer === undefined ? undefined : this.#layout.training.layers[layer];
    return this.#descriptors.add(Gradient, {
      ...{ x: 0, ldx: 0, d: 0, ldd: 0, rows: 0, ...fixed },
      indices: lists?.activeRows ?? 0,
      values: lists?.activeValues ?? 0,
      starts: lists?.activeStarts ?? 0,
    });
  }

  /** Rows [skipped, rows) of both factors. */
  #setFactors(call: number, x: Matrix, d: Matrix, skipped: number, rows: number): void {
    this.#descriptors.set(call, Gradient.x, this.#rowAt(x, skipped));
    this.#descriptors.set(call, Gradient.ldx, x.ld);
    this.#descriptors.set(call, Gradient.d, this.#rowAt(d, skipped));
    this.#descriptors.set(call, Gradient.ldd, d.ld);
    this.#descriptors.set(call, Gradient.rows, rows - skipped);
  }

  /** table[token of row r] += d[r] for all rows. */
  #scatterCall(d: Matrix, table: Matrix): number {
    const { vocabulary } = this.#layout.shape.model;
    const into = { table: table.at, ldt: table.ld, vocabulary };
    return this.#descriptors.add(Scatter, { d: d.at, ldd: d.ld, tokens: 0, rows: 0, ...into });
  }

  #setTokens(scatter: number, input: StepInput, rows: number): void {
    this.#descriptors.set(scatter, Scatter.tokens, input.tokens);
    this.#descriptors.set(scatter, Scatter.rows, rows);
  }

  #tableProductCalls() {
    const { parameters, training, work } = this.#layout;
    const table = weightsOf(parameters, 'embedding');
    const weights = weightsOf(parameters, 'input');
    const { floatBytes } = this.#arena;
    const { from, to } = work.pieces[work.tablePieces[0]];
    const rows = (to - from) / table.columns;
    const wholePieces = Math.floor(table.depth / rows);
    const call = (firstRow: number, count: number): number =>
      this.#descriptors.add(Product, {
        a: training.projectedGradient + firstRow * weights.columns * floatBytes,
        lda: weights.columns,
        aGroup: rows * weights.columns,
        panels: weights.transposedPanels,
        depth: weights.columns,
        panelStride: weights.columns * PANEL,
        panelCount: weights.depth / PANEL,
        c: table.gradient + firstRow * table.columns * floatBytes,
        ldc: table.columns,
        cGroup: rows * table.columns,
        rows: count,
        ...{ init: Init.zero, bias: 0, bias2: 0, ...NO_LISTS },
      });
    const left = table.depth - wholePieces * rows;
    return { wholePieces, whole: call(0, rows), last: left > 0 ? call(wholePieces * rows, left) : 0 };
  }
}

const gradientOf = (p: PlacedParameter): Matrix => ({ at: p.gradient, ld: p.columns });
