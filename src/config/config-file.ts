// Reads a config file, YAML or JSON, and remembers where each key stands so that messages can say it.

import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Pair, Scalar, YAMLMap, YAMLParseError } from 'yaml';
import { shortened, systemReason, UserError } from '../errors.js';
import { SETTINGS, type SettingName } from './settings.js';

export interface ConfigFile {
  /** The values by key, not yet checked: input for resolveConfig. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Where a key stands: `config.yaml:3:9: hidden`. */
  readonly origin: (key: string) => string;
}

type Yaml = typeof import('yaml');

/** No config is this long: such a file is likely the text that was meant for --text. */
const MAX_CONFIG_BYTES = 1 << 16;

/** What may stand beside the settings: a run's own config.json has its version, so that a run can be repeated from it; editors read the schema. */
const BESIDE_SETTINGS: readonly unknown[] = ['version', '$schema'];

/**
 * Reads `file`.
 *
 * @throws UserError with file, line and column for what is not YAML or JSON or no list of keys and values
 */
export function readConfigFile(file: string): ConfigFile {
  // Loaded by who reads a file: it takes as long as a step.
  const yaml = createRequire(import.meta.url)('yaml') as Yaml;
  const { isMap, LineCounter, parseDocument } = yaml;
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false, uniqueKeys });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const problem = document.errors[0];
  if (problem !== undefined) throw new UserError(`${place(problem.pos[0])}: ${inWords(problem)}`);
  const root = document.contents;
  if (root === null) return { values: {}, origin: (key) => `${file}: ${shortened(key)}` };
  if (!isMap(root)) {
    throw new UserError(
      `${file}: it is no config; a config holds keys and values such as "hidden: 256" (a text is given with --text)`,
    );
  }
  return readKeys(root as YAMLMap, file, place, yaml);
}

/** Keys are told apart as they are written: 007 and 7 are two names. */
const uniqueKeys = (a: unknown, b: unknown): boolean =>
  a === b || ((a as Scalar).source !== undefined && (a as Scalar).source === (b as Scalar).source);

/** The parser's own words, but where they are meant for programmers. */
function inWords({ code, message }: YAMLParseError): string {
  if (code === 'MULTIPLE_DOCS') return 'a config is one document; leave out the line "---"';
  return /call stack/.test(message) ? 'lists lie in lists too deep; settings are single values' : message;
}

function readText(file: string): string {
  try {
    // Asked before it is opened: a pipe would wait for a writer, a device may never end.
    const stat = statSync(file);
    if (!stat.isFile()) {
      const what = stat.isDirectory() ? 'a folder' : 'no regular file';
      throw new UserError(`${file}: the config cannot be read: it is ${what}`);
    }
    const { size } = stat;
    if (size > MAX_CONFIG_BYTES) {
      throw new UserError(
        `${file}: ${size} bytes are too many for a config; at most ${MAX_CONFIG_BYTES} (a text is given with --text)`,
      );
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof TypeError)
      throw new UserError(`${file}: it is no config, nor UTF-8 text (a text is given with --text)`);
    throw new UserError(`${file}: the config cannot be read: ${systemReason(error)}`);
  }
}

function readKeys(root: YAMLMap, file: string, place: (offset: number) => string, yaml: Yaml): ConfigFile {
  const { isScalar } = yaml;
  const values: [string, unknown][] = [];
  const places = new Map<string, string>();
  for (const pair of root.items as Pair[]) {
    const key = isScalar(pair.key) ? pair.key.value : undefined;
    const offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : (root.range?.[0] ?? 0);
    if (typeof key !== 'string' || key === '__proto__') {
      throw new UserError(`${place(offset)}: a key must be the name of a setting, such as hidden`);
    }
    if (BESIDE_SETTINGS.includes(key)) continue;
    places.set(key, place(offset));
    values.push([key, isNamed(key) ? asWritten(pair.value, yaml) : plainValue(pair.value)]);
  }
  return { values: Object.fromEntries(values), origin: (key) => `${places.get(key) ?? file}: ${shortened(key)}` };
}

/** Whether a setting is a name, or has some: texts, whatever they look like. */
function isNamed(key: string): boolean {
  const kind = Object.hasOwn(SETTINGS, key) ? SETTINGS[key as SettingName].kind : undefined;
  return kind === 'string' || kind === 'texts' || kind === 'map';
}

/** The text of what YAML takes for a number or a truth: the column 007 is not the column 7. */
function asWritten(node: unknown, yaml: Yaml): unknown {
  const { isMap, isScalar, isSeq } = yaml;
  if (isScalar(node)) return typeof node.value === 'string' || node.value === null ? node.value : node.source;
  if (isSeq(node)) return node.items.map((item) => asWritten(item, yaml));
  if (!isMap(node)) return plainValue(node);
  return Object.fromEntries(node.items.map(({ key, value }) => [asWritten(key, yaml), asWritten(value, yaml)]));
}

/** Settings are scalars and lists of scalars; anything deeper is only shown in a message. */
function plainValue(node: unknown): unknown {
  const json = (node as { toJSON?: () => unknown } | null)?.toJSON?.();
  return json === undefined ? null : json;
}
