// What the gradient's norms by steps back say: how fast they change, how far back there is something, and what to try.

import type { Architecture } from '../model/architecture.js';

/** Vanishing: next to nothing comes from most of the window. Exploding: steps far back count far more than the last one. */
export type Verdict = 'vanishes' | 'explodes' | 'healthy';

/** A gradient below this share of its size at the last step has faded. */
const FADED = 0.01;
/** One that has grown by more than this explodes. */
const EXPLODED = 100;
/** One vanishes that has faded within this share of the window and is below this share of its first size at the window's end. */
const LEAST_REACH = 0.5;
const GONE = 1e-4;

export interface LayerReach {
  /** By steps back from the last step: the mean over the streams of |dLoss/dh(t)|, of an LSTM of h and c together. */
  readonly norms: readonly number[];
  /** What the norm is multiplied by from a step to the one before it, the geometric mean; null where it is zero or not finite. */
  readonly ratio: number | null;
  /** The first step back at which the norm is below 1% of that of the last step, from there on; null: it is nowhere. */
  readonly fadesAt: number | null;
}

export function reachOf(norms: readonly number[]): LayerReach {
  const threshold = FADED * norms[0];
  const reached = norms.findLastIndex((norm) => !(norm < threshold));
  const ratio = (norms[norms.length - 1] / norms[0]) ** (1 / (norms.length - 1));
  return {
    norms,
    ratio: Number.isFinite(ratio) && ratio > 0 ? ratio : null,
    fadesAt: reached === norms.length - 1 ? null : reached + 1,
  };
}

/** Explodes where any layer's gradient does; vanishes where every layer's does: one that reaches far is enough. */
export function verdictOf(layers: readonly LayerReach[]): Verdict {
  const grown = ({ norms }: LayerReach): boolean => norms.some((norm) => !(norm <= EXPLODED * norms[0]));
  if (layers.some(grown)) return 'explodes';
  const gone = ({ norms, fadesAt }: LayerReach): boolean =>
    fadesAt !== null && fadesAt < LEAST_REACH * norms.length && norms[norms.length - 1] < GONE * norms[0];
  return layers.every(gone) ? 'vanishes' : 'healthy';
}

const TO_TRY = {
  explodes:
    '--clip-norm 1 bounds the step, --init orthogonal starts with a norm that stays, a lower --lr keeps it there',
  lstm: '--forget-bias 1 or more, which opens the gate that keeps the state',
  gru: '--cell lstm --forget-bias 1, whose gate that keeps the state can start open',
  rnn: '--cell lstm or --cell gru, or --activation relu with --init identity or orthogonal',
  relu: '--init identity or orthogonal, whose recurrent weights neither shrink nor stretch, or --cell lstm or gru',
} as const;

/** What to try, in words; undefined where nothing has to be. */
export function adviceFor(verdict: Verdict, { cell, activation }: Architecture): string | undefined {
  if (verdict === 'healthy') return undefined;
  if (verdict === 'explodes') return TO_TRY.explodes;
  if (cell === 'lstm' || cell === 'gru') return TO_TRY[cell];
  return activation === 'relu' ? TO_TRY.relu : TO_TRY.rnn;
}
