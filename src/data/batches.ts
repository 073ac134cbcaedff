// What a step gets: windows of tokens for all streams side by side. How they are dealt is up to the files beside this one.

/** One step's data, in arrays that the caller owns. Row t of stream s lies at [t * B + s]. */
export interface BatchSlot {
  /** [T, B] the token that each step reads. */
  readonly inputs: Int32Array;
  /** [T, B, I padded to a multiple of 16] what each step reads instead where the model reads features. */
  readonly features?: Float32Array | Float64Array;
  /** What each step reads instead where the model reads sparse features. */
  readonly entries?: SlotEntries;
  /** [T, B] the token to predict; -1 does not count. */
  readonly targets: Int32Array;
  /**
   * [T, B, K padded to a multiple of 16] what to predict where it is no class: 0 or 1 for each label, or numbers.
   * `targets` is then 0 where a row counts.
   */
  readonly outputs?: Float32Array | Float64Array;
  /** [B] 1 where the stream starts from the zero state. */
  readonly reset: Int32Array;
  /** [B] steps of this window before the start of the next: the state after them is where the next window starts. */
  readonly carry: Int32Array;
  /** [B] steps of each row, where the model reads it from its end as well, or pools it: rows are whole sequences then, and reset is 1. */
  readonly lengths?: Int32Array;
}

/** Sparse rows: row t * B + s has entries [starts[row], starts[row + 1]) of the other two. */
export interface SlotEntries {
  /** [T * B + 1] */
  readonly starts: Int32Array;
  readonly features: Int32Array;
  readonly values: Float32Array | Float64Array;
}

export interface Dealt {
  /** Time steps of this window, at most maxWindow; rows beyond are not written. */
  readonly steps: number;
  /** Targets that count. */
  readonly counted: number;
}

export interface Batches {
  /** B: the streams of a batch. */
  readonly streams: number;
  /** The largest T of any batch. */
  readonly maxWindow: number;
  /** Undefined where it shows only at the end of an epoch. */
  readonly stepsPerEpoch: number | undefined;
  /** The next batch, or undefined at the end of an epoch, once: the call after that begins the next epoch. */
  next(slot: BatchSlot): Dealt | undefined | Promise<Dealt | undefined>;
  /** Goes to the batch that a run has after `stepInEpoch` batches of `epoch` (both from 0). */
  seek(epoch: number, stepInEpoch: number): void | Promise<void>;
  /** Lets go of an iterator that is left before its end. The tokens' source stays open: it belongs to who opened it. */
  close(): void | Promise<void>;
}

/** @throws Error for a target that counts behind its row's end, where the reverse direction has read nothing */
export function checkLengths({ targets, lengths }: BatchSlot, streams: number, steps: number): void {
  if (lengths === undefined) return;
  for (let i = 0; i < steps * streams; i++) {
    if (targets[i] < 0 || Math.floor(i / streams) < lengths[i % streams]) continue;
    throw new Error(`row ${i % streams} has ${lengths[i % streams]} steps, and a target behind them`);
  }
}

/** The target of a step that does not count. */
export const NO_TARGET = -1;

/** Step i of a stream: which part of it is read, and where the loss begins. Positions count inputs from the stream's start. */
export interface Window {
  readonly start: number;
  /** Where the steps begin that count: those before were counted by an earlier window. */
  readonly fresh: number;
  readonly end: number;
  /** Where the next window starts. */
  readonly nextStart: number;
}

/**
 * Truncated backpropagation through time with k1 = stride and k2 = window: an update each k1 steps over windows that
 * grow to k2 at the start of a stream.
 */
export function windowAt(index: number, stride: number, window: number): Window {
  const fresh = index * stride;
  const end = fresh + stride;
  return { start: Math.max(0, end - window), fresh, end, nextStart: Math.max(0, end + stride - window) };
}
