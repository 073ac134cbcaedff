import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeUtf8 } from '../../src/data/utf8.js';

function decode(bytes: Uint8Array) {
  const points = new Int32Array(bytes.length);
  const decoded = decodeUtf8(bytes, bytes.length, points);
  return { ...decoded, text: String.fromCodePoint(...points.subarray(0, decoded.points)) };
}

test('every code point is decoded', () => {
  for (let point = 0; point < 0x110000; point += point < 0x3000 ? 1 : 61) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const text = String.fromCodePoint(point);
    expect(decode(new TextEncoder().encode(text))).toMatchObject({ text, points: 1, invalid: false });
  }
  expect(decode(new TextEncoder().encode('\u{10ffff}')).text).toBe('\u{10ffff}');
});

const awkward = fc.constantFrom(
  0x61,
  0x7f,
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xbf,
  0xc0,
  0xc1,
  0xc2,
  0xdf,
  0xe0,
  0xed,
  0xef,
  0xf0,
  0xf4,
  0xf5,
  0xff,
);

test('a text is taken to where it stops being UTF-8, and no further', () => {
  fc.assert(
    fc.property(
      fc
        .uint8Array({ maxLength: 12 })
        .chain((any) => fc.array(awkward, { maxLength: 8 }).map((more) => Uint8Array.from([...more, ...any]))),
      (bytes) => {
        const { bytes: taken, invalid, text } = decode(bytes);
        expect(taken === bytes.length).toBe(isUtf8(bytes));
        expect([...new TextEncoder().encode(text)]).toEqual([...bytes.subarray(0, taken)]);
        if (taken < bytes.length) {
          // An unfinished character can be finished; a fault cannot be mended by any bytes that follow.
          const endings = [
            [0x80],
            [0x90],
            [0xa0],
            [0x80, 0x80],
            [0x90, 0x80],
            [0xa0, 0x80],
            [0x80, 0x80, 0x80],
            [0x90, 0x80, 0x80],
          ];
          const mendable = endings.some((ending) => isUtf8(Uint8Array.from([...bytes.subarray(taken), ...ending])));
          expect(mendable).toBe(!invalid);
        }
      },
    ),
    { seed: 77, numRuns: 2000 },
  );
});
