// What a step works on: its batch in the arena and the numbers of its record.
import type { WindowInput } from '../model/inputs.js';

export interface StepInput extends WindowInput {
  /** Byte offsets, int32 [B]. */
  readonly reset: number;
  readonly carry: number;
  /** Steps of this window, at most T. */
  readonly steps: number;
  /** The first step whose predictions count. */
  readonly headFrom: number;
  /** Predictions that count, of all streams. */
  readonly counted: number;
  /** Their weights' sum: `counted` where classes weigh the same. */
  readonly weight: number;
  /** Number of the training step. */
  readonly step: number;
}
