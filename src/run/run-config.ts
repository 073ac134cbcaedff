// The config of a run from what was given: defaults filled in, a resumed run's own settings under it.

import { join } from 'node:path';
import { type Config, resolveConfig } from '../config/config.js';
import { readConfigFile } from '../config/config-file.js';
import { flagOrigin } from '../config/flags.js';
import { mergeResumed } from '../config/resume.js';
import { withWholePaths } from '../config/whole-paths.js';
import { locateCheckpoint } from './checkpoints.js';
import { CONFIG_FILE } from './run-folder.js';

/**
 * @param origin what a message calls a key
 * @throws UserError as resolveConfig does, and for a setting that a resumed run may not change
 */
export function runConfig(
  given: Readonly<Record<string, unknown>>,
  origin: (key: string) => string = flagOrigin,
  inMemory = false,
): Config {
  if (typeof given.resume === 'string' && given.resume !== '') return resumed(given, given.resume, origin, inMemory);
  return resolveConfig(given, origin, { inMemory });
}

/** Whether nobody said where the run's files go. */
export const isOutDefault = ({ out, resume }: Readonly<Record<string, unknown>>): boolean =>
  (out ?? undefined) === undefined && (resume ?? undefined) === undefined;

function resumed(
  given: Readonly<Record<string, unknown>>,
  path: string,
  origin: (key: string) => string,
  inMemory: boolean,
): Config {
  const { run } = locateCheckpoint(path);
  const file = readConfigFile(join(run, CONFIG_FILE));
  const plain = withWholePaths(given);
  const { initFrom: _, ...values } = mergeResumed(file.values, plain, origin);
  const merged = { ...values, out: given.out ?? run };
  return resolveConfig(merged, (key) => (given[key] === undefined ? file.origin(key) : origin(key)), { inMemory });
}
