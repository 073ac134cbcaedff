// unroll bench peers: peers that are not there are named, those that are there are compared, and those that fail are told of. The
// pythons here are scripts of the test: they speak the line protocol, or do not.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'peers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bench = (...flags: readonly string[]) =>
  spawnSync(
    process.execPath,
    [CLI, 'bench', 'peers', '--peers-dir', folder, '--rounds', '2', '--seconds', '0.01', ...flags],
    { encoding: 'utf8' },
  );

/** A python with PyTorch 1.0, by its looks: what it does as a peer is `script`. */
function python(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\nif [ "$1" = -c ]; then echo 1.0; exit; fi\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const FIXED = 'echo ready; while read seconds; do echo 100; done';

test('peers that are not there are named, with what installs them', () => {
  const { status, stdout, stderr } = bench('--rows', 'small', '--python', '/no/python');
  expect([status, stderr]).toEqual([0, '']);
  for (const line of [
    'PyTorch (/no/python) is not there; install it with: /no/python -m pip install torch',
    'TensorFlow.js wasm is not there; install it with: npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm',
    'brain.js is not there; install it with: npm install brain.js',
  ])
    expect(stdout).toContain(`${line}\n`);
  expect(stdout).toMatch(/\nlstm, H=64, B=8, T=16, V=96\nunroll, \w+ kernels: .* tokens\/s, \d+\.\d% of the peak\n/);
});

test('a row has the best process and the best arrangement of a peer; two processes count together', () => {
  const { status, stdout, stderr } = bench('--rows', 'small,real', '--python', python('fixed', FIXED), '--json');
  expect([status, stderr]).toEqual([0, '']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows.map(({ group }) => group)).toEqual(['small', 'real']);
  for (const { tokensPerSecond, peakShare, peers, missing } of rows) {
    expect(peakShare).toBeGreaterThan(0);
    expect(missing).toHaveLength(3);
    expect(peers).toHaveLength(1);
    const [{ peer, single, best, notRun }] = peers;
    expect([peer, notRun]).toEqual(['PyTorch 1.0', []]);
    expect(single.tokensPerSecond.median).toBe(100);
    expect(best).toMatchObject({ arrangement: '2 processes', tokensPerSecond: { least: 200, most: 200 } });
    expect(best.ratio.median).toBeCloseTo(tokensPerSecond.median / 200, 6);
  }
});

test('one stream is not divided between two processes', () => {
  const { status, stdout } = bench('--rows', 'batch1', '--python', python('one', FIXED), '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout).peers[0].best.arrangement).toMatch(/^[12] threads?$/);
});

test('a peer that is not ready in time is left out, and the row says so', () => {
  const { status, stdout } = bench('--rows', 'small', '--limit', '0.2', '--python', python('slow', 'exec sleep 60'));
  expect(status).toBe(0);
  expect(stdout).toContain('not run: PyTorch 1.0, 2 threads: not ready within 0.2 s\n');
});

test('a peer that is late does not go on while others are started and measured', () => {
  const [pids, alive] = [join(folder, 'pids'), join(folder, 'alive')];
  writeFileSync(pids, '');
  const script =
    `n=0; for p in $(cat ${pids}); do kill -0 $p 2> /dev/null && n=$((n + 1)); done; echo $n >> ${alive}\n` +
    `echo $$ >> ${pids}; exec sleep 60`;
  expect(bench('--rows', 'small', '--limit', '0.2', '--python', python('late', script)).status).toBe(0);
  const seen = readFileSync(alive, 'utf8').trim().split('\n').map(Number);
  expect(seen.length).toBeGreaterThan(2);
  // Of two processes that are one arrangement, one sees the other.
  expect(Math.max(...seen)).toBeLessThanOrEqual(1);
});

test.each([
  ['talks', 'echo hello', /PyTorch 1\.0, .*, answers "hello" where "ready" should be/],
  ['counts', 'echo ready; read line; echo -3; cat', /PyTorch 1\.0, .*, answers "-3" where tokens a second should be/],
  ['dies', 'echo "no memory" >&2; exit 3', /PyTorch 1\.0, .*, died: it ended with code 3: no memory/],
  ['stops', 'echo ready; read line; exit 4', /PyTorch 1\.0, .*, died: it ended with code 4/],
])('a peer that %s ends the bench with a message', (name, script, message) => {
  const { status, stderr } = bench('--rows', 'small', '--python', python(name, script));
  expect(status).not.toBe(0);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
});

test('a group that does not exist is refused', () => {
  const { status, stderr } = bench('--rows', 'lstm,x');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^--rows: "x" is not allowed; it is one of lstm, gru, /);
});
