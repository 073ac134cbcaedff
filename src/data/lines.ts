// What the dealers of lines deal, whatever a line holds: an example by itself, or a time step of a sequence.

import type { BatchSlot } from './batches.js';

/** Sequence i is the lines [from[i], to[i]). */
export interface Stretches {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export interface Lines {
  readonly count: number;
  /** Undefined: all lines are one. */
  readonly sequences: Stretches | undefined;
  /** Sparse entries of the lines [from, to); 0 where lines have none. */
  entries(from: number, to: number): number;
  /**
   * Makes row `row` of a slot read a line, or nothing where it is NO_LINE, and predict its label where that counts. Rows are written
   * in ascending order from 0.
   *
   * @returns whether there is something to predict
   */
  write(slot: BatchSlot, row: number, line: number, counts: boolean): boolean;
}

/** The line of a row that reads nothing. */
export const NO_LINE = -1;
