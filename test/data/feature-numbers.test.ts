import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differentIndices, numberFeatures } from '../../src/data/feature-numbers.js';

const indices = fc.array(fc.oneof(fc.nat(40), fc.nat(2 ** 31 - 1)), { maxLength: 60 });

test('the dictionary has each index once, ascending, wherever the table ends', () => {
  fc.assert(
    fc.property(indices, fc.nat(50), (given, near) => {
      const expected = [...new Set(given)].sort((a, b) => a - b);
      expect([...differentIndices(Int32Array.from(given), near)]).toEqual(expected);
    }),
    { seed: 3, numRuns: 500 },
  );
});

test('indices become numbers of the dictionary, and entries that it does not have are left out and counted', () => {
  const rows = fc.array(fc.array(fc.record({ index: fc.nat(60), value: fc.nat(9) }), { maxLength: 8 }));
  fc.assert(
    fc.property(rows, fc.uniqueArray(fc.nat(60)), fc.integer({ min: 1, max: 70 }), (given, known, size) => {
      const dictionary = Int32Array.from(known).sort();
      const flat = given.flat();
      const starts = Int32Array.from({ length: given.length + 1 }, (_, i) => given.slice(0, i).flat().length);
      const features = Int32Array.from(flat, ({ index }) => index);
      const values = Float32Array.from(flat, ({ value }) => value);
      const left = numberFeatures({ starts, features, values }, dictionary, size);
      const expected = given.map((row) => row.filter(({ index }) => dictionary.includes(index)));
      expect(left).toBe(flat.length - expected.flat().length);
      const found = given.map((_, i) =>
        Array.from({ length: starts[i + 1] - starts[i] }, (_, k) => ({
          index: dictionary[features[starts[i] + k]],
          value: values[starts[i] + k],
        })),
      );
      expect(found).toEqual(expected);
    }),
    { seed: 4, numRuns: 500 },
  );
});
