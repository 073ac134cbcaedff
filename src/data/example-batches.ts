// Deals lines by themselves, for models that keep no state: each row of a batch is one example, in an order that
// is shuffled anew for each epoch, or in the file's.

import { UserError } from '../errors.js';
import type { Batches, BatchSlot, Dealt } from './batches.js';
import { type Lines, NO_LINE } from './lines.js';
import { shuffle, sumOfLargest } from './order.js';

export interface ExampleOptions {
  /** B. */
  readonly batch: number;
  /** False for evaluation: the file's order, in each epoch. */
  readonly shuffle: boolean;
  readonly seed?: number;
}

export class ExampleBatches implements Batches {
  readonly streams: number;
  readonly maxWindow = 1;
  readonly stepsPerEpoch: number;
  /** The most entries that any batch can have. */
  readonly maxEntries: number;
  readonly #examples: Lines;
  /** Undefined where the order is the file's. */
  readonly #seed: number | undefined;
  /** [count] the examples in this epoch's order. */
  readonly #order: Int32Array;
  /** The epoch that the order is of. */
  #ordered = -1;
  #epoch = 0;
  #step = 0;

  /** @param name what messages call the examples */
  constructor(examples: Lines, options: ExampleOptions, name = 'the training set') {
    const { batch, seed = 0 } = options;
    checkBatch(examples, batch, 'examples', name);
    this.#examples = examples;
    this.#seed = options.shuffle ? seed : undefined;
    this.#order = Int32Array.from({ length: examples.count }, (_, line) => line);
    this.streams = batch;
    this.stepsPerEpoch = Math.ceil(examples.count / batch);
    this.maxEntries = options.shuffle ? mostOfAny(examples, batch) : mostInOrder(examples, batch);
  }

  next(slot: BatchSlot): Dealt | undefined {
    if (this.#step === this.stepsPerEpoch) {
      this.#epoch++;
      this.#step = 0;
      return undefined;
    }
    if (this.#seed !== undefined && this.#ordered !== this.#epoch) {
      shuffle(this.#order, this.#seed, this.#epoch);
      this.#ordered = this.#epoch;
    }
    const { streams } = this;
    const from = this.#step * streams;
    const filled = Math.min(streams, this.#order.length - from);
    let counted = 0;
    for (let s = 0; s < filled; s++) if (this.#examples.write(slot, s, this.#order[from + s], true)) counted++;
    for (let s = filled; s < streams; s++) this.#examples.write(slot, s, NO_LINE, false);
    slot.reset.fill(1, 0, streams);
    slot.carry.fill(1, 0, streams);
    this.#step++;
    return { steps: 1, counted };
  }

  seek(epoch: number, stepInEpoch: number): void {
    if (stepInEpoch < 0 || stepInEpoch > this.stepsPerEpoch) {
      throw new RangeError(`step ${stepInEpoch} does not lie in an epoch of ${this.stepsPerEpoch}`);
    }
    this.#epoch = epoch;
    this.#step = stepInEpoch;
  }

  close(): void {}
}

/** @throws UserError for more rows than examples; `rows` is what they are called, `one` what one of the lines is */
export function checkBatch(
  { count }: Pick<Lines, 'count'>,
  batch: number,
  rows: string,
  name: string,
  one = 'example',
): void {
  if (count === 0) throw new UserError(`${name} has no ${one}s; it needs at least 1`);
  if (batch <= count) return;
  const found = count === 1 ? `1 ${one}` : `${count} ${one}s`;
  throw new UserError(`--batch: ${batch} ${rows} are more than ${name} allows, which has ${found}; give 1 to ${count}`);
}

function mostOfAny(examples: Lines, batch: number): number {
  const entries = new Int32Array(examples.count);
  for (let line = 0; line < entries.length; line++) entries[line] = examples.entries(line, line + 1);
  return sumOfLargest(entries, batch);
}

function mostInOrder(examples: Lines, batch: number): number {
  let most = 0;
  for (let line = 0; line < examples.count; line += batch) {
    most = Math.max(most, examples.entries(line, Math.min(line + batch, examples.count)));
  }
  return most;
}
