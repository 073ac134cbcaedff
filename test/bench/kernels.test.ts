// unroll bench kernels: a row for each kernel that was asked for, beside its peak.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const bench = (...flags: readonly string[]) =>
  spawnSync(process.execPath, [CLI, 'bench', 'kernels', ...flags], { encoding: 'utf8' });

const short = ['--rounds', '2', '--seconds', '0.001'];

interface Row {
  readonly kernel: string;
  readonly of: string;
  readonly gflops?: object;
  readonly gigabytes?: object;
  readonly nanosecondsPerElement?: object;
  readonly peak: { readonly least: number };
  readonly share: { readonly least: number; readonly median: number; readonly most: number };
}

test.each(['native', 'wasm'])('every kernel has a row, %s', (kernels) => {
  const { status, stdout, stderr } = bench(...short, '--json', '--kernels', kernels);
  // Where there is no compiler there are no native kernels.
  if (kernels === 'native' && /native kernels cannot be used/.test(stderr)) return;
  expect([status, stderr]).toEqual([0, '']);
  const rows: Row[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect([...new Set(rows.map(({ kernel }) => kernel))]).toEqual([
    ...['forward product', 'backward product', 'weight gradient', 'rnnForward', 'rnnBackward', 'lstmForward'],
    ...[
      'lstmBackward',
      'gruForward',
      'gruBackward',
      'softmax',
      'sigmoidLoss',
      'squaredLoss',
      'gather',
      'scatter',
      'columnSums',
      'dropout',
    ],
    ...['sgd', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam', 'adamw'].map((name) => `update ${name}`),
    ...['squareNorm', 'exp', 'tanh', 'sigmoid'],
  ]);
  for (const { kernel, of, gflops, gigabytes, nanosecondsPerElement, peak, share } of rows) {
    const isProduct = /product|gradient/.test(kernel);
    expect([of, gflops !== undefined, gigabytes !== undefined, nanosecondsPerElement !== undefined], kernel).toEqual(
      isProduct ? ['fma', true, false, false] : ['triad', false, true, true],
    );
    expect(peak.least, kernel).toBeGreaterThan(0);
    expect(share.least, kernel).toBeGreaterThan(0);
    expect(share.median, kernel).toBeLessThanOrEqual(share.most);
  }
});

test('--only chooses kernels; the table says which peak stands beside them', () => {
  const { status, stdout } = bench(...short, '--only', 'exp,weight gradient');
  expect(status).toBe(0);
  const [, head, ...rows] = stdout.trim().split('\n');
  expect(head).toMatch(/^kernel +shape +GFLOP\/s +GB\/s +ns an element +peak +of the peak$/);
  expect(rows).toHaveLength(7);
  expect(rows[0]).toMatch(/^weight gradient +T\*B 1024, K 256, 256 of N .* registers [\d.]+ +\d+% \(/);
  expect(rows[6]).toMatch(/^exp +4096 elements .* triad [\d.]+ +\d+% \(/);
});

test.each([
  [['--only', 'exp,x'], /^--only: "x" is not allowed; it is one of forward product, /],
  [['--hidden', '8'], /^--hidden: it is no flag of bench kernels, but of bench cells and sparse and scaling/],
])('%j is refused', (flags, message) => {
  const { status, stdout, stderr } = bench(...flags);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
});
