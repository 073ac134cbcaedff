// A folder of texts as one text: its .txt files, those of the folders in it too, one after the other in the order of their paths. Where a
// file does not end its last line, the line is ended, so that no two texts share one.

import { readdirSync, readSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { UserError } from '../errors.js';
import { openFile, type TextFile, type TextPart, using, withFile } from './open-file.js';
import { TemporaryFile } from './temporary-file.js';
import { CHUNK_BYTES, markBytes, type Position } from './utf8.js';

const ENDING = /\.txt$/i;
const NEWLINE = 10;

/**
 * Opens a text file for the time of a call, or where it is a folder, the texts in it as one.
 *
 * @param isBytes whether byte order marks of the texts in a folder are kept
 */
export function withText<T>(path: string, flag: string, isBytes: boolean, use: (file: TextFile) => T): T {
  const open = (): TextFile => (statSync(path).isDirectory() ? joinTexts(path, flag, isBytes) : openFile(path, flag));
  return using(path, flag, open, use);
}

/** @throws UserError that begins with the flag where there is no such file, or one cannot be read */
function joinTexts(folder: string, flag: string, isBytes: boolean): TextFile {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && ENDING.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort((a, b) => (relative(folder, a) < relative(folder, b) ? -1 : 1));
  if (paths.length === 0)
    throw new UserError(
      `${flag}: ${folder} is a folder without a .txt file; give a text file, or a folder of .txt files`,
    );
  const file = new TemporaryFile(folder);
  try {
    let [line, marked] = [0, false];
    const parts = paths.map((path) => {
      const begin = file.sizeBytes;
      const { lines, skipped } = withFile(path, flag, ({ fd }) => append(file, fd, isBytes));
      const part = { path, line, offset: begin - skipped };
      line += lines;
      marked ||= skipped > 0;
      return part;
    });
    return { fd: file.fd, path: folder, sizeBytes: file.sizeBytes, parts, marked, kept: false };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** @returns the lines of the file, which all have an end now, and the bytes of a mark that was left out */
function append(to: TemporaryFile, fd: number, isBytes: boolean): { readonly lines: number; readonly skipped: number } {
  const bytes = Buffer.alloc(CHUNK_BYTES);
  let [lines, last, skipped] = [0, NEWLINE, 0];
  for (let isFirst = true; ; isFirst = false) {
    const got = readSync(fd, bytes, 0, CHUNK_BYTES, null);
    if (got === 0) break;
    if (isFirst && !isBytes) skipped = markBytes(bytes.subarray(0, got));
    for (let at = bytes.indexOf(NEWLINE); at >= 0 && at < got; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
    last = bytes[got - 1];
    to.append(bytes.subarray(isFirst ? skipped : 0, got));
  }
  if (last === NEWLINE) return { lines, skipped };
  to.append(Uint8Array.of(NEWLINE));
  return { lines: lines + 1, skipped };
}

/** Which file a place of a text is in, and where in it. @param offset of the place, in bytes */
export function locate(
  { path, parts }: TextFile,
  at: Position,
  offset = 0,
): { readonly path: string; readonly at: Pick<Position, 'line' | 'column'>; readonly offset: number } {
  if (parts === undefined) return { path, at, offset };
  const part = partOfLine(parts, at.line);
  return { path: part.path, at: { line: at.line - part.line, column: at.column }, offset: offset - part.offset };
}

/** The part that a line, from 1 on, is of. */
function partOfLine(parts: readonly TextPart[], line: number): TextPart {
  return parts.findLast((part) => part.line < line) ?? parts[0];
}
