// What is compared is measured in turn, round by round, so that a slow spell of the machine hits all of it; and what is told
// of the rounds.

/** Of rounds: median, least and most. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @returns values[thing][round] */
export async function takeTurns(
  things: readonly (() => number | Promise<number>)[],
  rounds: number,
): Promise<readonly (readonly number[])[]> {
  const values = things.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, measure] of things.entries()) values[i].push(await measure());
  }
  return values;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], most: sorted[sorted.length - 1] };
}

/** Each value over the one of the same round. */
export const ratios = (values: readonly number[], others: readonly number[]): Spread =>
  spread(values.map((value, round) => value / others[round]));

const SLICE_SECONDS = 0.002;

/**
 * Rates of what runs on one thread, in turn, slice by slice, for so long each: the best slice of each. What else runs on the machine
 * takes slices away; in those that are left a thread is as fast as it is.
 */
export function bestSlices(things: readonly ((seconds: number) => number)[], seconds: number): readonly number[] {
  const best = things.map(() => 0);
  for (let slices = Math.ceil(seconds / SLICE_SECONDS); slices > 0; slices--)
    for (const [i, rate] of things.entries()) best[i] = Math.max(best[i], rate(SLICE_SECONDS));
  return best;
}

/** Calls a piece of work until the time is over. @returns calls a second */
export function callsPerSecond(work: () => void, seconds: number): number {
  const start = performance.now();
  const end = start + seconds * 1000;
  let calls = 0;
  let now = start;
  // The clock is read seldom enough to cost nothing beside calls of a few nanoseconds.
  for (let batch = 1; now < end; batch = now - start < 1 ? batch * 2 : batch) {
    for (let i = 0; i < batch; i++) work();
    calls += batch;
    now = performance.now();
  }
  return (calls * 1000) / (now - start);
}
