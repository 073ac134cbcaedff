// A text as words: counted in a first pass, of which those that are frequent enough become the vocabulary, and translated in a second.

import { crc32 } from 'node:zlib';
import { UserError } from '../errors.js';
import type { Symbols } from './symbols.js';
import type { LearnedText, OpenedText } from './text-file.js';
import { MemoryTokens, type TokenSource, tokenArray } from './tokens.js';
import { MAX_TOKENS, Vocabulary } from './vocabulary.js';
import { UNKNOWN_WORD, WordSplitter } from './words.js';

/** Which words are known by themselves. */
export interface WordRule {
  /** Words that occur less often are unknown ones. */
  readonly minCount: number;
  /** The most tokens, <unk> among them: the most frequent words are kept. */
  readonly vocabularySize?: number;
}

/** What occurs once is unknown unless something else is asked, so that a model learns what to make of unknown words. */
export const wordRule = ({ minCount = 2, vocabularySize }: Partial<WordRule>): WordRule => ({
  minCount,
  vocabularySize,
});

/** Goes through the code points of a text from its start. */
export type Pass = (visit: (symbols: Symbols, count: number) => void) => void;

/** A text of more different words is hardly one of words, and a map holds no more than twice as many. */
const MAX_DIFFERENT = 1 << 23;

/** @param name begins what messages say of the text */
export function learnWords(pass: Pass, rule: WordRule, name: string): LearnedText {
  const counts = new Map<string, number>();
  let count = 0;
  let checksum = 0;
  eachWord(
    (visit) =>
      pass((symbols, length) => {
        checksum = crc32(symbols.subarray(0, length), checksum);
        visit(symbols, length);
      }),
    (word) => {
      count++;
      counts.set(word, (counts.get(word) ?? 0) + 1);
      if (counts.size > MAX_DIFFERENT)
        throw new UserError(`${name} has more than ${MAX_DIFFERENT} different words; take --tokens char or byte`);
    },
  );
  const words = frequentWords(counts, rule);
  checkEnough(name, count, counts, words);
  const vocabulary = Vocabulary.ofWords([UNKNOWN_WORD, ...words]);
  return { vocabulary, source: tokensOf(pass, vocabulary, count), checksum, skipped: 0 };
}

/** @param skipUnknown leaves unknown words out; otherwise they are read as <unk> */
export function wordsFor(pass: Pass, vocabulary: Vocabulary, skipUnknown: boolean): OpenedText {
  const isKnown = (word: string): boolean =>
    vocabulary.tokenOfWord(word) !== vocabulary.unknown || word === UNKNOWN_WORD;
  let known = 0;
  let unknown = 0;
  eachWord(pass, (word) => {
    if (isKnown(word)) known++;
    else unknown++;
  });
  if (skipUnknown) return { vocabulary, source: tokensOf(pass, vocabulary, known, isKnown), skipped: unknown };
  return { vocabulary, source: tokensOf(pass, vocabulary, known + unknown), skipped: 0, unknown };
}

function eachWord(pass: Pass, visit: (word: string) => void): void {
  const splitter = new WordSplitter(visit);
  pass((symbols, count) => splitter.add(symbols, count));
  splitter.end();
}

/** @param count of the words that are kept */
function tokensOf(
  pass: Pass,
  vocabulary: Vocabulary,
  count: number,
  isKept: (word: string) => boolean = () => true,
): TokenSource {
  const tokens = tokenArray(vocabulary.size, count);
  let at = 0;
  eachWord(pass, (word) => {
    if (isKept(word)) tokens[at++] = vocabulary.tokenOfWord(word);
  });
  return new MemoryTokens(tokens);
}

/** The most frequent first; of equally frequent ones in code order. */
export function frequentWords(
  counts: ReadonlyMap<string, number>,
  { minCount, vocabularySize = MAX_TOKENS }: WordRule,
): readonly string[] {
  return [...counts]
    .filter(([word, count]) => count >= minCount && word !== UNKNOWN_WORD)
    .sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || (a < b ? -1 : 1))
    .slice(0, vocabularySize - 1)
    .map(([word]) => word);
}

/** @throws UserError where all words of the text would be the same token */
function checkEnough(name: string, count: number, counts: ReadonlyMap<string, number>, words: readonly string[]): void {
  if (words.length > 1 || (words.length === 1 && counts.size > 1)) return;
  const rare = counts.size > 1 ? '; no word of it is frequent enough to be kept (--min-count 1 keeps all)' : '';
  const found =
    count === 0 ? 'no word' : `${count} words, of which ${counts.size} ${counts.size === 1 ? 'is' : 'are'} different`;
  throw new UserError(`${name} has ${found}${rare}; a text to learn needs at least two different tokens`);
}
