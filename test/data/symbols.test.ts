import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SymbolCensus } from '../../src/data/symbols.js';
import { openText } from '../../src/data/text-file.js';
import { CHUNK_BYTES } from '../../src/data/utf8.js';
import { temporaryFolder } from './texts.js';

const { file } = temporaryFolder();

test('a census finds each byte that occurs, wherever pieces begin and end', () => {
  const pieces = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(3)), { maxLength: 5 });
  fc.assert(
    fc.property(pieces, (list) => {
      const census = new SymbolCensus();
      const seen = new Set<number>();
      for (const [bytes, offset] of list) {
        const piece = bytes.subarray(Math.min(offset, bytes.length));
        census.add(piece, piece.length);
        for (const byte of piece) seen.add(byte);
      }
      expect(census.different()).toEqual([...seen].sort((a, b) => a - b));
      expect(census.count).toBe(list.reduce((sum, [bytes, offset]) => sum + Math.max(0, bytes.length - offset), 0));
    }),
  );
});

test('a file of all bytes has all its tokens', () => {
  const bytes = Uint8Array.from({ length: 3 * CHUNK_BYTES + 5 }, (_, i) => (i * 7) % 256);
  const { vocabulary, source } = openText(file('all.bin', bytes), 'byte');
  expect(vocabulary.size).toBe(256);
  expect(source.length).toBe(bytes.length);
  const end = new Int32Array(5);
  source.read(bytes.length - 5, 5, end, 0);
  expect([...end]).toEqual([...bytes.slice(-5)]);
});

test('a byte that occurs only at the end of a file is in its vocabulary', () => {
  const bytes = new Uint8Array(2 * CHUNK_BYTES + 1).map((_, i) => i % 255);
  bytes[bytes.length - 1] = 255;
  expect(openText(file('last.bin', bytes), 'byte').vocabulary.size).toBe(256);
});
