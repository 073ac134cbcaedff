// The folder of a run: found or made, never one that holds another run, and left as it was where a run cannot begin.

import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmdirSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { removeTemporaries, replaceSymlink, writeFileAtomic } from '../checkpoint/atomic.js';
import { newestComplete, tidyCheckpoints } from '../checkpoint/checkpoint.js';
import type { Config } from '../config/config.js';
import { withWholePaths } from '../config/whole-paths.js';
import { makeFolders } from '../data/folders.js';
import { inShell, RunError, systemReason, UserError } from '../errors.js';
import { bytes } from '../report/format.js';
import { RunLock } from './run-lock.js';

export const CONFIG_FILE = 'config.json';
export const METRICS_FILE = 'metrics.jsonl';
export const PROFILE_FILE = 'profile.json';

export const packageVersion = (): string =>
  (createRequire(import.meta.url)('unroll/package.json') as { version: string }).version;

/**
 * Makes the folder and writes config.json.
 *
 * @param origin the folder of the run that is gone on with, links followed
 * @param checkpointBytes what the run's first checkpoint will need
 * @returns the lock of the folder
 * @throws UserError when it cannot be made or written, holds another run, or another process trains there
 */
export function openRunFolder(config: Config, origin: string | undefined, checkpointBytes: number): RunLock {
  const { out } = config;
  refuseOther(out, origin);
  return fill(config, origin, makeWritable(out), checkpointBytes);
}

/**
 * The same in the first folder that is free: `runs/book-lstm256`, `runs/book-lstm256-2`, ... Of two runs that begin at once only one can
 * make a folder; the other takes the next.
 *
 * @returns the config with the folder's name, and the lock
 */
export function openFreeFolder(
  config: Config,
  checkpointBytes: number,
): { readonly config: Config; readonly lock: RunLock } {
  const above = makeWritable(dirname(config.out));
  for (let n = 1; ; n++) {
    const out = n === 1 ? config.out : `${config.out}-${n}`;
    if (!makeNew(out)) continue;
    const opened = { ...config, out };
    return { config: opened, lock: fill(opened, undefined, [out, ...above], checkpointBytes) };
  }
}

/** False where there is something of that name. */
function makeNew(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new UserError(`--out: ${folder} cannot be written: ${systemReason(error)}; give a folder that can`);
  }
}

/** @param made the folders that are new, the innermost first: they go where the run cannot begin */
function fill(config: Config, origin: string | undefined, made: readonly string[], checkpointBytes: number): RunLock {
  const { out } = config;
  let lock: RunLock | undefined;
  try {
    lock = lockOf(out);
    // Somebody may have begun and ended here meanwhile.
    refuseOther(out, origin);
    checkSpace(out, checkpointBytes);
    removeTemporaries(out);
    tidyCheckpoints(out);
    writeConfig(config);
    return lock;
  } catch (error) {
    lock?.release();
    // Where another process trains in it by now, it stays.
    if (!holdsRun(out)) for (const folder of made) removeEmpty(folder);
    if (error instanceof RunError) throw new UserError(`--out: ${error.message}`);
    throw error;
  }
}

function refuseOther(out: string, origin: string | undefined): void {
  if (!holdsRun(out)) return;
  if (realpathSync(out) === origin) {
    refuseFolders(out);
    return;
  }
  const next = newestComplete(join(out, 'checkpoints'))
    ? `go on with it (--resume ${inShell(out)})`
    : 'it has no checkpoint yet: unless a training is under way there, remove it';
  throw new UserError(`--out: ${out} holds a run already; ${next}, or give another folder`);
}

/** Copies of a run may have folders in the place of its links, which no new link could take. */
function refuseFolders(out: string): void {
  const folders = ['latest', 'best']
    .map((link) => join(out, link))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (folders.length === 0) return;
  const [is, them] = folders.length === 1 ? ['is a folder', 'it'] : ['are folders', 'them'];
  throw new UserError(`--resume: ${folders.join(' and ')} ${is} where a link to a checkpoint belongs; remove ${them}`);
}

/** @throws UserError where another process trains in the folder, or it cannot be written */
export function lockOf(out: string): RunLock {
  try {
    return RunLock.take(out);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`--out: ${out} cannot be written: ${systemReason(error)}; give a folder that can`);
  }
}

export function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else has put something there; it is theirs now.
  }
}

const writeConfig = (config: Config): void =>
  writeFileAtomic(join(config.out, CONFIG_FILE), `${JSON.stringify(saved(config), null, 2)}\n`);

/** Writes config.json again where somebody removed the folder while the run went on: without it nothing goes on from its checkpoints. */
export function keepConfig(config: Config): void {
  if (!existsSync(join(config.out, CONFIG_FILE))) writeConfig(config);
}

export const holdsRun = (folder: string): boolean =>
  existsSync(join(folder, CONFIG_FILE)) || existsSync(join(folder, 'checkpoints'));

/** What the run is, without what only says how it was started. */
function saved({
  resume: _,
  dryRun: __,
  quiet: ___,
  json: ____,
  verbose: _____,
  profile: ______,
  ...config
}: Config): Record<string, unknown> {
  return { version: packageVersion(), ...withWholePaths(config) };
}

/** @returns the folders that were made, the innermost first @throws UserError for what is no folder, or cannot be written */
export function makeWritable(folder: string): readonly string[] {
  try {
    if (existsSync(folder) && !statSync(folder).isDirectory())
      throw new UserError(`--out: ${folder} is no folder; give one`);
    const made = makeFolders(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return made;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`--out: ${folder} cannot be written: ${systemReason(error)}; give a folder that can`);
  }
}

/** A run that goes on in another folder brings its events along. */
export function takeOver(from: string, to: string): void {
  if (!existsSync(to) && existsSync(from)) copyFileSync(from, to);
}

/** Headers, manifest, config and the first events: small models have more of these than of numbers. */
const SMALL_FILES_BYTES = 1 << 16;

function checkSpace(folder: string, checkpointBytes: number): void {
  const needed = checkpointBytes + SMALL_FILES_BYTES;
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= needed) return;
  throw new UserError(
    `--out: ${folder} has ${bytes(bavail * bsize)} free, a first checkpoint needs ${bytes(needed)}; give another folder`,
  );
}

/** Points `latest` and `best` to what they pointed to when the run was at `step`: it goes on from there. */
export function turnLinks(out: string, checkpoint: string, best: string | undefined): void {
  replaceSymlink(join(out, 'latest'), join('checkpoints', checkpoint));
  if (best !== undefined && existsSync(join(out, 'checkpoints', best)))
    replaceSymlink(join(out, 'best'), join('checkpoints', best));
}
