// Numbers of flags that are no settings of a run: those of sample and eval.

import { UserError } from '../errors.js';
import { type NumberSetting, refused } from '../run/sample-settings.js';
import type { Given } from './command.js';

export interface NumberFlag extends NumberSetting {
  /** Without dashes. */
  readonly name: string;
}

/** @throws UserError such as `--length: 0 is not allowed; it is the number of tokens to generate, 1 to 1000000` */
export function numberOption(given: Given, { name, ...setting }: NumberFlag): number {
  const text = single(given, name);
  if (text === undefined) return setting.fallback;
  const value = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN;
  if (setting.allows(value)) return value;
  throw refused(`--${name}`, Number.isNaN(value) ? JSON.stringify(text) : String(text), setting);
}

/** The text of a flag that may be empty; undefined where it was not given. */
export function textOption(given: Given, name: string): string | undefined {
  const text = single(given, name);
  if (text === undefined || typeof text === 'string') return text;
  throw new UserError(`--${name}: ${JSON.stringify(text)} is not allowed; it takes a text`);
}

/** One of a few words. */
export function choiceOption<const C extends string>(
  given: Given,
  name: string,
  choices: readonly C[],
  fallback: C,
): C {
  const text = textOption(given, name);
  if (text === undefined) return fallback;
  const choice = choices.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw new UserError(`--${name}: ${JSON.stringify(text)} is not allowed; it is one of ${choices.join(', ')}`);
}

export interface NumbersFlag {
  /** Without dashes. */
  readonly name: string;
  /** "recurrent weights": reads on after "it is". */
  readonly about: string;
  readonly least: number;
  readonly most: number;
}

/** Numbers separated by commas. */
export function numbersBetween(
  given: Given,
  { name, about, least, most }: NumbersFlag,
  fallback: readonly number[],
): readonly number[] {
  const text = textOption(given, name);
  if (text === undefined) return fallback;
  return text.split(',').map((one) => {
    const value = one.trim() === '' ? Number.NaN : Number(one);
    if (value >= least && value <= most) return value;
    throw new UserError(
      `--${name}: ${JSON.stringify(one)} is not allowed; it is ${about}, ${least} to ${most}, separated by commas`,
    );
  });
}

function single(given: Given, name: string): unknown {
  const key = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const value = given[key];
  if (Array.isArray(value)) throw new UserError(`--${name}: it is given ${value.length} times; give it once`);
  return value;
}

export const isWhole = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max;
