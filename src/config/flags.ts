// The flags of the command line, derived from the settings: what yargs is told, and how a flag's text becomes a value.

import { UserError } from '../errors.js';
import type { Setting, SettingGroup, SettingKind } from './setting.js';
import { SETTING_NAMES, SETTINGS, type SettingName } from './settings.js';

export interface Flag {
  /** The key in a config: `clipNorm`. */
  readonly key: SettingName;
  /** The flag without its dashes: `clip-norm`. */
  readonly name: string;
  readonly group: SettingGroup;
  readonly kind: SettingKind;
  /** One line for --help: what it is and what is allowed. */
  readonly describe: string;
  readonly choices: readonly string[] | undefined;
  readonly defaultText: string | undefined;
  readonly placeholder: string | undefined;
}

export const FLAGS: readonly Flag[] = SETTING_NAMES.map((key) => {
  const setting: Setting = SETTINGS[key];
  const { group, kind, about, allowed, choices, defaultText, placeholder } = setting;
  const describe = kind === 'number' ? `${about}, ${allowed}` : about;
  return { key, name: flagName(key), group, kind, describe, choices, defaultText, placeholder };
});

/** `clipNorm` -> `clip-norm`; `l2` and `beta1` stay as they are. */
export function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Where a value came from when it was given as a flag: the default `origin` of resolveConfig. */
export function flagOrigin(key: string): string {
  return `--${flagName(key)}`;
}

const NUMBER = /^[+-]?(\d[\d_]*(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Turns what the command line gave (text, or true and false for switches) into the values a config file would hold.
 * Text that is no number stays text, so that resolveConfig can show it. Flags that were not given are left out.
 */
export function flagValues(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { key, kind } of FLAGS) {
    const value = given[key];
    if (value === undefined) continue;
    if (Array.isArray(value) && kind !== 'list' && kind !== 'texts' && kind !== 'map') {
      throw new UserError(`${flagOrigin(key)}: it is given ${value.length} times; give it once`);
    }
    if (kind === 'number') values[key] = numberOf(value);
    else if (kind === 'list') values[key] = listOf(value).map(numberOf);
    else if (kind === 'texts') values[key] = listOf(value);
    else if (kind === 'map') values[key] = mapOf(value, key);
    else values[key] = value;
  }
  return values;
}

function numberOf(value: unknown): unknown {
  if (typeof value !== 'string' || !NUMBER.test(value.trim())) return value;
  return Number(value.trim().replaceAll('_', ''));
}

/**
 * A part between commas, or its name, in quotes where it has one: a,"b, c","d, e":2. A quote in quotes is written twice, as in
 * CSV.
 */
const PART = /^(?:"((?:[^"]|"")*)"(:[^,]*)?|([^,]*))(?:,|$)/;

function listOf(value: unknown): readonly unknown[] {
  return (Array.isArray(value) ? value : [value]).flatMap((given) =>
    typeof given === 'string' ? partsOf(given) : given,
  );
}

function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  // A comma at the end begins an empty part.
  for (let rest = `${text},`; rest !== ''; ) {
    const [whole, quoted, behind = '', plain] = PART.exec(rest) ?? [rest, undefined, undefined, text];
    parts.push(quoted === undefined ? plain : quoted.replaceAll('""', '"') + behind);
    rest = rest.slice(whole.length);
  }
  return parts;
}

/** "price:number,when:date" -> { price: 'number', when: 'date' }; what is no such list stays as it is. */
function mapOf(value: unknown, key: SettingName): unknown {
  const parts = listOf(value).map((part) => /^(.+):([^:]+)$/s.exec(String(part)));
  if (!parts.every((part) => part !== null)) return value;
  const words = new Map<string, string>();
  for (const [, name, word] of parts) {
    if (words.has(name))
      throw new UserError(`${flagOrigin(key)}: ${JSON.stringify(name)} is given twice; give it once`);
    words.set(name, word);
  }
  return Object.fromEntries(words);
}
