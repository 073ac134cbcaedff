import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/config.js';
import { readConfigFile } from '../../src/config/config-file.js';
import { UserError } from '../../src/errors.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-config-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function failure(path: string): string {
  try {
    const { values, origin } = readConfigFile(path);
    resolveConfig(values, origin);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message.replace(path, 'FILE');
  }
  throw new Error('accepted');
}

test('YAML and JSON say the same', () => {
  const yaml = file(
    'a.yaml',
    '# a model\ntext: moby.txt\nhidden: 128\nlr: 1e-3\nmilestones: [5, 8]\nschedule: step\njson: true\n',
  );
  const json = file(
    'a.json',
    '{"text":"moby.txt","hidden":128,"lr":0.001,"milestones":[5,8],"schedule":"step","json":true}',
  );
  expect(readConfigFile(yaml).values).toEqual(readConfigFile(json).values);
  expect(resolveConfig(readConfigFile(yaml).values)).toMatchObject({ hidden: 128, milestones: [5, 8] });
});

test("a run's own config.json can be given again", () => {
  const config = resolveConfig({ text: 'moby.txt', steps: 5 });
  const path = file('config.json', JSON.stringify({ ...config, version: '0.1.0' }, null, 2));
  expect(resolveConfig(readConfigFile(path).values)).toEqual(config);
});

test('names are taken as they are written: columns 007, 1.0 and true are no numbers or truths', () => {
  const yaml =
    'csv: 2024\ntarget: 007\nfeatures: [1.0, 1e1, "7", true]\ngroup: 0x1F\ncolumns: {010: number}\nlr: 1e-3\ntime:\n';
  expect(readConfigFile(file('names.yaml', yaml)).values).toEqual({
    csv: '2024',
    target: '007',
    features: ['1.0', '1e1', '7', 'true'],
    group: '0x1F',
    columns: { '010': 'number' },
    lr: 0.001,
    time: null,
  });
});

test('keys are told apart as they are written', () => {
  const columns = { '007': 'number', '7': 'date' };
  expect(readConfigFile(file('keys.yaml', 'columns: {007: number, 7: date}\n')).values).toEqual({ columns });
  for (const twice of ['{7: number, 7: date}', '{"a": number, a: date}', '{\'a\': number, "a": date}'])
    expect(() => readConfigFile(file('twice.yaml', `columns: ${twice}\n`))).toThrow(/twice\.yaml:1:\d+: .*unique/);
});

test('an empty file is an empty config', () => {
  expect(readConfigFile(file('empty.yaml', '# nothing yet\n')).values).toEqual({});
});

test.each([
  ['text: a\nhidden: 0\n', 'FILE:2:1: hidden: 0 is not allowed; it is the number of units, 1 to 65536'],
  ['text: a\n  hidden: 0\n', /^FILE:1:7: Nested mappings/],
  ['text: a\n\nhiden: 3\n', 'FILE:3:1: hiden: there is no such setting; did you mean hidden?'],
  ['{"text": "a",\n "hidden": "abc"}', 'FILE:2:2: hidden: "abc" is not allowed; it is the number of units, 1 to 65536'],
  ['text: a\nhidden: 1\nhidden: 2\n', /^FILE:3:1: .*unique/],
  ['{"__proto__": {"hidden": 3}}', 'FILE:1:2: a key must be the name of a setting, such as hidden'],
  ['1: 2\n', 'FILE:1:1: a key must be the name of a setting, such as hidden'],
  ['text: [a\n', /^FILE:\d+:\d+: /],
  ['text: a\nhidden: {a: 1}\n', 'FILE:2:1: hidden: {"a":1} is not allowed; it is the number of units, 1 to 65536'],
  ['Call me Ishmael.', /^FILE: it is no config; .*--text/],
  ['hidden: 3\n', /^FILE: text: there is nothing to learn from/],
])('%j is refused with its place', (content, expected) => {
  const message = failure(file('bad.yaml', content));
  if (typeof expected === 'string') expect(message).toBe(expected);
  else expect(message).toMatch(expected);
});

test('aliases that grow without end are refused', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((key, i) => {
      const before = 'abcdefgh'[i];
      return `${key}: &${key} [${`*${before},`.repeat(8)}*${before}]`;
    }),
  ].join('\n');
  expect(failure(file('bomb.yaml', bomb))).toMatch(/^FILE/);
});

test('what is no file of text is refused', () => {
  expect(failure(join(folder, 'absent.yaml'))).toMatch(
    /absent.yaml|FILE: the config cannot be read: it does not exist/,
  );
  mkdirSync(join(folder, 'sub'));
  expect(failure(join(folder, 'sub'))).toBe('FILE: the config cannot be read: it is a folder');
  expect(failure(file('binary', Uint8Array.of(0xff, 0xfe, 0)))).toMatch(/nor UTF-8/);
  expect(failure(file('long', 'a'.repeat(2 << 20)))).toMatch(/are too many for a config/);
});

test('the schema that editors read, and the version of a run, are no settings', () => {
  const path = file('editor.json', '{"$schema": "./unroll.schema.json", "version": "0.1.0", "text": "a.txt"}');
  expect(readConfigFile(path).values).toEqual({ text: 'a.txt' });
});
