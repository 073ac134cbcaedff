// How well a Markov model predicts a part of a text. It remembers less than the tokens that a recurrent net is warmed up on,
// so one pass in order gives what 32 segments side by side would.

import { EVAL_WARMUP } from '../data/eval-segments.js';
import type { TokenSource } from '../data/tokens.js';
import type { NgramModel } from './ngram-model.js';

export interface NgramSums {
  /** Nats. */
  readonly lossSum: number;
  /** Predictions of which the likeliest token was the right one. */
  readonly hits: number;
  readonly counted: number;
}

const CHUNK_TOKENS = 1 << 16;

/** Predicts each token of [from, whole.length) that has one before it, in the context of those before it. */
export function evaluateNgrams(model: NgramModel, whole: TokenSource, from: number): NgramSums {
  const reader = model.reader();
  const chunk = new Int32Array(CHUNK_TOKENS);
  const first = Math.max(1, from);
  let [lossSum, hits] = [0, 0];
  for (let start = Math.max(0, first - EVAL_WARMUP); start < whole.length; start += CHUNK_TOKENS) {
    const count = Math.min(CHUNK_TOKENS, whole.length - start);
    whole.read(start, count, chunk, 0);
    for (let i = 0; i < count; i++) {
      if (start + i >= first) {
        const p = reader.probabilities();
        lossSum -= Math.log(p[chunk[i]]);
        if (likeliest(p) === chunk[i]) hits++;
      }
      reader.read(chunk[i]);
    }
  }
  return { lossSum, hits, counted: whole.length - first };
}

/** The first of the largest. */
function likeliest(p: Float64Array): number {
  let best = 0;
  for (let w = 1; w < p.length; w++) if (p[w] > p[best]) best = w;
  return best;
}
