// How the next token is chosen from its logits. Nothing is allocated for a token, and nothing is sorted: of the likeliest ones as
// many are taken from a heap as are asked for.

import type { Counter } from '../model/counter.js';
import { softmax } from './softmax.js';

export interface Sampling {
  /** Divides the logits; 0 takes the most likely token. */
  readonly temperature: number;
  /** Only so many most likely tokens; 0: all. */
  readonly topK: number;
  /** Only the most likely tokens whose probabilities add up to so much (Holtzman et al. 2020); 1: all. */
  readonly topP: number;
}

export class Sampler {
  readonly #sampling: Sampling;
  readonly #random: Counter;
  /** [V] */
  readonly #probabilities: Float64Array;
  /** [V] tokens: a heap at the start, what was taken from it at the end, the likeliest last; empty where all are drawn from. */
  readonly #heap: Int32Array;

  /** @param classes V */
  constructor(classes: number, sampling: Sampling, random: Counter) {
    const { topK, topP } = sampling;
    this.#sampling = sampling;
    this.#random = random;
    this.#probabilities = new Float64Array(classes);
    this.#heap = new Int32Array(topK > 0 || topP < 1 ? classes : 0);
  }

  /** @param logits [V] @returns a token */
  choose(logits: Float32Array): number {
    const { temperature } = this.#sampling;
    if (temperature === 0) return largestOf(logits);
    softmax(logits, 0, this.#probabilities, temperature);
    return this.#heap.length > 0 ? this.#drawFromLikeliest() : this.#drawFromAll();
  }

  #drawFromAll(): number {
    const probabilities = this.#probabilities;
    const last = probabilities.length - 1;
    let total = 0;
    for (let token = 0; token <= last; token++) total += probabilities[token];
    let left = this.#random.uniform() * total;
    for (let token = 0; token < last; token++) {
      left -= probabilities[token];
      if (left < 0) return token;
    }
    return last;
  }

  /** Takes as many from the heap as both bounds allow, at least one, and draws from these. */
  #drawFromLikeliest(): number {
    const { topK, topP } = this.#sampling;
    const probabilities = this.#probabilities;
    const heap = this.#heap;
    const all = heap.length;
    for (let token = 0; token < all; token++) heap[token] = token;
    for (let at = (all >> 1) - 1; at >= 0; at--) this.#sink(at, all);
    const fewest = topK > 0 && topK < all ? all - topK : 0;
    let size = all;
    let total = 0;
    do {
      const token = heap[0];
      heap[0] = heap[--size];
      heap[size] = token;
      this.#sink(0, size);
      total += probabilities[token];
    } while (size > fewest && total < topP);
    let left = this.#random.uniform() * total;
    for (let at = all - 1; at > size; at--) {
      left -= probabilities[heap[at]];
      if (left < 0) return heap[at];
    }
    return heap[size];
  }

  /** Lets the token at `at` sink to where none below it is likelier. */
  #sink(at: number, size: number): void {
    const heap = this.#heap;
    const token = heap[at];
    let hole = at;
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && this.#isBefore(heap[child + 1], heap[child])) child++;
      if (!this.#isBefore(heap[child], token)) break;
      heap[hole] = heap[child];
      hole = child;
    }
    heap[hole] = token;
  }

  /** Of equally likely tokens the one with the smaller number comes first. */
  #isBefore(a: number, b: number): boolean {
    const difference = this.#probabilities[a] - this.#probabilities[b];
    return difference > 0 || (difference === 0 && a < b);
  }
}

function largestOf(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++) if (logits[token] > logits[best]) best = token;
  return best;
}
