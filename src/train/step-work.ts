// What one worker can do in a training step, phase by phase: it has descriptors for all of it, for its own streams and for any
// tile. Who calls what and when, and how workers wait for each other, is the coordinator's side (coordinator/step-loop.ts).
import {
  ColumnSums,
  Gradient,
  Init,
  type Kernels,
  PANEL,
  Product,
  padded,
  Scatter,
  SquareNorm,
  Update,
} from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import { Descriptors } from '../memory/arena.js';
import { cells } from '../model/cells/cells.js';
import { Projection } from '../model/projection.js';
import { Stack, type WindowInput } from '../model/stack.js';
import { findParameter, type PlacedParameter, projects, type WindowViews } from '../model/views.js';
import { descriptorNumbers, type RunLayout } from './layout.js';
import { fixedFields, type OptimizerSettings, setStep } from './optimizer.js';
import { StreamState } from './stream-state.js';
import type { Piece, Tile } from './tiles.js';

/** What a step works on. */
export interface StepInput extends WindowInput {
  /** Byte offsets, int32 [B]. */
  readonly reset: number;
  readonly carry: number;
  /** Steps of this window, at most T. */
  readonly steps: number;
  /** The first step whose predictions count. */
  readonly headFrom: number;
  /** Predictions that count, of all streams. */
  readonly counted: number;
  /** Number of the training step. */
  readonly step: number;
}

/** Rows [0, vocabulary) of a product over a table, cut into blocks of `blockRows`, and the rows left over. */
interface BlockedProduct {
  readonly whole: number;
  readonly rest: number;
  readonly wholeBlocks: number;
  readonly blocks: number;
}

export class StepWork {
  readonly training: Stack;
  readonly evaluation: Stack | undefined;
  readonly trainingState: StreamState;
  readonly evaluationState: StreamState | undefined;
  /** Whether units can be exactly zero, so that densities are counted. */
  readonly hasZeros: boolean;

  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #layout: RunLayout;
  readonly #optimizer: OptimizerSettings;
  readonly #d: Descriptors;
  readonly #undo: number;
  readonly #scratch: number;
  readonly #gradients: readonly number[];
  readonly #scatters: readonly number[];
  readonly #norms: readonly number[];
  readonly #updates: readonly number[];
  readonly #projections: readonly (Projection | undefined)[];
  readonly #tableProduct: BlockedProduct | undefined;

  /** @param rows the streams of this worker: first and number, for training and for evaluation */
  constructor(
    arena: Arena,
    kernels: Kernels,
    layout: RunLayout,
    optimizer: OptimizerSettings,
    worker: number,
    rows: { readonly training: readonly [number, number]; readonly evaluation: readonly [number, number] },
  ) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#layout = layout;
    this.#optimizer = optimizer;
    this.#d = new Descriptors(arena, layout.descriptors[worker], descriptorNumbers(layout.shape));
    this.#undo = layout.undo[worker];
    this.#scratch = layout.scratch[worker];
    const { shape, parameters } = layout;
    const stack = (views: WindowViews, [firstRow, count]: readonly [number, number], trains: boolean): Stack =>
      new Stack({
        ...{ arena, kernels, descriptors: this.#d, model: shape.model, parameters, views, trains },
        ...{ firstRow, rows: count, dropout: trains ? shape.dropout : 0, seed: shape.seed },
      });
    this.training = stack(layout.training, rows.training, true);
    this.trainingState = new StreamState(arena, shape.model, layout.training, rows.training);
    if (layout.evaluation) {
      this.evaluation = stack(layout.evaluation, rows.evaluation, false);
      this.evaluationState = new StreamState(arena, shape.model, layout.evaluation, rows.evaluation);
    }
    this.#gradients = parameters.map((p) => (p.storage === 'panels' ? this.#gradientCall(p) : 0));
    this.#scatters = parameters.map((p) => (p.storage === 'panels' ? 0 : this.#sumCall(p)));
    this.#norms = parameters.map((p) => this.#d.add(SquareNorm, { g: p.gradient }));
    this.#updates = parameters.map((p) => this.#updateCall(p));
    this.#projections = [layout.training, layout.evaluation].map((views) =>
      views?.projected ? new Projection(kernels, this.#d, shape.model, parameters, views) : undefined,
    );
    this.hasZeros = shape.model.cell === 'rnn' && shape.model.activation === 'relu';
    this.#tableProduct = layout.training.projected
      ? this.#tableProductCalls(this.#find('rnn.weight_ih_l0'))
      : undefined;
  }

  /** Whether a window of so many steps projects the vocabulary: P = E W_x, then gathers. */
  projects(views: WindowViews, steps: number): boolean {
    return projects(this.#layout.shape.model, steps * views.streams);
  }

  /** PROJECT: for training, for evaluation. */
  projection(evaluation: boolean): Projection | undefined {
    return this.#projections[evaluation ? 1 : 0];
  }

  /** THROUGH TIME for this worker's streams: forward, loss, backward. The deltas stay in the arena for `gradient`. */
  throughTime(input: StepInput, side: number): void {
    const { training: views } = this.#layout;
    const projected = this.projects(views, input.steps);
    this.trainingState.begin(side, input.reset);
    this.training.forward(input, input.steps, projected, this.#layout.shape.dropout > 0 ? input.step : -1);
    this.training.loss(input, input.headFrom, input.steps, 1 / input.counted);
    this.training.backward(input.headFrom, input.steps, projected, input.step);
    this.trainingState.end(1 - side, input.carry);
    this.#sumStreams(this.trainingState, views, input.headFrom, input.steps);
    if (this.hasZeros) this.#countActive(input.steps);
  }

  /** Forward and losses of an evaluation window for this worker's segments. */
  evaluate(input: StepInput, side: number): void {
    const views = this.#layout.evaluation;
    if (!views || !this.evaluation || !this.evaluationState) throw new Error('there is no evaluation in this plan');
    this.evaluationState.begin(side, input.reset);
    this.evaluation.forward(input, input.steps, this.projects(views, input.steps), -1);
    this.evaluation.loss(input, 0, input.steps, 0);
    this.evaluationState.end(1 - side, input.carry);
    this.#sumStreams(this.evaluationState, views, 0, input.steps);
  }

  /** Sets the descriptors of GRADIENT to this window: how many rows there are, and which. */
  beginGradient(input: StepInput): void {
    const { training: views, parameters, shape } = this.#layout;
    const rows = input.steps * views.streams;
    const projected = this.projects(views, input.steps);
    parameters.forEach((p, i) => {
      const skipped = p.name.startsWith('head.') ? input.headFrom * views.streams : 0;
      const descriptor = this.#gradients[i];
      if (descriptor) {
        const isInput = p.name === 'rnn.weight_ih_l0';
        const source = isInput ? this.#inputFactors(projected) : this.#factors(p);
        this.#d.set(descriptor, Gradient.x, source.x + skipped * source.ldx * this.#arena.floatBytes);
        this.#d.set(descriptor, Gradient.ldx, source.ldx);
        this.#d.set(descriptor, Gradient.d, source.d + skipped * source.ldd * this.#arena.floatBytes);
        this.#d.set(descriptor, Gradient.ldd, source.ldd);
        this.#d.set(descriptor, Gradient.rows, isInput && projected ? shape.model.vocabulary : rows - skipped);
      } else if (p.storage === 'vector') {
        const { d, ldd } = this.#factors(p);
        this.#d.set(this.#scatters[i], ColumnSums.d, d + skipped * ldd * this.#arena.floatBytes);
        this.#d.set(this.#scatters[i], ColumnSums.rows, rows - skipped);
      } else {
        this.#d.set(this.#scatters[i], Scatter.tokens, input.tokens);
        this.#d.set(this.#scatters[i], Scatter.rows, rows);
      }
    });
    if (projected) {
      const scatter = this.#projectedScatter;
      this.#d.set(scatter, Scatter.tokens, input.tokens);
      this.#d.set(scatter, Scatter.rows, rows);
    }
  }

  /** One tile of the gradient, and the square norms of its pieces where the tile is all of them. */
  gradient(tile: Tile, input: StepInput): void {
    const p = this.#layout.parameters[tile.parameter];
    const projected = this.projects(this.#layout.training, input.steps);
    if (p.storage === 'panels') {
      if (projected && p.name === 'rnn.weight_ih_l0')
        this.#kernels.scatter(this.#projectedScatter, tile.from * PANEL, tile.to * PANEL);
      this.#kernels.gradient(this.#gradients[tile.parameter], tile.from, tile.to);
    } else if (p.storage === 'vector') {
      this.#kernels.columnSums(this.#scatters[tile.parameter], tile.from, tile.to);
    } else if (!(projected && p.name === 'embedding.weight')) {
      this.#kernels.scatter(this.#scatters[tile.parameter], tile.from, tile.to);
    }
    for (let piece = tile.firstPiece; piece < tile.lastPiece; piece++) this.norm(piece);
  }

  /** NORM for one piece of a lookup table; where P was projected, dE = dP W_x' comes first. */
  tablePiece(piece: number, input: StepInput): void {
    const { parameter, from } = this.#layout.work.pieces[piece];
    const p = this.#layout.parameters[parameter];
    const product = this.#tableProduct;
    if (product && p.name === 'embedding.weight' && this.projects(this.#layout.training, input.steps)) {
      const block = Math.round(from / p.columns / this.#blockRows(p));
      if (block < product.wholeBlocks) this.#kernels.product(product.whole, block, block + 1);
      else this.#kernels.product(product.rest, 0, 1);
    }
    this.norm(piece);
  }

  norm(index: number): void {
    const piece = this.#layout.work.pieces[index];
    const norm = this.#kernels.squareNorm(this.#norms[piece.parameter], piece.from, piece.to);
    this.#arena.doubles[this.#layout.pieceNorms / 8 + index] = norm;
  }

  /** @param n which update this is, from 1 on */
  beginUpdate(rate: number, clipFactor: number, n: number): void {
    for (const descriptor of this.#updates) setStep(this.#d, descriptor, this.#optimizer, rate, clipFactor, n);
  }

  update(piece: Piece): void {
    this.#kernels.update(this.#updates[piece.parameter], piece.from, piece.to);
  }

  /** Adds up the losses and hits of each of this worker's streams, in the order of time. */
  #sumStreams(state: StreamState, views: WindowViews, from: number, steps: number): void {
    const { floats, floatBytes, doubles } = this.#arena;
    const losses = views.losses / floatBytes;
    const hits = views.hits / floatBytes;
    for (let row = state.firstRow; row < state.firstRow + state.rows; row++) {
      let loss = 0;
      let hit = 0;
      for (let t = from; t < steps; t++) {
        loss += floats[losses + t * views.streams + row];
        hit += floats[hits + t * views.streams + row];
      }
      doubles[this.#layout.streamLosses / 8 + row] = loss;
      doubles[this.#layout.streamHits / 8 + row] = hit;
    }
  }

  /** Counts, for each of this worker's streams and each layer, the units that are not zero at the last of `steps` steps. */
  #countActive(steps: number): void {
    const { training: views, shape, streamActive } = this.#layout;
    const { floats, floatBytes, doubles } = this.#arena;
    const { firstRow, rows } = this.trainingState;
    for (let layer = 0; layer < shape.model.layers; layer++) {
      const outputs = views.layers[layer].h / floatBytes + steps * views.streams * views.ldh;
      for (let row = firstRow; row < firstRow + rows; row++) {
        let active = 0;
        for (let i = 0, at = outputs + row * views.ldh; i < shape.model.hidden; i++) if (floats[at + i] !== 0) active++;
        doubles[streamActive / 8 + layer * views.streams + row] = active;
      }
    }
  }

  // ---- construction ----

  /** Both factors of a weight's gradient: what the product read, and the delta of what it wrote. */
  #factors(p: PlacedParameter): { x: number; ldx: number; d: number; ldd: number } {
    const { training: views, shape } = this.#layout;
    const { ldh, ldz, ldl, layers, streams } = views;
    const afterFirst = streams * ldh * this.#arena.floatBytes;
    if (p.name.startsWith('head.'))
      return { x: layers[layers.length - 1].h + afterFirst, ldx: ldh, d: views.logits, ldd: ldl };
    const layer = Number(p.name.slice(p.name.lastIndexOf('_l') + 2));
    const own = layers[layer];
    const recurrent = p.name.includes('_hh_') && cells[shape.model.cell].separateRecurrent;
    const d = recurrent ? own.r : own.z;
    if (p.name.includes('_hh_')) return { x: own.h, ldx: ldh, d, ldd: ldz };
    const below = layers[layer - 1];
    return { x: below ? below.dropped || below.h + afterFirst : 0, ldx: ldh, d, ldd: ldz };
  }

  /** The factors for layer 0 with an embedding: the table and dP, or the embedded rows and dz. */
  #inputFactors(projected: boolean): { x: number; ldx: number; d: number; ldd: number } {
    const { training: views, shape } = this.#layout;
    const width = padded(shape.model.embedding);
    if (projected)
      return {
        x: this.#find('embedding.weight').weights,
        ldx: width,
        d: views.projectedGradient,
        ldd: this.#find('rnn.weight_ih_l0').columns,
      };
    return { x: views.embedded, ldx: width, d: views.layers[0].z, ldd: views.ldz };
  }

  #gradientCall(p: PlacedParameter): number {
    return this.#d.add(Gradient, {
      x: 0,
      ldx: 0,
      d: 0,
      ldd: 0,
      rows: 0,
      depth: p.depth,
      dw: p.gradient,
      scratch: this.#scratch,
    });
  }

  #sumCall(p: PlacedParameter): number {
    const { training: views, shape } = this.#layout;
    if (p.storage === 'vector')
      return this.#d.add(ColumnSums, { d: 0, ldd: this.#factors(p).ldd, rows: 0, out: p.gradient, out2: 0 });
    const embedding = p.name === 'embedding.weight';
    const scatter = this.#d.add(Scatter, {
      d: embedding ? views.embeddedGradient : views.layers[0].z,
      ldd: embedding ? p.columns : views.ldz,
      tokens: 0,
      rows: 0,
      table: p.gradient,
      ldt: p.columns,
      vocabulary: shape.model.vocabulary,
    });
    return scatter;
  }

  #projectedScatterCall = 0;
  /** dP: the deltas of all rows added by token. */
  get #projectedScatter(): number {
    const { training: views, shape } = this.#layout;
    this.#projectedScatterCall ||= this.#d.add(Scatter, {
      ...{ d: views.layers[0].z, ldd: views.ldz, tokens: 0, rows: 0, table: views.projectedGradient },
      ...{ ldt: this.#find('rnn.weight_ih_l0').columns, vocabulary: shape.model.vocabulary },
    });
    return this.#projectedScatterCall;
  }

  #updateCall(p: PlacedParameter): number {
    return this.#d.add(Update, {
      ...fixedFields(this.#optimizer),
      w: p.weights,
      g: p.gradient,
      m: p.firstState,
      v: p.secondState,
      undo: this.#undo,
      transposed: p.transposedPanels,
      depth: p.depth,
      transposedDepth: p.columns,
    });
  }

  /** Rows of a lookup table in one of its pieces. */
  #blockRows(table: PlacedParameter): number {
    const piece = this.#layout.work.pieces[this.#layout.work.tablePieces[0]];
    return (piece.to - piece.from) / table.columns;
  }

  /** dE = dP W_x', in the blocks of rows that the pieces of E are. */
  #tableProductCalls(weights: PlacedParameter): BlockedProduct {
    const table = this.#find('embedding.weight');
    const { vocabulary } = this.#layout.shape.model;
    const rows = this.#blockRows(table);
    const wholeBlocks = Math.floor(vocabulary / rows);
    const call = (from: number, count: number): number =>
      this.#d.add(Product, {
        a: this.#layout.training.projectedGradient + from * weights.columns * this.#arena.floatBytes,
        lda: weights.columns,
        aGroup: rows * weights.columns,
        panels: weights.transposedPanels,
        depth: weights.columns,
        panelStride: weights.columns * PANEL,
        panelCount: weights.depth / PANEL,
        c: table.gradient + from * table.columns * this.#arena.floatBytes,
        ldc: table.columns,
        cGroup: rows * table.columns,
        rows: count,
        ...{ init: Init.zero, bias: 0, bias2: 0 },
      });
    const left = vocabulary - wholeBlocks * rows;
    return {
      whole: call(0, rows),
      rest: left > 0 ? call(wholeBlocks * rows, left) : 0,
      wholeBlocks,
      blocks: Math.ceil(vocabulary / rows),
    };
  }

  #find(name: string): PlacedParameter {
    return findParameter(this.#layout.parameters, name);
  }
}
