// A text of a gigabyte, in the system's cache: how long until the first step, and how much memory the run takes beside its plan.
//
//   node bench/long-text.mjs [GIGABYTES] [FOLDER]
//
// FOLDER is where the text is written (the system's temporary folder unless it is given).
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const SECONDS = 2;
const MB = 1e6;
const workers = availableParallelism();
const [gigabytes = '1', parent = tmpdir()] = process.argv.slice(2);
const folder = mkdtempSync(join(parent, 'unroll-long-'));

/** Most resident bytes so far; undefined where the system does not tell (it is told on Linux). */
function residentOf(pid) {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

try {
  const text = join(folder, 'text.txt');
  const piece = Buffer.from(Array.from({ length: 1 << 24 }, (_, i) => 32 + ((i * 7919 + (i >> 9)) % 96)));
  const file = openSync(text, 'w');
  for (let bytes = 0; bytes < Number(gigabytes) * 1e9; bytes += piece.length) writeSync(file, piece);
  closeSync(file);
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [CLI, 'train', '--text', text, '--tokens', 'byte', '--steps', '50', '--json', '--out', join(folder, 'run')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let [plan, first, resident] = [0, 0, 0];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line);
    if (event.event === 'plan') plan = event.bytes;
    if (event.event !== 'step') return;
    first ||= performance.now() - start;
    resident = residentOf(child.pid) ?? resident;
    if (event.step === 50) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.on('close', resolve));
  if (first === 0) throw new Error('the run ended without a step');
  console.log(
    `first step after ${(first / 1000).toFixed(2)} s: ${(first / 1000 / SECONDS).toFixed(2)} of ${SECONDS} s`,
  );
  const allowed = plan + 100 * MB + 15 * MB * workers;
  if (resident > 0)
    console.log(
      `resident ${(resident / MB).toFixed(0)} MB, plan ${(plan / MB).toFixed(0)} MB: ` +
        `${(resident / allowed).toFixed(2)} of plan + 100 MB + 15 MB for each of ${workers} workers`,
    );
} finally {
  rmSync(folder, { recursive: true });
}
