// THROUGH TIME for one worker's share: forward, loss and backward of a window, and the same without backward for
// evaluation. Deltas and activations stay in the arena for the gradients; losses and hits are added up stream by stream.
import type { Kernels } from '../kernels/kernels.js';
import type { Arena, Descriptors } from '../memory/arena.js';
import { headSteps } from '../model/architecture.js';
import { Phase, type Phases } from '../model/phases.js';
import { ownRows, type Share } from '../model/share.js';
import { hasZeros, Sparsity } from '../model/sparsity.js';
import { Stack } from '../model/stack.js';
import { type Behind, projects, type WindowViews } from '../model/views.js';
import type { DensityControl } from './density-control.js';
import { densityControlOf, type RunLayout } from './layout.js';
import type { StepInput } from './step-input.js';
import { StreamState } from './stream-state.js';

/** A window's place, and what computes this worker's share of it. */
interface Streams {
  readonly views: WindowViews;
  readonly stack: Stack;
  readonly state: StreamState;
  readonly sparsity: Sparsity;
  /** Between what its group's members do with their own streams and what they do together. */
  readonly sync: () => void;
}

/** How rows of the table catch up, where they may be behind. */
const behindOf = ({ table }: RunLayout): Behind | undefined => (table?.behind.period ? table.behind : undefined);

export class ThroughTime {
  /** Of the training's windows. */
  readonly sparsity: Sparsity;
  readonly #arena: Arena;
  readonly #layout: RunLayout;
  readonly #phases: Phases;
  readonly #training: Streams;
  readonly #evaluation: Streams | undefined;
  readonly #densityControl: DensityControl | undefined;

  constructor(
    kernels: Kernels,
    descriptors: Descriptors,
    layout: RunLayout,
    shares: { readonly training: Share; readonly evaluation: Share },
    phases: Phases,
  ) {
    const { arena } = descriptors;
    const { parameters, shape } = layout;
    const { model, dropout, seed } = shape;
    const lossRule = { weights: layout.classWeights, smoothing: shape.labelSmoothing ?? 0 };
    const bind = (views: WindowViews, share: Share, trains: boolean): Streams => {
      const [, rows] = ownRows(share);
      const sparsity = new Sparsity(arena, model, shape.sparse, layout.densities, { steps: views.steps, rows });
      return {
        views,
        stack: new Stack({
          ...{ arena, kernels, descriptors, model, parameters, views, trains, seed },
          ...{ share, phases, sparsity, behind: behindOf(layout), dropout: trains ? dropout : 0 },
          lossRule: trains ? lossRule : undefined,
        }),
        sparsity,
        state: new StreamState(arena, model, views, ownRows(share)),
        sync: share.sync,
      };
    };
    this.#arena = arena;
    this.#phases = phases;
    this.#layout = layout;
    this.#training = bind(layout.training, shares.training, true);
    this.#evaluation = layout.evaluation && bind(layout.evaluation, shares.evaluation, false);
    this.sparsity = this.#training.sparsity;
    this.#densityControl = densityControlOf(arena, layout);
  }

  /** The penalty on the outputs of ReLU layers in the step that comes. */
  get penalty(): number {
    return this.#densityControl?.penalty ?? this.#layout.shape.activationL1 ?? 0;
  }

  /** @param side of the streams' state at the window's start; the other side gets the state at its end */
  train(input: StepInput, side: number): void {
    const { stack, state, views, sync } = this.#training;
    const { model, dropout } = this.#layout.shape;
    const { steps, headFrom } = input;
    const projected = projects(model, steps * views.streams, views);
    this.#phases.enter(Phase.state);
    state.begin(side, input.reset);
    sync();
    stack.forward(input, steps, projected, dropout > 0 ? input.step : -1);
    // A window may have nothing to predict: its gradients are zero.
    stack.loss(input, headFrom, steps, input.weight > 0 ? 1 / input.weight : 1);
    stack.backward(headFrom, steps, projected, input.step, this.penalty / Math.max(1, input.counted));
    this.#phases.enter(Phase.state);
    state.end(1 - side, input.carry);
    this.#sumStreams(this.#training, headFrom, steps);
    if (hasZeros(model)) this.#countActive(steps);
  }

  evaluate(input: StepInput, side: number): void {
    if (!this.#evaluation) throw new Error('there is no evaluation in this plan');
    const { stack, state, views, sync } = this.#evaluation;
    state.begin(side, input.reset);
    sync();
    stack.forward(input, input.steps, projects(this.#layout.shape.model, input.steps * views.streams, views), -1);
    stack.loss(input, 0, input.steps, 0);
    state.end(1 - side, input.carry);
    this.#sumStreams(this.#evaluation, 0, input.steps);
  }

  /** Adds up the losses and hits of each stream in the order of time. */
  #sumStreams({ state, views }: Streams, from: number, steps: number): void {
    const { model } = this.#layout.shape;
    const [first, end] = model.pooling ? [0, headSteps(model, steps)] : [from, steps];
    const { floats, floatBytes, doubles } = this.#arena;
    const losses = views.losses / floatBytes;
    const hits = views.hits / floatBytes;
    for (let row = state.firstRow; row < state.firstRow + state.rows; row++) {
      let loss = 0;
      let hit = 0;
      for (let t = first; t < end; t++) {
        loss += floats[losses + t * views.streams + row];
        hit += floats[hits + t * views.streams + row];
      }
      doubles[this.#layout.streamLosses / 8 + row] = loss;
      doubles[this.#layout.streamHits / 8 + row] = hit;
    }
  }

  /** The active units of each stream and layer at the last of `steps` steps: as they were listed, else counted. */
  #countActive(steps: number): void {
    const { shape, streamActive } = this.#layout;
    const { state, views, sparsity } = this.#training;
    const { ints, doubles } = this.#arena;
    for (let layer = 0; layer < shape.model.layers; layer++) {
      const { h, activeCounts } = views.layers[layer];
      const counts = activeCounts / Int32Array.BYTES_PER_ELEMENT + steps * views.streams;
      for (let row = state.firstRow; row < state.firstRow + state.rows; row++) {
        const active = sparsity.lists(layer) ? ints[counts + row] : this.#notZero(h, steps * views.streams + row);
        doubles[streamActive / 8 + layer * views.streams + row] = active;
      }
    }
  }

  /** Units of a row of h that are not zero. */
  #notZero(h: number, row: number): number {
    const { floats, floatBytes } = this.#arena;
    const first = h / floatBytes + row * this.#training.views.ldh;
    let count = 0;
    for (let i = first; i < first + this.#layout.shape.model.hidden; i++) if (floats[i] !== 0) count++;
    return count;
  }
}
