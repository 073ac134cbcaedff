// unroll bench tables: rows of each kind with figures that can be true, a peer that speaks the line protocol, and what is refused.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tables-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bench = (...flags: readonly string[]) =>
  spawnSync(process.execPath, [CLI, 'bench', 'tables', ...flags], { encoding: 'utf8' });
const SMALL = [
  ...['--tokens', '3000', '--features', '500', '--entries', '4', '--batch', '1,8', '--workers', '1'],
  ...['--rounds', '2', '--seconds', '0.01'],
];

/** By its looks a python with scikit-learn; as a peer it is always as fast. */
function python(): string {
  const path = join(folder, 'python');
  const peer = 'echo ready; while read seconds; do echo 1000; done';
  writeFileSync(path, `#!/bin/sh\nif [ "$1" = -c ]; then exit; fi\n${peer}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('vocabularies, lazy models and peers have rows, and a lazy model has the weights of the dense one', () => {
  const { status, stdout, stderr } = bench(...SMALL, '--python', python(), '--json');
  expect([status, stderr]).toEqual([0, '']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const of = (kind: string) => rows.filter(({ table }) => table === kind);
  expect(of('vocabulary').map(({ drawn, tokens }) => [drawn, tokens])).toEqual([
    ['alike', [3000, 30]],
    ['like words', [3000, 30]],
  ]);
  for (const { microseconds, stepMicroseconds, ratio } of of('vocabulary')) {
    expect(ratio.least).toBeGreaterThan(0);
    for (const [i, part] of microseconds.entries()) expect(part.median).toBeLessThan(2 * stepMicroseconds[i].most);
  }
  expect(of('lazy').map(({ batch }) => batch)).toEqual([1, 8]);
  for (const { lazy, batch, examplesPerSecond, ratio, difference } of of('lazy')) {
    expect(examplesPerSecond.median).toBeCloseTo(lazy.median * batch, 6);
    expect(ratio.least).toBeGreaterThan(0);
    // Not zero: that would be two models that did not learn, or one.
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(1e-5);
  }
  expect(of('peer').map(({ peer, penalty }) => `${peer} ${penalty}`)).toEqual([
    ...['SGDClassifier elasticnet', 'SGDClassifier l2', 'liblinear l1', 'liblinear l2'],
  ]);
  for (const { peerPerSecond, ours } of of('peer')) {
    expect(peerPerSecond).toMatchObject({ least: 1000, most: 1000 });
    expect(ours[0].ratio.median).toBeCloseTo(ours[0].examplesPerSecond.median / 1000, 6);
  }
});

test('scikit-learn is named where it is not there, with what installs it', () => {
  const { status, stdout } = bench(...SMALL, '--python', '/no/python');
  expect(status).toBe(0);
  expect(stdout).toMatch(/3,000 and 30 +alike/);
  expect(stdout).toContain(
    'scikit-learn (/no/python) is not there; install it with: /no/python -m pip install scikit-learn\n',
  );
});

test.each([
  [['--batch', '0'], /^--batch: "0" is not allowed/],
  [['--features', '0'], /^--features: 0 is not allowed/],
  [['--tokens', '16777216', '--hidden', '4'], /^--hidden: it is no flag of bench tables/],
  [['--tokens', '16777216'], /^--tokens: 16777216 tokens need more than .* for each of 2 trainings/],
])('%j is refused', (flags, message) => {
  const { status, stdout, stderr } = bench(...flags);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
});
