// Dropout: the masks are the same in every implementation and depend on (key, stream, time, unit) alone.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Dropout, PANEL } from '../../src/kernels/kernels.js';
import { dropoutBits, mix } from '../../src/kernels/reference/dropout.js';
import type { BenchArena } from './bench-arena.js';
import { implementations } from './implementations.js';
import { expectParity, groups, panelCount, RUNS, rows, seed, slack } from './parity.js';

interface DropoutCase {
  readonly groups: number;
  readonly rows: number;
  readonly panelCount: number;
  readonly slack: number;
  readonly p: number;
  readonly key: number;
  readonly firstStream: number;
  readonly inPlace: boolean;
}

const dropoutCase = fc.record({
  groups,
  rows,
  panelCount,
  slack,
  p: fc.constantFrom(0, 0.1, 0.5, 0.999),
  key: fc.oneof(fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  firstStream: fc.nat(5000),
  inPlace: fc.boolean(),
});

function prepareDropout(arena: BenchArena, given: DropoutCase) {
  const columns = given.panelCount * PANEL;
  const ld = columns + given.slack;
  const shape = { groups: given.groups, rows: given.rows, columns, ld, group: given.rows * ld + given.slack };
  // Values from 1 on: what is dropped differs from all that is kept.
  const source = arena.floats(shape, () => 2 + arena.uniform());
  const out = given.inPlace ? source : arena.floats(shape);
  const descriptor = arena.descriptor(Dropout, {
    ...{ in: source, out, ld, group: shape.group, rows: given.rows, columns },
    ...{ threshold: Math.floor(given.p * 2 ** 32), scale: 1 / (1 - given.p) },
    ...{ key: given.key, firstStream: given.firstStream },
  });
  return { descriptor, source, out };
}

describe.each(implementations)('$name', (implementation) => {
  test('dropout keeps and scales the units that the mask keeps, in place or not', () => {
    fc.assert(
      fc.property(dropoutCase, fc.nat(3), seed, (given, skipped, seed) => {
        const from = Math.min(skipped, given.groups);
        const problem = (arena: BenchArena) => {
          const { descriptor, out } = prepareDropout(arena, given);
          const outputs = { out: arena.part(out, { group: from }) };
          return { outputs, call: () => arena.kernels.dropout(descriptor, from, given.groups) };
        };
        expectParity(implementation, seed, problem, 1e-6);
      }),
      RUNS,
    );
  });

  test('a stream has the same mask whatever row it stands in', () => {
    const given = { groups: 2, rows: 9, panelCount: 3, slack: 0, p: 0.5, key: 99, firstStream: 20, inPlace: false };
    const arena = implementation.arena().begin(1);
    const { descriptor, out } = prepareDropout(arena, given);
    const [together] = arena.run([out], () => arena.kernels.dropout(descriptor, 0, 2));
    arena.set(descriptor, Dropout.rows, 1);
    for (let row = 0; row < 9; row++) {
      for (const field of [Dropout.in, Dropout.out]) {
        arena.set(descriptor, field, arena.get(descriptor, field) + (row > 0 ? out.ld * 4 : 0));
      }
      arena.set(descriptor, Dropout.firstStream, 20 + row);
      arena.kernels.dropout(descriptor, 0, 2);
    }
    expect(arena.read(out)).toEqual(together);
  });

  test('what is dropped is zero even where it was infinite or NaN', () => {
    const given = { groups: 1, rows: 1, panelCount: 4, slack: 0, p: 0.5, key: 5, firstStream: 0, inPlace: true };
    const arena = implementation.arena().begin(1);
    const { descriptor, out } = prepareDropout(arena, given);
    const kept = Array.from({ length: 64 }, (_, unit) => dropoutBits(5, 0, 0, unit) >= 2 ** 31);
    arena.write(
      out,
      Array.from({ length: 64 }, (_, unit) => (unit % 2 ? Number.NaN : Number.POSITIVE_INFINITY)),
    );
    arena.kernels.dropout(descriptor, 0, 1);
    expect([...arena.read(out)].map((value) => value !== 0)).toEqual(kept);
  });
});

test('the hash is lowbias32', () => {
  // From the published C function, run on these inputs.
  const known = [
    [0, 0],
    [1, 1753845952],
    [2, 3507691905],
    [2147483648, 3427483940],
    [4294967295, 1734902346],
    [123456789, 2834422664],
  ];
  for (const [input, output] of known) expect(mix(input)).toBe(output);
});

test.each([0.05, 0.5, 0.9])('a share of %d of the units is dropped, in every direction', (p) => {
  const threshold = p * 2 ** 32;
  const count = 20_000;
  const directions = [
    (i: number) => dropoutBits(1, 2, 3, i),
    (i: number) => dropoutBits(1, 2, i, 3),
    (i: number) => dropoutBits(1, i, 2, 3),
    (i: number) => dropoutBits(i, 1, 2, 3),
  ];
  for (const bits of directions) {
    let dropped = 0;
    for (let i = 0; i < count; i++) if (bits(i) < threshold) dropped++;
    // Five standard deviations of a binomial share.
    expect(Math.abs(dropped / count - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / count));
  }
});
