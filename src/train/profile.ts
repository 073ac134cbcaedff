// What the workers of a profiled run have recorded, read from the arena: sums by phase, and the last spans on one clock.
import type { Arena } from '../memory/arena.js';
import { PHASE_NAMES, SPAN_NUMBERS, STEP_UNIT, spansKept, TimesField } from '../model/phases.js';
import type { RunLayout } from './layout.js';

export interface WorkerTimes {
  /** Training steps that the sums are of: all but the first, where there are more. */
  readonly steps: number;
  /** Milliseconds, one a phase. */
  readonly sums: readonly number[];
  /** One behind the other, without a gap. */
  readonly spans: readonly Span[];
}

export interface Span {
  readonly phase: number;
  /** Number of the training step that it belongs to, or the last one before it; from 0 on. */
  readonly step: number;
  /** Milliseconds, on a clock that all workers share. */
  readonly start: number;
  readonly end: number;
}

/**
 * A run's profile so far; whole once its workers have returned.
 * @param layout of a shape with `profile`
 */
export function readProfile(arena: Arena, { times, shape }: RunLayout): readonly WorkerTimes[] {
  const origins = times.map((at) => arena.doubles[at / 8 + TimesField.origin]);
  // A worker that never began has no origin.
  const first = Math.min(...origins.filter((origin) => origin > 0));
  const kept = spansKept(shape.workers);
  return times.map((at, worker) => {
    const { steps, sums, size } = TimesField;
    const field = arena.doublesAt(at, size);
    return {
      steps: Math.max(Math.min(1, field[steps]), field[steps] - 1),
      sums: [...field.subarray(sums, sums + PHASE_NAMES.length)],
      spans: spansOf(
        arena.doublesAt(at + size * 8, SPAN_NUMBERS * kept),
        field[TimesField.spans],
        origins[worker] - first,
      ),
    };
  });
}

/** @param began spans that were begun, of which the last one has no end; the ring holds the last of them */
function spansOf(ring: Float64Array, began: number, shift: number): Span[] {
  const kept = ring.length / SPAN_NUMBERS;
  const spans: Span[] = [];
  for (let i = Math.max(0, began - kept); i < began - 1; i++) {
    const [at, next] = [SPAN_NUMBERS * (i % kept), SPAN_NUMBERS * ((i + 1) % kept)];
    const phase = ring[at] % STEP_UNIT;
    const step = (ring[at] - phase) / STEP_UNIT;
    spans.push({ phase, step, start: ring[at + 1] + shift, end: ring[next + 1] + shift });
  }
  return spans;
}
