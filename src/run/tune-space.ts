// Where a search looks: which settings it may change, how far around the config's own values, and the trials that it draws there.

import type { Config } from '../config/config.js';
import { UserError } from '../errors.js';
import { Counter } from '../model/counter.js';

/** Settings that a search changes, by name. */
export type Tuned = Readonly<Partial<Record<Searchable, number>>>;

interface Range {
  /** Values lie between the centre divided by it and the centre times it. */
  readonly factor: number;
  readonly centre: (config: Config) => number;
  readonly fit: (value: number) => number;
}

/** Long numbers would say more than a search knows. */
const DIGITS = 3;
const short = (value: number): number => Number(value.toPrecision(DIGITS));

const RANGES = {
  lr: { factor: 10, centre: ({ lr }) => lr, fit: short },
  // No limit has no surroundings; 1 is the default.
  clipNorm: { factor: 10, centre: ({ clipNorm }) => (clipNorm > 0 ? clipNorm : 1), fit: short },
  hidden: { factor: 2, centre: ({ hidden }) => hidden, fit: (value) => Math.max(1, Math.round(value)) },
} as const satisfies Readonly<Record<string, Range>>;

export type Searchable = keyof typeof RANGES;

export const SEARCHABLE = Object.keys(RANGES) as readonly Searchable[];
export const DEFAULT_SEARCH: readonly Searchable[] = ['lr', 'clipNorm'];

export const isSearchable = (name: string): name is Searchable => Object.hasOwn(RANGES, name);

/**
 * The settings of each trial. The first one has the config's own, so that no search ends with less than what was there. The others are
 * drawn log-uniformly from as many equal parts of each range as there are of them, each part once (McKay et al. 1979).
 *
 * @throws UserError for settings that cannot be searched here
 */
export function drawTrials(config: Config, search: readonly Searchable[], count: number): readonly Tuned[] {
  if (search.includes('hidden') && config.initFrom !== undefined)
    throw new UserError('--search: hidden cannot change with --init-from, whose model has its own; leave it out');
  const own = search.map((name) => [name, config[name]]);
  const columns = search.map((name) => [name, drawColumn(config, name, count - 1)] as const);
  const drawn = Array.from({ length: count - 1 }, (_, trial) => columns.map(([name, values]) => [name, values[trial]]));
  return [own, ...drawn].map((settings): Tuned => Object.fromEntries(settings));
}

function drawColumn(config: Config, name: Searchable, count: number): readonly number[] {
  const { factor, centre, fit }: Range = RANGES[name];
  const random = new Counter(config.seed, `tune ${name}`);
  const parts = shuffled(count, random);
  return parts.map((part) => fit(centre(config) * factor ** ((2 * (part + random.uniform())) / count - 1)));
}

/** 0 .. count-1 in a random order (Fisher & Yates 1938). */
function shuffled(count: number, random: Counter): readonly number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
