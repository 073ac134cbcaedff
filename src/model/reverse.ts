// The direction of a layer that reads from each row's last step to its first: forward runs down through time, backward up. Rows
// are as long as `lengths` says. Behind a row's end its state is held at zero, so that it starts from zero at its own last step.

import { padded } from '../kernels/kernels.js';
import type { Cell } from './cells/cell.js';
import type { InputOptions, Inputs } from './inputs.js';
import { Phase } from './phases.js';
import type { DirectionViews } from './window-calls.js';

/** Descriptors of one direction of a layer; 0 where it has no such call. */
export interface DirectionCalls {
  readonly inputProduct: number;
  readonly recurrentProduct: number;
  readonly cell: number;
  readonly recurrentBackward: number;
  readonly inputBackward: number;
}

/** After all steps of any row. */
const NEVER = Number.POSITIVE_INFINITY;

export class ReverseDirection {
  readonly #o: InputOptions;
  readonly #cell: Cell;
  readonly #calls: DirectionCalls;
  readonly #views: DirectionViews;
  /** Byte offset of int32 [B], of the window that forward ran through last. */
  #lengths = 0;

  constructor(options: InputOptions, cell: Cell, calls: DirectionCalls, views: DirectionViews) {
    this.#o = options;
    this.#cell = cell;
    this.#calls = calls;
    this.#views = views;
  }

  /** @param gathered what gathers the inputs' part of z step by step; undefined: it is there, or a product of the layer below */
  forward(lengths: number, steps: number, gathered: Inputs | undefined): void {
    const { kernels, phases } = this.#o;
    const { inputProduct, recurrentProduct, cell } = this.#calls;
    this.#lengths = lengths;
    if (inputProduct) {
      phases.enter(Phase.inputProduct);
      kernels.product(inputProduct, 0, steps);
    }
    this.#clearState(steps, NEVER);
    for (let t = steps - 1; t >= 0; t--) {
      gathered?.gather(t);
      phases.enter(Phase.recurrentProduct);
      kernels.product(recurrentProduct, t, t + 1);
      phases.enter(Phase.pointWise);
      this.#cell.forward(kernels, cell, t);
      this.#clearState(t, t);
    }
  }

  /** Backward through the same window, up to the deltas in z (and r). dh holds what comes from above, zero behind a row's end. */
  backward(steps: number): void {
    const { kernels } = this.#o;
    const { cell, recurrentBackward } = this.#calls;
    const { dh, dc } = this.#views;
    this.#clear(dh, steps, NEVER);
    if (dc) this.#clear(dc, 0, NEVER);
    for (let t = 0; t < steps; t++) {
      this.#clear(dh, t, t);
      if (dc) this.#clear(dc, 0, t);
      this.#cell.backward(kernels, cell, t);
      if (t + 1 < steps) kernels.product(recurrentBackward, t, t + 1);
    }
  }

  /** Adds to what the layer below gets, once it has the other direction's part. */
  backwardToInputs(steps: number): void {
    this.#o.kernels.product(this.#calls.inputBackward, 0, steps);
  }

  #clearState(index: number, t: number): void {
    const { h, c } = this.#views;
    this.#clear(h, index, t);
    if (c) this.#clear(c, index, t);
  }

  /** Zeroes index `index` of a view in the rows that end at step `t` or before. */
  #clear(view: number, index: number, t: number): void {
    const { descriptors, views, share, model } = this.#o;
    const { floats, ints, floatBytes } = descriptors.arena;
    const { ldh, streams } = views;
    const width = padded(model.hidden);
    for (let row = share.firstRow; row < share.firstRow + share.rows; row++) {
      if (ints[this.#lengths / Int32Array.BYTES_PER_ELEMENT + row] > t) continue;
      const at = view / floatBytes + (index * streams + row) * ldh;
      floats.fill(0, at, at + width);
    }
  }
}
