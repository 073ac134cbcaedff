// Deals whole sequences, each in one window, those of similar length side by side: little of a batch is padding. The order is drawn
// anew for each epoch: sequences are shuffled, sorted by length within pools of many batches, and the batches shuffled.

import type { Batches, BatchSlot, Dealt } from './batches.js';
import { checkBatch, type ExampleOptions } from './example-batches.js';
import { longestOf } from './example-sequences.js';
import { type Lines, NO_LINE, type Stretches } from './lines.js';
import { shuffle } from './order.js';

/** Batches of a pool: within one of lengths that are spread evenly, a batch's differ by a hundredth of the range. */
const POOL = 64;

export class BucketBatches implements Batches {
  readonly streams: number;
  readonly maxWindow: number;
  readonly stepsPerEpoch: number;
  /** Lines have no sparse entries. */
  readonly maxEntries = 0;
  readonly #lines: Lines;
  readonly #sequences: Stretches;
  /** Undefined where the order is that of the lengths. */
  readonly #seed: number | undefined;
  /** The sequences in this epoch's order; a batch is `streams` of them, but for one. */
  readonly #order: Int32Array;
  /** [batches] the order in which they are dealt. */
  readonly #batches: Int32Array;
  #ordered = -1;
  #epoch = 0;
  #step = 0;

  /** @param name what messages call the sequences */
  constructor(lines: Lines, { batch, shuffle: shuffles, seed = 0 }: ExampleOptions, name = 'the training set') {
    const { sequences } = lines;
    if (!sequences) throw new Error('only sequences are dealt as wholes');
    const count = sequences.from.length;
    checkBatch({ count }, batch, 'sequences', name, 'sequence');
    this.#lines = lines;
    this.#sequences = sequences;
    this.#seed = shuffles ? seed : undefined;
    this.streams = batch;
    this.maxWindow = longestOf(sequences);
    this.stepsPerEpoch = Math.ceil(count / batch);
    this.#order = Int32Array.from({ length: count }, (_, i) => i);
    this.#batches = Int32Array.from({ length: this.stepsPerEpoch }, (_, i) => i);
  }

  next(slot: BatchSlot): Dealt | undefined {
    if (this.#step === this.stepsPerEpoch) {
      this.#epoch++;
      this.#step = 0;
      return undefined;
    }
    this.#arrange();
    const { streams } = this;
    const { from, to } = this.#sequences;
    const sequences = this.#order.subarray(...this.#bounds(this.#batches[this.#step]));
    const steps = sequences.reduce((most, i) => Math.max(most, to[i] - from[i]), 0);
    let counted = 0;
    for (let t = 0; t < steps; t++) {
      for (let s = 0; s < streams; s++) {
        const line =
          s < sequences.length && t < to[sequences[s]] - from[sequences[s]] ? from[sequences[s]] + t : NO_LINE;
        if (this.#lines.write(slot, t * streams + s, line, line !== NO_LINE)) counted++;
      }
    }
    // A row without a sequence has a step, of nothing.
    for (let s = 0; s < streams && slot.lengths; s++)
      slot.lengths[s] = s < sequences.length ? to[sequences[s]] - from[sequences[s]] : 1;
    slot.reset.fill(1, 0, streams);
    slot.carry.fill(steps, 0, streams);
    this.#step++;
    return { steps, counted };
  }

  seek(epoch: number, stepInEpoch: number): void {
    if (stepInEpoch < 0 || stepInEpoch > this.stepsPerEpoch)
      throw new RangeError(`step ${stepInEpoch} does not lie in an epoch of ${this.stepsPerEpoch}`);
    this.#epoch = epoch;
    this.#step = stepInEpoch;
  }

  close(): void {}

  /** Where a batch lies in the order. What is left over are the shortest of the last pool: idle rows cost least there. */
  #bounds(batch: number): readonly [number, number] {
    const count = this.#order.length;
    const firstOfLastPool = POOL * Math.floor((this.stepsPerEpoch - 1) / POOL);
    const rest = count % this.streams || this.streams;
    const end =
      batch < firstOfLastPool ? (batch + 1) * this.streams : count - (this.stepsPerEpoch - 1 - batch) * this.streams;
    return [batch === firstOfLastPool ? end - rest : end - this.streams, end];
  }

  #arrange(): void {
    const epoch = this.#seed === undefined ? 0 : this.#epoch;
    if (this.#ordered === epoch) return;
    this.#ordered = epoch;
    const { from, to } = this.#sequences;
    const byLength = (a: number, b: number): number => to[a] - from[a] - (to[b] - from[b]) || a - b;
    if (this.#seed === undefined) {
      this.#order.sort(byLength);
      return;
    }
    shuffle(this.#order, this.#seed, epoch);
    const pool = POOL * this.streams;
    for (let i = 0; i < this.#order.length; i += pool) this.#order.subarray(i, i + pool).sort(byLength);
    // Another draw than that of the sequences.
    shuffle(this.#batches, ~this.#seed >>> 0, epoch);
  }
}
