// A stack of recurrent layers with its head, forward and backward over one window, for a range of streams (rows).
// Each worker has one for its streams; what they share lies in the arena. Nothing is allocated after construction.
//
//   tokens -> z of layer 0 (gathered rows of W_x, or of P = E W_x, or E's rows times W_x)
//   for each layer: input part of all steps at once, then step by step the recurrent product and the cell
//   logits of all steps at once -> loss and its gradient in place -> dh of the last layer -> backward through the layers
import {
  Activation,
  Cell as CellFields,
  Dropout,
  Gather,
  Init,
  type Kernels,
  PANEL,
  Product,
  padded,
  Softmax,
} from '../kernels/kernels.js';
import type { Arena, Descriptors } from '../memory/arena.js';
import type { Architecture } from './architecture.js';
import type { Cell } from './cells/cell.js';
import { cells } from './cells/cells.js';
import { dropoutKey } from './dropout-key.js';
import { findParameter, type PlacedParameter, type WindowViews } from './views.js';

export interface StackOptions {
  readonly arena: Arena;
  readonly kernels: Kernels;
  readonly descriptors: Descriptors;
  readonly model: Architecture;
  readonly parameters: readonly PlacedParameter[];
  readonly views: WindowViews;
  /** This stack's streams: [firstRow, firstRow + rows). */
  readonly firstRow: number;
  readonly rows: number;
  readonly dropout: number;
  readonly trains: boolean;
  readonly seed: number;
}

/** What a window is besides its length. */
export interface WindowInput {
  /** Byte offset of the input tokens, int32 [T, B]. */
  readonly tokens: number;
  /** Byte offset of the targets, int32 [T, B], -1 where no prediction counts. */
  readonly targets: number;
}

/** Descriptors of one layer; 0 where a layer has no such call. */
interface LayerCalls {
  readonly views: WindowViews['layers'][number];
  readonly inputProduct: number;
  readonly recurrentProduct: number;
  readonly cell: number;
  readonly recurrentBackward: number;
  readonly inputBackward: number;
  readonly dropoutForward: number;
  readonly dropoutBackward: number;
}

export class Stack {
  readonly #o: StackOptions;
  readonly #cell: Cell;
  readonly #layers: readonly LayerCalls[];
  readonly #gather: number;
  readonly #gatherEmbedded: number;
  readonly #embeddedProduct: number;
  readonly #embeddedBackward: number;
  readonly #headProduct: number;
  readonly #headBackward: number;
  readonly #softmax: number;

  constructor(options: StackOptions) {
    this.#o = options;
    this.#cell = cells[options.model.cell];
    const { model, views, descriptors, trains } = options;
    const head = this.#parameter('head.weight');
    const top = views.layers[model.layers - 1];
    const outputs = this.#row(top.h, views.ldh) + this.#group(views.ldh);
    this.#layers = views.layers.map((_, layer) => this.#layerCalls(layer));
    this.#headProduct = this.#product(
      outputs,
      views.ldh,
      head,
      this.#row(views.logits, views.ldl),
      views.ldl,
      Init.bias,
      'head.bias',
    );
    this.#headBackward = trains
      ? this.#backwardProduct(
          this.#row(views.logits, views.ldl),
          views.ldl,
          head,
          this.#row(top.dh, views.ldh),
          views.ldh,
          Init.zero,
        )
      : 0;
    this.#softmax = descriptors.add(Softmax, {
      logits: this.#row(views.logits, views.ldl),
      ldl: views.ldl,
      logitGroup: views.streams * views.ldl,
      classes: model.vocabulary,
      targets: 0,
      targetGroup: views.streams,
      rows: options.rows,
      losses: this.#row(views.losses, 1),
      hits: this.#row(views.hits, 1),
      scale: 0,
      train: 0,
    });
    const first = views.layers[0];
    const z = this.#row(first.z, views.ldz);
    this.#gather = this.#gatherCall(z, views.ldz, this.#cell.gates * padded(model.hidden));
    const width = padded(model.embedding);
    const embedded = this.#row(views.embedded, width);
    this.#gatherEmbedded = views.embedded ? this.#gatherCall(embedded, width, width) : 0;
    const weights = this.#parameter('rnn.weight_ih_l0');
    this.#embeddedProduct = views.embedded
      ? this.#product(embedded, width, weights, z, views.ldz, Init.bias, ...this.#inputBiases(0))
      : 0;
    this.#embeddedBackward =
      views.embedded && trains
        ? this.#backwardProduct(z, views.ldz, weights, this.#row(views.embeddedGradient, width), width, Init.zero)
        : 0;
  }

  /**
   * Forward through `steps` steps from the state in h[0] (and c[0]) of each layer, up to the last layer's h.
   * @param projected whether `projected` of the views holds P = E W_x + biases
   * @param step number of the training step, for the dropout masks; -1: no dropout
   */
  forward(input: WindowInput, steps: number, projected: boolean, step: number): void {
    const { kernels, rows } = this.#o;
    if (rows === 0) return;
    this.#inputs(input, steps, projected);
    for (let layer = 0; layer < this.#layers.length; layer++) {
      const calls = this.#layers[layer];
      if (layer > 0) kernels.product(calls.inputProduct, 0, steps);
      for (let t = 0; t < steps; t++) {
        kernels.product(calls.recurrentProduct, t, t + 1);
        this.#cell.forward(kernels, calls.cell, t);
      }
      if (calls.dropoutForward) this.#drop(calls.dropoutForward, layer, steps, step);
    }
  }

  /**
   * Logits and losses of steps [from, steps).
   * @param scale of the gradients that replace the logits, 1 / predictions; 0 leaves the logits as they are
   */
  loss(input: WindowInput, from: number, steps: number, scale: number): void {
    const { kernels, descriptors, rows } = this.#o;
    if (rows === 0) return;
    this.logits(from, steps);
    descriptors.set(this.#softmax, Softmax.targets, this.#intRow(input.targets));
    descriptors.set(this.#softmax, Softmax.scale, scale);
    descriptors.set(this.#softmax, Softmax.train, scale > 0 ? 1 : 0);
    kernels.softmax(this.#softmax, from, steps);
  }

  logits(from: number, steps: number): void {
    this.#o.kernels.product(this.#headProduct, from, steps);
  }

  /** Backward through all steps; the losses' gradients stand in the logits from step `from` on. Leaves the deltas in z (and r). */
  backward(from: number, steps: number, projected: boolean, step: number): void {
    const { kernels, views, rows } = this.#o;
    if (rows === 0) return;
    const top = this.#layers[this.#layers.length - 1].views;
    for (let t = 0; t < from; t++) this.#clear(top.dh + t * this.#group(views.ldh));
    kernels.product(this.#headBackward, from, steps);
    for (let layer = this.#layers.length - 1; layer >= 0; layer--) {
      const calls = this.#layers[layer];
      if (calls.views.dc) this.#clear(calls.views.dc);
      for (let t = steps - 1; t >= 0; t--) {
        this.#cell.backward(kernels, calls.cell, t);
        if (t > 0) kernels.product(calls.recurrentBackward, t, t + 1);
      }
      if (layer === 0) break;
      kernels.product(calls.inputBackward, 0, steps);
      const below = this.#layers[layer - 1];
      if (below.dropoutBackward) this.#drop(below.dropoutBackward, layer - 1, steps, step);
    }
    if (this.#embeddedBackward && !projected) kernels.product(this.#embeddedBackward, 0, steps);
  }

  #inputs(input: WindowInput, steps: number, projected: boolean): void {
    const { kernels, descriptors, model, views } = this.#o;
    const tokens = this.#intRow(input.tokens);
    if (model.embedding > 0 && !projected) {
      const embedding = this.#parameter('embedding.weight');
      descriptors.set(this.#gatherEmbedded, Gather.tokens, tokens);
      descriptors.set(this.#gatherEmbedded, Gather.table, embedding.weights);
      kernels.gather(this.#gatherEmbedded, 0, steps);
      kernels.product(this.#embeddedProduct, 0, steps);
      return;
    }
    const [bias, bias2] = projected ? [0, 0] : this.#inputBiases(0).map((name) => this.#parameter(name).weights);
    descriptors.set(this.#gather, Gather.tokens, tokens);
    descriptors.set(
      this.#gather,
      Gather.table,
      projected ? views.projected : this.#parameter('rnn.weight_ih_l0').weights,
    );
    descriptors.set(this.#gather, Gather.bias, bias);
    descriptors.set(this.#gather, Gather.bias2, bias2 ?? 0);
    kernels.gather(this.#gather, 0, steps);
  }

  #drop(descriptor: number, layer: number, steps: number, step: number): void {
    const { kernels, descriptors, dropout, seed } = this.#o;
    const drops = step >= 0;
    descriptors.set(descriptor, Dropout.threshold, drops ? Math.floor(dropout * 2 ** 32) : 0);
    descriptors.set(descriptor, Dropout.scale, drops ? 1 / (1 - dropout) : 1);
    descriptors.set(descriptor, Dropout.key, dropoutKey(seed, step, layer));
    kernels.dropout(descriptor, 0, steps);
  }

  /** Zeroes this stack's rows of a [B, H] view. */
  #clear(view: number): void {
    const { arena, views, rows } = this.#o;
    const start = this.#row(view, views.ldh) / arena.floatBytes;
    arena.floats.fill(0, start, start + rows * views.ldh);
  }

  // ---- construction of the descriptors ----

  #layerCalls(layer: number): LayerCalls {
    const { model, views, trains, descriptors, rows, firstRow } = this.#o;
    const { ldh, ldz, streams } = views;
    const own = views.layers[layer];
    const below = layer > 0 ? views.layers[layer - 1] : undefined;
    const separate = this.#cell.separateRecurrent;
    const weights = this.#parameter(`rnn.weight_hh_l${layer}`);
    const recurrent = this.#row(separate ? own.r : own.z, ldz);
    const h = this.#row(own.h, ldh);
    const dropout = (view: number, out: number): number =>
      descriptors.add(Dropout, {
        in: view,
        out,
        ld: ldh,
        group: streams * ldh,
        rows,
        columns: padded(model.hidden),
        threshold: 0,
        scale: 1,
        key: 0,
        firstStream: firstRow,
      });
    const inputs = below && (below.dropped || below.h + this.#group(ldh));
    const inputWeights = this.#parameter(`rnn.weight_ih_l${layer}`);
    return {
      views: own,
      inputProduct: inputs
        ? this.#product(
            this.#row(inputs, ldh),
            ldh,
            inputWeights,
            this.#row(own.z, ldz),
            ldz,
            Init.bias,
            ...this.#inputBiases(layer),
          )
        : 0,
      recurrentProduct: separate
        ? this.#product(h, ldh, weights, recurrent, ldz, Init.bias, `rnn.bias_hh_l${layer}`)
        : this.#product(h, ldh, weights, recurrent, ldz, Init.accumulate),
      cell: descriptors.add(CellFields, {
        z: this.#row(own.z, ldz),
        ldz,
        zGroup: streams * ldz,
        r: separate ? recurrent : 0,
        h,
        ldh,
        hGroup: streams * ldh,
        c: own.c && this.#row(own.c, ldh),
        tanhC: own.tanhC && this.#row(own.tanhC, ldh),
        dh: own.dh && this.#row(own.dh, ldh),
        dc: own.dc && this.#row(own.dc, ldh),
        rows,
        units: model.hidden,
        firstBlock: 0,
        blocks: padded(model.hidden) / PANEL,
        activation: Activation[model.activation],
      }),
      // Step t writes dh(t - 1): the output begins one group earlier. It is never called for t = 0.
      recurrentBackward: trains
        ? this.#backwardProduct(
            recurrent,
            ldz,
            weights,
            this.#row(own.dh, ldh) - this.#group(ldh),
            ldh,
            Init.accumulate,
          )
        : 0,
      inputBackward:
        trains && below
          ? this.#backwardProduct(this.#row(own.z, ldz), ldz, inputWeights, this.#row(below.dh, ldh), ldh, Init.zero)
          : 0,
      dropoutForward: own.dropped ? dropout(h + this.#group(ldh), this.#row(own.dropped, ldh)) : 0,
      dropoutBackward: own.dropped && trains ? dropout(this.#row(own.dh, ldh), this.#row(own.dh, ldh)) : 0,
    };
  }

  /** A's rows times a parameter; `names` are the biases that the accumulators start from. */
  #product(
    a: number,
    lda: number,
    p: PlacedParameter,
    c: number,
    ldc: number,
    init: number,
    ...names: string[]
  ): number {
    const [bias = 0, bias2 = 0] = names.map((name) => this.#parameter(name).weights);
    return this.#productCall(a, lda, p.weights, p.depth, p.columns, c, ldc, init, bias, bias2);
  }

  /** A's rows times a parameter's transpose. */
  #backwardProduct(a: number, lda: number, p: PlacedParameter, c: number, ldc: number, init: number): number {
    return this.#productCall(a, lda, p.transposedPanels, p.columns, p.depth, c, ldc, init, 0, 0);
  }

  #productCall(
    a: number,
    lda: number,
    panels: number,
    depth: number,
    columns: number,
    c: number,
    ldc: number,
    init: number,
    bias: number,
    bias2: number,
  ): number {
    const { streams } = this.#o.views;
    return this.#o.descriptors.add(Product, {
      a,
      lda,
      aGroup: streams * lda,
      panels,
      depth,
      panelStride: depth * PANEL,
      panelCount: columns / PANEL,
      c,
      ldc,
      cGroup: streams * ldc,
      rows: this.#o.rows,
      init,
      bias,
      bias2,
    });
  }

  #gatherCall(out: number, ldo: number, columns: number): number {
    return this.#o.descriptors.add(Gather, {
      table: 0,
      ldt: columns,
      vocabulary: this.#o.model.vocabulary,
      tokens: 0,
      tokenGroup: this.#o.views.streams,
      out,
      ldo,
      outGroup: this.#o.views.streams * ldo,
      rows: this.#o.rows,
      columns,
      bias: 0,
      bias2: 0,
    });
  }

  /** The biases that belong to the input's part: both, unless the recurrent part stands by itself. */
  #inputBiases(layer: number): string[] {
    const names = [`rnn.bias_ih_l${layer}`, `rnn.bias_hh_l${layer}`];
    return this.#cell.separateRecurrent ? names.slice(0, 1) : names;
  }

  #parameter(name: string): PlacedParameter {
    return findParameter(this.#o.parameters, name);
  }

  /** Byte offset of this stack's first row in a view whose rows are `ld` floats apart. */
  #row(view: number, ld: number): number {
    return view + this.#o.firstRow * ld * this.#o.arena.floatBytes;
  }

  #intRow(view: number): number {
    return view + this.#o.firstRow * 4;
  }

  /** Bytes between time steps of a view. */
  #group(ld: number): number {
    return this.#o.views.streams * ld * this.#o.arena.floatBytes;
  }
}
