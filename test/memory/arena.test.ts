// Typed views over the arena, and descriptors in their stretch of it.
import { describe, expect, test } from 'vitest';
import { Arena, Descriptors } from '../../src/memory/arena.js';

const LAYOUT = { first: 0, second: 1, third: 2, size: 3 } as const;

describe.each([
  ['SharedArrayBuffer', (bytes: number) => new SharedArrayBuffer(bytes)],
  ['ArrayBuffer', (bytes: number) => new ArrayBuffer(bytes)],
] as const)('on a %s', (_, create) => {
  test.each([4, 8] as const)('floats of %i bytes, ints and doubles look at the same memory at byte offsets', (size) => {
    const buffer = create(256);
    const arena = new Arena(buffer, size);
    arena.floatsAt(64, 3).set([1.5, -2, 3]);
    arena.intsAt(128, 2).set([-7, 8]);
    arena.doublesAt(192, 1).set([Math.PI]);
    const data = new DataView(buffer);
    const float = (at: number) => (size === 4 ? data.getFloat32(at, true) : data.getFloat64(at, true));
    expect([0, 1, 2].map((i) => float(64 + i * size))).toEqual([1.5, -2, 3]);
    expect([data.getInt32(128, true), data.getInt32(132, true)]).toEqual([-7, 8]);
    expect(data.getFloat64(192, true)).toBe(Math.PI);
    expect(arena.floatsAt(64, 3)).toHaveLength(3);
  });

  test('a buffer that no float64 divides is used up to its last whole number', () => {
    const arena = new Arena(create(20), 4);
    expect([arena.bytes.length, arena.ints.length, arena.floats.length, arena.doubles.length]).toEqual([20, 5, 5, 2]);
  });

  test('descriptors lie one behind the other, fields at their index, and change one by one', () => {
    const arena = new Arena(create(256), 4);
    const descriptors = new Descriptors(arena, 64, 6);
    const one = descriptors.add(LAYOUT, { first: 1, second: 2, third: 3 });
    const other = descriptors.add(LAYOUT, { third: 6, second: 5, first: 4 });
    expect([one, other]).toEqual([64, 64 + 24]);
    descriptors.set(one, LAYOUT.second, 20);
    expect([...arena.doublesAt(64, 6)]).toEqual([1, 20, 3, 4, 5, 6]);
  });

  test('a descriptor that does not fit is an error, and writes nothing', () => {
    const arena = new Arena(create(256), 4);
    const descriptors = new Descriptors(arena, 64, 5);
    descriptors.add(LAYOUT, { first: 1, second: 2, third: 3 });
    expect(() => descriptors.add(LAYOUT, { first: 4, second: 5, third: 6 })).toThrow(/more than the 5 numbers/);
    expect([...arena.doublesAt(64, 6)]).toEqual([1, 2, 3, 0, 0, 0]);
  });
});
