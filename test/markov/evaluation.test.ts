import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryTokens } from '../../src/data/tokens.js';
import { evaluateNgrams } from '../../src/markov/evaluation.js';
import { NgramModel } from '../../src/markov/ngram-model.js';
import { reference } from './reference.js';

test('each held-out token that has one before it is predicted once, in the context of those before it', () => {
  const texts = fc.array(fc.nat(3), { minLength: 2, maxLength: 40, size: 'max' });
  fc.assert(
    fc.property(texts, fc.nat(39), fc.integer({ min: 1, max: 4 }), (text, at, order) => {
      const from = at % text.length;
      const learned = text.slice(0, Math.max(1, from));
      const model = new NgramModel(Uint8Array.from(learned), 4, order);
      const p = reference(learned, 4, order);
      let [lossSum, hits] = [0, 0];
      for (let i = Math.max(1, from); i < text.length; i++) {
        const next = p(text.slice(Math.max(0, i - order + 1), i));
        lossSum -= Math.log(next[text[i]]);
        // Equal ones may round apart; the model's own order decides then.
        if (next.every((other, w) => w === text[i] || next[text[i]] > other + 1e-12)) hits++;
      }
      const found = evaluateNgrams(model, new MemoryTokens(Uint8Array.from(text)), from);
      expect(found.lossSum).toBeCloseTo(lossSum, 9);
      expect(found.hits).toBeGreaterThanOrEqual(hits);
      expect(found.counted).toBe(text.length - Math.max(1, from));
    }),
    { seed: 33, numRuns: 200 },
  );
});

test('a text that is read in several chunks loses no context between them', () => {
  // Tokens follow each other without exception: only where the context were lost would the next one be in doubt.
  const text = Uint8Array.from({ length: 200_000 }, (_, i) => [0, 1, 0, 2, 0, 3][i % 6]);
  const model = new NgramModel(text.subarray(0, 600), 4, 3);
  const { hits, counted } = evaluateNgrams(model, new MemoryTokens(text), 100_000);
  expect([hits, counted]).toEqual([100_000, 100_000]);
});
