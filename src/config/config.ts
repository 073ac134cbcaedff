// The config of a training run: what was given, checked, with every default filled in.

import { availableParallelism } from 'node:os';
import { basename, extname, join } from 'node:path';
import { z } from 'zod/v3';
import { excerpt, UserError } from '../errors.js';
import { checkTogether } from './checks.js';
import { flagOrigin } from './flags.js';
import { tableOf, withTask } from './record-checks.js';
import { LARGEST, type Setting } from './setting.js';
import { defaultEpsilon, SETTING_NAMES, SETTINGS, type SettingName } from './settings.js';
import { didYouMean } from './suggest.js';
import { defaultWindow } from './window.js';

type Shape = { readonly [K in SettingName]: (typeof SETTINGS)[K]['schema'] };

const SCHEMA = z.object(
  Object.fromEntries(SETTING_NAMES.map((key) => [key, SETTINGS[key].schema])) as unknown as Shape,
);

/** What a config file, the flags or a caller of the library may give. */
export type ConfigInput = z.input<typeof SCHEMA>;

/** Checked one by one; defaults that hang on other settings are still missing. */
export type Checked = Readonly<z.output<typeof SCHEMA>>;

/** A whole config. What is still optional is off, or has no limit, where it is undefined. */
export interface Config extends Checked {
  readonly tokens: 'char' | 'byte' | 'word';
  readonly window: number | 'full';
  /** 'full' with a full window and only then. */
  readonly stride: number | 'full';
  readonly workers: number;
  readonly lr: number;
  readonly epsilon: number;
  readonly out: string;
}

export interface ResolveOptions {
  /** The data is given in memory, so none of `text`, `dataset` and `svmlight` is asked for or allowed. */
  readonly inMemory?: boolean;
}

/**
 * Checks `input` and fills in every default.
 *
 * @param origin what a message calls a key: `--hidden`, or `config.yaml:3:9: hidden`
 * @throws UserError such as `--hidden: 0 is not allowed; it is the number of units, 1 to 65536`
 */
export function resolveConfig(
  input: Readonly<Record<string, unknown>>,
  origin: (key: string) => string = flagOrigin,
  options: ResolveOptions = {},
): Config {
  const given = withoutEmpty(input);
  for (const key of Object.keys(given)) {
    if (!isSetting(key)) throw unknownKey(key, origin);
  }
  const parsed = SCHEMA.safeParse(given);
  if (!parsed.success) {
    const key = String(parsed.error.issues[0]?.path[0]);
    throw new UserError(notAllowed(key as SettingName, given[key], origin));
  }
  const checked = withTask(parsed.data);
  checkTogether(checked, origin, options.inMemory ?? false);
  return fillIn(checked);
}

function isSetting(key: string): key is SettingName {
  return Object.hasOwn(SETTINGS, key);
}

function unknownKey(key: string, origin: (key: string) => string): UserError {
  return new UserError(`${origin(key)}: there is no such setting${didYouMean(key, SETTING_NAMES)}`);
}

/** Undefined means "not given"; so does null for a setting that may be absent from a whole config. */
function withoutEmpty(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given: [string, unknown][] = [];
  for (const [key, value] of Object.entries(input)) {
    const optional = isSetting(key) && SETTINGS[key].schema instanceof z.ZodOptional;
    if (value !== undefined && !(value === null && optional)) given.push([key, value]);
  }
  return Object.fromEntries(given);
}

/** `--hidden: 0 is not allowed; it is the number of units, 1 to 65536`. */
function notAllowed(key: SettingName, value: unknown, origin: (key: string) => string): string {
  const { kind, about, allowed, choices }: Setting = SETTINGS[key];
  const whole = isFraction(value) && /^\d/.test(allowed) ? 'a whole number, ' : '';
  const what = kind === 'boolean' ? '' : `${about}, `;
  const guess = typeof value === 'string' && choices !== undefined ? didYouMean(value, choices) : '';
  // Said only to who meets it: nobody else wonders how far a number may go.
  const limit = typeof value === 'number' && Math.abs(value) > LARGEST ? ` (no number is larger than ${LARGEST})` : '';
  return `${origin(key)}: ${excerpt(value)} is not allowed; it is ${what}${whole}${allowed}${limit}${guess}`;
}

function isFraction(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && !Number.isInteger(value);
}

function fillIn(checked: Checked): Config {
  const window = checked.window ?? defaultWindow(checked);
  const config: Config = {
    ...checked,
    window,
    tokens: checked.tokens ?? (tableOf(checked) === undefined ? 'char' : 'word'),
    stride: checked.stride ?? window,
    workers: checked.workers ?? availableParallelism(),
    lr: checked.lr ?? defaultRate(checked.optimizer),
    epsilon: checked.epsilon ?? defaultEpsilon(checked.optimizer),
    out: checked.out ?? join('runs', defaultName(checked)),
  };
  return checked.epochs === undefined && checked.steps === undefined ? { ...config, epochs: 1 } : config;
}

/** PyTorch's defaults; its 0.001 for SGD, which teaches a character model nothing in an epoch, is 0.01 here. */
function defaultRate(optimizer: Checked['optimizer']): number {
  return optimizer.includes('adam') ? 0.001 : 0.01;
}

/** `moby-lstm256` for moby.txt; what a folder's name should not hold is left out. */
function defaultName({ text, dataset, svmlight, csv, jsonl, parquet, cell, hidden, layers }: Checked): string {
  const file = text ?? svmlight ?? csv ?? jsonl ?? parquet;
  const source = dataset ?? (file === undefined ? 'memory' : basename(file, extname(file)));
  const plain = source.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-').replaceAll(/^[-.]+|-+$/g, '');
  return `${plain === '' ? 'text' : plain}-${layers === 0 ? 'linear' : `${cell}${hidden}`}`;
}
