// Where the time of a worker goes: the phases of a step, and the record of them that a profiled run keeps in the arena. A worker
// is in one phase at a time, so a phase lasts until the next one is entered. No message is posted, and a worker that is lost
// leaves what it recorded. Entering a phase costs some 60 ns, nearly all of it the clock, which also allocates the 16 bytes that
// its reading is returned in; where no times are kept, 0.2 ns and nothing.
import type { Arena } from '../memory/arena.js';

/** What a worker does, then what it waits for: the barriers by what lies before them, and the coordinator. */
export const Phase = {
  /** State of the streams at a window's start and end, and their losses added up. */
  state: 0,
  gather: 1,
  /** With the projection of the vocabulary. */
  inputProduct: 2,
  recurrentProduct: 3,
  /** With dropout. */
  pointWise: 4,
  /** Logits, losses and their gradient, and the gradient of the last layer's outputs. */
  head: 5,
  backward: 6,
  /** With the square norms. */
  weightGradient: 7,
  update: 8,
  /** A lookup table that is updated by rows: its entries sorted, its gradient and its update. */
  table: 9,
  projectionBarrier: 10,
  /** Among those who share the columns of a time step. */
  timeStepBarrier: 11,
  throughTimeBarrier: 12,
  gradientBarrier: 13,
  normBarrier: 14,
  updateBarrier: 15,
  batch: 16,
  /** Of no training step: the coordinator evaluates, saves, begins, ends. */
  pause: 17,
  evaluation: 18,
} as const;

/** In the order of `Phase`. */
export const PHASE_NAMES = [
  ...['state', 'gather', 'input product', 'recurrent product', 'point-wise', 'head', 'backward', 'weight gradient'],
  ...[
    'update',
    'lookup table',
    'wait: projection',
    'wait: time step',
    'wait: through time',
    'wait: gradient',
    'wait: norm',
  ],
  ...['wait: update', 'wait: batch', 'pause', 'evaluation'],
] as const;

/** Phases of a training step: those before `pause`. */
export const STEP_PHASES = Phase.pause;

/** Hears from a worker what it is about. */
export interface Phases {
  /** @returns the phase that ends with this */
  enter(phase: number): number;
  /**
   * A record was found, and with it the wait for it has an end.
   * @param resumed whether the wait was for more than a batch
   */
  beginStep(step: number, resumed: boolean): void;
  beginEvaluation(): void;
  /** The record is done; now the next one is waited for. */
  endRecord(): void;
}

/** Keeps nothing. */
export const UNTIMED: Phases = {
  enter: (phase) => phase,
  beginStep: () => {},
  beginEvaluation: () => {},
  endRecord: () => {},
};

/** A worker's record, float64: these fields, sums in milliseconds by phase, then a ring of spans. */
export const TimesField = {
  /** Training steps begun. */
  steps: 0,
  /** Spans begun; the last one is still open. */
  spans: 1,
  /** The worker's performance.timeOrigin, which `start` counts from. */
  origin: 2,
  sums: 3,
  size: 3 + PHASE_NAMES.length,
} as const;

/** A span of the ring: phase + STEP_UNIT * step, and when it began, in milliseconds. It ends where the next one begins. */
export const SPAN_NUMBERS = 2;
export const STEP_UNIT = 32;

/** Spans that are kept, the last ones: a hundred steps of a usual window, in half a megabyte a worker; less where there are many. */
const MOST_SPANS = 1 << 15;
const SPANS_OF_ALL = 1 << 18;

/** A power of two. */
export const spansKept = (workers: number): number =>
  Math.min(MOST_SPANS, 2 ** Math.floor(Math.log2(SPANS_OF_ALL / workers)));

export const timesNumbers = (workers: number): number => TimesField.size + SPAN_NUMBERS * spansKept(workers);

export class PhaseTimes implements Phases {
  readonly #doubles: Float64Array;
  readonly #at: number;
  readonly #mask: number;
  #phase: number = Phase.pause;
  #step = 0;
  #spans = 0;
  /** An evaluation is one span. */
  #evaluates = false;

  /** @param offset of the worker's record, bytes */
  constructor(arena: Arena, offset: number, workers: number) {
    this.#doubles = arena.doubles;
    this.#at = offset / 8;
    this.#mask = spansKept(workers) - 1;
    this.#doubles[this.#at + TimesField.origin] = performance.timeOrigin;
    this.#open(Phase.pause, performance.now());
  }

  enter(phase: number): number {
    const left = this.#phase;
    if (phase === left || this.#evaluates) return left;
    const now = performance.now();
    this.#doubles[this.#at + TimesField.sums + left] += now - this.#doubles[this.#openSpan + 1];
    this.#open(phase, now);
    return left;
  }

  beginStep(step: number, resumed: boolean): void {
    const doubles = this.#doubles;
    const steps = this.#at + TimesField.steps;
    // The first step compiles and touches its memory for the first time.
    if (doubles[steps] === 1) doubles.fill(0, this.#at + TimesField.sums, this.#at + TimesField.size);
    doubles[steps]++;
    this.#step = step;
    this.#waited(resumed ? Phase.pause : Phase.batch);
  }

  beginEvaluation(): void {
    this.#waited(Phase.pause);
    this.enter(Phase.evaluation);
    this.#evaluates = true;
  }

  endRecord(): void {
    this.#evaluates = false;
    this.enter(Phase.batch);
  }

  get #openSpan(): number {
    return this.#at + TimesField.size + SPAN_NUMBERS * ((this.#spans - 1) & this.#mask);
  }

  #open(phase: number, now: number): void {
    this.#phase = phase;
    this.#spans++;
    const span = this.#openSpan;
    this.#doubles[span] = phase + STEP_UNIT * this.#step;
    this.#doubles[span + 1] = now;
    this.#doubles[this.#at + TimesField.spans] = this.#spans;
  }

  /** Says of the open span, a wait for a record, what it was for. */
  #waited(phase: number): void {
    this.#phase = phase;
    this.#doubles[this.#openSpan] = phase + STEP_UNIT * this.#step;
  }
}
