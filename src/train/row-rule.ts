// What a step does to the rows of a lookup table that it does not touch, and how they catch up with it later.
import { CatchUp } from '../kernels/kernels.js';
import type { OptimizerSettings } from './optimizer.js';

/**
 * `touched`: nothing. `shrink`: l1 and l2 make them smaller, `momentum`: their momentum carries them on; both have a closed form, so
 * they catch up when they are touched next. `dense`: they have to be visited in each step.
 */
export type RowRule = 'dense' | 'touched' | 'shrink' | 'momentum';

/** Updates after which all rows catch up, so that how far rows are behind is one of so many numbers. */
export const PERIOD = 1024;

/** @param highestRate of all steps; the closed form of l2 needs rate * l2 < 1 */
export function rowRuleOf({ name, l1, l2, proximal }: OptimizerSettings, highestRate: number): RowRule {
  switch (name) {
    case 'sgd':
      if (l1 === 0 && l2 === 0) return 'touched';
      return proximal || highestRate * l2 < 1 ? 'shrink' : 'dense';
    case 'sparse-adam':
      // It has no penalties: a step with a gradient of zero, which catching up ends with, would be Adam's.
      return 'touched';
    case 'adagrad':
      if (l2 > 0) return 'dense';
      return l1 === 0 ? 'touched' : 'shrink';
    case 'momentum':
    case 'nesterov':
      return l1 === 0 && l2 === 0 ? 'momentum' : 'dense';
    default:
      return 'dense';
  }
}

export const catchUpOf = (rule: RowRule): number =>
  rule === 'shrink' || rule === 'momentum' ? CatchUp[rule] : CatchUp.none;

/**
 * Adds a step to the maps from each update of the period until now: |w| -> (1 - d) |w| - b, or w -> w - b m and m -> (1 - d) m.
 * Composing them step by step needs neither division nor the difference of large sums, as prefix sums do (Lipton & Elkan 2015).
 *
 * @param maps [PERIOD, 2] of d and b; zeros are the identity
 * @param done updates of the period before this one
 */
export function composeMaps(maps: Float64Array, done: number, o: OptimizerSettings, rate: number): void {
  const isMomentum = o.name === 'momentum' || o.name === 'nesterov';
  const divisor = o.proximal ? 1 + rate * o.l2 : 1;
  const decay = isMomentum ? 1 - o.beta1 : (rate * o.l2) / divisor;
  const step = (rate * o.l1) / divisor;
  // w -= rate m after m *= beta1; with Nesterov's look ahead rate beta1 m.
  const reach = o.name === 'nesterov' ? rate * o.beta1 : rate;
  for (let i = 0; i <= done; i++) {
    const d = maps[2 * i];
    const next = d + decay * (1 - d);
    maps[2 * i] = next;
    maps[2 * i + 1] = isMomentum ? maps[2 * i + 1] + reach * (1 - next) : (1 - decay) * maps[2 * i + 1] + step;
  }
  const now = (done + 1) % PERIOD;
  maps[2 * now] = 0;
  maps[2 * now + 1] = 0;
}
