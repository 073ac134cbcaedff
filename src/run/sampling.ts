// How the next token is chosen from its logits.

import type { Counter } from '../model/counter.js';

export interface Sampling {
  /** Divides the logits; 0 takes the most likely token. */
  readonly temperature: number;
  /** Only so many most likely tokens; 0: all. */
  readonly topK: number;
  /** Only the most likely tokens whose probabilities add up to so much (Holtzman et al. 2020); 1: all. */
  readonly topP: number;
}

/** @param logits [V] @returns a token */
export function chooseToken(logits: Float32Array, { temperature, topK, topP }: Sampling, random: Counter): number {
  const best = logits.reduce((at, logit, token) => (logit > logits[at] ? token : at), 0);
  if (temperature === 0) return best;
  const probabilities = softmax(logits, temperature);
  const order = topK > 0 || topP < 1 ? likeliest(probabilities, topK, topP) : probabilities.keys();
  const tokens = [...order];
  const total = tokens.reduce((sum, token) => sum + probabilities[token], 0);
  let left = random.uniform() * total;
  for (const token of tokens) {
    left -= probabilities[token];
    if (left < 0) return token;
  }
  return tokens[tokens.length - 1];
}

/** Probabilities [V] from logits [V]. */
export function softmax(logits: Float32Array, temperature = 1): Float64Array {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Tokens by falling probability, as many as both bounds allow; at least one. */
function likeliest(probabilities: Float64Array, topK: number, topP: number): number[] {
  const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a] || a - b);
  const most = topK > 0 ? Math.min(topK, order.length) : order.length;
  let sum = 0;
  let count = 0;
  while (count < most && sum < topP) sum += probabilities[order[count++]];
  return order.slice(0, Math.max(1, count));
}
