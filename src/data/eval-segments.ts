// Deals a held-out text for evaluation: cut into segments that are read side by side, each warmed up on the tokens
// before it. How it is cut depends on the text alone, so the figures are the same for any batch and number of workers.

import { UserError } from '../errors.js';
import { type Batches, type BatchSlot, type Dealt, NO_TARGET } from './batches.js';
import type { TokenSource } from './tokens.js';

export const EVAL_SEGMENTS = 32;
export const EVAL_WARMUP = 256;

/** The size of an evaluation's batches: all segments side by side. */
export const EVALUATION = { streams: EVAL_SEGMENTS, window: 32 } as const;

export interface EvalOptions {
  /** B: the segments read side by side. Where there are more, they take turns. */
  readonly streams: number;
  /** T: the steps of a batch. */
  readonly window: number;
}

/** Inputs [start, end) of the whole text; predictions count from input `counted` on. */
interface Segment {
  readonly start: number;
  readonly counted: number;
  readonly end: number;
}

export class EvalBatches implements Batches {
  readonly streams: number;
  readonly maxWindow: number;
  readonly stepsPerEpoch: number;
  /** Tokens that are predicted in all: each of the held-out part that has one before it. */
  readonly predictions: number;
  readonly #source: TokenSource;
  readonly #segments: readonly Segment[];
  /** Inputs of the longest segment of each round. */
  readonly #rounds: readonly number[];
  readonly #row: Int32Array;
  #round = 0;
  /** Inputs of this round that are behind us. */
  #done = 0;

  /** @param whole the text, of which [from, to) is held out; the tokens before `from` warm up */
  constructor(whole: TokenSource, from: number, to: number, { streams, window }: EvalOptions) {
    this.#segments = cutSegments(from, to);
    this.predictions = to - Math.max(1, from);
    this.streams = streams;
    this.maxWindow = window;
    this.#source = whole;
    this.#row = new Int32Array(window + 1);
    const rounds: number[] = [];
    for (let first = 0; first < this.#segments.length; first += streams) {
      const lengths = this.#segments.slice(first, first + streams).map(({ start, end }) => end - start);
      rounds.push(Math.max(...lengths));
    }
    this.#rounds = rounds;
    this.stepsPerEpoch = rounds.reduce((steps, length) => steps + Math.ceil(length / window), 0);
  }

  next(slot: BatchSlot): Dealt | undefined {
    if (this.#round === this.#rounds.length) {
      this.#round = 0;
      return undefined;
    }
    const { streams } = this;
    const longest = this.#rounds[this.#round];
    const steps = Math.min(this.maxWindow, longest - this.#done);
    let counted = 0;
    for (let s = 0; s < streams; s++) {
      counted += this.#deal(slot, s, this.#segments[this.#round * streams + s], steps);
    }
    slot.reset.fill(this.#done === 0 ? 1 : 0, 0, streams);
    slot.carry.fill(steps, 0, streams);
    this.#done += steps;
    if (this.#done === longest) {
      this.#round++;
      this.#done = 0;
    }
    return { steps, counted };
  }

  /** Writes one stream's column; returns how many of its targets count. A stream without a segment idles. */
  #deal(slot: BatchSlot, s: number, segment: Segment | undefined, steps: number): number {
    const { streams } = this;
    const from = segment === undefined ? 0 : segment.start + this.#done;
    const filled = segment === undefined ? 0 : Math.max(0, Math.min(steps, segment.end - from));
    if (filled > 0) this.#source.read(from, filled + 1, this.#row, 0);
    let counted = 0;
    for (let t = 0; t < steps; t++) {
      const counts = t < filled && from + t >= (segment as Segment).counted;
      slot.inputs[t * streams + s] = t < filled ? this.#row[t] : 0;
      slot.targets[t * streams + s] = counts ? this.#row[t + 1] : NO_TARGET;
      if (counts) counted++;
    }
    return counted;
  }

  seek(_epoch: number, stepInEpoch: number): void {
    let step = stepInEpoch;
    this.#done = 0;
    for (this.#round = 0; this.#round < this.#rounds.length; this.#round++) {
      const steps = Math.ceil(this.#rounds[this.#round] / this.maxWindow);
      if (step < steps) {
        this.#done = step * this.maxWindow;
        return;
      }
      step -= steps;
    }
    if (step > 0) throw new RangeError(`step ${stepInEpoch} does not lie in an epoch of ${this.stepsPerEpoch}`);
  }

  close(): void {}
}

/** Segments whose predicted parts differ in length by one at most, each token of [from, to) but the text's first in one. */
function cutSegments(from: number, to: number): readonly Segment[] {
  const first = Math.max(1, from);
  const count = to - first;
  if (count < 1)
    throw new UserError(`the text has ${to} tokens; evaluation needs at least 2, one to read and one to predict`);
  const segments = Math.min(EVAL_SEGMENTS, count);
  return Array.from({ length: segments }, (_, i) => {
    const predicted = first + Math.floor((i * count) / segments);
    const end = first + Math.floor(((i + 1) * count) / segments);
    // The last of the 256 tokens before it is the input that predicts its first.
    return { start: Math.max(0, predicted - EVAL_WARMUP), counted: predicted - 1, end: end - 1 };
  });
}
