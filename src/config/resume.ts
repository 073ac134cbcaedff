// What a resumed run is made of: its saved config, and the few settings that may be given anew.

import { isDeepStrictEqual } from 'node:util';
import { excerpt, UserError } from '../errors.js';
import { flagOrigin } from './flags.js';
import { SETTINGS, type SettingName } from './settings.js';

/** What leaves the bits of the run alone, or says for how long it goes on. Other kernels give other bits; the run says so. */
export const CHANGEABLE_ON_RESUME: ReadonlySet<SettingName> = new Set<SettingName>([
  'epochs',
  'steps',
  'workers',
  'out',
  'resume',
  'tableMemory',
  'kernels',
  'sparse',
  'keep',
  'maxWorkerFaults',
  'workerTimeout',
  'dryRun',
  'quiet',
  'json',
  'profile',
  'verbose',
]);

/**
 * The input for resolveConfig of a resumed run: `saved` (its config.json) under `given`.
 * Giving epochs or steps anew replaces both, so that a limit of the first part does not end the second.
 *
 * @throws UserError for a setting that may not change and differs from the saved one
 */
export function mergeResumed(
  saved: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
  origin: (key: string) => string = flagOrigin,
): Record<string, unknown> {
  for (const [key, value] of Object.entries(given)) {
    if (CHANGEABLE_ON_RESUME.has(key as SettingName) || value === undefined) continue;
    if (isSame(key, value, saved[key])) continue;
    if (key === 'initFrom') {
      throw new UserError(
        `${origin(key)}: a resumed run goes on from its own weights; give --init-from or --resume, not both`,
      );
    }
    const was = saved[key] === undefined ? 'not set' : excerpt(saved[key]);
    throw new UserError(
      `${origin(key)}: ${excerpt(value)} is not allowed with --resume; in the run it is ${was}. ` +
        'Leave it out, or begin a new run with --init-from',
    );
  }
  const merged: Record<string, unknown> = { ...saved, ...given };
  if (given.epochs !== undefined || given.steps !== undefined) {
    merged.epochs = given.epochs;
    merged.steps = given.steps;
  }
  return merged;
}

/** Whether it means what the run has: `faults` is `[faults]` where names are listed. */
function isSame(key: string, given: unknown, saved: unknown): boolean {
  if (isDeepStrictEqual(given, saved)) return true;
  const parsed = Object.hasOwn(SETTINGS, key) ? SETTINGS[key as SettingName].schema.safeParse(given) : undefined;
  return parsed?.success === true && isDeepStrictEqual(parsed.data, saved);
}
