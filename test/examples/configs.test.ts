// The configs of examples/, each trained for a few steps on what it is for. What would be fetched is put in its place.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples');
const folder = mkdtempSync(join(tmpdir(), 'unroll-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const line = (i: number): string => `Call me ${i % 9}; the whale number ${i % 40} swims on.\n`;
const digit = (i: number): string =>
  [i % 10, ...Array.from({ length: 784 }, (_, x) => (x % 10 === i % 10 ? 1 : 0))].join();

beforeAll(() => {
  execFileSync(process.execPath, [join(EXAMPLES, 'make-tables.mjs'), folder]);
  writeFileSync(join(folder, 'book.txt'), Array.from({ length: 900 }, (_, i) => line(i)).join(''));
  const header = ['digit', ...Array.from({ length: 784 }, (_, i) => `p${i}`)].join();
  writeFileSync(
    join(folder, 'digits.csv'),
    `${[header, ...Array.from({ length: 200 }, (_, i) => digit(i))].join('\n')}\n`,
  );
});

/** In the place of what is fetched through npm. */
const INSTEAD: Readonly<Record<string, readonly string[]>> = {
  'quickstart.yaml': ['--text', 'book.txt'],
  'lm-bytes.yaml': ['--text', 'book.txt'],
  'lm-words.yaml': ['--text', 'book.txt'],
  'mnist.yaml': ['--csv', 'digits.csv'],
};

const configs = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml'));

test('each task has a config', () => {
  const names = ['adding', 'classify', 'forecast', 'lm-bytes', 'lm-words', 'mnist', 'regress', 'svmlight', 'tag'];
  expect(configs).toEqual(expect.arrayContaining(names.map((name) => `${name}.yaml`)));
});

test.each(configs)('%s trains, and says nothing of what is wrong with it', (name) => {
  const flags = ['--steps', '3', '--hidden', '8', '--workers', '1', '--quiet', '--warmup', '0', '--out', name];
  const args = ['train', join(EXAMPLES, name), ...(INSTEAD[name] ?? []), ...flags];
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'dist/src/cli/main.js'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, UNROLL_CACHE: join(folder, 'cache') },
  });
  expect([status, stderr]).toEqual([0, '']);
});
