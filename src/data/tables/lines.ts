// Hands whole lines of a source to who parses them, a buffer of some at a time, and sees to it that they are UTF-8.
// The bytes are read once more where they are not, to say where.

import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { RunError, UserError } from '../../errors.js';
import { BYTE_ORDER_MARK, CHUNK_BYTES, decodeUtf8, markBytes, Position } from '../utf8.js';
import type { Source } from './source.js';

export interface LineParser {
  /** The line that is parsed next, from 1. */
  readonly line: number;
  /**
   * Parses bytes[from, end), which are whole lines; `bytes[end]` may be written to.
   *
   * @param last there are no more
   * @returns up to where it came: a row may go over several lines, and is given again with more of them
   */
  parse(bytes: Buffer, from: number, end: number, last: boolean): number;
}

export interface Passed {
  readonly checksum: number;
  /** The file begins with a byte order mark, which was skipped. */
  readonly marked: boolean;
}

/** A line, or a row with line ends in its fields, is held in memory whole. */
const MAX_LINE_BYTES = 64 << 20;
const NEWLINE = 10;
const UTF16_MARKS = ['fffe', 'feff'];

export async function passLines(source: Source, parser: LineParser): Promise<Passed> {
  let bytes = Buffer.allocUnsafe(2 * CHUNK_BYTES);
  let held = 0; // bytes that are not parsed yet, from the start of `bytes`
  let whole = 0; // of them, those in whole lines
  let checked = 0; // of them, those that are UTF-8
  let enough = 0; // held bytes from which on parsing is tried again
  let passed: Passed = { checksum: 0, marked: false };
  const parse = (last: boolean): void => {
    if (!isUtf8(bytes.subarray(checked, whole))) throw new NotUtf8();
    const marked = passed.marked || (parser.line === 1 && markBytes(bytes.subarray(0, whole)) > 0);
    const from = marked && !passed.marked ? BYTE_ORDER_MARK.length : 0;
    const done = parser.parse(bytes, from, whole, last);
    if (done > 0) passed = { ...passed, marked };
    // Twice the bytes next time: a long row would be gone through for each chunk otherwise.
    enough = done === 0 ? 2 * held : 0;
    bytes.copyWithin(0, done, held);
    held -= done;
    whole -= done;
    checked = whole;
  };
  try {
    for await (const chunk of source.chunks()) {
      if (bytes.length <= held + chunk.length) bytes = Buffer.concat([bytes], 2 * (held + chunk.length));
      bytes.set(chunk, held);
      const newline = chunk.lastIndexOf(NEWLINE);
      if (newline >= 0) whole = held + newline + 1;
      held += chunk.length;
      passed = { ...passed, checksum: crc32(chunk, passed.checksum) };
      if (newline >= 0 && (held >= enough || held > MAX_LINE_BYTES)) parse(false);
      if (held > MAX_LINE_BYTES) throw tooLong(source, parser);
    }
    whole = held;
    if (held > 0) parse(true);
  } catch (error) {
    throw error instanceof NotUtf8 ? await locateNotUtf8(source) : error;
  }
  return passed;
}

class NotUtf8 extends Error {}

function tooLong(source: Source, parser: LineParser): UserError {
  return new UserError(
    `${source.name}:${parser.line}: the line is longer than ${MAX_LINE_BYTES >> 20} MiB, which is the most; ` +
      'is a quote left open, or is this no table?',
  );
}

/** Line and column of the fault, found by going through the source once more: they are not counted while all is well. */
async function locateNotUtf8(source: Source): Promise<Error> {
  const at = new Position();
  const points = new Int32Array(2 * CHUNK_BYTES);
  let held: Buffer = Buffer.alloc(0); // an unfinished character
  let first = true;
  for await (const chunk of source.chunks()) {
    if (first && UTF16_MARKS.includes(Buffer.from(chunk.subarray(0, 2)).toString('hex'))) return utf16(source);
    first = false;
    for (let from = 0; from < chunk.length; from += CHUNK_BYTES) {
      const piece: Buffer = Buffer.concat([held, chunk.subarray(from, from + CHUNK_BYTES)]);
      const decoded = decodeUtf8(piece, piece.length, points);
      at.pass(points, decoded.points);
      held = piece.subarray(decoded.bytes);
      if (decoded.invalid) return notUtf8(source, at, held[0]);
    }
  }
  if (held.length > 0) return notUtf8(source, at, held[0]);
  return new RunError(`${source.title} was changed while it was read`);
}

function notUtf8(source: Source, at: Position, byte: number): UserError {
  return new UserError(
    `${source.name}:${at.line}:${at.column}: byte 0x${byte.toString(16)} is not UTF-8; ` +
      'write the file anew, such as with: iconv -f latin1 -t utf-8',
  );
}

function utf16(source: Source): UserError {
  return new UserError(`${source.name}:1:1: the text is UTF-16; write it anew with: iconv -f utf-16 -t utf-8`);
}
