// How long it takes from `unroll train` to the first step on a 1 MB text, beside an empty script that imports yargs, zod, yaml and
// piscina and starts two idle workers. They take turns; the ratio is printed.
//
//   node bench/start.mjs [ROUNDS]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ratios, spread, takeTurns } from '../dist/bench/rounds.js';

const CLI = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const EMPTY = fileURLToPath(new URL('start-empty.mjs', import.meta.url));
const rounds = Number(process.argv[2] ?? 9);
const folder = mkdtempSync(join(tmpdir(), 'unroll-start-'));

/** Milliseconds until a process prints a line that begins so; it is ended then. */
function timeTo(beginning, args) {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let ms;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (ms !== undefined || !line.startsWith(beginning)) return;
      ms = performance.now() - start;
      child.kill('SIGKILL');
    });
    child.on('close', () => (ms === undefined ? reject(new Error(`no line begins with ${beginning}`)) : resolve(ms)));
  });
}

try {
  const text = join(folder, 'text.txt');
  writeFileSync(text, Array.from({ length: 1 << 20 }, (_, i) => String.fromCharCode(97 + ((i * i) % 23))).join(''));
  let runs = 0;
  const train = () =>
    timeTo('{"event":"step"', [
      ...[CLI, 'train', '--text', text, '--workers', '2', '--hidden', '64', '--steps', '3', '--json'],
      ...['--out', join(folder, `run-${runs++}`)],
    ]);
  const measures = [train, () => timeTo('ready', [EMPTY])];
  await takeTurns(measures, 1); // files are in the cache
  const [ours, empty] = await takeTurns(measures, rounds);
  const { median, least, most } = ratios(ours, empty);
  console.log(
    `first step after ${spread(ours).median.toFixed(0)} ms, empty script ${spread(empty).median.toFixed(0)} ms: ` +
      `ratio ${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
