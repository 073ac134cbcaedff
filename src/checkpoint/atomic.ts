// Files, folders and links that are there as a whole or not at all, whenever the process is killed: everything is
// written under a temporary name beside its place, brought to the disk, and renamed.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeFolders } from '../data/folders.js';
import { RunError, systemReason } from '../errors.js';

/** `.NAME.tmp-12af...`: what a killed process leaves behind. */
const TEMPORARY = /^\.(.*)\.tmp-[0-9a-f]{12}$/;

/** @throws RunError that names the file and the reason, such as a full disk; then nothing has changed */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  writeFileAtomicWith(path, (fd) => writeAll(fd, typeof data === 'string' ? Buffer.from(data) : data));
}

/** The same with a function that writes to the open file. */
export function writeFileAtomicWith(path: string, write: (fd: number) => void): void {
  const temporary = temporaryBeside(path);
  attempt(path, temporary, () => {
    const fd = openSync(temporary, 'wx');
    try {
      write(fd);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncPath(dirname(path));
  });
}

/** Makes the folder `path` of what `fill` writes into the folder it is given. A folder of that name is replaced. */
export function writeFolderAtomic(path: string, fill: (folder: string) => void): void {
  const temporary = temporaryBeside(path);
  attempt(path, temporary, () => {
    makeFolders(dirname(path));
    mkdirSync(temporary);
    fill(temporary);
    syncTree(temporary);
    const old = temporaryBeside(path);
    const isReplaced = moveAside(path, old);
    renameSync(temporary, path);
    syncPath(dirname(path));
    if (isReplaced) rmSync(old, { recursive: true, force: true });
  });
}

/** Points the link `path` to `target`, in one go where it points elsewhere already. */
export function replaceSymlink(path: string, target: string): void {
  const temporary = temporaryBeside(path);
  attempt(path, temporary, () => {
    if (linkTarget(path) === target) return;
    symlinkSync(target, temporary);
    renameSync(temporary, path);
    syncPath(dirname(path));
  });
}

/**
 * Removes the folder `path`, where it is there: a process that is killed meanwhile leaves no part of it under its name.
 *
 * @param seal the file that says that the folder is whole; it goes first
 */
export function removeFolderAtomic(path: string, seal: string): void {
  const temporary = temporaryBeside(path);
  attempt(path, temporary, () => {
    if (!moveAside(path, temporary)) return;
    rmSync(join(temporary, seal), { force: true });
    rmSync(temporary, { recursive: true, force: true });
  });
}

/** Gives folders their name back that a killed process had moved aside, or had not moved to it: those that hold `seal`. */
export function restoreFolders(folder: string, seal: string): void {
  for (const name of namesIn(folder)) {
    const target = join(folder, targetOf(name) ?? name);
    if (existsSync(join(folder, name, seal)) && !existsSync(target)) renameSync(join(folder, name), target);
  }
}

/** The name that a temporary one stands for. */
export const targetOf = (name: string): string | undefined => TEMPORARY.exec(name)?.[1];

/** Removes what processes that were killed left in `folder`. Nobody else may be writing there. */
export function removeTemporaries(folder: string): void {
  for (const name of namesIn(folder)) {
    if (TEMPORARY.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** The system writes 2 GiB at once at most. */
const MAX_WRITE_BYTES = 1 << 30;

/** Writes all of `data`, however the system splits it. */
export function writeAll(fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) {
    done += writeSync(fd, data, done, Math.min(data.length - done, MAX_WRITE_BYTES));
  }
}

function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp-${randomBytes(6).toString('hex')}`);
}

function attempt(path: string, temporary: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    removeIfThere(temporary);
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new RunError(`${path} cannot be written: ${systemReason(error)}`);
  }
}

/** Also a link that points nowhere. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Where the path leads through a file nothing was made; what failed is thrown already.
  }
}

/** A folder can't be renamed onto one that holds something. Between the two renames neither is there. */
function moveAside(path: string, aside: string): boolean {
  try {
    renameSync(path, aside);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncPath(path);
  }
  syncPath(folder);
}

/** Brings a file's or a folder's content to the disk: for a folder the names in it. */
function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // there is none, or it is no link: the rename says what is wrong
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
