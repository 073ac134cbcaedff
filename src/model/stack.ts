// A stack of recurrent layers with its head, forward and backward over one window, for one worker's share of it: streams, and
// columns where several workers share these. Nothing is allocated after construction.
//
//   tokens -> z of layer 0 (gathered rows of W_x, or of P = E W_x, or E's rows times W_x); features times W_x
//   for each layer: input part of all steps at once, then step by step the recurrent product and the cell
//     of a bidirectional model the other way as well, see reverse.ts; the outputs of both stand side by side
//   logits of all steps at once -> loss and its gradient in place -> dh of the last layer -> backward through the layers
//
// Where columns are shared, a member computes its units of z, h, c, dh in all layers, and its time steps of what has no
// columns of a layer (embedded rows, dropout, the head). `sync` stands wherever it reads what others have written.
import { Cell as CellFields, Dropout, Init, PANEL } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import type { Cell } from './cells/cell.js';
import { cells } from './cells/cells.js';
import { dropoutKey } from './dropout-key.js';
import { Head, type HeadOptions } from './head.js';
import { Inputs, type WindowInput } from './inputs.js';
import { Phase } from './phases.js';
import { type DirectionCalls, ReverseDirection } from './reverse.js';
import { partOf } from './share.js';
import { product } from './sparsity.js';
import { biasesOf, type LayerViews, type PlacedParameter, weightsOf } from './views.js';
import { WindowCalls } from './window-calls.js';

export interface StackOptions extends HeadOptions {
  readonly arena: Arena;
  readonly dropout: number;
  readonly seed: number;
}

/** Descriptors of one layer; 0 where a layer has no such call. */
interface LayerCalls extends DirectionCalls {
  readonly views: LayerViews;
  readonly reverse: ReverseDirection | undefined;
  readonly winners: number;
  readonly activeUnits: number;
  readonly dropoutForward: number;
  readonly dropoutBackward: number;
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
      if (layer > 0) product(this.#o, calls.inputProduct, 0, steps, layer - 1, 1);
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
      if (calls.dropoutForward) this.#drop(calls.dropoutForward, layer, steps, step);
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
      const below = this.#layers[layer - 1];
      if (!below.dropoutBackward) continue;
      share.sync();
      this.#drop(below.dropoutBackward, layer - 1, steps, step);
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

  /** The member's time steps of a dropout; all of them are there when it returns. */
  #drop(descriptor: number, layer: number, steps: number, step: number): void {
    const { kernels, descriptors, dropout, seed, share } = this.#o;
    const drops = step >= 0;
    descriptors.set(descriptor, Dropout.threshold, drops ? Math.floor(dropout * 2 ** 32) : 0);
    descriptors.set(descriptor, Dropout.scale, drops ? 1 / (1 - dropout) : 1);
    descriptors.set(descriptor, Dropout.key, dropoutKey(seed, step, layer));
    kernels.dropout(descriptor, ...partOf(share, steps));
    share.sync();
  }

  #layerCalls(layer: number): LayerCalls {
    const { views, trains, model } = this.#o;
    const calls = this.#calls;
    const own = views.layers[layer];
    const hOf = (view: number) => calls.rows(view, views.ldh);
    const [h, dh] = [hOf(own.h), hOf(own.dh)];
    const reverse = model.bidirectional ? this.#directionCalls(layer, true) : undefined;
    return {
      ...this.#directionCalls(layer, false),
      reverse: reverse && new ReverseDirection(this.#o, this.#cell, reverse, calls.direction(own, true)),
      views: own,
      activeUnits: calls.activeUnits(own),
      winners: calls.winners(own),
      dropoutForward: own.dropped ? calls.dropout(calls.later(h, 1), hOf(own.dropped)) : 0,
      dropoutBackward: own.dropped && trains ? calls.dropout(dh, dh) : 0,
    };
  }

  #directionCalls(layer: number, reverse: boolean): DirectionCalls {
    const { views, trains, parameters, share } = this.#o;
    const calls = this.#calls;
    const listed = views.layers[layer];
    const own = calls.direction(listed, reverse);
    const below = layer > 0 ? views.layers[layer - 1] : undefined;
    const { separateRecurrent: separate, isRecurrent } = this.#cell;
    const hOf = (view: number) => calls.rows(view, views.ldh);
    const [z, h, dh] = [calls.rows(own.z, views.ldz), hOf(own.h), hOf(own.dh)];
    const recurrent = separate ? calls.rows(own.r, views.ldz) : z;
    const inputs = below && (below.dropped ? hOf(below.dropped) : calls.later(hOf(below.h), 1));
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
              calls.listsOf(below, 1),
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
      inputBackward: below ? backward(z, inputWeights, hOf(below.dh), reverse ? Init.accumulate : Init.zero) : 0,
    };
  }
}
