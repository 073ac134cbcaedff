// A text that is given in memory, as tokens.

import { crc32 } from 'node:zlib';
import { UserError } from '../errors.js';
import { SymbolCensus, symbolsOf } from './symbols.js';
import { type LearnedText, type OpenedText, type TokenRule, tooFewSymbols } from './text-file.js';
import { MemoryTokens, tokenArray } from './tokens.js';
import { markBytes } from './utf8.js';
import { Vocabulary } from './vocabulary.js';
import { learnWords } from './word-text.js';

/** A text to learn; `name` stands for it in messages. */
export function textInMemory(text: string | Uint8Array, rule: TokenRule, name = 'text'): LearnedText {
  checkText(text, name);
  const mode = typeof rule === 'object' ? 'char' : rule;
  const symbols = symbolsOf(withoutMark(text, mode === 'byte'), mode, name);
  if (typeof rule === 'object') return learnWords((visit) => visit(symbols, symbols.length), rule, `${name}: it`);
  const census = new SymbolCensus();
  census.add(symbols, symbols.length);
  const vocabulary = Vocabulary.ofSymbols(mode, census.different());
  if (vocabulary.size < 2) throw tooFewSymbols(`${name}: it`, symbols.length, vocabulary.size);
  const tokens = tokenArray(vocabulary.size, symbols.length);
  vocabulary.translate(symbols, symbols.length, tokens, 0);
  return { vocabulary, source: new MemoryTokens(tokens), checksum: crc32(symbols), skipped: 0 };
}

function checkText(text: unknown, name: string): void {
  if (typeof text === 'string' || text instanceof Uint8Array) return;
  throw new UserError(`${name}: it must be a string or a Uint8Array; found ${text === null ? 'null' : typeof text}`);
}

/** As of a file: a byte order mark is no part of a text. */
function withoutMark(text: string | Uint8Array, isBytes: boolean): string | Uint8Array {
  if (isBytes) return text;
  return typeof text === 'string' ? text.replace(/^\ufeff/, '') : text.subarray(markBytes(text));
}

/** A text for a model that has its vocabulary already. */
export function textInMemoryFor(
  text: string | Uint8Array,
  vocabulary: Vocabulary,
  options: { readonly skipUnknown?: boolean; readonly name?: string } = {},
): OpenedText {
  checkText(text, options.name ?? 'text');
  const { tokens, skipped, unknown } = vocabulary.encode(withoutMark(text, vocabulary.mode === 'byte'), {
    skipUnknown: options.skipUnknown,
    origin: options.name,
  });
  const narrow = tokenArray(vocabulary.size, tokens.length);
  narrow.set(tokens);
  return { vocabulary, source: new MemoryTokens(narrow), skipped, unknown: unknown?.length };
}
