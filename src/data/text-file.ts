// Opens a text file, or a folder of them, as tokens. The file is read in chunks, twice where it has more than one: first to see which
// symbols there are, then to translate them. A file whose bytes are its tokens stays on disk where it is large.

import { isAscii } from 'node:buffer';
import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { RunError, UserError } from '../errors.js';
import { DiskTokens } from './disk-tokens.js';
import type { TextFile } from './open-file.js';
import { notUtf8, SymbolCensus, type Symbols, type TextMode, TRAIN_ON_BYTES } from './symbols.js';
import { locate, withText } from './text-folder.js';
import { MemoryTokens, type TokenSource, tokenArray } from './tokens.js';
import { BYTE_ORDER_MARK, CHUNK_BYTES, decodeUtf8, markBytes, Position } from './utf8.js';
import { Vocabulary } from './vocabulary.js';
import { learnWords, type Pass, type WordRule, wordsFor } from './word-text.js';

/** What the tokens of a text are. */
export type TokenRule = TextMode | WordRule;

export interface OpenedText {
  readonly vocabulary: Vocabulary;
  readonly source: TokenSource;
  /** Unknown symbols that were left out. */
  readonly skipped: number;
  /** Unknown words that are read as <unk>. */
  readonly unknown?: number;
}

/** A text to learn. */
export interface LearnedText extends OpenedText {
  /** CRC-32 of the symbols: tells texts apart that are given in the same way. */
  readonly checksum: number;
  /** A byte order mark at its start, which is no part of a text, was skipped. */
  readonly marked?: boolean;
}

/** Up to here a file of bytes is held in memory. */
const MAX_IN_MEMORY_BYTES = 64 << 20;

/** Opens a text to learn: its vocabulary is what occurs in it. */
export function openText(path: string, rule: TokenRule, flag = '--text'): LearnedText {
  return withText(path, flag, rule === 'byte', (file) => {
    const marked = file.marked || (rule !== 'byte' && markOf(file) > 0);
    if (typeof rule === 'object') return { ...learnWords(charsOf(file), rule, `${flag}: ${path}`), marked };
    const census = takeCensus(file, rule);
    const vocabulary = Vocabulary.ofSymbols(rule, census.symbols);
    if (vocabulary.size < 2) throw tooFewSymbols(`${flag}: ${path}`, census.count, vocabulary.size);
    return { vocabulary, source: tokensOf(file, vocabulary, census), checksum: census.checksum, skipped: 0, marked };
  });
}

/** What a text is like, from a look at its start: its tokens, where its bytes are no UTF-8. @throws UserError as openText does */
export function lookAtText(path: string, flag: string): { readonly tokens: TextMode; readonly sizeBytes: number } {
  return withText(path, flag, true, (file) => {
    const bytes = Buffer.alloc(CHUNK_BYTES);
    const length = readSync(file.fd, bytes, 0, CHUNK_BYTES, 0);
    const { invalid } = decodeUtf8(bytes, length, new Int32Array(length));
    const different = new Set(bytes.subarray(0, length)).size;
    if (different < 2 && length === file.sizeBytes) throw tooFewSymbols(`${flag}: ${path}`, length, different);
    return { tokens: invalid ? 'byte' : 'char', sizeBytes: file.sizeBytes };
  });
}

/** Opens a text for a model that has its vocabulary already. */
export function openTextFor(
  path: string,
  vocabulary: Vocabulary,
  options: { readonly skipUnknown?: boolean; readonly flag?: string } = {},
): OpenedText {
  const { skipUnknown = false, flag = '--text' } = options;
  const { mode } = vocabulary;
  if (mode === 'number')
    throw new UserError(`${flag}: the model learned numbers given in memory, so it cannot take a text`);
  return withText(path, flag, mode === 'byte', (file) => {
    if (mode === 'word') return wordsFor(charsOf(file, TRAIN_ON_BYTES), vocabulary, skipUnknown);
    const census = takeCensus(file, mode, TRAIN_ON_BYTES);
    const unknown = census.symbols.some((symbol) => vocabulary.tokenOf(symbol) < 0);
    if (unknown && !skipUnknown) throw locateUnknown(file, vocabulary);
    const source = tokensOf(file, vocabulary, unknown ? { ...census, plain: false } : census);
    return { vocabulary, source, skipped: census.count - source.length };
  });
}

export function tooFewSymbols(name: string, count: number, different: number): UserError {
  const found =
    count === 0
      ? 'is empty'
      : `has ${count === 1 ? 'one symbol' : `${count} symbols and ${different === 1 ? 'all are the same' : 'none differ'}`}`;
  return new UserError(`${name} ${found}; a text to learn needs at least two different symbols`);
}

interface Census {
  readonly symbols: readonly number[];
  readonly count: number;
  readonly checksum: number;
  /** Each byte of the file is one symbol. */
  readonly plain: boolean;
  /** All symbols, of a file that is no longer than a chunk: the second pass has nothing to read and decode then. */
  readonly whole: Symbols | undefined;
}

function takeCensus(file: TextFile, mode: TextMode, advice?: string): Census {
  const census = new SymbolCensus();
  let checksum = 0;
  let chunks = 0;
  let last: Symbols | undefined;
  readText(file, mode, advice, (symbols, count) => {
    chunks++;
    last = symbols.subarray(0, count);
    checksum = crc32(last, checksum);
    census.add(symbols, count);
  });
  const { count } = census;
  const whole = chunks === 1 ? last : undefined;
  return { symbols: census.different(), count, checksum, plain: count === file.sizeBytes, whole };
}

function tokensOf(file: TextFile, vocabulary: Vocabulary, census: Census): TokenSource {
  const mode = vocabulary.mode as TextMode;
  if (census.plain && file.sizeBytes > MAX_IN_MEMORY_BYTES) {
    file.kept = true;
    return new DiskTokens(file.fd, file.path, file.sizeBytes, (byte) => vocabulary.tokenOf(byte));
  }
  const tokens = tokenArray(vocabulary.size, census.count);
  let written = 0;
  const translate = (symbols: Symbols, count: number): void => {
    written += vocabulary.translate(symbols, count, tokens, written);
  };
  if (census.whole === undefined) readSymbols(file, mode, translate);
  else translate(census.whole, census.count);
  return new MemoryTokens(tokens.subarray(0, written));
}

class NotUtf8 extends Error {
  readonly offset: number;
  readonly byte: number;

  constructor(offset: number, byte: number) {
    super('not UTF-8');
    this.offset = offset;
    this.byte = byte;
  }
}

const charsOf =
  (file: TextFile, advice?: string): Pass =>
  (visit) =>
    readText(file, 'char', advice, visit);

/** The same as readSymbols. @throws UserError with the place of what is not UTF-8, and what to do about it */
function readText(file: TextFile, mode: TextMode, advice: string | undefined, visit: Visit): void {
  try {
    readSymbols(file, mode, visit);
  } catch (error) {
    throw error instanceof NotUtf8 ? locateNotUtf8(file, error, advice) : error;
  }
}

/** Bytes of the mark at the start of a file; 0 where there is none. */
function markOf({ fd }: TextFile): number {
  const start = Buffer.alloc(BYTE_ORDER_MARK.length);
  return markBytes(start.subarray(0, readSync(fd, start, 0, start.length, 0)));
}

type Visit = (symbols: Symbols, count: number) => void;

/** Goes through the file from its start, a chunk of symbols at a time; the chunk is good until the next one comes. */
function readSymbols(file: TextFile, mode: TextMode, visit: Visit): void {
  const bytes = Buffer.alloc(CHUNK_BYTES);
  const points = mode === 'char' ? new Int32Array(CHUNK_BYTES) : new Int32Array(0);
  let held = 0; // bytes of an unfinished character, moved to the start of `bytes`
  for (let offset = mode === 'char' ? markOf(file) : 0; ; ) {
    const got = readSync(file.fd, bytes, held, CHUNK_BYTES - held, offset);
    offset += got;
    const length = held + got;
    if (got === 0) {
      if (held > 0) throw new NotUtf8(offset - held, bytes[0]);
      return;
    }
    if (mode === 'byte' || isAscii(bytes.subarray(0, length))) {
      visit(bytes, length);
      held = 0;
      continue;
    }
    const decoded = decodeUtf8(bytes, length, points);
    visit(points, decoded.points);
    held = length - decoded.bytes;
    if (decoded.invalid) throw new NotUtf8(offset - held, bytes[decoded.bytes]);
    bytes.copyWithin(0, decoded.bytes, length);
  }
}

/** Line and column of the fault, found by going through the file once more: they are not counted while all is well. */
function locateNotUtf8(file: TextFile, fault: NotUtf8, advice?: string): UserError {
  const at = new Position();
  try {
    readSymbols(file, 'char', (symbols, count) => at.pass(symbols, count));
  } catch (error) {
    if (!(error instanceof NotUtf8)) throw error;
  }
  const found = locate(file, at, fault.offset);
  return notUtf8(found.path, found.at, found.offset, fault.byte, advice);
}

function locateUnknown(file: TextFile, vocabulary: Vocabulary): Error {
  const at = new Position();
  let found: UserError | undefined;
  readSymbols(file, vocabulary.mode as TextMode, (symbols, count) => {
    if (found !== undefined) return;
    let known = 0;
    while (known < count && vocabulary.tokenOf(symbols[known]) >= 0) known++;
    at.pass(symbols, known);
    if (known === count) return;
    const place = locate(file, at);
    found = vocabulary.unknownSymbol(place.path, place.at, symbols[known]);
  });
  return found ?? new RunError(`${file.path}: the text was changed while it was read`);
}
