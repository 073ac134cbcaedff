// Opens a file that a flag names, for the time of a call. What is wrong with it is said in the words of a person who gave
// the flag: a folder, a pipe, a file that is missing or cannot be read.

import { closeSync, openSync, type Stats, statSync } from 'node:fs';
import { systemReason, UserError } from '../errors.js';

/** Where a file's text begins in the whole. */
export interface TextPart {
  readonly path: string;
  /** The line before its first one. */
  readonly line: number;
  readonly offset: number;
}

/** A file that is open for the time of a call, unless who reads it keeps it. */
export interface TextFile {
  readonly fd: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** Of a folder of texts that is read as one. */
  readonly parts?: readonly TextPart[];
  /** A byte order mark of one of its parts was left out. */
  readonly marked?: boolean;
  /** Set by who takes the file over. */
  kept: boolean;
}

/**
 * @param wanted what a person should give in the place of a folder
 * @throws UserError that begins with the flag where the file cannot be opened or read
 */
export function withFile<T>(path: string, flag: string, use: (file: TextFile) => T, wanted?: string): T {
  return using(path, flag, () => openFile(path, flag, wanted), use);
}

/** To be called within `using`. */
export function openFile(path: string, flag: string, wanted = 'a text file'): TextFile {
  // Asked before it is opened: opening a pipe would wait for a writer.
  const stat = statSync(path);
  if (!stat.isFile()) throw new UserError(`${flag}: ${path} is ${notAFile(stat, wanted)}`);
  return { fd: openSync(path, 'r'), path, sizeBytes: stat.size, kept: false };
}

/** What is wrong with a file that is opened and used is said with the flag. It is closed then, unless it was kept. */
export function using<T>(path: string, flag: string, open: () => TextFile, use: (file: TextFile) => T): T {
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

/** A run that goes on reads its data again. */
const SAVE_FIRST = 'which can be read only once; save it as a file and give that';

const notAFile = (stat: Stats, wanted: string): string => {
  if (stat.isFIFO() || stat.isSocket()) return `a pipe, ${SAVE_FIRST}`;
  return `${stat.isDirectory() ? 'a folder' : 'no regular file'}; give ${wanted}`;
};

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
