// Opens a file that a flag names, for the time of a call. What is wrong with it is said in the words of a person who gave
// the flag: a folder, a pipe, a file that is missing or cannot be read.

import { closeSync, openSync, statSync } from 'node:fs';
import { systemReason, UserError } from '../errors.js';

/** A file that is open for the time of a call, unless who reads it keeps it. */
export interface TextFile {
  readonly fd: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** Set by who takes the file over. */
  kept: boolean;
}

/**
 * @param wanted what a person should give in the place of a folder
 * @throws UserError that begins with the flag where the file cannot be opened or read
 */
export function withFile<T>(path: string, flag: string, use: (file: TextFile) => T, wanted = 'a text file'): T {
  let file: TextFile | undefined;
  try {
    // Asked before it is opened: opening a pipe would wait for a writer.
    const stat = statSync(path);
    if (!stat.isFile()) {
      throw new UserError(`${flag}: ${path} is ${stat.isDirectory() ? 'a folder' : 'no regular file'}; give ${wanted}`);
    }
    file = { fd: openSync(path, 'r'), path, sizeBytes: stat.size, kept: false };
    return use(file);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UserError(`${flag}: ${path} cannot be read: ${systemReason(error)}`);
  } finally {
    if (file !== undefined && !file.kept) closeSync(file.fd);
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
