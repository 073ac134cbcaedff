// What only time shows: memory that grows, handles and threads that stay, a run that becomes slower.
//
//   node bench/soak.mjs --minutes 60              one run at full speed, beside which this process looks at it
//   node --expose-gc bench/soak.mjs --runs 1000   short runs, one after the other, in this process, through the library
//
// Memory, handles and threads are read from /proc: Linux only. It ends with code 1 where a verdict is "no".
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { train } from '../dist/src/index.js';

const CLI = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const MB = 1e6;
/** Linux counts processor time in hundredths of a second. */
const TICKS = 100;
/** Resident memory may grow by this part of it; a run may lose this part of its speed. */
const MOST_GROWTH = 0.02;
/** Of a process that trains again and again: V8 goes on compiling for hundreds of runs, and keeps the code. */
const MOST_GROWTH_OF_RUNS = 0.05;
const MOST_SLOWER = 0.03;
/** Samples of a long run, and the part at its start that is not counted: code is compiled, pools fill. */
const SAMPLES = 60;
const WARM = 0.1;

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, runs: { type: 'string' }, hidden: { type: 'string', default: '256' } },
});
const folder = mkdtempSync(join(tmpdir(), 'unroll-soak-'));
let isGood = true;

function verdict(what, holds, figures) {
  console.log(`${holds ? 'yes' : 'no '}  ${what}: ${figures}`);
  isGood &&= holds;
}

const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const percent = (part) => `${(100 * part).toFixed(1)}%`;

/** The process's resident bytes, open files, threads, and processor time in seconds. */
function stateOf(pid = 'self') {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  // Behind the name, which may hold anything, in parentheses.
  const [, , , ...rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\)/s, '- -').split(' ');
  return {
    resident: 1024 * Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]),
    files: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    cpuSeconds: (Number(rest[10]) + Number(rest[11])) / TICKS,
  };
}

/** Of a list of samples, what the first and the last quarter have in the mean. */
function ends(samples, figureOf) {
  const count = Math.max(1, Math.floor(samples.length / 4));
  return [mean(samples.slice(0, count).map(figureOf)), mean(samples.slice(-count).map(figureOf))];
}

function judge(samples, mostGrowth) {
  const [resident, laterResident] = ends(samples, (sample) => sample.resident);
  verdict(
    `resident memory grows by ${percent(mostGrowth)} at the most`,
    laterResident <= resident * (1 + mostGrowth),
    `${(resident / MB).toFixed(1)} MB at first, ${(laterResident / MB).toFixed(1)} MB at last`,
  );
  for (const kind of ['files', 'threads']) {
    const [first, last] = [samples[0][kind], samples.at(-1)[kind]];
    verdict(`no ${kind} are left open`, last <= first, `${first} at first, ${last} at last`);
  }
}

/** Trains without end, and asks every so often how many tokens were learned since, in how much time by the clock and by the processor. */
async function soak(minutes) {
  const [text, out] = [join(folder, 'text'), join(folder, 'run')];
  const words = ['the ', 'whale ', 'sea', 's ', 'of ', 'a ', 'ship, ', 'and ', 'Ahab', '.\n', 'white '];
  writeFileSync(text, Array.from({ length: 400_000 }, (_, i) => words[(i * i + (i >> 3)) % words.length]).join(''));
  const size = [
    '--hidden',
    values.hidden,
    '--batch',
    '32',
    '--window',
    '32',
    '--workers',
    String(availableParallelism()),
  ];
  const saving = ['--steps', '1000000000', '--checkpoint-every', '500', '--eval-every', '1000', '--keep', '3'];
  const args = [CLI, 'train', '--text', text, '--out', out, ...size, ...saving, '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let step = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line);
    if (event.event === 'step') step = event.step;
  });
  const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  const everyMs = (minutes * 60_000) / SAMPLES;
  const samples = [];
  let before;
  for (let i = 0; i <= SAMPLES && child.exitCode === null; i++) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    const now = { ...stateOf(child.pid), step, seconds: performance.now() / 1000 };
    if (before !== undefined && i > WARM * SAMPLES) samples.push({ ...now, ...speeds(before, now) });
    before = now;
  }
  child.kill('SIGTERM');
  verdict('the run ends when it is told to, and saves', (await ended) === 143, `after ${step} steps`);
  judge(samples, MOST_GROWTH);
  for (const kind of ['by the clock', 'by the processor']) {
    const [first, last] = ends(samples, (sample) => sample[kind]);
    verdict(
      `tokens/s ${kind} are ${percent(1 - MOST_SLOWER)} of the start at the least`,
      last >= first * (1 - MOST_SLOWER),
      `${first.toFixed(0)} at first, ${last.toFixed(0)} at last`,
    );
  }
}

function speeds(before, now) {
  const tokens = (now.step - before.step) * 32 * 32;
  return {
    'by the clock': tokens / (now.seconds - before.seconds),
    'by the processor': tokens / (now.cpuSeconds - before.cpuSeconds),
  };
}

/** Short runs through the library: after each, threads and files are as before the first. */
async function manyRuns(runs) {
  const data = { text: 'The ship sails on, and the whale with it.\n'.repeat(40) };
  const samples = [];
  for (let i = 0; i < runs; i++) {
    const out = join(folder, `run-${i}`);
    await train({ data, hidden: 8, batch: 4, window: 8, steps: 5, workers: 2, out });
    rmSync(out, { recursive: true });
    globalThis.gc?.();
    if (i >= WARM * runs) samples.push(stateOf());
  }
  judge(samples, MOST_GROWTH_OF_RUNS);
  // What ends by itself in its turn is not counted.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const kinds = process.getActiveResourcesInfo().filter((kind) => !/^(TTYWrap|PipeWrap|FSReqPromise)$/.test(kind));
  verdict('nothing is left that keeps the process', kinds.length === 0, kinds.join(', ') || 'nothing');
}

try {
  if (values.minutes !== undefined) await soak(Number(values.minutes));
  if (values.runs !== undefined) await manyRuns(Number(values.runs));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = isGood ? 0 : 1;
