// The part that is held out: the end of a text, or the last sequences or examples.

import { type SparseExamples, sequenceStarts, sliceExamples } from './sparse-examples.js';
import { TokenSlice, type TokenSource } from './tokens.js';

export interface SplitText {
  readonly whole: TokenSource;
  /** Where the held-out part begins; the length of the text where nothing is held out. */
  readonly cut: number;
  /** [0, cut) of the text. */
  readonly training: TokenSource;
}

export function splitText(whole: TokenSource, validation: number): SplitText {
  const cut = cutAt(whole.length, validation);
  return { whole, cut, training: new TokenSlice(whole, 0, cut) };
}

export function splitSequences<S>(
  sequences: readonly S[],
  validation: number,
): { readonly training: readonly S[]; readonly heldOut: readonly S[] } {
  const cut = cutAt(sequences.length, validation);
  return { training: sequences.slice(0, cut), heldOut: sequences.slice(cut) };
}

/** Holds out the last examples; whole sequences of them where they have qids. */
export function splitExamples(
  examples: SparseExamples,
  validation: number,
): { readonly training: SparseExamples; readonly heldOut: SparseExamples } {
  const starts = examples.groups === undefined ? undefined : sequenceStarts(examples);
  const cut = starts === undefined ? cutAt(examples.count, validation) : starts[cutAt(starts.length - 1, validation)];
  return { training: sliceExamples(examples, 0, cut), heldOut: sliceExamples(examples, cut, examples.count) };
}

/** Roundings of a product with the share, in parts of the length. */
const ROUNDING = 1e-14;

/** How many of `length` come before the part that is held out: a share of 0.9 leaves 1 of 10, though 1 - 0.9 is a little less than 0.1. */
export function cutAt(length: number, validation: number): number {
  return Math.floor(length * (1 - validation + ROUNDING));
}
