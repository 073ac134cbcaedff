import fc from 'fast-check';
import { expect, test } from 'vitest';
import { didYouMean, editDistance, nearest } from '../../src/config/suggest.js';

test.each([
  ['', '', 0],
  ['abc', '', 3],
  ['hiden', 'hidden', 1],
  ['ltsm', 'lstm', 1],
  ['kitten', 'sitting', 3],
])('%s and %s are %d edits apart', (a, b, edits) => {
  expect(editDistance(a, b)).toBe(edits);
});

test('the distance is symmetric, bounded by the longer word, and 0 only for equal words', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
      const edits = editDistance(a, b);
      expect(edits).toBe(editDistance(b, a));
      expect(edits).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(edits === 0).toBe(a === b);
    }),
    { seed: 11 },
  );
});

test('the nearest word is suggested, whatever its case and separators, and none where none is near', () => {
  const known = ['hidden', 'clipNorm', 'clipValue', 'lr', 'l2'];
  expect(nearest('Clip_Norm', known)).toBe('clipNorm');
  expect(nearest('clip-vaule', known)).toBe('clipValue');
  expect(nearest('zzz', known)).toBeUndefined();
  expect(didYouMean('hiden', known)).toBe('; did you mean hidden?');
  expect(didYouMean('q', known)).toBe('');
});
