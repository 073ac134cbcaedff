// What the first layer reads, as its part of z: rows of W_x that tokens or sparse features name, rows of P = E W_x, rows of E times
// W_x, or real-valued features times W_x. A model without layers has its logits in place of z. Of two directions each has its own
// W_x and z, and both read the same inputs.
import { CatchUp, Gather, Init, type Kernels, Lookup, PANEL, Product, padded } from '../kernels/kernels.js';
import type { Descriptors } from '../memory/arena.js';
import type { Architecture } from './architecture.js';
import { Phase, type Phases } from './phases.js';
import { partOf, type Share } from './share.js';
import { type Behind, biasesOf, type PlacedParameter, type WindowViews, weightsOf } from './views.js';
import type { Matrix, WindowCalls } from './window-calls.js';

/** What a window is besides its length. Byte offsets; those of what the model does not read are 0. */
export interface WindowInput {
  /** The input tokens, int32 [T, B]. */
  readonly tokens: number;
  /** The features, floats [T, B, I padded]. */
  readonly features: number;
  /** Sparse features: int32 [T B + 1] where a row's entries begin, int32 the features that they name, floats their values. */
  readonly entryStarts: number;
  readonly entryFeatures: number;
  readonly entryValues: number;
  /** The targets, int32 [T, B], -1 where no prediction counts. */
  readonly targets: number;
  /** What to predict where targets are no classes, floats [T, B, K padded]. */
  readonly outputs: number;
  /** Of a model that reads whole sequences: the steps of each row, int32 [B]. */
  readonly lengths: number;
}

export interface InputOptions {
  readonly kernels: Kernels;
  readonly descriptors: Descriptors;
  readonly model: Architecture;
  readonly parameters: readonly PlacedParameter[];
  readonly views: WindowViews;
  readonly share: Share;
  readonly phases: Phases;
  /** How rows of the table catch up that are behind; undefined: none is. */
  readonly behind?: Behind;
  readonly trains: boolean;
}

/** Byte offsets; no biases: 0. */
interface InputTable {
  readonly table: number;
  readonly bias: number;
  readonly bias2: number;
}

/**
 * Bytes of z up to which a window's rows are gathered in one call. More would have left the cache when the product adds to them,
 * so they are gathered step by step (1.03 times the speed, LSTM of 128 units).
 */
const GATHERED_AT_ONCE = 1 << 18;

export class Inputs {
  readonly #o: InputOptions;
  readonly #calls: WindowCalls;
  readonly #reverse: boolean;
  /** Where this member's columns of the inputs' part of z are looked up. */
  readonly #table: InputTable;
  readonly #projectedTable: InputTable;
  /** Descriptors; 0 where the model has no such call. */
  readonly #featuresProduct: number;
  readonly #gather: number;
  readonly #lookup: number;
  readonly #gatherEmbedded: number;
  readonly #lookupEmbedded: number;
  readonly #embeddedProduct: number;
  readonly #embeddedBackward: number;

  /** @param reverse whether it is for the reverse direction, which comes after the other */
  constructor(options: InputOptions, calls: WindowCalls, reverse = false) {
    const { model, views, parameters, share, trains, behind, descriptors } = options;
    this.#o = options;
    this.#calls = calls;
    this.#reverse = reverse;
    const isLinear = model.layers === 0;
    const weights = weightsOf(parameters, isLinear ? 'head' : 'input', 0, reverse);
    const z = isLinear
      ? calls.rows(views.logits, views.ldl)
      : calls.rows(calls.direction(views.layers[0], reverse).z, views.ldz);
    const biases = isLinear ? biasesOf(parameters, 'head') : calls.inputBiases(0, reverse);
    const columns = isLinear ? ([0, weights.columns] as const) : calls.ownColumns(weights.gates);
    const own = columns[0] * descriptors.arena.floatBytes;
    const [bias, bias2 = 0] = biases.map((p) => p.weights + own);
    this.#table = { table: weights.weights + own, bias, bias2 };
    this.#projectedTable = { table: views.projected + own, bias: 0, bias2: 0 };
    const looksUp = model.sparseFeatures !== undefined || behind !== undefined;
    const readsRows = weights.storage === 'rows';
    this.#lookup = readsRows && looksUp ? this.#lookupCall(z, columns, weights, this.#table) : 0;
    this.#gather = (readsRows && !looksUp) || views.projected ? calls.gather(z, columns, weights.columns) : 0;
    this.#featuresProduct = model.features ? this.#featuresCall(z, weights, biases) : 0;
    const embeds = views.embedded > 0;
    const width = padded(model.embedding);
    const embedded = calls.rows(views.embedded, width);
    const all = [0, width] as const;
    this.#gatherEmbedded = embeds && !looksUp ? calls.gather(embedded, all, width) : 0;
    const embedding = embeds ? weightsOf(parameters, 'embedding') : undefined;
    const noBiases = { table: embedding?.weights ?? 0, bias: 0, bias2: 0 };
    this.#lookupEmbedded = embedding && looksUp ? this.#lookupCall(embedded, all, embedding, noBiases) : 0;
    this.#embeddedProduct = embeds ? calls.product(embedded, weights, z, Init.bias, biases) : 0;
    const gradient = calls.rows(views.embeddedGradient, width);
    this.#embeddedBackward =
      embeds && trains
        ? calls.backwardProduct(
            ...([z, weights, gradient, reverse ? Init.accumulate : Init.zero] as const),
            partOf(share, weights.depth / PANEL),
            calls.listsOf(views.layers[0], 1),
          )
        : 0;
  }

  /** The inputs' part of z. @returns whether it is still to be gathered, time step by time step */
  run(input: WindowInput, steps: number, projected: boolean): boolean {
    const { kernels, descriptors, model, share, phases, views } = this.#o;
    if (model.features) {
      phases.enter(Phase.inputProduct);
      const { at } = this.#calls.rows(input.features, padded(model.features));
      descriptors.set(this.#featuresProduct, Product.a, at);
      kernels.product(this.#featuresProduct, 0, steps);
      return false;
    }
    if (this.#lookup) {
      phases.enter(Phase.gather);
      this.#lookUp(this.#lookup, input, [0, steps]);
      return false;
    }
    if (model.embedding > 0 && !projected) {
      if (!this.#reverse) this.#embed(input, steps);
      phases.enter(Phase.inputProduct);
      kernels.product(this.#embeddedProduct, 0, steps);
      return false;
    }
    this.#setTable(this.#gather, this.#calls.intRow(input.tokens), projected ? this.#projectedTable : this.#table);
    if (share.rows * steps * views.ldz * descriptors.arena.floatBytes > GATHERED_AT_ONCE) return true;
    phases.enter(Phase.gather);
    kernels.gather(this.#gather, 0, steps);
    return false;
  }

  /** The rows of features are set window by window. Without layers it is the head's product, of all columns. */
  #featuresCall(z: Matrix, weights: PlacedParameter, biases: readonly PlacedParameter[]): number {
    const features = { at: 0, ld: weights.depth };
    if (weights.role === 'head') return this.#calls.headProduct(features, z);
    return this.#calls.product(features, weights, z, Init.bias, biases);
  }

  /** What `run` left to be gathered. */
  gather(t: number): void {
    this.#o.phases.enter(Phase.gather);
    this.#o.kernels.gather(this.#gather, t, t + 1);
  }

  /** The product that gives the gradient of embedded rows; 0 where there are none. */
  get backward(): number {
    return this.#embeddedBackward;
  }

  /** The embedded rows, for both directions. */
  #embed(input: WindowInput, steps: number): void {
    const { share, phases } = this.#o;
    phases.enter(Phase.gather);
    if (this.#lookupEmbedded) this.#lookUp(this.#lookupEmbedded, input, partOf(share, steps));
    else this.#gatherEmbeddedRows(input, steps);
    share.sync();
  }

  #gatherEmbeddedRows(input: WindowInput, steps: number): void {
    const { kernels, parameters, share } = this.#o;
    const table = weightsOf(parameters, 'embedding').weights;
    this.#setTable(this.#gatherEmbedded, this.#calls.intRow(input.tokens), { table, bias: 0, bias2: 0 });
    kernels.gather(this.#gatherEmbedded, ...partOf(share, steps));
  }

  #setTable(call: number, tokens: number, { table, bias, bias2 }: InputTable): void {
    const { descriptors } = this.#o;
    descriptors.set(call, Gather.tokens, tokens);
    descriptors.set(call, Gather.table, table);
    descriptors.set(call, Gather.bias, bias);
    descriptors.set(call, Gather.bias2, bias2);
  }

  #lookUp(call: number, input: WindowInput, [from, to]: readonly [number, number]): void {
    const { kernels, descriptors, model } = this.#o;
    const named = model.sparseFeatures !== undefined;
    descriptors.set(call, Lookup.starts, named ? this.#calls.intRow(input.entryStarts) : 0);
    descriptors.set(call, Lookup.features, named ? input.entryFeatures : this.#calls.intRow(input.tokens));
    descriptors.set(call, Lookup.values, named ? input.entryValues : 0);
    kernels.lookup(call, from, to);
  }

  /** Columns [from, to) of the rows of a table, into those of `out`. */
  #lookupCall(out: Matrix, [from, to]: readonly [number, number], p: PlacedParameter, table: InputTable): number {
    const { descriptors, views, share, behind } = this.#o;
    const { streams } = views;
    const own = from * descriptors.arena.floatBytes;
    return descriptors.add(Lookup, {
      ...{ ...table, ldt: p.columns, vocabulary: p.depth, m: p.firstState && p.firstState + own },
      ...{ starts: 0, features: 0, values: 0, rowGroup: streams },
      ...{ out: out.at + own, ldo: out.ld, outGroup: streams * out.ld, rows: share.rows, columns: to - from },
      ...(behind ?? { catchUp: CatchUp.none, touchedAt: 0, maps: 0, period: 0 }),
    });
  }
}
