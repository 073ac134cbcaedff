// A training on generated tokens, through the workers and the step protocol that real runs use, without files or evaluation:
// what there is to time.

import { totalmem } from 'node:os';
import { Coordinator, type Fed } from '../src/coordinator/coordinator.js';
import { WorkerPool } from '../src/coordinator/pool.js';
import { PROTOCOL_WORDS } from '../src/coordinator/protocol.js';
import type { BatchSlot } from '../src/data/batches.js';
import { UserError } from '../src/errors.js';
import { allocate, checkLimits, type KernelName, reservedBytes } from '../src/kernels/choose.js';
import { padded } from '../src/kernels/kernels.js';
import { Arena } from '../src/memory/arena.js';
import { PlanBuilder } from '../src/memory/plan.js';
import { createSharedBuffer } from '../src/memory/shared-array-buffer.js';
import type { Architecture } from '../src/model/architecture.js';
import { Counter } from '../src/model/counter.js';
import { initialValues } from '../src/model/initializers.js';
import { fromTorch, transposePanels } from '../src/model/parameters.js';
import type { Crossover } from '../src/model/sparsity.js';
import { placeParameters, placeWindow } from '../src/model/views.js';
import { bytes } from '../src/report/format.js';
import { caughtUp } from '../src/train/caught-up.js';
import { layOut, type OptimizerName, type RunLayout, type RunShape, STATES } from '../src/train/layout.js';
import type { OptimizerSettings } from '../src/train/optimizer.js';
import { readProfile, type WorkerTimes } from '../src/train/profile.js';
import type { RowRule } from '../src/train/row-rule.js';

/** Steps of the first run of all; it is doubled until it takes long enough to tell how long a step is. */
const FEWEST_STEPS = 2;
const WARM_UP_SECONDS = 0.1;
/** Beyond this bias every unit is active, or none. */
const MOST_BIAS = 8;
const HALVINGS = 14;
/** Steps after which the density is that of the bias just set. */
const SETTLING_STEPS = 2;

export interface BenchShape {
  readonly model: Architecture;
  readonly batch: number;
  readonly window: number;
  readonly workers: number;
  readonly kernels: KernelName;
  /** Adam unless it is said. */
  readonly optimizer?: OptimizerName;
  /** Whether the workers record how long each phase takes. */
  readonly profile?: boolean;
  /** Factor on the recurrent weights that the model starts with; 1 unless it is said. */
  readonly recurrentScale?: number;
  /** Learning rate; 1e-3 unless it is said. With 0 all work is done and nothing changes. */
  readonly rate?: number;
  readonly sparse?: Crossover;
  /** What differs from Adam's usual numbers and a norm clipped at 1. */
  readonly settings?: Partial<OptimizerSettings>;
  /** What a step does to rows of the table that it does not touch; dense unless it is said. */
  readonly rowRule?: RowRule;
  /** Deals what each step reads; the same random tokens for all of them unless it is said. */
  readonly source?: Source;
}

/** Deals whole batches. */
export interface Source {
  /** Most entries of a batch, of models that read sparse features. */
  readonly maxEntries?: number;
  next(slot: BatchSlot): void;
}

/** What parameters and activations take: nearly all of it, known before the work is cut. */
export function leastBytes(shape: Omit<BenchShape, 'workers'>): number {
  const { model, batch, window, kernels, optimizer = 'adam', rowRule } = shape;
  const plan = new PlanBuilder(4, reservedBytes(kernels));
  placeParameters(plan, model, { ...STATES[optimizer], tableByRows: rowRule !== undefined });
  placeWindow(plan, model, { steps: window, streams: batch, trains: true, dropout: false }, 'activations');
  return plan.bytes;
}

/**
 * @param what is too much where they don't fit: the flag, and its words
 * @throws UserError when so many trainings of this shape do not fit into the memory, before anything is measured
 */
export function checkFits(
  shape: BenchShape,
  trainings: number,
  what = `--hidden: ${shape.model.hidden} units and ${shape.batch} streams`,
): void {
  const available = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const least = leastBytes(shape);
  if (least * trainings <= available) {
    checkLimits(shape.kernels, least, shape.workers);
    return;
  }
  throw new UserError(
    `${what} need more than ${bytes(least)} for each of ${trainings} trainings ` +
      `that take turns, and this machine has ${bytes(available)}; choose fewer of them`,
  );
}

export class TrainingBench {
  readonly #shape: BenchShape;
  readonly #arena: Arena;
  readonly #layout: RunLayout;
  readonly #pool: WorkerPool;
  readonly #coordinator: Coordinator;
  readonly #source: Source;
  #step = 0;
  /** 0: not known yet. */
  #stepsPerSecond = 0;

  /** @throws UserError when the kernels cannot serve it */
  constructor(shape: BenchShape) {
    const { model, batch, window, workers, kernels, optimizer: name = 'adam' } = shape;
    this.#shape = shape;
    const run: RunShape = {
      ...{ model, streams: batch, steps: window, workers, optimizer: name, dropout: 0, seed: 0 },
      ...{ evaluationStreams: 0, evaluationSteps: 0, floatBytes: 4, profile: shape.profile, sparse: shape.sparse },
      ...{ reservedBytes: reservedBytes(kernels), controlWords: PROTOCOL_WORDS },
      ...{ rowRule: shape.rowRule, entries: shape.source?.maxEntries },
    };
    const layout = layOut(run);
    checkLimits(kernels, layout.bytes, workers);
    const memory = allocate(kernels, layout.bytes, createSharedBuffer);
    const arena = new Arena(memory.buffer, 4);
    this.#arena = arena;
    this.#layout = layout;
    for (const p of layout.parameters) {
      const weights = arena.floatsAt(p.weights, p.length);
      const start = initialValues(model, p, { kind: 'default', forgetBias: undefined, seed: 0 });
      const scale = p.name.startsWith('rnn.weight_hh_') ? (shape.recurrentScale ?? 1) : 1;
      fromTorch(
        p,
        start.map((value) => scale * value),
        weights,
      );
      if (p.transposedPanels) transposePanels(p, weights, arena.floatsAt(p.transposedPanels, p.length));
    }
    this.#source = shape.source ?? sameTokens(model, batch, window);
    const optimizer: OptimizerSettings = {
      ...{ name, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      ...{ clipNorm: 1, clipValue: 0, l1: 0, l2: 0, proximal: false },
      ...shape.settings,
    };
    this.#pool = new WorkerPool(workers, { kernels, memory, shape: run, optimizer });
    this.#coordinator = new Coordinator(arena, layout, this.#pool.failure, Number.MAX_SAFE_INTEGER);
  }

  /**
   * Trains for about so long, after a first call's warming up that finds out how long a step takes.
   * @returns steps a second, from the first step's end to the last one's
   */
  async stepsPerSecond(seconds: number): Promise<number> {
    for (let steps = FEWEST_STEPS; this.#stepsPerSecond === 0; steps *= 2) {
      const { rate, elapsed } = await this.train(steps);
      if (elapsed >= Math.min(seconds, WARM_UP_SECONDS)) this.#stepsPerSecond = rate;
    }
    const { rate } = await this.train(Math.max(FEWEST_STEPS, Math.round(this.#stepsPerSecond * seconds)));
    this.#stepsPerSecond = rate;
    return rate;
  }

  /** One step and so many more, which are timed. */
  async train(steps: number): Promise<{ rate: number; elapsed: number; density: number }> {
    const { batch, window, rate = 1e-3 } = this.#shape;
    let [first, last, density] = [0, 0, 1];
    const end = this.#step + steps + 1;
    await this.#coordinator.run<Fed>(
      (slot) => {
        if (this.#step === end) return undefined;
        this.#source.next(slot);
        return { kind: 'train', steps: window, counted: batch * window, rate, step: this.#step++ };
      },
      (_, result) => {
        first ||= result.time;
        last = result.time;
        density = result.density.reduce((sum, one) => sum + one, 0) / result.density.length;
      },
    );
    const elapsed = (last - first) / 1000;
    return { rate: steps / elapsed, elapsed, density };
  }

  /**
   * Finds by halving the bias of a ReLU network's inputs that makes so many of its units active, and leaves it there.
   * @returns the bias, and the density that it brings
   */
  async findBias(density: number): Promise<{ bias: number; density: number }> {
    let [low, high] = [-MOST_BIAS, MOST_BIAS];
    let found = { bias: 0, density: 1 };
    for (let i = 0; i < HALVINGS; i++) {
      const bias = (low + high) / 2;
      this.setBiases(bias);
      found = { bias, density: (await this.train(SETTLING_STEPS)).density };
      if (found.density < density) low = bias;
      else high = bias;
    }
    return found;
  }

  /** Sets all input biases. */
  setBiases(value: number): void {
    for (const p of this.#layout.parameters) {
      if (!p.name.startsWith('rnn.bias_ih_')) continue;
      const values = new Float32Array(this.#shape.model.hidden).fill(value);
      fromTorch(p, values, this.#arena.floatsAt(p.weights, p.length));
    }
  }

  /** The parameters as a model's file would hold them, in the engine's order. */
  weights(): readonly Float32Array[] {
    return this.#layout.parameters.map((p) => Float32Array.from(caughtUp(this.#arena, this.#layout, p)));
  }

  /** Of a shape with `profile`, between two trainings or once it is closed. */
  profile(): readonly WorkerTimes[] {
    return readProfile(this.#arena, this.#layout);
  }

  async close(): Promise<void> {
    this.#coordinator.exit();
    await this.#pool.close();
  }
}

function sameTokens(model: Architecture, batch: number, window: number): Source {
  const random = new Counter(0, 'tokens');
  const tokens = Int32Array.from({ length: batch * window }, () => Math.floor(random.uniform() * model.vocabulary));
  const count = batch * window * padded(model.features ?? 0);
  const features = Float32Array.from({ length: count }, () => random.normal());
  return {
    next(slot) {
      slot.inputs.set(tokens);
      slot.features?.set(features);
      slot.targets.set(tokens);
      slot.reset.fill(0);
      slot.carry.fill(window);
    },
  };
}
