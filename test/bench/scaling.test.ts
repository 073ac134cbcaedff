// unroll bench scaling: what it prints, and what its model makes of the parts.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bytesMoved, type MeasuredParts, predict, streamsOf } from '../../bench/scaling-model.js';
import { modelOf } from '../../bench/shapes.js';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const bench = (...flags: readonly string[]) =>
  spawnSync(process.execPath, [CLI, 'bench', 'scaling', ...flags], { encoding: 'utf8' });

const model = modelOf({ cell: 'lstm', hidden: 256, layers: 1, vocabulary: 96 });
const work = (batch: number, workers: number) => ({ model, batch, window: 32, workers });

/** A step of 100 us a stream and 1,000 us that do not depend on the streams; memory that is never the limit. */
const parts: MeasuredParts = {
  step: new Map(Array.from({ length: 64 }, (_, i) => [i + 1, 1000 + 100 * (i + 1)])),
  ...{ fixed: 1000, barriers: [0.1, 0.5], oneCoreBandwidth: 1e6, allCoresBandwidth: 2e6, cores: 2 },
};

test('one worker needs what was measured', () => {
  expect(predict(parts, work(64, 1))).toEqual({ least: 7400, most: 7400 });
});

test('two workers halve both parts and wait five times', () => {
  const { least, most } = predict(parts, work(64, 2));
  expect([least, most]).toEqual([3700 + 2.5, 3700 + 2.5]);
});

test('a barrier grows by the same for each worker more', () => {
  const waits = (workers: number): number => predict(parts, work(32 * workers, workers)).most - 3200 - 1000 / workers;
  expect(waits(2)).toBeCloseTo(5 * 0.5, 9);
  expect(waits(16)).toBeCloseTo(5 * (0.5 + 14 * 0.4), 9);
});

test('with few streams a worker columns are shared, and those who share them wait for each other in every time step', () => {
  expect(streamsOf(work(64, 8))).toMatchObject({ rows: 16, members: 2 });
  const { least } = predict(parts, work(64, 8));
  expect(least).toBeCloseTo(1600 / 2 + 1000 / 8 + 5 * (0.5 + 6 * 0.4) + 68 * 0.5, 6);
});

test('memory that gives no more than was seen is the upper bound, memory that grows with the cores the lower one', () => {
  const slow = { ...parts, oneCoreBandwidth: 0.5, allCoresBandwidth: 1 };
  const { least, most } = predict(slow, work(2048, 64));
  const megabytes = bytesMoved(work(2048, 64)) / 1e3;
  const waits = 5 * (0.5 + 62 * 0.4);
  expect(most).toBeCloseTo(megabytes + waits, 3);
  expect(least).toBeCloseTo(Math.max(megabytes / 32, 3200 + 1000 / 64) + waits, 3);
});

test('barriers, empty steps, strong and weak scaling have rows; predicted for up to 64 workers', () => {
  const tiny = ['--hidden', '16', '--streams', '8', '--window', '4', '--rounds', '1', '--seconds', '0.01'];
  const { status, stdout, stderr } = bench(...tiny, '--json');
  expect([status, stderr]).toEqual([0, '']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const cores = Array.from({ length: availableParallelism() }, (_, i) => i + 1);
  const counts = [...new Set([...cores, 4, 8, 16, 32, 64])].sort((a, b) => a - b);
  for (const [scaling, workers] of [
    ['barrier', cores],
    ['empty step', cores],
    ['strong', counts],
    ['weak', counts],
  ] as const)
    expect(rows.filter((row) => row.scaling === scaling).map((row) => row.workers)).toEqual(workers);
  for (const row of rows) {
    const here = row.workers <= cores.length;
    expect(row.microseconds !== null).toBe(here);
    if (here) expect(row.microseconds.least).toBeGreaterThan(0);
    if (row.scaling === 'weak') expect(row.batch).toBe(4 * row.workers);
    if (row.scaling !== 'strong' && row.scaling !== 'weak') continue;
    expect(row.predictedMicroseconds.least).toBeLessThanOrEqual(row.predictedMicroseconds.most);
    expect(row.predictedSpeedup.least).toBeGreaterThan(0);
  }
});

test.each([
  [['--cell', 'x'], /^--cell: "x" is not allowed; it is one of lstm, gru, tanh, relu/],
  [['--hidden', '65536'], /^--hidden: 65536 units and 64 streams need more than .* and this machine has /],
  [['--streams', '1'], /^--streams: 1 is not allowed/],
  [['--torch', 'x'], /^--torch: there is no such flag/],
])('%j is refused', (flags, message) => {
  const { status, stdout, stderr } = bench(...flags);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
});
