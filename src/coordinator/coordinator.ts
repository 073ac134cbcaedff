// The coordinator's side of the step protocol: prepares batches ahead of the workers, and reads their results behind them.
// It is never on their path: it looks in from a timer.
import { type BatchSlot, checkLengths, type SlotEntries } from '../data/batches.js';
import { padded } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import { readsWholes } from '../model/architecture.js';
import { outputsWidth } from '../model/output-loss.js';
import { classWeightsIn, weightOf } from '../train/class-weights.js';
import { RECORD_NUMBERS, type RunLayout, type SlotViews, slotRows } from '../train/layout.js';
import { wake } from './barrier.js';
import { type Faults, Watchdog } from './faults.js';
import { EXIT, Kind, Record, Result, Word } from './protocol.js';

/** What a record asks for. */
export interface Fed {
  readonly kind: keyof typeof Kind;
  readonly steps: number;
  readonly counted: number;
  readonly rate: number;
  /** Number of the training step, from 0 on. */
  readonly step: number;
}

export interface StepResult {
  /** Mean loss over the predictions that counted, nats; of a training that weighs classes, the mean by their weights. */
  readonly loss: number;
  readonly lossSum: number;
  readonly hits: number;
  readonly norm: number;
  readonly applied: boolean;
  /** On the outputs of ReLU layers, for each prediction. */
  readonly penalty: number;
  /** Per layer, the share of its last outputs that were not zero; 1 for activations that are never zero. */
  readonly density: readonly number[];
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** Writes a batch into the slot and says what it is; undefined: there are no more for now. */
export type Feed<F extends Fed> = (slot: BatchSlot) => F | undefined | Promise<F | undefined>;

/** The timer's bounds: how late a pause is noticed, and how often a long step is looked at. */
const SHORTEST_POLL_MS = 1;
const LONGEST_POLL_MS = 10;

export class Coordinator {
  readonly #words: Int32Array;
  readonly #layout: RunLayout;
  readonly #arena: Arena;
  readonly #slots: readonly BatchSlot[];
  readonly #fed: (Fed | undefined)[];
  readonly #classWeights: Float32Array | Float64Array | undefined;
  /** The first record of the present `run`. */
  #first = 0;
  #stopRequested = false;
  /** Why a worker was lost. */
  #lost: { readonly error: unknown } | undefined;
  /** Ends the wait that `run` is in. */
  #wake: () => void = () => {};
  readonly #faults: Faults | undefined;
  readonly #watchdog: Watchdog | undefined;
  /** Of the present workers. */
  #failure: Promise<never> | undefined;

  /**
   * @param failure rejects when a worker is lost
   * @param faults replaces lost workers; without it the run cannot go on then
   */
  constructor(arena: Arena, layout: RunLayout, failure: Promise<never>, maxBadSteps: number, faults?: Faults) {
    this.#arena = arena;
    this.#layout = layout;
    this.#faults = faults;
    this.#watchdog = faults && new Watchdog(faults.timeoutMs);
    this.#watch(failure);
    this.#words = arena.ints.subarray(layout.control / 4);
    this.#slots = layout.slots.map((slot) => {
      const tokens = slotRows(layout.shape);
      const streams = Math.max(layout.shape.streams, layout.shape.evaluationStreams);
      return {
        inputs: arena.intsAt(slot.inputs, tokens),
        features: arena.floatsAt(slot.features, tokens * padded(layout.shape.model.features ?? 0)),
        entries: entriesOf(arena, layout, slot),
        targets: arena.intsAt(slot.targets, tokens),
        outputs: arena.floatsAt(slot.outputs, tokens * outputsWidth(layout.shape.model)),
        reset: arena.intsAt(slot.reset, streams),
        carry: arena.intsAt(slot.carry, streams),
        lengths: readsWholes(layout.shape.model) ? arena.intsAt(slot.lengths, streams) : undefined,
      };
    });
    this.#fed = new Array(this.#slots.length);
    this.#classWeights = classWeightsIn(arena, layout);
    Atomics.store(this.#words, Word.badLimit, maxBadSteps);
  }

  /**
   * Feeds the workers until `feed` has no more, and hears of each result in order.
   *
   * Workers that are lost are replaced, and the step is done again.
   *
   * @returns 'stopped' when `stop` cut it short, or too many steps in a row were not finite: what was fed beyond the last
   *   result was not run
   */
  async run<F extends Fed>(feed: Feed<F>, heard: (fed: F, result: StepResult) => void): Promise<'done' | 'stopped'> {
    let read = this.#completed;
    let published = read;
    this.#first = read;
    let ended = false;
    let lastTime = performance.timeOrigin + performance.now();
    let msPerStep = 0;
    const hear = (): void => {
      for (const completed = this.#completed; read < completed; read++) {
        const result = this.#result(read);
        msPerStep = result.time - lastTime;
        lastTime = result.time;
        heard(this.#fed[read % this.#slots.length] as F, result);
      }
    };
    for (;;) {
      // A slot is free again when its result was read: record and result lie in rings of the same length.
      while (!ended && !this.#stopping && published - read < this.#slots.length) {
        const fed = feed(this.#slots[published % this.#slots.length]);
        const prepared = fed instanceof Promise ? await this.#unlessEnded(fed, hear) : fed;
        if (prepared) ended = !this.#publish(published++, prepared);
        else ended = true;
      }
      hear();
      if (this.#lost) await this.#recover(hear);
      published = Atomics.load(this.#words, Word.published);
      if (read === published && read === this.#completed) {
        if (this.#stopping) return this.#acknowledgeStop();
        if (ended) return 'done';
      }
      const left = msPerStep * (published - read);
      await this.#sleep(Math.min(LONGEST_POLL_MS, Math.max(SHORTEST_POLL_MS, ended ? left : left / 4)));
      if (this.#watchdog?.isLate(this.#completed, published)) this.#lost ??= { error: this.#watchdog };
    }
  }

  /** The present `run` ends after the step that the workers are in. */
  stop(): void {
    this.#stopRequested = true;
    Atomics.store(this.#words, Word.stop, 1);
    this.#wake();
  }

  /** Lets the workers return. */
  exit(): void {
    Atomics.store(this.#words, Word.published, EXIT);
    wake(this.#words, Word.published);
  }

  /** Makes the workers leave the step that they are in, wherever they wait. */
  abort(): void {
    Atomics.store(this.#words, Word.abort, 1);
    this.exit();
    Atomics.notify(this.#words, Word.opened);
  }

  get #completed(): number {
    return Atomics.load(this.#words, Word.completed);
  }

  get #stopping(): boolean {
    return this.#stopRequested || Atomics.load(this.#words, Word.stop) !== 0;
  }

  #acknowledgeStop(): 'stopped' {
    this.#stopRequested = false;
    Atomics.store(this.#words, Word.stop, 0);
    Atomics.store(this.#words, Word.stopped, 0);
    return 'stopped';
  }

  /** @returns false when a worker has withdrawn what was published */
  #publish(n: number, fed: Fed): boolean {
    const ring = n % this.#slots.length;
    const record = this.#layout.records / 8 + ring * RECORD_NUMBERS;
    const { streams, evaluationStreams } = this.#layout.shape;
    checkLengths(this.#slots[ring], fed.kind === 'train' ? streams : evaluationStreams, fed.steps);
    const { doubles } = this.#arena;
    doubles[record + Record.kind] = Kind[fed.kind];
    doubles[record + Record.steps] = fed.steps;
    doubles[record + Record.counted] = fed.counted;
    doubles[record + Record.headFrom] = fed.kind === 'train' ? this.#firstCounted(this.#slots[ring], fed.steps) : 0;
    doubles[record + Record.weight] = this.#weightOf(this.#slots[ring], fed);
    doubles[record + Record.rate] = fed.rate;
    doubles[record + Record.step] = fed.step;
    doubles[record + Record.resumes] = n === this.#first ? 1 : 0;
    this.#fed[ring] = fed;
    const accepted = Atomics.compareExchange(this.#words, Word.published, n, n + 1) === n;
    wake(this.#words, Word.published);
    return accepted;
  }

  /** The first step with a prediction that counts: before it, neither logits nor losses are computed. */
  #firstCounted(slot: BatchSlot, steps: number): number {
    const { streams } = this.#layout.shape;
    for (let i = 0; i < steps * streams; i++) {
      if (slot.targets[i] >= 0) return Math.floor(i / streams);
    }
    return steps;
  }

  /** What the mean of a step's losses is taken over. */
  #weightOf({ targets }: BatchSlot, { kind, steps, counted }: Fed): number {
    if (this.#classWeights === undefined || kind === 'evaluate') return counted;
    return weightOf(targets, steps * this.#layout.shape.streams, this.#classWeights);
  }

  #result(n: number): StepResult {
    const ring = n % this.#slots.length;
    const record = this.#layout.records / 8 + ring * RECORD_NUMBERS;
    const result = this.#layout.results / 8 + ring * RECORD_NUMBERS;
    const read = (field: number): number => this.#arena.doubles[result + field];
    const lossSum = read(Result.loss);
    return {
      loss: lossSum / (this.#arena.doubles[record + Record.weight] || 1),
      lossSum,
      hits: read(Result.hits),
      norm: read(Result.norm),
      applied: read(Result.applied) > 0,
      penalty: read(Result.penalty),
      density: Array.from({ length: this.#layout.shape.model.layers }, (_, layer) => read(Result.density + layer)),
      time: read(Result.time),
    };
  }

  #watch(failure: Promise<never>): void {
    this.#failure = failure;
    // Not by racing against it at each wait: a promise that never settles keeps all who ever raced.
    failure.catch((error: unknown) => {
      // Workers that are being ended are no news.
      if (this.#failure !== failure) return;
      this.#lost = { error };
      this.#wake();
    });
  }

  /** @param hear reads the results of what was completed @throws what a lost worker threw, where the run cannot go on */
  async #recover(hear: () => void): Promise<void> {
    const error = this.#lost?.error;
    if (this.#faults === undefined) throw error;
    this.#failure = undefined;
    try {
      const { failure } = await this.#faults.replaceAll(error);
      this.#lost = undefined;
      this.#watchdog?.reset();
      this.#watch(failure);
    } finally {
      hear();
    }
  }

  /**
   * Waits for a batch, but not beyond the end of the run: its source may have nothing for a long time.
   *
   * @returns undefined when the run was stopped meanwhile
   * @throws what a lost worker threw, now or while waiting
   */
  async #unlessEnded<T>(work: Promise<T>, hear: () => void): Promise<T | undefined> {
    for (;;) {
      if (this.#lost) await this.#recover(hear);
      if (this.#stopRequested) return undefined;
      let woken = false;
      const value = await new Promise<T | undefined>((resolve, reject) => {
        this.#wake = () => {
          woken = true;
          resolve(undefined);
        };
        work.then(resolve, reject);
      });
      if (!woken) return value;
    }
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#lost) this.#wake();
    });
  }
}

/** Where a batch's sparse features go, in a model that reads them. */
function entriesOf(arena: Arena, { shape }: RunLayout, slot: SlotViews): SlotEntries | undefined {
  const { model, entries = 0 } = shape;
  if (model.sparseFeatures === undefined) return undefined;
  return {
    starts: arena.intsAt(slot.entryStarts, slotRows(shape) + 1),
    features: arena.intsAt(slot.entryFeatures, entries),
    values: arena.floatsAt(slot.entryValues, entries),
  };
}
