// Deals one long text as contiguous streams: stream s covers its own part of the text from start to end, and its state
// is carried from window to window. What is left over at the end of the text or of the streams is dropped.

import { UserError } from '../errors.js';
import { type Batches, type BatchSlot, type Dealt, NO_TARGET, windowAt } from './batches.js';
import type { TokenSource } from './tokens.js';

export interface StreamOptions {
  /** B. */
  readonly batch: number;
  /** k2; `full` for the whole stream. */
  readonly window: number | 'full';
  /** k1 <= k2; `full` with a full window. */
  readonly stride: number | 'full';
}

export class TextBatches implements Batches {
  readonly streams: number;
  readonly maxWindow: number;
  readonly stepsPerEpoch: number;
  /** Inputs of a stream; the targets are one further. */
  readonly perStream: number;
  readonly #source: TokenSource;
  readonly #stride: number;
  /** [k2 + 1] one stream's window, its last target included. */
  readonly #row: Int32Array;
  #step = 0;

  /** @param text what messages call the text */
  constructor(source: TokenSource, { batch, window, stride }: StreamOptions, text = 'the training text') {
    this.perStream = Math.floor((source.length - 1) / batch);
    if (this.perStream < 1) {
      const most = Math.max(0, source.length - 1);
      throw new UserError(
        most === 0
          ? `${text} has ${tokens(source.length)}; it needs at least 2, one to read and one to predict`
          : `--batch: ${batch} streams are more than ${text} allows, which has ${tokens(source.length)}; give 1 to ${most}`,
      );
    }
    this.maxWindow = window === 'full' ? this.perStream : window;
    this.#stride = stride === 'full' ? this.maxWindow : stride;
    if (this.maxWindow > this.perStream) {
      throw new UserError(
        `--window: ${window} is longer than the ${tokens(this.perStream)} of a stream (${text} has ${source.length}, ` +
          `cut into ${batch} streams); give 1 to ${this.perStream}, or a smaller --batch`,
      );
    }
    this.#source = source;
    this.streams = batch;
    this.stepsPerEpoch = Math.floor(this.perStream / this.#stride);
    this.#row = new Int32Array(this.maxWindow + 1);
  }

  next(slot: BatchSlot): Dealt | undefined {
    if (this.#step === this.stepsPerEpoch) {
      this.#step = 0;
      return undefined;
    }
    const window = windowAt(this.#step, this.#stride, this.maxWindow);
    const steps = window.end - window.start;
    const fresh = window.fresh - window.start;
    const { streams } = this;
    for (let s = 0; s < streams; s++) {
      this.#source.read(s * this.perStream + window.start, steps + 1, this.#row, 0);
      for (let t = 0; t < steps; t++) {
        slot.inputs[t * streams + s] = this.#row[t];
        slot.targets[t * streams + s] = t < fresh ? NO_TARGET : this.#row[t + 1];
      }
    }
    slot.reset.fill(this.#step === 0 ? 1 : 0, 0, streams);
    slot.carry.fill(window.nextStart - window.start, 0, streams);
    this.#step++;
    return { steps, counted: (steps - fresh) * streams };
  }

  seek(_epoch: number, stepInEpoch: number): void {
    if (stepInEpoch < 0 || stepInEpoch > this.stepsPerEpoch) {
      throw new RangeError(`step ${stepInEpoch} does not lie in an epoch of ${this.stepsPerEpoch}`);
    }
    this.#step = stepInEpoch;
  }

  close(): void {}
}

function tokens(count: number): string {
  return count === 1 ? '1 token' : `${count} tokens`;
}
