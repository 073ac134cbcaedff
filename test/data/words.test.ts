import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { symbolsOf } from '../../src/data/symbols.js';
import { type LearnedText, openText, openTextFor } from '../../src/data/text-file.js';
import { textInMemory, textInMemoryFor } from '../../src/data/text-memory.js';
import { CHUNK_BYTES } from '../../src/data/utf8.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { splitWords, WordJoiner, WordSplitter } from '../../src/data/words.js';

const folder = mkdtempSync(join(tmpdir(), 'unroll-words-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function fileOf(text: string | Uint8Array): string {
  const path = join(folder, `${files++}.txt`);
  writeFileSync(path, text);
  return path;
}

const wordsOf = (text: string): readonly string[] => splitWords(symbolsOf(text, 'char', 'text'));
const joined = (words: readonly string[]): string => {
  const joiner = new WordJoiner();
  return words.map((word) => joiner.write(word)).join('');
};
const tokensOf = ({ source }: Pick<LearnedText, 'source'>): number[] => {
  const tokens = new Int32Array(source.length);
  source.read(0, source.length, tokens, 0);
  return [...tokens];
};

test.each([
  ["Don't stop, o’clock!", ["Don't", 'stop', ',', 'o’clock', '!']],
  ["'tis the sailors' 3.14 or 10,000.", ["'", 'tis', 'the', 'sailors', "'", '3.14', 'or', '10,000', '.']],
  ['half-time -- naïve\r\n\t日本語 é', ['half', '-', 'time', '-', '-', 'naïve', '\n', '日本語', 'é']],
  ['a <unk> b <un> N', ['a', '<unk>', 'b', '<', 'un', '>', 'N']],
  ['', []],
])('%j is split into words', (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});

test('words are the same in whatever pieces a text comes', () => {
  const piece = fc.constantFrom("don't", '<unk>', '<', ' ', '\n', '3.5', '.', 'é', '🐋', "'", '-', 'x'.repeat(100));
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (pieces, sizes) => {
      const symbols = symbolsOf(pieces.join(''), 'char', 'text');
      const found: string[] = [];
      const splitter = new WordSplitter((word) => found.push(word));
      for (let at = 0, i = 0; at < symbols.length; i++) {
        const part = symbols.slice(at, at + sizes[i % sizes.length]);
        splitter.add(part, part.length);
        at += part.length;
      }
      splitter.end();
      expect(found).toEqual(splitWords(symbols));
      // Nothing but white space is lost.
      expect(found.join('').replaceAll('\n', '')).toBe(pieces.join('').replaceAll(/\s/g, ''));
    }),
    { seed: 7 },
  );
});

test('a run of letters without an end is cut, so that it takes no memory', () => {
  expect(wordsOf('x'.repeat(300)).map(({ length }) => length)).toEqual([128, 128, 44]);
});

test('print in the usual manner comes back from its words', () => {
  const text = `"Call me Ishmael," he said -\nand (some years ago) the half-time's cost was $3.50; "why?" 'so.'`;
  expect(joined(wordsOf(text))).toBe(text.replace('said -', 'said-'));
});

const TEXT = 'the whale, the sea, the ship and the whale.\nA sea!\n';

test('words are numbered by how often they occur, behind the unknown one; rare ones are unknown', () => {
  const learned = textInMemory(TEXT, { minCount: 2 });
  expect(learned.vocabulary.toJSON()).toEqual({
    mode: 'word',
    words: ['<unk>', 'the', '\n', ',', 'sea', 'whale'],
  });
  expect(tokensOf(learned)).toEqual([1, 5, 3, 1, 4, 3, 1, 0, 0, 1, 5, 0, 2, 0, 4, 0, 2]);
  expect(textInMemory(TEXT, { minCount: 2, vocabularySize: 3 }).vocabulary.toJSON()).toEqual({
    mode: 'word',
    words: ['<unk>', 'the', '\n'],
  });
  expect(textInMemory(TEXT, { minCount: 1 }).vocabulary.size).toBe(11);
});

test('a file of many chunks gives what the text in memory gives, also to a model that knows its words', () => {
  const text = `${TEXT}naïve 🐋\n`.repeat(Math.ceil((2.5 * CHUNK_BYTES) / TEXT.length));
  const path = fileOf(text);
  const [learned, inMemory] = [openText(path, { minCount: 2 }), textInMemory(text, { minCount: 2 })];
  expect(learned.vocabulary.toJSON()).toEqual(inMemory.vocabulary.toJSON());
  expect(learned.source.length).toBe(inMemory.source.length);
  expect(tokensOf(learned)).toEqual(tokensOf(inMemory));
  const known = Vocabulary.fromJSON(JSON.parse(JSON.stringify(learned.vocabulary)), 'model');
  const again = openTextFor(path, known);
  expect([again.skipped, again.unknown]).toEqual([0, 0]);
  expect(tokensOf(again)).toEqual(tokensOf(learned));
});

test('a text of 10,000 words and more keeps the most frequent 10,000, in two bytes each', () => {
  const words = Array.from({ length: 12_000 }, (_, i) => `w${i} `.repeat(i < 9_999 ? 2 : 1)).join('');
  const { vocabulary, source } = openText(fileOf(words), { minCount: 1, vocabularySize: 10_000 });
  expect(vocabulary.size).toBe(10_000);
  expect([vocabulary.tokenOfWord('w9998') > 0, vocabulary.tokenOfWord('w9999')]).toEqual([true, 0]);
  expect(source.sizeBytes).toBe(2 * source.length);
});

test('unknown words are read as <unk> and counted, or left out; one that is written out is known', () => {
  const { vocabulary } = textInMemory(TEXT, { minCount: 2 });
  const other = 'the <unk> kraken, the sea';
  const expected = { tokens: Int32Array.of(1, 0, 0, 3, 1, 4), skipped: 0, unknown: ['kraken'] };
  expect(vocabulary.encode(other)).toEqual(expected);
  expect(vocabulary.encode(other, { skipUnknown: true })).toEqual({
    tokens: Int32Array.of(1, 0, 3, 1, 4),
    skipped: 1,
    unknown: [],
  });
  const read = openTextFor(fileOf(other), vocabulary);
  expect([tokensOf(read), read.skipped, read.unknown]).toEqual([[1, 0, 0, 3, 1, 4], 0, 1]);
  const left = openTextFor(fileOf(other), vocabulary, { skipUnknown: true });
  expect([tokensOf(left), left.skipped]).toEqual([[1, 0, 3, 1, 4], 1]);
  expect(textInMemoryFor(other, vocabulary).unknown).toBe(1);
});

test('what follows a prompt begins with a space where one belongs there', () => {
  const { vocabulary } = textInMemory(TEXT, { minCount: 2 });
  const [the, comma] = ['the', ','].map((word) => vocabulary.tokenOfWord(word));
  const first = (prompt: string, token: number): string =>
    vocabulary.decoderAfter(prompt, vocabulary.encode(prompt).tokens).write(token);
  expect([first('the sea', the), first('the sea ', the), first('the sea', comma), first('', the)]).toEqual([
    ...[' the', 'the', ',', 'the'],
  ]);
});

test('a text that gives nothing to learn is refused, and says why', () => {
  const learn = (text: string | Uint8Array) => openText(fileOf(text), { minCount: 2 });
  expect(() => learn(' \t ')).toThrow(/has no word; a text to learn needs at least two different tokens$/);
  expect(() => learn('a a a')).toThrow(/has 3 words, of which 1 is different; /);
  expect(() => learn('a b c')).toThrow(/no word of it is frequent enough to be kept \(--min-count 1 keeps all\)/);
  expect(() => learn(Uint8Array.of(0x61, 0x20, 0xff))).toThrow(/:1:3: this is not UTF-8 text .*--tokens byte/);
  expect(learn('a a b').vocabulary.size).toBe(2);
});

test.each([
  [{ mode: 'word', words: [] }],
  [{ mode: 'word', words: ['a'] }],
  [{ mode: 'word', words: ['<unk>', 'a', 'a'] }],
  [{ mode: 'word', words: ['<unk>', 3] }],
])('a damaged vocabulary of words is refused: %j', (json) => {
  expect(() => Vocabulary.fromJSON(json, 'm.safetensors')).toThrow(/m.safetensors: its vocabulary is damaged/);
});
