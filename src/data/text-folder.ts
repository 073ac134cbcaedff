// A folder of texts as one text: its .txt files, those of the folders in it too, one after the other in the order of their paths. Where a
// file does not end its last line, the line is ended, so that no two texts share one.

import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join, relative } from 'node:path';
import { UserError } from '../errors.js';
import { TemporaryFile } from './temporary-file.js';
import { CHUNK_BYTES } from './utf8.js';

const ENDING = /\.txt$/i;
const NEWLINE = 10;

/** Where a file's text begins in the whole. */
export interface TextPart {
  readonly path: string;
  /** The line before its first one. */
  readonly line: number;
  readonly offset: number;
}

export interface JoinedText {
  readonly file: TemporaryFile;
  readonly parts: readonly TextPart[];
}

/** @throws UserError that begins with the flag where there is no such file */
export function joinTexts(folder: string, flag: string): JoinedText {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ENDING.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort((a, b) => (relative(folder, a) < relative(folder, b) ? -1 : 1));
  if (paths.length === 0)
    throw new UserError(
      `${flag}: ${folder} is a folder without a .txt file; give a text file, or a folder of .txt files`,
    );
  const file = new TemporaryFile(folder);
  try {
    let line = 0;
    const parts = paths.map((path) => {
      const part = { path, line, offset: file.sizeBytes };
      line += append(file, path);
      return part;
    });
    return { file, parts };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** @returns the lines of the file, which all have an end now */
function append(to: TemporaryFile, path: string): number {
  const bytes = Buffer.alloc(CHUNK_BYTES);
  const fd = openSync(path, 'r');
  let [lines, last] = [0, NEWLINE];
  try {
    for (;;) {
      const got = readSync(fd, bytes, 0, CHUNK_BYTES, null);
      if (got === 0) break;
      for (let at = bytes.indexOf(NEWLINE); at >= 0 && at < got; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
      last = bytes[got - 1];
      to.append(bytes.subarray(0, got));
    }
  } finally {
    closeSync(fd);
  }
  if (last === NEWLINE) return lines;
  to.append(Uint8Array.of(NEWLINE));
  return lines + 1;
}

/** The part that a line, from 1 on, is of. */
export function partOfLine(parts: readonly TextPart[], line: number): TextPart {
  return parts.findLast((part) => part.line < line) ?? parts[0];
}
