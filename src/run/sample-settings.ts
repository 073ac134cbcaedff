// What decides how a model writes: numbers with their bounds, the same for the command and for programs.

import { UserError } from '../errors.js';

export interface NumberSetting {
  /** "the number of tokens to generate": reads on after "it is". */
  readonly about: string;
  /** "1 to 1000000": what `allows` allows, in words. */
  readonly allowed: string;
  readonly allows: (value: number) => boolean;
  readonly fallback: number;
}

export const whole = (about: string, min: number, max: number, fallback: number): NumberSetting => ({
  about,
  allowed: `${min} to ${max}`,
  allows: (value) => Number.isInteger(value) && value >= min && value <= max,
  fallback,
});

export const SAMPLE_SETTINGS = {
  length: whole('the number of tokens to generate', 1, 1_000_000_000, 400),
  temperature: {
    about: 'how freely it chooses, 0 for the most likely token every time',
    allowed: 'a number, 0 to 100',
    allows: (value) => value >= 0 && value <= 100,
    fallback: 1,
  },
  topK: whole('the number of most likely tokens to choose from, 0 for all', 0, 1 << 24, 0),
  topP: {
    about: 'the share of probability that the tokens to choose from add up to, 1 for all',
    allowed: 'a number, above 0 and 1 at most',
    allows: (value) => value > 0 && value <= 1,
    fallback: 1,
  },
  seed: whole('what all randomness is drawn from', 0, 0xffff_ffff, 0),
} as const satisfies Readonly<Record<string, NumberSetting>>;

export type SampleNumbers = Record<keyof typeof SAMPLE_SETTINGS, number>;

/** `--length: 0 is not allowed; it is the number of tokens to generate, 1 to 1000000000` */
export const refused = (name: string, shown: string, { about, allowed }: NumberSetting): UserError =>
  new UserError(`${name}: ${shown} is not allowed; it is ${about}, ${allowed}`);

/** All numbers, the fallback for those that are not given. @throws UserError for one that is out of bounds */
export function sampleNumbers(given: Partial<SampleNumbers>): SampleNumbers {
  const numbers = Object.entries(SAMPLE_SETTINGS).map(([key, setting]: [string, NumberSetting]) => {
    const value = given[key as keyof SampleNumbers] ?? setting.fallback;
    if (typeof value !== 'number' || !setting.allows(value)) throw refused(key, String(value), setting);
    return [key, value];
  });
  return Object.fromEntries(numbers);
}
