// A stack of recurrent layers with its head, forward and backward over one window, for one worker's share of it: streams, and
// columns where several workers share these. Nothing is allocated after construction.
//
//   tokens -> z of layer 0 (gathered rows of W_x, or of P = E W_x, or E's rows times W_x); features times W_x
//   for each layer: input part of all steps at once, then step by step the recurrent product and the cell
//     of a bidirectional model the other way as well, see reverse.ts; the outputs of both stand side by side
//     what becomes of them before they are read: between.ts
//   logits of all steps at once -> loss and its gradient in place -> dh of the last layer -> backward through the layers
//
// Where columns are shared, a member computes its units of z, h, c, dh in all layers, and its time steps of what has no
// columns of a layer (embedded rows, dropout, the head). `sync` stands wherever it reads what others have written.
import { Cell as CellFields, Init, PANEL } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import { Between, type BetweenOptions } from './between.js';
import type { Cell } from './cells/cell.js';
import { cells } from './cells/cells.js';
import { Head } from './head.js';
import { Inputs, type WindowInput } from './inputs.js';
import { Phase } from './phases.js';
import { type DirectionCalls, ReverseDirection } from './reverse.js';
import { partOf } from './share.js';
import { product } from './sparsity.js';
import { biasesOf, type LayerViews, outputsOf, type PlacedParameter, weightsOf } from './views.js';
import { WindowCalls } from './window-calls.js';

export interface StackOptions extends BetweenOptions {
  readonly arena: Arena;
}

/** Descriptors of one layer; 0 where a layer has no such call. */
interface LayerCalls extends DirectionCalls {
  readonly views: LayerViews;
  readonly reverse: ReverseDirection | undefined;
  /** The layer whose zeros are those of what this one reads. */
  readonly listed: number | undefined;
  readonly winners: number;
  readonly activeUnits: number;
  readonly between: Between;
}

export class Stack {
  readonly #o: StackOptions;
  readonly #cell: Cell;
  readonly #calls: WindowCalls;
  readonly #layers: readonly LayerCalls[];
  readonly #inputs: Inputs;
  /** Of the reverse direction, where there is one. */
  readonly #reverseInputs: Inputs | undefined;
  readonly #head: Head;

  constructor(options: StackOptions) {
    const { model, views, descriptors, parameters, share } = options;
    this.#o = options;
    this.#cell = cells[model.cell];
    const calls = new WindowCalls(descriptors, model, parameters, views, share);
    this.#calls = calls;
    this.#layers = views.layers.map((_, layer) => this.#layerCalls(layer));
    this.#inputs = new Inputs(options, calls);
    this.#reverseInputs = model.bidirectional ? new Inputs(options, calls, true) : undefined;
    this.#head = new Head(options, calls);
  }

  /**
   * Forward through `steps` steps from the state in h[0] (and c[0]) of each layer, up to the last layer's h.
   * @param projected whether `projected` of the views holds P = E W_x + biases
   * @param step number of the training step, for the dropout masks; -1: no dropout
   */
  forward(input: WindowInput, steps: number, projected: boolean, step: number): void {
    const { kernels, share, phases, sparsity } = this.#o;
    sparsity?.begin();
    if (share.rows === 0) return;
    const gathers = this.#inputs.run(input, steps, projected);
    const gathered = this.#reverseInputs?.run(input, steps, projected) ? this.#reverseInputs : undefined;
    for (let layer = 0; layer < this.#layers.length; layer++) {
      const calls = this.#layers[layer];
      if (layer > 0) phases.enter(Phase.inputProduct);
      if (layer > 0) product(this.#o, calls.inputProduct, 0, steps, calls.listed, 1);
      this.#list(layer, 0);
      for (let t = 0; t < steps; t++) {
        if (gathers && layer === 0) this.#inputs.gather(t);
        phases.enter(Phase.recurrentProduct);
        if (calls.recurrentProduct) product(this.#o, calls.recurrentProduct, t, t + 1, layer, 0);
        phases.enter(Phase.pointWise);
        this.#cell.forward(kernels, calls.cell, t);
        share.sync();
        if (calls.winners) this.#chooseWinners(calls.winners, t + 1);
        this.#list(layer, t + 1);
      }
      calls.reverse?.forward(input.lengths, steps, layer === 0 ? gathered : undefined);
      calls.between.forward(steps, step);
    }
  }

  /** Makes what the head reads: of a model that pools, one row for each sequence. `loss` does it as well. */
  pool(input: WindowInput): void {
    if (this.#o.share.rows > 0) this.#head.pool(input);
  }

  /** The logits of steps [from, to) that the head answers to. */
  logits(from: number, to: number): void {
    this.#head.logits(from, to);
  }

  /**
   * Logits and losses of steps [from, steps).
   * @param scale of the gradients that replace the logits, 1 / the predictions' weight; 0 leaves the logits as they are
   */
  loss(input: WindowInput, from: number, steps: number, scale: number): void {
    if (this.#o.share.rows > 0) this.#head.loss(input, from, steps, scale);
  }

  /**
   * Backward through all steps; the losses' gradients stand in the logits from step `from` on. Leaves the deltas in z (and r).
   * @param penalty of each active ReLU from step `from` on: the derivative of an L1 penalty on the outputs
   */
  backward(from: number, steps: number, projected: boolean, step: number, penalty = 0): void {
    const { kernels, share, phases, descriptors } = this.#o;
    if (share.rows === 0 || this.#layers.length === 0) return;
    this.#head.backward(from, steps);
    phases.enter(Phase.backward);
    for (let layer = this.#layers.length - 1; layer >= 0; layer--) {
      const calls = this.#layers[layer];
      calls.between.backward(steps);
      if (calls.views.dc) this.#calls.clear(calls.views.dc, 0, this.#calls.ownBlocks);
      for (let t = steps - 1; t >= 0; t--) {
        if (penalty > 0) descriptors.set(calls.cell, CellFields.penalty, t >= from ? penalty : 0);
        this.#cell.backward(kernels, calls.cell, t);
        share.sync();
        if (t > 0 && calls.recurrentBackward) product(this.#o, calls.recurrentBackward, t, t + 1, layer, 1);
      }
      calls.reverse?.backward(steps);
      if (layer === 0) break;
      product(this.#o, calls.inputBackward, 0, steps, layer, 1);
      calls.reverse?.backwardToInputs(steps);
      this.#layers[layer - 1].between.backwardDrop(steps, step);
      calls.between.backwardPast(steps);
    }
    if (this.#inputs.backward && !projected) product(this.#o, this.#inputs.backward, 0, steps, 0, 1);
    if (this.#reverseInputs?.backward) kernels.product(this.#reverseInputs.backward, 0, steps);
  }

  /** Each member chooses in its own rows, which are whole by now. */
  #chooseWinners(call: number, t: number): void {
    const { kernels, share } = this.#o;
    kernels.winners(call, t, t + 1);
    share.sync();
  }

  /** Lists the active units of group t of a layer's h, where it has lists: each member those of its own rows, for all. */
  #list(layer: number, t: number): void {
    const { kernels, sparsity, share } = this.#o;
    if (!sparsity?.lists(layer)) return;
    sparsity.note(layer, t, kernels.activeUnits(this.#layers[layer].activeUnits, t, t + 1));
    share.sync();
  }

  #layerCalls(layer: number): LayerCalls {
    const { views, model, arena } = this.#o;
    const calls = this.#calls;
    const own = views.layers[layer];
    const reverse = model.bidirectional ? this.#directionCalls(layer, true) : undefined;
    return {
      ...this.#directionCalls(layer, false),
      reverse: reverse && new ReverseDirection(this.#o, this.#cell, reverse, calls.direction(own, true)),
      views: own,
      listed: layer > 0 ? outputsOf(views, layer - 1, arena.floatBytes).listed : undefined,
      activeUnits: calls.activeUnits(own),
      winners: calls.winners(own),
      between: new Between(this.#o, calls, layer),
    };
  }

  #directionCalls(layer: number, reverse: boolean): DirectionCalls {
    const { views, trains, parameters, share, arena } = this.#o;
    const calls = this.#calls;
    const listed = views.layers[layer];
    const own = calls.direction(listed, reverse);
    const below = layer > 0 ? outputsOf(views, layer - 1, arena.floatBytes) : undefined;
    const { separateRecurrent: separate, isRecurrent } = this.#cell;
    const hOf = (view: number) => calls.rows(view, views.ldh);
    const [z, h, dh] = [calls.rows(own.z, views.ldz), hOf(own.h), hOf(own.dh)];
    const recurrent = separate ? calls.rows(own.r, views.ldz) : z;
    const inputs = below && hOf(views.layers[layer - 1].dropped || below.outputs);
    const biases = separate ? biasesOf(parameters, 'recurrent', layer, reverse) : [];
    const weights = isRecurrent ? weightsOf(parameters, 'recurrent', layer, reverse) : undefined;
    const inputWeights = weightsOf(parameters, 'input', layer, reverse);
    const backward = (a: typeof z, p: PlacedParameter, c: typeof h, init: number): number =>
      trains ? calls.backwardProduct(a, p, c, init, partOf(share, p.depth / PANEL), calls.listsOf(listed, 1)) : 0;
    return {
      inputProduct:
        below && inputs
          ? calls.product(
              inputs,
              inputWeights,
              z,
              Init.bias,
              calls.inputBiases(layer, reverse),
              calls.listsOfOutputs(below.listed),
            )
          : 0,
      recurrentProduct: weights
        ? calls.product(
            ...([reverse ? calls.later(h, 1) : h, weights, recurrent] as const),
            ...([separate ? Init.bias : Init.accumulate, biases, calls.listsOf(listed, 0)] as const),
          )
        : 0,
      cell: calls.cell(own, reverse),
      // Step t writes dh of the step before: a group earlier, or later. It is never called where there is none.
      recurrentBackward: weights ? backward(recurrent, weights, calls.later(dh, reverse ? 1 : -1), Init.accumulate) : 0,
      // Both directions read the same.
      inputBackward: below ? backward(z, inputWeights, hOf(below.gradient), reverse ? Init.accumulate : Init.zero) : 0,
    };
  }
}
