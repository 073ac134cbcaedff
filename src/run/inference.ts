// A model that runs but does not learn, on the calling thread: evaluation of many segments side by side, and single steps with
// a state that the caller carries.

import { type Batches, type BatchSlot, checkLengths, type Dealt } from '../data/batches.js';
import { EVALUATION } from '../data/eval-segments.js';
import { UserError } from '../errors.js';
import { allocate, checkLimits, createKernels, type KernelName, reservedBytes } from '../kernels/choose.js';
import { padded } from '../kernels/kernels.js';
import { Arena, Descriptors } from '../memory/arena.js';
import { PlanBuilder } from '../memory/plan.js';
import { createSharedBuffer } from '../memory/shared-array-buffer.js';
import { type Architecture, headOutputs, headSteps, readsWholes } from '../model/architecture.js';
import type { WindowInput } from '../model/inputs.js';
import { outputsWidth } from '../model/output-loss.js';
import { UNTIMED } from '../model/phases.js';
import { Projection } from '../model/projection.js';
import { allOf } from '../model/share.js';
import { Stack } from '../model/stack.js';
import {
  outputsOf,
  type PlacedParameter,
  placeParameters,
  placeWindow,
  projects,
  type WindowViews,
} from '../model/views.js';
import { bytes } from '../report/format.js';
import { descriptorNumbers } from '../train/layout.js';
import { StreamState } from '../train/stream-state.js';
import { type Measured, measured, type Predicted } from './measured.js';
import { machineBytes } from './plan.js';

/** The longest window, its streams, and of models that read sparse features the most entries. */
export interface Room {
  readonly window: number;
  readonly streams: number;
  readonly entries?: number;
}

/** One window's place, and what computes it. */
interface Window {
  readonly views: WindowViews;
  readonly stack: Stack;
  readonly state: StreamState;
  readonly slot: BatchSlot;
  /** Byte offsets of the slot's arrays. */
  readonly at: WindowInput & { readonly reset: number; readonly carry: number };
}

export class Inference {
  readonly parameters: readonly PlacedParameter[];
  readonly arena: Arena;
  readonly #model: Architecture;
  readonly #many: Window;
  readonly #one: Window;
  readonly #projection: Projection | undefined;
  /** Whether P = E W_x is there. Weights do not change here: one projection serves all windows and steps. */
  #projected = false;
  /** The single step's state before and after it, a part for each h and c. */
  readonly #parts: readonly { readonly before: Float32Array; readonly after: Float32Array }[];
  readonly #logits: Float32Array;
  /** Of a model that pools: the last layer's outputs after a single step, and where the head reads their mean. */
  readonly #pooled: { readonly outputs: Float32Array; readonly mean: Float32Array } | undefined;

  /**
   * @param room of what is evaluated at once
   * @throws UserError when the kernels cannot address so much
   */
  constructor(model: Architecture, kernelName: KernelName, room: Room = EVALUATION) {
    const plan = new PlanBuilder(4, reservedBytes(kernelName));
    this.#model = model;
    this.parameters = placeParameters(plan, model, undefined);
    const { entries = 0 } = room;
    const features = padded(model.features ?? 0);
    const place = (steps: number, streams: number) => ({
      views: placeWindow(plan, model, { steps, streams, trains: false, dropout: false }, 'evaluation'),
      at: {
        tokens: plan.ints('batches', steps * streams),
        features: features > 0 ? plan.floats('batches', steps * streams * features) : 0,
        entryStarts: plan.ints('batches', steps * streams + 1),
        entryFeatures: plan.ints('batches', entries),
        entryValues: plan.floats('batches', entries),
        targets: plan.ints('batches', steps * streams),
        outputs: outputsWidth(model) > 0 ? plan.floats('batches', steps * streams * outputsWidth(model)) : 0,
        reset: plan.ints('batches', streams),
        carry: plan.ints('batches', streams),
        lengths: readsWholes(model) ? plan.ints('batches', streams) : 0,
      },
    });
    const many = place(room.window, room.streams);
    const single = place(1, 1);
    const one = { ...single, views: { ...single.views, projected: many.views.projected } };
    const numbers = descriptorNumbers(model);
    const descriptorsAt = plan.doubles('control', numbers);
    checkLimits(kernelName, plan.bytes, 1);
    checkMemory(plan.bytes);
    const memory = allocate(kernelName, plan.bytes, createSharedBuffer);
    this.arena = new Arena(memory.buffer, 4);
    const kernels = createKernels(kernelName, memory, 0);
    const descriptors = new Descriptors(this.arena, descriptorsAt, numbers);
    const bind = ({ views, at }: ReturnType<typeof place>): Window => ({
      views,
      at,
      stack: new Stack({
        ...{ arena: this.arena, kernels, descriptors, model, parameters: this.parameters, views },
        ...{ share: allOf(views.streams), phases: UNTIMED, dropout: 0, trains: false, seed: 0 },
      }),
      state: new StreamState(this.arena, model, views, [0, views.streams]),
      slot: {
        inputs: this.arena.intsAt(at.tokens, views.steps * views.streams),
        features: this.arena.floatsAt(at.features, views.steps * views.streams * features),
        targets: this.arena.intsAt(at.targets, views.steps * views.streams),
        outputs: this.arena.floatsAt(at.outputs, views.steps * views.streams * outputsWidth(model)),
        entries: {
          starts: this.arena.intsAt(at.entryStarts, views.steps * views.streams + 1),
          features: this.arena.intsAt(at.entryFeatures, entries),
          values: this.arena.floatsAt(at.entryValues, entries),
        },
        reset: this.arena.intsAt(at.reset, views.streams),
        carry: this.arena.intsAt(at.carry, views.streams),
        lengths: readsWholes(model) ? this.arena.intsAt(at.lengths, views.streams) : undefined,
      },
    });
    this.#many = bind(many);
    this.#one = bind(one);
    this.#projection = many.views.projected
      ? new Projection(kernels, descriptors, model, this.parameters, many.views)
      : undefined;
    const { layers, ldh, logits } = one.views;
    const floats = (view: number, count: number) => this.arena.floatsAt(view, count) as Float32Array;
    const width = padded(model.hidden);
    this.#parts = layers
      .flatMap(({ h, c }) => (c ? [h, c] : [h]))
      .map((view) => ({ before: floats(view, width), after: floats(view + ldh * this.arena.floatBytes, width) }));
    this.#logits = floats(logits, headOutputs(model));
    this.#pooled = one.views.pooled && {
      outputs: floats(outputsOf(one.views, model.layers - 1, this.arena.floatBytes).outputs, width),
      mean: floats(one.views.pooled.outputs, width),
    };
  }

  /** @param batches that fit into the room, from their start */
  async evaluate(batches: Batches, predicted: Predicted = 'token'): Promise<Measured & { readonly tokens: number }> {
    const { stack, at } = this.#many;
    let [lossSum, hits, counted] = [0, 0, 0];
    await this.#eachWindow(batches, (dealt) => {
      stack.loss(at, 0, dealt.steps, 0);
      const [loss, hit] = this.#sums(dealt.steps);
      lossSum += loss;
      hits += hit;
      counted += dealt.counted;
    });
    return { ...measured(predicted, lossSum, hits, counted), tokens: counted };
  }

  /**
   * Hands out what the model says to each window.
   *
   * @param batches that fit into the room, from their start
   * @param onWindow gets the logits [T, B, ldl] of the window's steps, or where it pools them [B, ldl], K in each row, good until it
   *   returns, and the slot with what was read
   */
  async predict(
    batches: Batches,
    onWindow: (outputs: Float32Array, ldl: number, dealt: Dealt, slot: BatchSlot) => void,
  ): Promise<void> {
    const { stack, slot, at, views } = this.#many;
    const { steps, streams, ldl, logits } = views;
    const outputs = this.arena.floatsAt(logits, headSteps(this.#model, steps) * streams * ldl) as Float32Array;
    await this.#eachWindow(batches, (dealt) => {
      stack.pool(at);
      stack.logits(0, headSteps(this.#model, dealt.steps));
      onWindow(outputs, ldl, dealt, slot);
    });
  }

  /** Runs forward through all windows up to the last layer's outputs; each goes on where its streams were. */
  async #eachWindow(batches: Batches, visit: (dealt: Dealt) => void): Promise<void> {
    const { stack, state, slot, at, views } = this.#many;
    this.#project();
    let side = 0;
    for (let dealt = await batches.next(slot); dealt; dealt = await batches.next(slot)) {
      checkLengths(slot, views.streams, dealt.steps);
      state.begin(side, at.reset);
      stack.forward(at, dealt.steps, projects(this.#model, dealt.steps * views.streams, views), -1);
      side = 1 - side;
      state.end(side, at.carry);
      visit(dealt);
    }
  }

  /** Losses and hits of a window, added up as training does it: a stream's in the order of time, then the streams'. */
  #sums(steps: number): readonly [number, number] {
    const { views } = this.#many;
    const { floats, floatBytes } = this.arena;
    const sum = (view: number): number => {
      let all = 0;
      for (let row = 0; row < views.streams; row++) {
        let own = 0;
        for (let t = 0; t < headSteps(this.#model, steps); t++)
          own += floats[view / floatBytes + t * views.streams + row];
        all += own;
      }
      return all;
    };
    return [sum(views.losses), sum(views.hits)];
  }

  #project(): void {
    if (this.#projected || this.#projection === undefined) return;
    for (let unit = 0; unit < this.#projection.units; unit++) this.#projection.run(unit);
    this.#projected = true;
  }

  /** A stream of its own, in the zero state. */
  cursor(): Cursor {
    const widths = this.#parts.map(({ before }) => before.length);
    // Of a mean the sum so far and what it is divided by.
    const pooled = this.#pooled ? [this.#pooled.mean.length, 1] : [];
    return new Cursor([...widths, ...pooled], this.#one.slot, this.#step);
  }

  /** One step on what stands in the slot, from `state`, which is overwritten by the state after it. @returns the logits [K] */
  readonly #step = (state: readonly Float32Array[]): Float32Array => {
    if (this.#model.bidirectional) throw new Error('a model of two directions reads whole sequences, not steps');
    const { stack, at } = this.#one;
    const parts = this.#parts;
    this.#project();
    for (let i = 0; i < parts.length; i++) parts[i].before.set(state[i]);
    stack.forward(at, 1, this.#projected, -1);
    if (this.#pooled) this.#addToMean(state[parts.length], state[parts.length + 1]);
    stack.logits(0, 1);
    for (let i = 0; i < parts.length; i++) state[i].set(parts[i].after);
    return this.#logits;
  };

  /** The mean over the steps so far, added up as a whole sequence is. */
  #addToMean(sum: Float32Array, count: Float32Array): void {
    if (!this.#pooled) return;
    const { outputs, mean } = this.#pooled;
    count[0]++;
    for (let i = 0; i < sum.length; i++) {
      sum[i] += outputs[i];
      mean[i] = sum[i] / count[0];
    }
  }
}

/** @throws UserError for more than there is: a small file may be of a model with millions of outputs for each step */
function checkMemory(needed: number): void {
  const available = machineBytes();
  if (needed <= available) return;
  throw new UserError(
    `MODEL: it needs ${bytes(needed)} to run and this machine has ${bytes(available)}; take a machine with more`,
  );
}

/** A stream that is read one time step at a time; its state is its own. */
export class Cursor {
  readonly #state: readonly Float32Array[];
  readonly #slot: BatchSlot;
  readonly #advance: (state: readonly Float32Array[]) => Float32Array;

  /**
   * @param widths of the parts of its state: h, and c where there is one, of each layer, and what a mean needs
   * @param slot of one row, from which `advance` reads
   */
  constructor(widths: readonly number[], slot: BatchSlot, advance: (state: readonly Float32Array[]) => Float32Array) {
    this.#state = widths.map((width) => new Float32Array(width));
    this.#slot = slot;
    this.#advance = advance;
  }

  /** Reads a token. @returns the logits [K], of a model of text those of the next token; good until any cursor's next step */
  step(token: number): Float32Array {
    this.#slot.inputs[0] = token;
    return this.#advance(this.#state);
  }

  /** Reads the features [I] of a time step. @returns the logits [K], good until any cursor's next step */
  stepFeatures(values: Float32Array): Float32Array {
    this.#slot.features?.set(values);
    return this.#advance(this.#state);
  }

  /** Goes back to the zero state. */
  reset(): void {
    for (const part of this.#state) part.fill(0);
  }
}
