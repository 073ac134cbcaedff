// unroll bench cells: what it prints, and what it refuses.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const bench = (...flags: readonly string[]) =>
  spawnSync(process.execPath, [CLI, 'bench', ...flags], { encoding: 'utf8' });

test('each cell, size and number of workers has a row with its speed', () => {
  const sizes = [
    '--hidden',
    '8,16',
    '--batch',
    '4',
    '--window',
    '5',
    '--workers',
    '1,2',
    '--rounds',
    '2',
    '--seconds',
    '0.01',
  ];
  const { status, stdout, stderr } = bench('cells', '--cells', 'gru,relu', ...sizes, '--json');
  expect([status, stderr]).toEqual([0, '']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows.map(({ cell, hidden, batch, workers }) => [cell, hidden, batch, workers].join())).toEqual(
    ['gru', 'relu'].flatMap((cell) => [8, 16].flatMap((hidden) => [1, 2].map((w) => `${cell},${hidden},4,${w}`))),
  );
  for (const { tokensPerSecond, workers, speedup, productGflops, kernels, cores } of rows) {
    expect(productGflops).toBeGreaterThan(0);
    expect([typeof kernels, typeof cores]).toEqual(['string', 'number']);
    expect(tokensPerSecond.least).toBeGreaterThan(0);
    expect(tokensPerSecond.median).toBeGreaterThanOrEqual(tokensPerSecond.least);
    expect(tokensPerSecond.most).toBeGreaterThanOrEqual(tokensPerSecond.median);
    if (workers === 1) expect(speedup).toBe(1);
  }
});

test.each([
  [['cells', '--cells', 'lstm,x'], /^--cells: "x" is not allowed; it is one of lstm, gru, tanh, relu/],
  [['cells', '--hidden', '0'], /^--hidden: "0" is not allowed/],
  [['cells', '--rounds', '0'], /^--rounds: 0 is not allowed/],
  [['cells', '--hidden', '65536'], /^--hidden: 65536 units and 64 streams need more than .* and this machine has /],
  [['weights'], /there is no such table; it is one of cells, peers/],
])('%j is refused', (flags, message) => {
  const { status, stdout, stderr } = bench(...flags);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
});
