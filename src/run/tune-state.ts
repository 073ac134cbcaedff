// tune.json: what a search is about and how far it is. It is written after each piece of a trial, so that the same command goes on.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../checkpoint/atomic.js';
import type { Config } from '../config/config.js';
import { CHANGEABLE_ON_RESUME } from '../config/resume.js';
import type { SettingName } from '../config/settings.js';
import { withWholePaths } from '../config/whole-paths.js';
import { UserError } from '../errors.js';
import { holdsRun, packageVersion } from './run-folder.js';
import type { Badness } from './trial.js';
import type { Searchable, Tuned } from './tune-space.js';

const STATE_FILE = 'tune.json';
const TRIALS_FOLDER = 'trials';
export const BEST_FILE = 'best.yaml';

export interface Trial {
  /** From 1. */
  readonly trial: number;
  readonly settings: Tuned;
  readonly steps: number;
  /** The validation loss at the end of each round that it was in. */
  readonly losses: readonly number[];
  readonly bad?: Badness;
}

/** What a search is about: with another one of these it is another search. */
export interface Search {
  readonly search: readonly Searchable[];
  readonly trials: number;
  /** Steps of the first round, and the most that a trial gets. */
  readonly budget: number;
  readonly most: number;
  /** What has an influence on the bits of a run. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** What of a config makes two searches different. */
export function influential(config: Config): Readonly<Record<string, unknown>> {
  const settings = Object.entries(withWholePaths(config));
  return Object.fromEntries(settings.filter(([key]) => !CHANGEABLE_ON_RESUME.has(key as SettingName)));
}

export interface OpenedSearch {
  readonly trials: readonly Trial[];
  /** It was begun now. */
  readonly isNew: boolean;
}

/**
 * The trials of a search as the folder knows them; `fresh` ones where it holds none.
 *
 * @throws UserError where the folder holds another search, a run, or trials of which nobody knows what they are
 */
export function openSearch(out: string, search: Search, fresh: readonly Trial[]): OpenedSearch {
  const path = join(out, STATE_FILE);
  if (!existsSync(path)) {
    if (holdsRun(out)) throw new UserError(`--out: ${out} holds a run, no search; give another folder`);
    const taken = [TRIALS_FOLDER, BEST_FILE].map((name) => join(out, name)).find(existsSync);
    if (taken !== undefined)
      throw new UserError(
        `--out: ${taken} is there already, and no ${STATE_FILE} says of which search; remove it, or give another folder`,
      );
    saveSearch(out, search, fresh);
    return { trials: fresh, isNew: true };
  }
  const { trials, ...saved } = readState(path);
  const { difference, was, is } = firstDifference(saved.of, search) ?? {};
  if (difference === undefined) {
    if (isOf(trials, fresh)) return { trials, isNew: false };
    throw damaged(path);
  }
  throw new UserError(
    `--out: ${out} holds a search with another ${difference}: ${show(was)}, not ${show(is)}; ` +
      'repeat its command to go on with it, or give another folder',
  );
}

/** The folder of a trial's run. */
export const trialFolder = (out: string, trial: number): string =>
  join(out, TRIALS_FOLDER, String(trial).padStart(2, '0'));

/** Removes a search that was begun now and that nothing came of. */
export function discardSearch(out: string): void {
  rmSync(join(out, STATE_FILE), { force: true });
  rmSync(join(out, TRIALS_FOLDER), { recursive: true, force: true });
}

export function saveSearch(out: string, search: Search, trials: readonly Trial[]): void {
  const state: State = { version: packageVersion(), of: search, trials };
  writeFileAtomic(join(out, STATE_FILE), `${JSON.stringify(state, null, 2)}\n`);
}

interface State {
  readonly version: string;
  readonly of: Search;
  readonly trials: readonly Trial[];
}

function readState(path: string): State {
  try {
    const state: Partial<State> | null = JSON.parse(readFileSync(path, 'utf8'));
    if (state?.of?.config === undefined || !Array.isArray(state.trials)) throw new SyntaxError();
    return state as State;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw damaged(path);
  }
}

const damaged = (path: string): UserError =>
  new UserError(`--out: ${path} is damaged; remove it, or give another folder`);

/** Whether they are the trials of the search, however far they are. */
function isOf(trials: readonly Partial<Trial | undefined>[], fresh: readonly Trial[]): boolean {
  const isSame = (one: Partial<Trial> | undefined, { trial, settings }: Trial): boolean =>
    one?.trial === trial &&
    show(one.settings) === show(settings) &&
    Number.isSafeInteger(one.steps) &&
    Array.isArray(one.losses) &&
    one.losses.every((loss) => loss === null || typeof loss === 'number');
  return trials.length === fresh.length && fresh.every((trial, i) => isSame(trials[i], trial));
}

interface Difference {
  readonly difference: string;
  readonly was: unknown;
  readonly is: unknown;
}

function firstDifference({ config: oldConfig, ...old }: Search, { config, ...now }: Search): Difference | undefined {
  const was: Readonly<Record<string, unknown>> = { ...oldConfig, ...old };
  // As it will be read again.
  const is: Readonly<Record<string, unknown>> = JSON.parse(JSON.stringify({ ...config, ...now }));
  const difference = [...new Set([...Object.keys(is), ...Object.keys(was)])].find(
    (key) => show(was[key]) !== show(is[key]),
  );
  return difference === undefined ? undefined : { difference, was: was[difference], is: is[difference] };
}

const show = (value: unknown): string => JSON.stringify(value) ?? 'none';
