// A Markov model of order n: the next token's probabilities hang on the n - 1 tokens before it. n-grams of all lengths up to n
// are mixed by interpolated Kneser-Ney smoothing (Kneser & Ney 1995), modified with three discounts (Chen & Goodman 1999).

import type { TokenArray } from '../data/tokens.js';
import { countNgrams, type Level } from './ngrams.js';

/** What is taken off a count of 0, 1, 2, and 3 or more. */
type Discounts = readonly [0, number, number, number];

interface SmoothedLevel extends Level {
  readonly discounts: Discounts;
}

export class NgramModel {
  readonly vocabulary: number;
  /** [order] the n-grams of each length, the shortest first. */
  readonly levels: readonly SmoothedLevel[];

  /** @param tokens the text to learn, numbers below `vocabulary` */
  constructor(tokens: TokenArray, vocabulary: number, order: number) {
    this.vocabulary = vocabulary;
    this.levels = countNgrams(tokens, vocabulary, order).map((level) => ({
      ...level,
      discounts: discountsOf(level.counts),
    }));
  }

  get order(): number {
    return this.levels.length;
  }

  /** n-grams of all lengths that it holds. */
  get ngrams(): number {
    return this.levels.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }

  get sizeBytes(): number {
    return this.levels.reduce(
      (sum, { starts, tokens, counts }) => sum + starts.byteLength + tokens.byteLength + counts.byteLength,
      0,
    );
  }

  /** Reads a text from its start, with nothing before it. */
  reader(): NgramReader {
    return new NgramReader(this);
  }
}

/**
 * From counts of counts n1 .. n4, with Y = n1 / (n1 + 2 n2):
 *
 *     D1 = 1 - 2 Y n2 / n1,   D2 = 2 - 3 Y n3 / n2,   D3+ = 3 - 4 Y n4 / n3
 *
 * Where one of those is zero, or a discount would add to a count, take all of it or nothing, it is half of the count: some of
 * the probability must be left for what was not seen.
 */
function discountsOf(counts: Int32Array): Discounts {
  const n = [0, 0, 0, 0, 0];
  for (const count of counts) if (count < n.length) n[count]++;
  const y = n[1] / (n[1] + 2 * n[2]);
  const discount = (r: number): number => {
    const d = r - ((r + 1) * y * n[r + 1]) / n[r];
    return d > 0 && d < r ? d : r / 2;
  };
  return [0, discount(1), discount(2), discount(3)];
}

/** Follows a text token by token. */
export class NgramReader {
  readonly #levels: readonly SmoothedLevel[];
  /** [k] the number of the k-gram that was read last, -1 where the model has not seen it. */
  readonly #contexts: Int32Array;
  readonly #probabilities: Float64Array;

  constructor({ levels, vocabulary }: NgramModel) {
    this.#levels = levels;
    this.#contexts = new Int32Array(levels.length).fill(-1);
    this.#contexts[0] = 0;
    this.#probabilities = new Float64Array(vocabulary);
  }

  read(token: number): void {
    const contexts = this.#contexts;
    // The longest first: each is made of the one that was shorter by a token before.
    for (let k = contexts.length - 1; k > 0; k--)
      contexts[k] = contexts[k - 1] < 0 ? -1 : find(this.#levels[k - 1], contexts[k - 1], token);
  }

  /** @returns [V] the next token's probabilities, which add up to 1; good until the next call */
  probabilities(): Float64Array {
    const p = this.#probabilities.fill(1 / this.#probabilities.length);
    for (let k = 0; k < this.#levels.length && this.#contexts[k] >= 0; k++)
      interpolate(p, this.#levels[k], this.#contexts[k]);
    return p;
  }
}

/** The number of the n-gram that is `context` and `token`, or -1. */
function find({ starts, tokens }: Level, context: number, token: number): number {
  let [low, high] = [starts[context], starts[context + 1]];
  const end = high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tokens[middle] < token) low = middle + 1;
    else high = middle;
  }
  return low < end && tokens[low] === token ? low : -1;
}

/**
 * p_k(w | h) = (a(hw) - D(a(hw))) / A + (sum over v of D(a(hv))) / A * p_(k-1)(w | h'), where A is the sum over v of a(hv) and
 * h' is h without its first token. A context that nothing follows leaves p as it is.
 *
 * @param p [V] p_(k-1)(. | h'), overwritten by p_k(. | h)
 */
function interpolate(p: Float64Array, { starts, tokens, counts, discounts }: SmoothedLevel, context: number): void {
  const [start, end] = [starts[context], starts[context + 1]];
  let all = 0;
  let withheld = 0;
  for (let i = start; i < end; i++) {
    all += counts[i];
    withheld += discounts[Math.min(counts[i], 3)];
  }
  if (all === 0) return;
  const backoff = withheld / all;
  for (let w = 0; w < p.length; w++) p[w] *= backoff;
  for (let i = start; i < end; i++) p[tokens[i]] += (counts[i] - discounts[Math.min(counts[i], 3)]) / all;
}
