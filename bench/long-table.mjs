// A table of gigabytes: how much memory training and predicting take, how fast it is read, and that the rest is as it should be.
//
//   node bench/long-table.mjs [GIGABYTES] [FOLDER]
//
// FOLDER is where the table is written (the system's temporary folder unless it is given). Memory is told on Linux alone.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const MB = 1e6;
/** How often memory is looked at, milliseconds. */
const LOOK_MS = 100;
const STEPS = 200;
const [gigabytes = '2', parent = tmpdir()] = process.argv.slice(2);
const folder = mkdtempSync(join(parent, 'unroll-long-'));
const readings = Array.from({ length: 10 }, (_, i) => `r${i}`).join(',');
const [csv, out] = [join(folder, 'sensors.csv'), join(folder, 'run')];

/** Rows of 40 machines, dealt in turn: ten readings, a word, and what is to be said of them. */
function writeTable() {
  const file = openSync(csv, 'w');
  writeSync(file, `machine,hour,${readings},state,load\n`);
  let [row, bytes, seed] = [0, 0, 1];
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return (seed >>> 8) / 2 ** 24;
  };
  while (bytes < Number(gigabytes) * 1e9) {
    const lines = [];
    for (let i = 0; i < 20_000; i++, row++) {
      const values = Array.from({ length: 10 }, () => random());
      const load = values.reduce((sum, one, k) => sum + (k % 2 ? one : -one), 0);
      const shown = values.map((one) => one.toFixed(5)).join(',');
      lines.push(
        `m${row % 40},${Math.floor(row / 40)},${shown},${random() < 0.2 ? 'warm' : 'cold'},${load.toFixed(4)}\n`,
      );
    }
    bytes += writeSync(file, lines.join(''));
  }
  closeSync(file);
  return row;
}

/** Runs the command. @returns seconds, and the most resident megabytes */
async function measure(args, onLine) {
  const start = performance.now();
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let [resident, lines] = [0, 0];
  const timer = setInterval(() => {
    try {
      const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      resident = Math.max(resident, 1024 * Number(found?.[1] ?? 0));
    } catch {
      // It has ended, or this is no Linux.
    }
  }, LOOK_MS);
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines++;
    onLine?.(line, (performance.now() - start) / 1000);
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`unroll ${args[0]} ended with ${code}`);
  return { seconds: (performance.now() - start) / 1000, resident: resident / MB, lines };
}

try {
  const rows = writeTable();
  const megabytes = statSync(csv).size / MB;
  console.log(`${(megabytes / 1000).toFixed(2)} GB, ${rows} rows of 14 columns`);
  const model = ['--hidden', '32', '--steps', String(STEPS)];
  const cases = {
    'a feedforward net, rows by themselves': [
      '--task',
      'regress',
      '--target',
      'load',
      '--cell',
      'mlp',
      '--activation',
      'relu',
    ],
    'a recurrent net, rows of 40 machines that are dealt in turn': [
      '--task',
      'tag',
      '--target',
      'state',
      '--group',
      'machine',
      '--time',
      'hour',
      '--window',
      '64',
    ],
  };
  for (const [name, args] of Object.entries(cases)) {
    let first = 0;
    const run = `${out}-${args[1]}`;
    const trained = await measure(
      [
        'train',
        '--csv',
        csv,
        ...model,
        ...args,
        '--features',
        readings,
        '--validation',
        '0.001',
        '--json',
        '--out',
        run,
      ],
      (line, seconds) => {
        if (JSON.parse(line).event === 'step') first ||= seconds;
      },
    );
    console.log(
      `${name}: ${STEPS} steps, resident ${trained.resident.toFixed(0)} MB, first step after ${first.toFixed(0)} s (${(megabytes / first).toFixed(0)} MB/s)`,
    );
    const predicted = await measure(['predict', run, '--csv', csv]);
    if (predicted.lines !== rows + 1) throw new Error(`${predicted.lines} lines of ${rows + 1}`);
    console.log(
      `  predict: ${rows} rows, resident ${predicted.resident.toFixed(0)} MB, ${predicted.seconds.toFixed(0)} s`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
