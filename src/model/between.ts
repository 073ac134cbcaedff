// What becomes of a layer's outputs before the next layer or the head reads them: what the layer has read is added to them where
// layers are residual, they are normalized where that is asked for, and for the next layer some are dropped. Of a model that does
// nothing of it they are h.
//
//   outputs(t) = norm(h(t) + x(t)), x(t) the outputs of the layer below, which the cell may have read after dropout
//   norm(y) = gain (y - mean) / sqrt(variance + 1e-5) + shift, over the units of a row (Ba, Kiros & Hinton 2016, equation 4)
//
// So what is dropped on the way into a cell is not on the way past it (as in GNMT, Wu et al. 2016). A member adds its own units, and
// normalizes and drops in its own time steps.
import { Dropout } from '../kernels/kernels.js';
import { dropoutKey } from './dropout-key.js';
import type { HeadOptions } from './head.js';
import { partOf } from './share.js';
import { outputsOf } from './views.js';
import type { Matrix, WindowCalls } from './window-calls.js';

export interface BetweenOptions extends HeadOptions {
  readonly dropout: number;
  readonly seed: number;
}

export class Between {
  readonly #o: BetweenOptions;
  readonly #calls: WindowCalls;
  readonly #layer: number;
  /** Gradients of the outputs, and of h. */
  readonly #gradient: Matrix;
  readonly #dh: Matrix;
  readonly #pastCell: Matrix;
  /** Descriptors; 0 where there is no such call. */
  readonly #sums: number;
  readonly #addPast: number;
  readonly #norm: number;
  readonly #drop: number;
  readonly #dropBackward: number;

  constructor(options: BetweenOptions, calls: WindowCalls, layer: number) {
    const { views, trains, descriptors } = options;
    const { h, dh, sums, normed, dropped } = views.layers[layer];
    const { floatBytes } = descriptors.arena;
    const rowsOf = (view: number): Matrix => calls.rows(view, views.ldh);
    const own = outputsOf(views, layer, floatBytes);
    const below = layer > 0 ? outputsOf(views, layer - 1, floatBytes) : undefined;
    this.#o = options;
    this.#calls = calls;
    this.#layer = layer;
    this.#gradient = rowsOf(own.gradient);
    this.#dh = rowsOf(dh);
    this.#pastCell = rowsOf(views.pastCell);
    const adds = below && sums > 0;
    this.#sums = adds ? calls.add(calls.later(rowsOf(h), 1), rowsOf(below.outputs), rowsOf(sums)) : 0;
    const past = below && rowsOf(below.gradient);
    this.#addPast = past && adds && trains ? calls.add(past, this.#pastCell, past) : 0;
    this.#norm = normed ? calls.norm(layer, sums ? rowsOf(sums) : calls.later(rowsOf(h), 1)) : 0;
    this.#drop = dropped ? calls.dropout(rowsOf(own.outputs), rowsOf(dropped)) : 0;
    this.#dropBackward = dropped && trains ? calls.dropout(this.#gradient, this.#gradient) : 0;
  }

  /** From the h of all steps, which are there. @param step as in Stack.forward */
  forward(steps: number, step: number): void {
    const { kernels, share } = this.#o;
    if (this.#sums) {
      kernels.add(this.#sums, 0, steps);
      share.sync();
    }
    if (this.#norm) {
      kernels.normForward(this.#norm, ...partOf(share, steps));
      share.sync();
    }
    if (this.#drop) this.#dropOf(this.#drop, steps, step);
  }

  /** From the gradient of the outputs to that of h, which the cell will add to, so it is kept for the way past the cell. */
  backward(steps: number): void {
    const { kernels, share } = this.#o;
    if (this.#norm) {
      share.sync();
      kernels.normBackward(this.#norm, ...partOf(share, steps));
      share.sync();
    }
    if (this.#addPast) this.#calls.copy(this.#dh, this.#pastCell, steps);
  }

  /** The gradient of the outputs, once the layer above has given that of what it read. */
  backwardDrop(steps: number, step: number): void {
    if (!this.#dropBackward) return;
    this.#o.share.sync();
    this.#dropOf(this.#dropBackward, steps, step);
  }

  /** Adds to the gradient of the outputs below what goes past this layer's cell. */
  backwardPast(steps: number): void {
    if (this.#addPast) this.#o.kernels.add(this.#addPast, 0, steps);
  }

  /** The member's time steps of a dropout; all of them are there when it returns. */
  #dropOf(descriptor: number, steps: number, step: number): void {
    const { kernels, descriptors, dropout, seed, share } = this.#o;
    const drops = step >= 0;
    descriptors.set(descriptor, Dropout.threshold, drops ? Math.floor(dropout * 2 ** 32) : 0);
    descriptors.set(descriptor, Dropout.scale, drops ? 1 / (1 - dropout) : 1);
    descriptors.set(descriptor, Dropout.key, dropoutKey(seed, step, this.#layer));
    kernels.dropout(descriptor, ...partOf(share, steps));
    share.sync();
  }
}
