import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Architecture } from '../../src/model/architecture.js';
import { allOf, ownRows, partOf, placeOf } from '../../src/model/share.js';

const model = (hidden: number): Architecture => ({
  ...{ cell: 'lstm', activation: 'tanh', hidden, layers: 1, embedding: 0, vocabulary: 5 },
});
const placesOf = (hidden: number, streams: number, workers: number) =>
  Array.from({ length: workers }, (_, worker) => placeOf(model(hidden), streams, workers, worker));

const sizes = { workers: fc.integer({ min: 1, max: 70 }), streams: fc.integer({ min: 0, max: 200 }) };

describe('workers and streams are dealt', () => {
  test('so that every stream belongs to one group, in order, and groups differ by one stream at most', () => {
    fc.assert(
      fc.property(sizes.workers, sizes.streams, fc.constantFrom(3, 64, 256, 2048), (workers, streams, hidden) => {
        const groups = placesOf(hidden, streams, workers).filter(({ member }) => member === 0);
        const rows = groups.flatMap(({ firstRow, rows }) => Array.from({ length: rows }, (_, i) => firstRow + i));
        expect(rows).toEqual(Array.from({ length: streams }, (_, i) => i));
        // Workers that would have next to nothing to do have nothing: no groups.
        const active = groups.filter(({ firstRow }) => firstRow < streams || streams === 0);
        const counts = active.map(({ rows }) => rows);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('so that the members of a group follow each other and have the same streams', () => {
    fc.assert(
      fc.property(sizes.workers, sizes.streams, (workers, streams) => {
        const places = placesOf(512, streams, workers);
        for (const [worker, place] of places.entries()) {
          const others = places.slice(worker - place.member, worker - place.member + place.members);
          expect(others.map(({ member }) => member)).toEqual(Array.from({ length: place.members }, (_, i) => i));
          for (const other of others) {
            const { group, firstRow, rows } = place;
            expect(other).toMatchObject({ group, firstRow, rows });
          }
        }
      }),
    );
  });

  test('a worker to a group where each has 12 streams', () => {
    expect(placesOf(512, 64, 5).every(({ members }) => members === 1)).toBe(true);
  });

  test.each([
    [1, 4, 1],
    [8, 2, 1],
    [64, 8, 4],
    [64, 64, 5],
  ])('%i streams and %i workers make %i groups', (streams, workers, groups) => {
    expect(new Set(placesOf(2048, streams, workers).map(({ group }) => group)).size).toBe(groups);
  });

  test('a worker to a group where a time step is too short to wait for others', () => {
    expect(placesOf(16, 2, 4).every(({ members }) => members === 1)).toBe(true);
  });

  test('to no more members than there are blocks of units', () => {
    const places = placesOf(160, 20, 64);
    expect(Math.max(...places.map(({ members }) => members))).toBeLessThanOrEqual(11);
  });
});

test('members take parts that follow each other, each thing once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 100 }), (members, count) => {
      const parts = Array.from({ length: members }, (_, member) => partOf({ ...allOf(7), member, members }, count));
      expect(parts[0][0]).toBe(0);
      expect(parts[members - 1][1]).toBe(count);
      for (let i = 1; i < members; i++) expect(parts[i][0]).toBe(parts[i - 1][1]);
      const lengths = parts.map(([from, to]) => to - from);
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
    }),
  );
});

test('whoever works alone has all streams', () => {
  expect(ownRows(allOf(9))).toEqual([0, 9]);
});

test("directions of a layer are a worker's as a whole, however few streams there are", () => {
  const both = { ...model(2048), bidirectional: true };
  const places = Array.from({ length: 4 }, (_, worker) => placeOf(both, 2, 4, worker));
  expect(places.every(({ members }) => members === 1)).toBe(true);
  expect(places.reduce((sum, { rows }) => sum + rows, 0)).toBe(2);
});

test("a model too small to share is one worker's", () => {
  expect(placesOf(8, 2, 4).map(({ rows }) => rows)).toEqual([2, 0, 0, 0]);
});
