// One pass of the workers over the held-out part.

import type { Coordinator, Fed, Feed } from '../coordinator/coordinator.js';
import type { Batches } from '../data/batches.js';
import { type Measured, measured, type Predicted } from './measured.js';

/** @returns undefined when the run was stopped meanwhile */
export async function evaluate(
  coordinator: Coordinator,
  batches: Batches,
  predicted: Predicted,
): Promise<Measured | undefined> {
  await batches.seek(0, 0);
  let [lossSum, hits, counted] = [0, 0, 0];
  const feed: Feed<Fed> = async (slot) => {
    const dealt = await batches.next(slot);
    return dealt && { kind: 'evaluate', ...dealt, rate: 0, step: 0 };
  };
  const outcome = await coordinator.run(feed, (fed, result) => {
    lossSum += result.lossSum;
    hits += result.hits;
    counted += fed.counted;
  });
  return outcome === 'done' ? measured(predicted, lossSum, hits, counted) : undefined;
}
