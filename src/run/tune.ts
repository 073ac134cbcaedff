// A small search for settings by successive halving (Jamieson & Talwalkar 2016): all trials train for a few steps, the better half goes
// on for twice as many, until one is left. The same seed gives the same search, in one go or in parts.

import { join } from 'node:path';
import { writeFileAtomic } from '../checkpoint/atomic.js';
import { configWarnings } from '../config/checks.js';
import { type Config, type ConfigInput, resolveConfig } from '../config/config.js';
import { SETTING_NAMES } from '../config/settings.js';
import { withWholePaths } from '../config/whole-paths.js';
import { RunError, UserError } from '../errors.js';
import type { PlanEvent } from '../report/events.js';
import { planTraining } from './plan.js';
import { lockOf, makeWritable, removeEmpty } from './run-folder.js';
import { trainTrial } from './trial.js';
import { drawTrials, type Searchable, type Tuned } from './tune-space.js';
import {
  BEST_FILE,
  discardSearch,
  influential,
  openSearch,
  type Search,
  saveSearch,
  type Trial,
  trialFolder,
} from './tune-state.js';

/** Each round but the last one leaves half of the trials: with 8 of them and this share, a search takes the time of one whole training. */
const FIRST_SHARE = 1 / 16;
/** Fewer say little of what comes after them. */
const LEAST_STEPS = 50;

export interface TuneOptions {
  /** The settings as they were given: what is not searched is the same in all trials. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What a message calls a setting. */
  readonly origin: (key: string) => string;
  readonly search: readonly Searchable[];
  readonly trials: number;
  /** Steps of the first round. Default: 1/16 of the config's steps, 50 at least. */
  readonly budget?: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TuneEvent) => void;
  readonly onNotice: (message: string) => void;
}

export type TuneEvent = SearchEvent | TrialEvent | BestEvent;

/** First event: what is searched. */
export interface SearchEvent extends Omit<Search, 'config'> {
  readonly event: 'tune';
  readonly out: string;
  readonly unit: PlanEvent['unit'];
}

/** A trial has come to the end of a round, or turned out to be bad. Also told of what an earlier process did. */
export interface TrialEvent extends Omit<Trial, 'losses'> {
  readonly event: 'trial';
  readonly round: number;
  /** Of the held-out part, in nats a token or example; null of a bad trial. */
  readonly loss: number | null;
}

export interface BestEvent extends Omit<TrialEvent, 'event' | 'round'> {
  readonly event: 'best';
  /** The config with these settings. */
  readonly config: string;
}

export interface TuneOutcome {
  readonly reason: 'done' | 'stopped';
  readonly out: string;
  readonly trials: readonly Trial[];
}

/**
 * Searches in the folder `out`: a run in trials/NN for each trial, tune.json, and at the end best.yaml.
 *
 * @throws UserError for settings with which there is nothing to compare, or a folder that holds something else
 * @throws RunError where every trial was bad
 */
export async function tune(options: TuneOptions): Promise<TuneOutcome> {
  const { settings, origin, search, trials: count } = options;
  const config = tunedConfig(settings, origin);
  for (const warning of configWarnings(config)) options.onNotice(warning);
  const drawn = drawTrials(config, search, count);
  // What a trial's settings contradict is said before the first one begins.
  for (const tuned of drawn) resolveConfig({ ...settings, ...tuned }, origin);
  const { steps: most, unit, validationTokens } = await planTraining(config);
  if (validationTokens === 0)
    throw new UserError(
      `${origin('validation')}: it holds nothing out here, and trials are compared by that; give more`,
    );
  const budget = Math.min(most, options.budget ?? Math.max(LEAST_STEPS, Math.ceil(most * FIRST_SHARE)));
  const about: Search = { search, trials: count, budget, most, config: influential(config) };
  const fresh = drawn.map((tuned, i): Trial => ({ trial: i + 1, settings: tuned, steps: 0, losses: [] }));
  return inFolder(config.out, async () => {
    const opened = openSearch(config.out, about, fresh);
    const tuning = new Tuning(options, config, about, opened.trials, unit);
    try {
      return await tuning.run();
    } catch (error) {
      // What no trial can be trained with is mended, and is another search then.
      if (opened.isNew && error instanceof UserError && tuning.isUntouched) discardSearch(config.out);
      throw error;
    }
  });
}

/** The folder is locked meanwhile; where it was made and nothing is left in it, it goes. */
async function inFolder<T>(out: string, use: () => Promise<T>): Promise<T> {
  const made = makeWritable(out);
  try {
    const lock = lockOf(out);
    try {
      return await use();
    } finally {
      lock.release();
    }
  } finally {
    for (const folder of made) removeEmpty(folder);
  }
}

/** @throws UserError for settings that no search has */
function tunedConfig(settings: Readonly<Record<string, unknown>>, origin: (key: string) => string): Config {
  const config = resolveConfig(settings, origin);
  const refuse = (key: string, why: string): never => {
    throw new UserError(`${origin(key)}: ${why}`);
  };
  if (config.resume !== undefined) refuse('resume', 'trials begin anew; leave it out (a search goes on by itself)');
  if (config.dryRun) refuse('dryRun', 'a search has none; "unroll train --dry-run" prints the plan of a trial');
  if (config.validation === 0)
    refuse('validation', '0 is not allowed with tune, which compares by the held-out part; give a number above 0');
  return settings.out === undefined ? { ...config, out: `${config.out}-tune` } : config;
}

class Tuning {
  readonly #options: TuneOptions;
  readonly #config: Config;
  readonly #about: Search;
  readonly #unit: PlanEvent['unit'];
  readonly #trials: Trial[];
  readonly #heard = new Set<string>();

  constructor(options: TuneOptions, config: Config, about: Search, trials: readonly Trial[], unit: PlanEvent['unit']) {
    this.#options = options;
    this.#config = config;
    this.#about = about;
    this.#unit = unit;
    this.#trials = [...trials];
  }

  /** Whether no trial has come to the end of a round. */
  get isUntouched(): boolean {
    return this.#trials.every(({ steps, bad }) => steps === 0 && bad === undefined);
  }

  async run(): Promise<TuneOutcome> {
    const { out } = this.#config;
    const { config: _, ...about } = this.#about;
    this.#options.onEvent({ event: 'tune', ...about, out, unit: this.#unit });
    let left = this.#trials.map(({ trial }) => trial);
    for (let round = 0; ; round++) {
      for (const trial of left)
        if ((await this.#train(trial, round)) === 'stopped') return { reason: 'stopped', out, trials: this.#trials };
      left = this.#better(left, round);
      if (left.length < 2) break;
    }
    this.#choose(left[0] ?? this.#furthest());
    return { reason: 'done', out, trials: this.#trials };
  }

  /** Trains a trial to the end of a round, unless that was done before. */
  async #train(trial: number, round: number): Promise<'done' | 'stopped'> {
    const known = this.#trials[trial - 1];
    if (known.losses.length <= round && known.bad === undefined) {
      if (this.#options.signal.aborted) return 'stopped';
      const piece = await trainTrial(this.#settingsOf(known.settings), {
        folder: trialFolder(this.#config.out, trial),
        steps: this.#stepsOf(round),
        judgesLoss: this.#config.labels !== 'numbers',
        signal: this.#options.signal,
        onNotice: (message) => this.#notice(message),
      });
      if (piece === undefined) return 'stopped';
      const { steps } = piece;
      this.#trials[trial - 1] =
        'bad' in piece
          ? { ...known, steps, bad: piece.bad }
          : { ...known, steps, losses: [...known.losses, piece.loss] };
      saveSearch(this.#config.out, this.#about, this.#trials);
    }
    this.#options.onEvent({ event: 'trial', round: round + 1, ...this.#told(trial, round) });
    return 'done';
  }

  #stepsOf(round: number): number {
    return Math.min(this.#about.most, this.#about.budget * 2 ** round);
  }

  /** A trial as it was at the end of a round, whatever came later. */
  #told(trial: number, round: number): Omit<TrialEvent, 'event' | 'round'> {
    const { losses, ...now } = this.#trials[trial - 1];
    if (losses.length <= round) return { ...now, loss: null };
    return { trial, settings: now.settings, steps: this.#stepsOf(round), loss: losses[round] };
  }

  /** What a trial is trained with: the epochs of the config say how long the chosen one goes on. */
  #settingsOf(tuned: Tuned): ConfigInput {
    const { epochs: _, patience: __, json: ___, quiet: ____, ...settings }: ConfigInput = this.#options.settings;
    return { ...settings, ...tuned };
  }

  /** The better half of a round, the best first; of equal ones the earlier. Bad trials are in no half. */
  #better(trials: readonly number[], round: number): number[] {
    const lossOf = (trial: number): number => this.#trials[trial - 1].losses[round];
    const good = trials.filter((trial) => this.#trials[trial - 1].losses.length > round);
    return good.sort((a, b) => lossOf(a) - lossOf(b) || a - b).slice(0, Math.ceil(trials.length / 2));
  }

  /** Trials differ in little: what one has said, the next ones need not say again. */
  #notice(message: string): void {
    if (!this.#heard.has(message)) this.#options.onNotice(message);
    this.#heard.add(message);
  }

  /** Where all of a round turned out to be bad: of those that were left behind before it the one that came furthest, and of these the best. */
  #furthest(): number | undefined {
    const lossOf = ({ losses }: Trial): number => losses[losses.length - 1];
    const good = this.#trials.filter(({ bad, losses }) => bad === undefined && losses.length > 0);
    return good.sort((a, b) => b.losses.length - a.losses.length || lossOf(a) - lossOf(b))[0]?.trial;
  }

  #choose(best: number | undefined): void {
    if (best === undefined)
      throw new RunError(
        'no trial learned anything: all were not finite or worse than the start; give a lower --lr to begin with',
      );
    const { out } = this.#config;
    const chosen = this.#trials[best - 1];
    const config = join(out, BEST_FILE);
    const { out: _, json: __, quiet: ___, ...given } = this.#options.settings;
    // Whole paths, so that it can be trained from anywhere.
    const settings: Readonly<Record<string, unknown>> = withWholePaths({ ...given, ...chosen.settings });
    const lines = SETTING_NAMES.filter((key) => (settings[key] ?? undefined) !== undefined).map(
      (key) => `${key}: ${JSON.stringify(settings[key])}\n`,
    );
    writeFileAtomic(
      config,
      `# The best of ${this.#trials.length} trials of unroll tune: number ${best}.\n${lines.join('')}`,
    );
    this.#options.onEvent({ event: 'best', ...this.#told(best, chosen.losses.length - 1), config });
  }
}
