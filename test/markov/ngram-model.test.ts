import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tokenArray } from '../../src/data/tokens.js';
import { NgramModel } from '../../src/markov/ngram-model.js';
import { reference } from './reference.js';

const SEED = 31;

function modelOf(text: readonly number[], vocabulary: number, order: number): NgramModel {
  const tokens = tokenArray(vocabulary, text.length);
  tokens.set(text);
  return new NgramModel(tokens, vocabulary, order);
}

/** [V] probabilities after a context, which may be longer than the model looks back. */
function after(model: NgramModel, context: readonly number[]): number[] {
  const reader = model.reader();
  for (const token of context) reader.read(token);
  return [...reader.probabilities()];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Small vocabularies repeat themselves, larger ones leave much unseen; a context may be of the text or not. */
const cases = fc
  .record({ vocabulary: fc.integer({ min: 2, max: 6 }), order: fc.integer({ min: 1, max: 5 }) })
  .chain(({ vocabulary, order }) => {
    const tokens = (minLength: number, maxLength: number) =>
      fc.array(fc.nat(vocabulary - 1), { minLength, maxLength, size: 'max' });
    return fc.record({
      vocabulary: fc.constant(vocabulary),
      order: fc.constant(order),
      text: tokens(1, 60),
      context: tokens(0, 7),
    });
  });

describe('the probabilities of the next token', () => {
  test('are those of the formulas, in any context', () => {
    fc.assert(
      fc.property(cases, ({ vocabulary, order, text, context }) => {
        const expected = reference(text, vocabulary, order)(order === 1 ? [] : context.slice(1 - order));
        const found = after(modelOf(text, vocabulary, order), context);
        for (let w = 0; w < vocabulary; w++) expect(found[w]).toBeCloseTo(expected[w], 12);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  test('add up to 1, and none is 0, in every order and any context, seen or not', () => {
    const longer = fc.record({
      vocabulary: fc.constantFrom(2, 7, 300, 70_000),
      order: fc.integer({ min: 1, max: 10 }),
      text: fc.array(fc.nat(69_999), { minLength: 1, maxLength: 400, size: 'max' }),
      context: fc.array(fc.nat(69_999), { maxLength: 12 }),
      from: fc.nat(400),
    });
    fc.assert(
      fc.property(longer, ({ vocabulary, order, text, context, from }) => {
        const within = (tokens: readonly number[]) => tokens.map((token) => token % vocabulary);
        const model = modelOf(within(text), vocabulary, order);
        for (const read of [within(context), within(text).slice(from % text.length)]) {
          const p = after(model, read);
          expect(sum(p)).toBeCloseTo(1, 10);
          expect(Math.min(...p.slice(0, 1000))).toBeGreaterThan(0);
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  test('are exact where no number of 53 bits could tell all n-grams apart', () => {
    // 70,000 ** 6 is above 2 ** 53. Tokens far apart, but in the same order as 0 .. 3.
    const far = [5, 23_000, 41_007, 69_999];
    const text = Array.from({ length: 80 }, (_, i) => (i * i + (i >> 2)) % 4);
    const model = modelOf(
      text.map((token) => far[token]),
      70_000,
      6,
    );
    const near = reference(text, 4, 6);
    for (let i = 5; i < text.length; i++) {
      const context = text.slice(i - 5, i);
      const found = after(
        model,
        context.map((token) => far[token]),
      );
      // What is left for all tokens alike is the only difference: there are 4 to share it, or 70,000.
      const left = (1 - sum(far.map((token) => found[token]))) / (1 - 4 / 70_000);
      for (let w = 0; w < 4; w++) expect(near(context)[w] - found[far[w]]).toBeCloseTo(left * (1 / 4 - 1 / 70_000), 10);
    }
  });

  test('come out as by hand', () => {
    // a b a b b: c(ab) = 2, c(ba) = 1, c(bb) = 1; b stands behind two different tokens, a behind one.
    const model = modelOf([0, 1, 0, 1, 1], 2, 2);
    // n1 = 2, n2 = 1: Y = 1/2, D1 = 1/2, and D2 = 2 - 0, which would leave nothing, becomes 1.
    // Below, a continues 1 and b 2: n1 = n2 = 1, Y = 1/3, D1 = 1/3, D2 = 1.
    const pa = (1 - 1 / 3) / 3 + ((1 / 3 + 1) / 3) * (1 / 2);
    expect(after(model, [])[0]).toBeCloseTo(pa, 14);
    expect(after(model, [0])[0]).toBeCloseTo((1 / 2) * pa, 14);
    expect(after(model, [1])[0]).toBeCloseTo((1 - 1 / 2) / 2 + (1 / 2) * pa, 14);
  });

  test('of a lower order ask how many tokens come before, not how often a token comes', () => {
    // "San Francisco": 1 stands behind 0 alone, and often; 2, 3 and 4 stand behind many, and seldom.
    const text = [0, 1, 2, 3, 0, 1, 4, 2, 0, 1, 3, 4, 0, 1, 2, 4, 0, 1, 3, 2];
    const p = after(modelOf(text, 6, 2), [5]);
    expect(p[1]).toBeLessThan(Math.min(p[2], p[3], p[4]));
    const unigrams = after(modelOf(text, 6, 1), []);
    expect(unigrams[1]).toBeGreaterThan(Math.max(unigrams[2], unigrams[3], unigrams[4]));
  });
});

test('a context that was never seen is shortened until it was', () => {
  const model = modelOf([0, 1, 2, 0, 1, 3, 0, 2, 1], 5, 4);
  expect(after(model, [4, 4, 0, 1])).toEqual(after(model, [4, 0, 1]));
  expect(after(model, [4])).toEqual(after(model, []));
  expect(after(model, [0, 4])).toEqual(after(model, []));
});

test('a context that only ends the text says as much as the shorter one', () => {
  const model = modelOf([0, 1, 0, 2, 0, 1, 3], 4, 3);
  expect(after(model, [1, 3])).toEqual(after(model, []));
});
