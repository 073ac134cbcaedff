import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Counter } from '../../src/model/counter.js';
import { Sampler, type Sampling } from '../../src/run/sampling.js';
import { softmax } from '../../src/run/softmax.js';

/** The definition: sort, cut, draw. */
function drawnBySorting(logits: Float32Array, { temperature, topK, topP }: Sampling, random: Counter): number {
  const p = softmax(logits, 0, new Float64Array(logits.length), temperature);
  const sorted = Array.from(p.keys());
  if (topK > 0 || topP < 1) sorted.sort((a, b) => p[b] - p[a] || a - b);
  const kept: number[] = [];
  let total = 0;
  for (const token of sorted) {
    if (kept.length > 0 && ((topK > 0 && kept.length >= topK) || (topP < 1 && total >= topP))) break;
    kept.push(token);
    total += p[token];
  }
  let left = random.uniform() * total;
  for (const token of kept) {
    left -= p[token];
    if (left < 0) return token;
  }
  return kept[kept.length - 1];
}

const logitsOf = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 40 });
const samplings = fc.record({
  temperature: fc.constantFrom(0.1, 0.7, 1, 3),
  topK: fc.constantFrom(0, 0, 1, 2, 5, 100),
  topP: fc.constantFrom(1, 1, 0.999, 0.9, 0.5, 0.01),
});

test('tokens are drawn from as many of the likeliest as both bounds allow, equal ones in the order of their numbers', () => {
  fc.assert(
    fc.property(logitsOf, samplings, fc.nat(), (numbers, sampling, seed) => {
      const logits = Float32Array.from(numbers, (n) => n / 8);
      const sampler = new Sampler(logits.length, sampling, new Counter(seed, 'sample'));
      const random = new Counter(seed, 'sample');
      for (let n = 0; n < 20; n++) expect(sampler.choose(logits)).toBe(drawnBySorting(logits, sampling, random));
    }),
  );
});

test('temperature 0 takes the first of the largest logits and draws no random number', () => {
  const random = new Counter(7, 'sample');
  const sampler = new Sampler(4, { temperature: 0, topK: 0, topP: 1 }, random);
  expect(sampler.choose(Float32Array.of(-1, 3, 3, 2))).toBe(1);
  expect(random.uniform()).toBe(new Counter(7, 'sample').uniform());
});

test('probabilities add up to one and do not overflow', () => {
  const p = softmax(Float32Array.of(3e38, 3e38, -3e38), 0, new Float64Array(3));
  expect([...p]).toEqual([0.5, 0.5, 0]);
});
