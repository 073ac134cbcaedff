// How large the gradient of one loss is, step by step back in time: a model's own stack, forward over a window and backward from
// the prediction at its end. Weights are read and never changed.

import { type BatchSlot, NO_TARGET } from '../data/batches.js';
import { allocate, checkLimits, createKernels, type KernelName, reservedBytes } from '../kernels/choose.js';
import { Cell as CellFields, type Kernels, padded } from '../kernels/kernels.js';
import { Arena, Descriptors } from '../memory/arena.js';
import { PlanBuilder } from '../memory/plan.js';
import { createSharedBuffer } from '../memory/shared-array-buffer.js';
import { type Architecture, readsWholes } from '../model/architecture.js';
import type { WindowInput } from '../model/inputs.js';
import { outputsWidth } from '../model/output-loss.js';
import { transposePanels } from '../model/parameters.js';
import { UNTIMED } from '../model/phases.js';
import { allOf } from '../model/share.js';
import { Stack } from '../model/stack.js';
import { type PlacedParameter, placeParameters, placeWindow, type WindowViews } from '../model/views.js';
import { descriptorNumbers } from '../train/layout.js';
import { StreamState } from '../train/stream-state.js';

export interface ProbeOptions {
  readonly kernels: KernelName;
  /** Of the reference kernels; default: float32. */
  readonly precision?: 'float32' | 'float64';
  /** T: steps that are backpropagated. */
  readonly window: number;
  /** B */
  readonly streams: number;
}

/** B streams of steps, a number of whole windows, and what is to be predicted after the last one. */
export interface Probed {
  readonly steps: number;
  /** Makes row `row` of a slot read step t of stream b. */
  read(slot: BatchSlot, row: number, b: number, t: number): void;
  /** Makes it predict what stream b ends with. */
  aim(slot: BatchSlot, row: number, b: number): void;
}

/** @param rows [B], each a number of windows and one token more: the one to predict */
export const probedTokens = (rows: readonly Int32Array[]): Probed => ({
  steps: rows[0].length - 1,
  read: (slot, row, b, t) => {
    slot.inputs[row] = rows[b][t];
  },
  aim: (slot, row, b) => {
    slot.targets[row] = rows[b][rows[b].length - 1];
  },
});

/** Only backward's views beside the weights: no gradient of a weight is computed. */
const NOTHING_KEPT = { first: false, second: false, tableByRows: true };

export class GradientProbe {
  readonly arena: Arena;
  readonly parameters: readonly PlacedParameter[];
  readonly #views: WindowViews;
  readonly #stack: Stack;
  readonly #state: StreamState;
  readonly #slot: BatchSlot;
  /** The same as byte offsets. */
  readonly #input: WindowInput;
  readonly #carry: number;
  readonly #reset: number;
  /** [L][T][B]: the square norm of what c(t) of an LSTM gets from step t + 1. */
  readonly #cellSquares: Float64Array;

  /** @throws UserError when the kernels cannot address so much, or there is not so much memory */
  constructor(model: Architecture, { kernels: name, precision = 'float32', window, streams }: ProbeOptions) {
    const plan = new PlanBuilder(precision === 'float64' ? 8 : 4, reservedBytes(name));
    this.parameters = placeParameters(plan, model, NOTHING_KEPT);
    const shape = { steps: window, streams, trains: true, dropout: false, unprojected: true };
    this.#views = placeWindow(plan, model, shape, 'activations');
    const ints = (count: number): number => plan.ints('batches', count);
    const rows = window * streams;
    const floats = (count: number): number => (count > 0 ? plan.floats('batches', count) : 0);
    const [features, outputs] = [rows * padded(model.features ?? 0), rows * outputsWidth(model)];
    const input = {
      ...{ tokens: ints(rows), targets: ints(rows), features: floats(features), outputs: floats(outputs) },
      ...{ lengths: readsWholes(model) ? ints(streams) : 0, entryStarts: 0, entryFeatures: 0, entryValues: 0 },
    };
    this.#input = input;
    [this.#reset, this.#carry] = [ints(streams), ints(streams)];
    const numbers = descriptorNumbers(model);
    const descriptorsAt = plan.doubles('control', numbers);
    checkLimits(name, plan.bytes, 1);
    const memory = allocate(name, plan.bytes, createSharedBuffer);
    this.arena = new Arena(memory.buffer, plan.floatBytes);
    this.#slot = {
      inputs: this.arena.intsAt(input.tokens, rows),
      targets: this.arena.intsAt(input.targets, rows),
      features: features > 0 ? this.arena.floatsAt(input.features, features) : undefined,
      outputs: outputs > 0 ? this.arena.floatsAt(input.outputs, outputs) : undefined,
      lengths: input.lengths > 0 ? this.arena.intsAt(input.lengths, streams) : undefined,
      reset: this.arena.intsAt(this.#reset, streams),
      carry: this.arena.intsAt(this.#carry, streams),
    };
    this.#cellSquares = new Float64Array(model.layers * rows);
    this.#stack = new Stack({
      ...{ arena: this.arena, kernels: this.#listening(createKernels(name, memory, 0, precision)), model },
      ...{ descriptors: new Descriptors(this.arena, descriptorsAt, numbers), parameters: this.parameters },
      ...{ views: this.#views, share: allOf(streams), phases: UNTIMED, dropout: 0, trains: true, seed: 0 },
    });
    this.#state = new StreamState(this.arena, model, this.#views, [0, streams]);
  }

  /** To be called when all weights are there: backward reads their transposes. */
  transpose(): void {
    for (const p of this.parameters) {
      if (p.transposedPanels === 0) continue;
      const stored = this.arena.floatsAt(p.weights, p.length);
      transposePanels(p, stored, this.arena.floatsAt(p.transposedPanels, p.length));
    }
  }

  /**
   * Reads whole windows from the zero state on, and goes back through the last one from its last step's prediction, the only one
   * that counts.
   *
   * @returns [L][T], by steps back: the mean over the streams of |dLoss/dh(t)|; of an LSTM, of h(t) and c(t) together
   */
  norms(given: Probed): readonly (readonly number[])[] {
    const { steps: window, streams } = this.#views;
    const { targets, reset, carry, lengths } = this.#slot;
    const input = this.#input;
    targets.fill(NO_TARGET);
    carry.fill(window);
    lengths?.fill(window);
    for (let from = 0, side = 0; from < given.steps; from += window, side = 1 - side) {
      for (let row = 0; row < targets.length; row++)
        given.read(this.#slot, row, row % streams, from + Math.floor(row / streams));
      reset.fill(from === 0 ? 1 : 0);
      this.#state.begin(side, this.#reset);
      this.#stack.forward(input, window, false, -1);
      this.#state.end(1 - side, this.#carry);
    }
    for (let b = 0; b < streams; b++) given.aim(this.#slot, (window - 1) * streams + b, b);
    this.#stack.loss(input, window - 1, window, 1);
    this.#stack.backward(window - 1, window, false, -1);
    return this.#views.layers.map((_, layer) => Array.from({ length: window }, (_, back) => this.#norm(layer, back)));
  }

  /** Backward leaves dh(t) whole: what came from the layer above and what came from step t + 1. */
  #norm(layer: number, back: number): number {
    const { steps, streams, ldh, layers } = this.#views;
    const t = steps - 1 - back;
    const { floats, floatBytes } = this.arena;
    const start = layers[layer].dh / floatBytes + t * streams * ldh;
    let sum = 0;
    for (let b = 0; b < streams; b++)
      sum += Math.sqrt(squares(floats, start + b * ldh, ldh) + this.#cellSquares[(layer * steps + t) * streams + b]);
    return sum / streams;
  }

  /** An LSTM's dc has one place for all steps: it is measured before the next step overwrites it. */
  #listening(kernels: Kernels): Kernels {
    const { layers, steps, streams, ldh } = this.#views;
    return {
      ...kernels,
      lstmBackward: (descriptor, t) => {
        kernels.lstmBackward(descriptor, t);
        if (t === 0) return;
        const { floats, doubles, floatBytes } = this.arena;
        const dc = doubles[descriptor / 8 + CellFields.dc];
        const layer = layers.findIndex((views) => views.dc === dc);
        for (let b = 0; b < streams; b++)
          this.#cellSquares[(layer * steps + t - 1) * streams + b] = squares(floats, dc / floatBytes + b * ldh, ldh);
      },
    };
  }
}

/** Rows are padded with zeros. */
function squares(floats: Float32Array | Float64Array, from: number, count: number): number {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += floats[i] ** 2;
  return sum;
}
