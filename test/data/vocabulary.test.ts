import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textInMemory, textInMemoryFor } from '../../src/data/text-memory.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { UserError } from '../../src/errors.js';

const abc = Vocabulary.ofSymbols('char', [10, 97, 98, 0xe9, 0x1f40b]);
const bytes = Vocabulary.ofSymbols('byte', [0x61, 0xa9, 0xc3]);

test('symbols are numbered in code order', () => {
  const { vocabulary, source } = textInMemory('b🐋a\nbé', 'char');
  expect(vocabulary.toJSON()).toEqual({ mode: 'char', symbols: '\nabé🐋' });
  const tokens = new Int32Array(6);
  source.read(0, 6, tokens, 0);
  expect([...tokens]).toEqual([2, 4, 1, 0, 2, 3]);
  expect(vocabulary.decode(tokens)).toBe('b🐋a\nbé');
});

test('a text comes back from its tokens, as code points and as bytes, also when the vocabulary has been through JSON', () => {
  const texts = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((text) => new Set(text).size > 1 && !text.startsWith('\ufeff'));
  fc.assert(
    fc.property(texts, fc.constantFrom('char' as const, 'byte' as const), (text, mode) => {
      const { vocabulary, source } = textInMemory(text, mode);
      const back = Vocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary)), 'model');
      const { tokens } = back.encode(text);
      const read = new Int32Array(source.length);
      source.read(0, source.length, read, 0);
      expect(tokens).toEqual(read);
      expect(back.decode(tokens)).toBe(text);
    }),
    { seed: 31 },
  );
});

test('a byte order mark within a text is a symbol like any other', () => {
  for (const mode of ['char', 'byte'] as const) {
    const { vocabulary } = textInMemory('a\ufeffb', mode);
    expect(vocabulary.decode(vocabulary.encode('\ufeffab').tokens)).toBe('\ufeffab');
  }
});

test('bytes that are no UTF-8 become replacement characters on output, characters are put together over calls', () => {
  const decoder = bytes.decoder();
  const [a, a9, c3] = [0, 1, 2];
  expect([decoder.write(c3), decoder.write(a9)]).toEqual(['', 'é']);
  expect([decoder.write(a9), decoder.write(a)]).toEqual(['\ufffd', 'a']);
  expect([decoder.write(c3), decoder.end()]).toEqual(['', '\ufffd']);
  expect(bytes.decode([c3, a, a])).toBe('\ufffdaa');
});

test('an unknown symbol is refused with its place, or left out and counted', () => {
  expect(() => abc.encode('ab\nabz', { origin: '--prompt' })).toThrow(UserError);
  expect(() => abc.encode('ab\nabz', { origin: '--prompt' })).toThrow(
    '--prompt:2:3: "z" (U+007A) does not occur in the text that the model learned; --skip-unknown leaves such symbols out',
  );
  expect(abc.encode('ab\nabz🐋☃', { skipUnknown: true })).toEqual({
    tokens: Int32Array.of(1, 2, 0, 1, 2, 4),
    skipped: 2,
  });
  expect(() => bytes.encode('a©', { origin: 'x.txt' })).toThrow(/^x.txt:1:2: byte 0xc2 does not occur/);
  expect(() => bytes.encode('b')).toThrow(/byte 0x62 \("b"\)/);
});

test('half a surrogate pair and bytes that are no UTF-8 are no characters', () => {
  expect(() => abc.encode('a\ud83d', { origin: 't' })).toThrow(/^t:1:2: half of a surrogate pair \(U\+D83D\)/);
  expect(() => abc.encode(Uint8Array.of(97, 10, 97, 0xff), { origin: 't' })).toThrow(
    /^t:2:2: this is not UTF-8 text \(byte 0xff at offset 3\)/,
  );
});

test('numbers stand for themselves', () => {
  const numbers = Vocabulary.ofNumbers(20);
  expect(Vocabulary.fromJSON(JSON.parse(JSON.stringify(numbers)), 'model').size).toBe(20);
  expect(numbers.encode(' 3 17,4\n').tokens).toEqual(Int32Array.of(3, 17, 4));
  expect(numbers.decode([3, 17, 4])).toBe('3 17 4');
  expect(() => numbers.encode('3 20')).toThrow(/"20" is not allowed; tokens of this model are numbers, 0 to 19/);
  expect(() => numbers.encode('a')).toThrow(UserError);
});

test.each([
  null,
  'abc',
  {},
  { mode: 'word', symbols: 'ab' },
  { mode: 'char', symbols: '' },
  { mode: 'char', symbols: 'ba' },
  { mode: 'char', symbols: 'aa' },
  { mode: 'byte', symbols: [1, 256] },
  { mode: 'byte', symbols: [1.5] },
  { mode: 'byte', symbols: 'ab' },
  { mode: 'number', size: -1 },
  { mode: 'number', size: 1e12 },
])('%j is no vocabulary', (json) => {
  expect(() => Vocabulary.fromJSON(json, 'model.safetensors')).toThrow(UserError);
  expect(() => Vocabulary.fromJSON(json, 'model.safetensors')).toThrow(/^model.safetensors: its vocabulary is damaged/);
});

test('a text in memory needs two different symbols', () => {
  expect(() => textInMemory('', 'char')).toThrow(
    'text: it is empty; a text to learn needs at least two different symbols',
  );
  expect(() => textInMemory('a', 'char')).toThrow(/has one symbol/);
  expect(() => textInMemory('aaa', 'byte')).toThrow(/has 3 symbols and all are the same/);
  expect(() => textInMemory(7 as never, 'char')).toThrow(/it must be a string or a Uint8Array; found number/);
});

test('a text for a model has the vocabulary of the model', () => {
  const { source, skipped, vocabulary } = textInMemoryFor('abz', abc, { skipUnknown: true });
  expect([source.length, skipped, vocabulary]).toEqual([2, 1, abc]);
  expect(() => textInMemoryFor('abz', abc, { name: 'held out' })).toThrow(/^held out:1:3: /);
});
