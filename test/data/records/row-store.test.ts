import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { RowStore } from '../../../src/data/records/row-store.js';
import { temporaryFolder } from '../texts.js';

const { folder: cache } = temporaryFolder();

beforeAll(() => {
  vi.stubEnv('UNROLL_CACHE', cache);
});

afterAll(() => {
  vi.unstubAllEnvs();
});

/** Rows in the order in which they are written, and places that are read after that. */
const cases = fc
  .record({
    width: fc.integer({ min: 1, max: 1500 }),
    rows: fc.integer({ min: 1, max: 400 }),
    perWrite: fc.integer({ min: 1, max: 7 }),
    limitBytes: fc.integer({ min: 0, max: 100_000 }),
    reserves: fc.boolean(),
  })
  .chain((of) =>
    fc.record({
      of: fc.constant(of),
      order: fc.shuffledSubarray([...Array(Math.ceil(of.rows / of.perWrite)).keys()], {
        minLength: Math.ceil(of.rows / of.perWrite),
      }),
      reads: fc.array(fc.integer({ min: 0, max: of.rows - 1 }), { minLength: 1, maxLength: 300 }),
    }),
  );

test('gives back what an array would, in memory or from a file, whatever is written and read when', () => {
  fc.assert(
    fc.property(cases, ({ of: { width, rows, perWrite, limitBytes, reserves }, order, reads }) => {
      const expected = Float32Array.from({ length: rows * width }, (_, i) => i);
      const store = new RowStore('rows', width, limitBytes);
      try {
        if (reserves) store.reserve(rows);
        for (const write of order) {
          const first = write * perWrite;
          store.write(first, expected.subarray(first * width, Math.min(rows, first + perWrite) * width));
        }
        expect(store.count).toBe(rows);
        for (const row of reads) {
          const at = store.find(row);
          expect(store.floats.subarray(at, at + width)).toEqual(expected.subarray(row * width, (row + 1) * width));
          expect(store.ints[at]).toBe(new Int32Array(expected.buffer)[row * width]);
        }
      } finally {
        store.close();
      }
    }),
    { numRuns: 60 },
  );
});

test('holds as much of a long one as its cache, and reads again what was put out of it', () => {
  const [width, rows] = [1024, 6000];
  const store = new RowStore('rows', width, 1 << 20);
  const row = new Float32Array(width);
  for (let i = 0; i < rows; i++) store.write(i, row.fill(i));
  expect(store.sizeBytes).toBe(16 << 20);
  expect(store.sizeBytes).toBeLessThan(rows * width * 4);
  for (const i of [0, 4096, 0, 5999, 1903, 0, 4096]) expect(store.floats[store.find(i)], `row ${i}`).toBe(i);
  store.close();
});

test('leaves nothing in the cache folder', () => {
  const store = new RowStore('rows', 1, 0);
  store.write(0, Float32Array.of(1, 2));
  expect(readdirSync(cache)).toEqual([]);
  store.close();
});
