// Deals lines as sequences, for recurrent models: each line is a time step, which predicts the label of its own. Where there are no
// sequences the lines are cut into one for each stream. No line is left out.

import { UserError } from '../errors.js';
import { type Batches, type BatchSlot, type Dealt, windowAt } from './batches.js';
import { checkBatch, type ExampleOptions } from './example-batches.js';
import { type Lines, NO_LINE, type Stretches } from './lines.js';
import { shuffle, sumOfLargest } from './order.js';
import type { StreamOptions } from './streams.js';

export type ExampleSequenceOptions = ExampleOptions & StreamOptions;

/** In place of the sequence of a stream that has none. */
const IDLE = -1;

export class ExampleSequences implements Batches {
  readonly streams: number;
  readonly maxWindow: number;
  /** Undefined where sequences are shuffled: streams then end at other times in each epoch. */
  readonly stepsPerEpoch: number | undefined;
  /** No batch has more entries. */
  readonly maxEntries: number;
  readonly #examples: Lines;
  readonly #stride: number;
  /** Undefined where the order is the file's. */
  readonly #seed: number | undefined;
  readonly #sequences: Stretches;
  /** [sequences] the order in which streams take them. */
  readonly #order: Int32Array;
  /** [B] what each stream reads. */
  readonly #sequence: Int32Array;
  /** [B] windows dealt of it. */
  readonly #windows: Int32Array;
  /** [B] of the window that is dealt: its first line, its lines, those that were counted before, and the slot's carry. */
  readonly #first: Int32Array;
  readonly #lines: Int32Array;
  readonly #fresh: Int32Array;
  readonly #carry: Int32Array;
  #epoch = 0;
  #taken = 0;

  /** @param name what messages call the examples */
  constructor(examples: Lines, options: ExampleSequenceOptions, name = 'the training set') {
    const { batch, window, stride, seed = 0 } = options;
    checkBatch(examples, batch, 'streams', name);
    const grouped = examples.sequences !== undefined;
    this.#examples = examples;
    this.#sequences = examples.sequences ?? cutIntoStreams(examples.count, batch);
    const longest = longestOf(this.#sequences);
    if (!grouped && window !== 'full' && window > longest) {
      throw new UserError(
        `--window: ${window} is longer than the ${longest} examples of a stream (${name} has ${examples.count}, ` +
          `cut into ${batch} streams); give 1 to ${longest}, or a smaller --batch`,
      );
    }
    this.maxWindow = window === 'full' ? longest : window;
    this.#stride = stride === 'full' ? this.maxWindow : stride;
    this.#seed = grouped && options.shuffle ? seed : undefined;
    this.#order = Int32Array.from(this.#sequences.from, (_, sequence) => sequence);
    this.streams = batch;
    this.#sequence = new Int32Array(batch);
    this.#windows = new Int32Array(batch);
    this.#first = new Int32Array(batch);
    this.#lines = new Int32Array(batch);
    this.#fresh = new Int32Array(batch);
    this.#carry = new Int32Array(batch);
    this.maxEntries = this.#mostEntries();
    this.stepsPerEpoch = this.#seed === undefined ? this.#countSteps() : undefined;
    this.#begin(0);
  }

  next(slot: BatchSlot): Dealt | undefined {
    if (!this.#place()) {
      this.#begin(this.#epoch + 1);
      return undefined;
    }
    const steps = this.#openWindows();
    let counted = 0;
    let row = 0;
    for (let t = 0; t < steps; t++) {
      for (let s = 0; s < this.streams; s++, row++) {
        const filled = t < this.#lines[s];
        const counts = filled && t >= this.#fresh[s];
        if (this.#examples.write(slot, row, filled ? this.#first[s] + t : NO_LINE, counts)) counted++;
      }
    }
    for (let s = 0; s < this.streams; s++) {
      slot.reset[s] = this.#sequence[s] === IDLE || this.#windows[s] === 0 ? 1 : 0;
      // Where the sequence ends here the next one resets, and any state will do.
      slot.carry[s] = Math.min(this.#carry[s], steps);
    }
    this.#advance();
    return { steps, counted };
  }

  seek(epoch: number, stepInEpoch: number): void {
    this.#begin(epoch);
    for (let step = 0; step < stepInEpoch; step++) {
      if (!this.#place()) throw new RangeError(`step ${stepInEpoch} does not lie in an epoch of ${step}`);
      this.#advance();
    }
  }

  close(): void {}

  #begin(epoch: number): void {
    this.#epoch = epoch;
    this.#taken = 0;
    this.#sequence.fill(IDLE);
    this.#windows.fill(0);
    if (this.#seed !== undefined) shuffle(this.#order, this.#seed, epoch);
  }

  /** Gives each stream something to read, as far as there is; false where there is nothing for any. */
  #place(): boolean {
    let busy = false;
    for (let s = 0; s < this.streams; s++) {
      const sequence = this.#sequence[s];
      if (sequence === IDLE || this.#windows[s] * this.#stride >= this.#lengthOf(sequence)) {
        this.#sequence[s] = this.#taken < this.#order.length ? this.#order[this.#taken++] : IDLE;
        this.#windows[s] = 0;
      }
      if (this.#sequence[s] !== IDLE) busy = true;
    }
    return busy;
  }

  #advance(): void {
    for (let s = 0; s < this.streams; s++) this.#windows[s]++;
  }

  /** Finds each stream's window. @returns the steps of the longest */
  #openWindows(): number {
    let steps = 0;
    for (let s = 0; s < this.streams; s++) {
      const sequence = this.#sequence[s];
      const { start, fresh, end, nextStart } = windowAt(this.#windows[s], this.#stride, this.maxWindow);
      const idle = sequence === IDLE;
      this.#first[s] = idle ? NO_LINE : this.#sequences.from[sequence] + start;
      this.#lines[s] = idle ? 0 : Math.min(end, this.#lengthOf(sequence)) - start;
      this.#fresh[s] = fresh - start;
      this.#carry[s] = nextStart - start;
      steps = Math.max(steps, this.#lines[s]);
    }
    return steps;
  }

  #lengthOf(sequence: number): number {
    return this.#sequences.to[sequence] - this.#sequences.from[sequence];
  }

  /** Streams read different sequences: no batch has more than the largest windows of as many. */
  #mostEntries(): number {
    const most = new Int32Array(this.#order.length);
    for (let sequence = 0; sequence < most.length; sequence++) {
      const begin = this.#sequences.from[sequence];
      const length = this.#lengthOf(sequence);
      for (let index = 0; index * this.#stride < length; index++) {
        const { start, end } = windowAt(index, this.#stride, this.maxWindow);
        const entries = this.#examples.entries(begin + start, begin + Math.min(end, length));
        if (entries > most[sequence]) most[sequence] = entries;
      }
    }
    return sumOfLargest(most, this.streams);
  }

  #countSteps(): number {
    this.#begin(0);
    let steps = 0;
    for (; this.#place(); steps++) this.#advance();
    return steps;
  }
}

/** Parts whose lengths differ by one at most. */
function cutIntoStreams(count: number, streams: number): Stretches {
  const cut = (s: number): number => Math.floor((s * count) / streams);
  const numbers = Array.from({ length: streams }, (_, s) => s);
  return { from: Int32Array.from(numbers, cut), to: Int32Array.from(numbers, (s) => cut(s + 1)) };
}

export function longestOf({ from, to }: Stretches): number {
  return from.reduce((longest, begin, i) => Math.max(longest, to[i] - begin), 0);
}
