import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tokenArray } from '../../src/data/tokens.js';
import { NgramModel } from '../../src/markov/ngram-model.js';
import { countingBytes, countNgrams, type Level } from '../../src/markov/ngrams.js';

const SEED = 32;

const cases = fc.integer({ min: 1, max: 400 }).chain((vocabulary) =>
  fc.record({
    vocabulary: fc.constant(vocabulary),
    order: fc.integer({ min: 1, max: 10 }),
    text: fc.array(fc.nat(vocabulary - 1), { maxLength: 120, size: 'max' }),
  }),
);

function countsOf(text: readonly number[], vocabulary: number, order: number): readonly Level[] {
  const tokens = tokenArray(vocabulary, text.length);
  tokens.set(text);
  return countNgrams(tokens, vocabulary, order);
}

/** The n-grams of each level, spelled out, with their counts. */
function spelled(levels: readonly Level[]): Map<string, number>[] {
  let contexts: readonly string[] = [''];
  return levels.map(({ starts, tokens, counts }) => {
    const ngrams = contexts.flatMap((context, c) =>
      [...tokens.subarray(starts[c], starts[c + 1])].map((token) => `${context}${token} `),
    );
    contexts = ngrams;
    return new Map(ngrams.map((ngram, i) => [ngram, counts[i]]));
  });
}

/** The same by going through the text. */
function expected(text: readonly number[], order: number): Map<string, number>[] {
  const at = (i: number, length: number): string =>
    text
      .slice(i, i + length)
      .map((token) => `${token} `)
      .join('');
  return Array.from({ length: order }, (_, k) => {
    const length = k + 1;
    const found = new Map<string, number>();
    const before = new Set<string>();
    for (let i = 0; i + length <= text.length; i++) {
      const ngram = at(i, length);
      const counts = length === order || (i > 0 && !before.has(`${text[i - 1]} ${ngram}`));
      if (i > 0) before.add(`${text[i - 1]} ${ngram}`);
      found.set(ngram, (found.get(ngram) ?? 0) + (counts ? 1 : 0));
    }
    return found;
  });
}

const sorted = (levels: readonly Map<string, number>[]) =>
  levels.map((level) => [...level].sort(([a], [b]) => (a < b ? -1 : 1)));

test('the longest n-grams are counted as often as they occur, shorter ones by the different tokens before them', () => {
  fc.assert(
    fc.property(cases, ({ vocabulary, order, text }) => {
      expect(sorted(spelled(countsOf(text, vocabulary, order)))).toEqual(sorted(expected(text, order)));
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('the n-grams of a context are sorted by their last token', () => {
  fc.assert(
    fc.property(cases, ({ vocabulary, order, text }) => {
      for (const { starts, tokens } of countsOf(text, vocabulary, order)) {
        expect(starts.at(-1)).toBe(tokens.length);
        for (let c = 0; c + 1 < starts.length; c++)
          for (let i = starts[c] + 1; i < starts[c + 1]; i++) expect(tokens[i]).toBeGreaterThan(tokens[i - 1]);
      }
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test('a model never takes more than what is said beforehand', () => {
  fc.assert(
    fc.property(cases, ({ vocabulary, order, text }) => {
      const tokens = tokenArray(vocabulary, text.length);
      tokens.set(text);
      const { sizeBytes } = new NgramModel(tokens, vocabulary, order);
      expect(sizeBytes).toBeLessThanOrEqual(countingBytes(text.length, vocabulary, order));
    }),
    { seed: SEED, numRuns: 100 },
  );
});
