// The commands of the documentation that are marked `sh run`, in order, as a reader would type them.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'unroll-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const unroll = join(folder, 'unroll');
writeFileSync(unroll, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'dist/src/cli/main.js')}" "$@"\n`);
chmodSync(unroll, 0o755);

const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const blocksOf = (page: string): string[] =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].map((match) => match[1]);

test('the README has commands to run', () => expect(blocksOf('README.md').length).toBeGreaterThan(3));

test.each(pages.filter((page) => blocksOf(page).length > 0))('the commands of %s run', (page) => {
  const cwd = mkdtempSync(join(folder, 'page-'));
  for (const block of blocksOf(page)) {
    const env = { ...process.env, EXAMPLES: join(ROOT, 'examples'), PATH: `${folder}${delimiter}${process.env.PATH}` };
    execFileSync('sh', ['-e', '-c', block], { cwd, env, stdio: 'pipe' });
  }
});

test('links between the pages lead somewhere', () => {
  for (const page of pages) {
    const links = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(
      (match) => match[1],
    );
    for (const link of links)
      expect(() => readFileSync(join(ROOT, page, '..', link)), `${page}: ${link}`).not.toThrow();
  }
});
