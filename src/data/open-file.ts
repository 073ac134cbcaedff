// Opens a file that a flag names, for the time of a call. What is wrong with it is said in the words of a person who gave
// the flag: a folder, a pipe, a file that is missing or cannot be read.

import { closeSync, openSync, type Stats, statSync } from 'node:fs';
import { systemReason, UserError } from '../errors.js';
import { joinTexts, partOfLine, type TextPart } from './text-folder.js';
import type { Position } from './utf8.js';

/** A file that is open for the time of a call, unless who reads it keeps it. */
export interface TextFile {
  readonly fd: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** Of a folder of texts that is read as one. */
  readonly parts?: readonly TextPart[];
  /** Set by who takes the file over. */
  kept: boolean;
}

/**
 * @param wanted what a person should give in the place of a folder
 * @throws UserError that begins with the flag where the file cannot be opened or read
 */
export function withFile<T>(path: string, flag: string, use: (file: TextFile) => T, wanted = 'a text file'): T {
  const open = (): TextFile => {
    // Asked before it is opened: opening a pipe would wait for a writer.
    const stat = statSync(path);
    if (!stat.isFile()) throw new UserError(`${flag}: ${path} is ${notAFile(stat, wanted)}`);
    return { fd: openSync(path, 'r'), path, sizeBytes: stat.size, kept: false };
  };
  return using(path, flag, open, use);
}

/** The same, or where it is a folder, of the texts in it as one. */
export function withText<T>(path: string, flag: string, use: (file: TextFile) => T): T {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return withFile(path, flag, use);
  const open = (): TextFile => {
    const { file, parts } = joinTexts(path, flag);
    return { fd: file.fd, path, sizeBytes: file.sizeBytes, parts, kept: false };
  };
  return using(path, flag, open, use);
}

function using<T>(path: string, flag: string, open: () => TextFile, use: (file: TextFile) => T): T {
  let file: TextFile | undefined;
  try {
    file = open();
    return use(file);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (path === '-') throw new UserError(`${flag}: - would be the standard input, ${SAVE_FIRST}`);
    throw new UserError(`${flag}: ${path} cannot be read: ${systemReason(error)}`);
  } finally {
    if (file !== undefined && !file.kept) closeSync(file.fd);
  }
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

/** A run that goes on reads its data again. */
const SAVE_FIRST = 'which can be read only once; save it as a file and give that';

const notAFile = (stat: Stats, wanted: string): string => {
  if (stat.isFIFO() || stat.isSocket()) return `a pipe, ${SAVE_FIRST}`;
  return `${stat.isDirectory() ? 'a folder' : 'no regular file'}; give ${wanted}`;
};

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
