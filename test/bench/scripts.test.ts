// The scripts of bench/ run and print the ratio that they are for.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = (name: string, ...args: readonly string[]) => {
  const path = fileURLToPath(new URL(`../../bench/${name}`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
};

test('start: the first step beside an empty script', { timeout: 60_000 }, () => {
  expect(script('start.mjs', '1')).toMatch(/^first step after \d+ ms, empty script \d+ ms: ratio [\d.]+ \(/);
});

test('sampling: characters a second beside what is asked for', { timeout: 60_000 }, () => {
  expect(script('sampling.mjs', 'wasm', '1')).toMatch(/^[\d,]+ \(.*\) characters\/s: [\d.]+ of 40,000\n$/);
});

test('near-zero: small recurrent weights beside ordinary ones, on all kernels', { timeout: 60_000 }, () => {
  const lines = script('near-zero.mjs', '1', '0.01').trim().split('\n');
  expect(lines.at(-1)).toMatch(/^wasm: near zero \d+ tokens\/s, ordinary \d+: ratio [\d.]+ \(/);
});

test('long-text: the first step, and what is resident beside the plan', { timeout: 60_000 }, () => {
  const [first, resident] = script('long-text.mjs', '0.01').split('\n');
  expect(first).toMatch(/^first step after [\d.]+ s: [\d.]+ of 2 s$/);
  // Only Linux tells how much was resident.
  if (process.platform === 'linux') expect(resident).toMatch(/^resident \d+ MB, plan \d+ MB: [\d.]+ of plan \+ 100 MB/);
});

test('sparse-chart: docs/sparsity.svg is what it draws from the committed result', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-chart-'));
  const out = join(folder, 'chart.svg');
  try {
    expect(script('sparse-chart.mjs', out)).toBe('');
    const drawn = readFileSync(out, 'utf8');
    expect(drawn).toBe(readFileSync(new URL('../../docs/sparsity.svg', import.meta.url), 'utf8'));
    // Every figure has a place.
    expect(drawn).not.toMatch(/NaN|Infinity|undefined/);
    const results = readFileSync(new URL('../../bench/results/sparse.json', import.meta.url), 'utf8')
      .trim()
      .split('\n');
    expect(drawn.match(/<polyline/g)).toHaveLength(3);
    for (const points of drawn.match(/(?<=points=")[^"]+/g) ?? [])
      expect(points.split(' ')).toHaveLength(results.length);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('gradients: the table of docs/gradients.md is what it writes from the committed results', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-gradients-'));
  const page = join(folder, 'page.md');
  try {
    const committed = readFileSync(new URL('../../docs/gradients.md', import.meta.url), 'utf8');
    writeFileSync(page, committed.replace(/\| `--cell lstm` .*\n/, ''));
    expect(readFileSync(page, 'utf8')).not.toBe(committed);
    expect(script('gradients.mjs', page)).toBe('');
    expect(readFileSync(page, 'utf8')).toBe(committed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
