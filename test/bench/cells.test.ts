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
  for (const row of rows) {
    const { tokensPerSecond, workers, speedup, kernels, cores, stepMicroseconds, gflops, fmaShare } = row;
    expect(row.fmaGflops).toBeGreaterThan(0);
    for (const positive of [stepMicroseconds, gflops, fmaShare]) expect(positive.least).toBeGreaterThan(0);
    // A step is 4 streams of 5 tokens.
    expect(tokensPerSecond.median * stepMicroseconds.median).toBeGreaterThanOrEqual(20e6 * 0.5);
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
  [['cells', '--optimizer', 'x'], /^--optimizer: "x" is not allowed; it is one of sgd, /],
  [['cells', '--embedding', '-1'], /^--embedding: -1 is not allowed/],
  [['cells', '--input', '4', '--embedding', '4'], /^--embedding: real-valued inputs have none/],
  [['cells', '--rows', 'lstm'], /^--rows: it is no flag of bench cells, but of bench peers/],
  [['weights'], /there is no such table; it is one of cells, kernels, sparse, tables, scaling, peers/],
])('%j is refused', (flags, message) => {
  const { status, stdout, stderr } = bench(...flags);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
});

test('steps of microseconds are timed by as many as fill a round', () => {
  const tiny = ['--cells', 'tanh', '--hidden', '8', '--batch', '2', '--window', '2', '--workers', '1'];
  const { status, stdout } = bench('cells', ...tiny, '--rounds', '2', '--seconds', '0.02', '--json');
  expect(status).toBe(0);
  // JSON has no Infinity: it would be null.
  const { tokensPerSecond, stepMicroseconds } = JSON.parse(stdout);
  for (const { least, most } of [tokensPerSecond, stepMicroseconds]) {
    expect(least).toBeGreaterThan(0);
    expect(most).toBeGreaterThanOrEqual(least);
  }
});

test('layers, vocabulary, embedding, real-valued input and optimizer are those that were asked for', () => {
  const small = ['--cells', 'gru', '--hidden', '8', '--batch', '2', '--window', '3', '--workers', '1'];
  const row = (...flags: readonly string[]) => {
    const { status, stdout } = bench('cells', ...small, '--rounds', '1', '--seconds', '0.01', '--json', ...flags);
    expect(status).toBe(0);
    return JSON.parse(stdout);
  };
  expect(row('--layers', '2', '--vocabulary', '11', '--embedding', '0', '--optimizer', 'sgd')).toMatchObject({
    ...{ layers: 2, vocabulary: 11, embedding: 0, optimizer: 'sgd' },
  });
  expect(row('--input', '5')).toMatchObject({ features: 5, embedding: 0, vocabulary: 96, optimizer: 'adam' });
});

test('the table names the machine and what it can do', () => {
  const { status, stdout } = bench('cells', '--cells', 'relu', '--hidden', '8', '--batch', '2', '--quick');
  expect(status).toBe(0);
  const [machine, head] = stdout.split('\n');
  expect(machine).toMatch(/ cores, \w+.* kernels, Node v.*: \d+ GFLOP\/s in registers, triad [\d.]+ GB\/s/);
  expect(head).toMatch(/^cell +hidden +batch +workers +tokens\/s +us a step +GFLOP\/s +of the peak +speedup$/);
});
