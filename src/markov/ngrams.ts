// The n-grams of a text, counted. Places of the text are sorted by the tokens that follow, so that equal n-grams lie together
// and each gets a number: nothing is hashed, and no two n-grams share a count.

import { type TokenArray, tokenArray } from '../data/tokens.js';

/** The different n-grams of one length k, sorted. Those that begin with the same k - 1 tokens, their context, lie together. */
export interface Level {
  /** [contexts + 1] where the n-grams of a context begin; contexts have the numbers of the n-grams that are shorter by one. */
  readonly starts: Int32Array;
  /** [n-grams] the last token; grows within a context. */
  readonly tokens: TokenArray;
  /** [n-grams] at the highest level occurrences c(g), below it continuations N1+(* g): different tokens seen before g. */
  readonly counts: Int32Array;
}

/** The longest n-grams: where two places begin to differ is kept in a byte, and nothing is gained long before. */
export const MAX_ORDER = 10;

/** Places of a text by the `order` tokens from each on. */
interface Sorted {
  /** [T] places; of those that agree as far as both go the one nearer to the text's end comes first. */
  readonly places: Int32Array;
  /** [T] how many tokens, `order` at most, each place has in common with the one before it in `places`. */
  readonly common: Uint8Array;
}

/**
 * Counts the n-grams of all lengths 1 .. order.
 *
 * @param tokens [T] below `vocabulary`
 * @returns [order] levels, the shortest n-grams first
 */
export function countNgrams(tokens: TokenArray, vocabulary: number, order: number): readonly Level[] {
  const places = sortPlaces(tokens, vocabulary, order);
  const sorted = { places, common: commonTokens(tokens, places, order) };
  // [T] the number of the n-gram that begins at each place; at first of the empty one, which is the context of level 1.
  const numbers = new Int32Array(tokens.length);
  const levels: Level[] = [];
  for (let length = 1, contexts = 1; length <= order; length++) {
    const level = countLevel(tokens, vocabulary, sorted, length, contexts);
    if (length > 1) countContinuations(levels[length - 2], sorted, length, numbers);
    numberPlaces(numbers, sorted, length);
    levels.push(level);
    contexts = level.tokens.length;
  }
  return levels;
}

/** The most bytes that the counting takes: the text, its sorted places, and levels of as many n-grams as can be. */
export function countingBytes(length: number, vocabulary: number, order: number): number {
  const { BYTES_PER_ELEMENT } = tokenArray(vocabulary, 0);
  // While the places are sorted there are two lists of them; later one of the two gives way to the numbers.
  let bytes = length * (BYTES_PER_ELEMENT + 4 + 4 + 1) + 4 * (vocabulary + 2);
  for (let k = 1; k <= order; k++) {
    const [contexts, ngrams] = [k - 1, k].map((tokens) => Math.min(vocabulary ** tokens, length));
    bytes += 4 * (contexts + 2) + ngrams * (BYTES_PER_ELEMENT + 4);
  }
  return bytes;
}

/** Sorts by counting, from the last token of the n-grams to the first; what lies beyond the end is less than any token. */
function sortPlaces(tokens: TokenArray, vocabulary: number, order: number): Int32Array {
  const { length } = tokens;
  let from = new Int32Array(length);
  for (let i = 0; i < length; i++) from[i] = i;
  let to = new Int32Array(length);
  const room = new Int32Array(vocabulary + 2);
  for (let depth = order - 1; depth >= 0; depth--) {
    const beyond = Math.min(depth, length);
    room.fill(0);
    room[1] = beyond;
    for (let i = beyond; i < length; i++) room[tokens[i] + 2]++;
    for (let key = 1; key < room.length; key++) room[key] += room[key - 1];
    for (let i = 0; i < length; i++) {
      const place = from[i];
      const key = place + depth < length ? tokens[place + depth] + 1 : 0;
      to[room[key]++] = place;
    }
    [from, to] = [to, from];
  }
  return from;
}

function commonTokens(tokens: TokenArray, places: Int32Array, order: number): Uint8Array {
  const { length } = tokens;
  const common = new Uint8Array(length);
  for (let i = 1; i < length; i++) {
    const [a, b] = [places[i - 1], places[i]];
    const most = Math.min(order, length - Math.max(a, b));
    let k = 0;
    while (k < most && tokens[a + k] === tokens[b + k]) k++;
    common[i] = k;
  }
  return common;
}

/** The n-grams of one length with their occurrences. */
function countLevel(
  tokens: TokenArray,
  vocabulary: number,
  { places, common }: Sorted,
  length: number,
  contexts: number,
): Level {
  const last = tokens.length - length; // the last place where one begins
  let ngrams = 0;
  for (let i = 0; i < places.length; i++) if (places[i] <= last && common[i] < length) ngrams++;
  const starts = new Int32Array(contexts + 1);
  const ends = tokenArray(vocabulary, ngrams);
  const counts = new Int32Array(ngrams);
  let ngram = -1;
  let context = length === 1 ? 0 : -1;
  for (let i = 0; i < places.length; i++) {
    // The last context of all may have nothing behind it.
    if (places[i] <= last + 1 && common[i] < length - 1) context++;
    if (places[i] > last) continue;
    if (common[i] < length) {
      ends[++ngram] = tokens[places[i] + length - 1];
      starts[context + 1]++;
    }
    counts[ngram]++;
  }
  for (let c = 1; c <= contexts; c++) starts[c] += starts[c - 1];
  return { starts, tokens: ends, counts };
}

/** Turns the occurrences of a level into continuations: each different n-gram of `length` continues what it ends with. */
function countContinuations({ counts }: Level, { places, common }: Sorted, length: number, numbers: Int32Array): void {
  counts.fill(0);
  const last = places.length - length;
  for (let i = 0; i < places.length; i++) if (places[i] <= last && common[i] < length) counts[numbers[places[i] + 1]]++;
}

function numberPlaces(numbers: Int32Array, { places, common }: Sorted, length: number): void {
  const last = places.length - length;
  let ngram = -1;
  for (let i = 0; i < places.length; i++) {
    if (places[i] > last) continue;
    if (common[i] < length) ngram++;
    numbers[places[i]] = ngram;
  }
}
