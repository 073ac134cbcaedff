// unroll bench sparse: a row a density, and what it refuses.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const bench = (...flags: readonly string[]) =>
  spawnSync(process.execPath, [CLI, 'bench', 'sparse', ...flags], { encoding: 'utf8' });

test('each density has a row, with steps that have about that density', () => {
  const sizes = ['--hidden', '64', '--batch', '32', '--window', '8', '--rounds', '1', '--seconds', '0.01'];
  const { status, stdout, stderr } = bench(...sizes, '--densities', '0.1,0.5', '--json');
  expect([status, stderr]).toEqual([0, '']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows.map(({ asked }) => asked)).toEqual([0.1, 0.5]);
  for (const { asked, density, product, gradient, tokensPerSecond, auto, always, crossover } of rows) {
    expect(Math.abs(density - asked)).toBeLessThan(0.05);
    for (const spread of [product, gradient, ...Object.values(tokensPerSecond), auto, always] as { least: number }[])
      expect(spread.least).toBeGreaterThan(0);
    expect(Object.keys(crossover)).toEqual(['product', 'gradient']);
  }
});

test.each([
  [['--densities', '0'], /^--densities: "0" is not allowed; it is one number or more above 0, 1 at most/],
  [['--densities', '0.1,x'], /^--densities: "x" is not allowed/],
  [['--hidden', '0'], /^--hidden: 0 is not allowed/],
  [['--hidden', '65536', '--batch', '4096'], /^--hidden: 65536 units and 4096 streams need more than /],
])('%j is refused', (flags, message) => {
  const { status, stdout, stderr } = bench(...flags);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
});
