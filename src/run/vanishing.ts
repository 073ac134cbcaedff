// Whether a run that learned nothing has gradients that vanish: said at its end, with what to try.

import { UserError } from '../errors.js';
import type { Arena } from '../memory/arena.js';
import type { PlacedParameter } from '../model/views.js';
import { caughtUp } from '../train/caught-up.js';
import { DIAGNOSED_WINDOW } from './diagnose.js';
import { type Places, placesInSteps } from './diagnosed-rows.js';
import { GradientProbe } from './gradient-probe.js';
import type { Prepared } from './plan.js';
import { adviceFor, reachOf, verdictOf } from './reach.js';

/** Before so many updates no net has learned much. */
const LEAST_UPDATES = 100;
/** A net with more than this share of the loss of what knows no inputs has learned nothing. */
const LEARNED_NOTHING = 0.9;
/** Shorter sequences are no reason for gradients to vanish. */
const LEAST_WINDOW = 16;

/**
 * Measured as `unroll diagnose` does, on the run's own sequences.
 *
 * @param loss of the held-out part
 * @returns undefined where the net has learned something, where gradients reach back, or where nobody can tell
 */
export function vanishingNotice(
  { data: { sequences }, layout, choice }: Prepared,
  arena: Arena,
  { updates, loss }: { readonly updates: number; readonly loss: number },
): string | undefined {
  if (!sequences || updates < LEAST_UPDATES || !(loss > LEARNED_NOTHING * sequences.constantLoss)) return undefined;
  const places = placesIn(sequences.steps);
  if (places === undefined || places.window < LEAST_WINDOW) return undefined;
  const { model } = layout.shape;
  const probe = new GradientProbe(model, { kernels: choice.name, ...places });
  for (const [i, p] of probe.parameters.entries())
    probe.arena.floatsAt(p.weights, p.length).set(caughtUp(arena, layout, layout.parameters[i] as PlacedParameter));
  probe.transpose();
  const layers = probe.norms(places.probed).map(reachOf);
  const verdict = verdictOf(layers);
  if (verdict !== 'vanishes') return undefined;
  const furthest = Math.max(...layers.map(({ fadesAt }) => fadesAt ?? 0));
  return (
    'nothing was learned, and the gradient vanishes: less than 1% of it is left ' +
    `${furthest} steps back ("unroll diagnose" shows it); try ${adviceFor(verdict, model)}`
  );
}

function placesIn(steps: Parameters<typeof placesInSteps>[0]): Places | undefined {
  try {
    return placesInSteps(steps, undefined, DIAGNOSED_WINDOW.fallback, '');
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
