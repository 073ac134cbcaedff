// A run in processes of its own that are killed at instants drawn from a seed, and gone on with each time.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { stepsIn, verifyCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { command, digests, someText } from './runs.js';
import { randomOf } from './worker-faults.js';

const KEEP = 3;
/** Most of its time goes into checkpoints and their links. */
const SETTINGS = [
  ...['--hidden', '16', '--batch', '4', '--window', '8', '--workers', '2', '--checkpoint-every', '4'],
  ...['--eval-every', '6', '--keep', String(KEEP), '--quiet'],
];
/** From the start of the process to some time in its training. */
const MOST_MS = 900;

export interface Killed {
  readonly kills: number;
  readonly model: string;
  readonly trainer: string;
}

/** @returns the exit code; null where it was killed */
function runFor(flags: readonly string[], ms: number): Promise<number | null> {
  const child = spawn(process.execPath, [command, 'train', ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

/** Every checkpoint under its name is whole. There are those that are kept, the best one, and a new one and a best one before it. */
function expectWhole(out: string): number {
  if (!existsSync(join(out, 'checkpoints'))) return 0;
  const steps = stepsIn(out);
  for (const step of steps) verifyCheckpoint(join(out, 'checkpoints', `step-${String(step).padStart(8, '0')}`));
  expect(steps.length).toBeLessThanOrEqual(KEEP + 3);
  return steps.length;
}

/** Files of killed processes do not pile up: what the folder holds is bounded by a few checkpoints. */
function bytesIn(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Kills a run of so many steps at least `kills` times, or as often as it takes until it is done. */
export async function killedRun(folder: string, steps: number, kills: number, seed: number): Promise<Killed> {
  mkdirSync(folder, { recursive: true });
  const [text, out] = [join(folder, 'text'), join(folder, 'run')];
  writeFileSync(text, someText(3000));
  const random = randomOf(seed);
  const begin = ['--text', text, '--out', out, '--steps', String(steps), ...SETTINGS];
  let done = 0;
  let most = 0;
  for (let code: number | null = null; code === null; ) {
    const goesOn = existsSync(out) && expectWhole(out) > 0;
    // A run without a checkpoint is begun anew, as the message says.
    if (!goesOn) rmSync(out, { recursive: true, force: true });
    code = await runFor(goesOn ? ['--resume', out, '--quiet'] : begin, done < kills ? MOST_MS * random() : 60_000);
    if (code === null) done++;
    if (existsSync(out)) most = Math.max(most, bytesIn(out));
    expect([0, null], `seed ${seed}, after ${done} kills`).toContain(code);
  }
  const leftovers = readdirSync(join(out, 'checkpoints')).filter((name) => name.startsWith('.'));
  expect(leftovers).toEqual([]);
  const checkpoint = bytesIn(join(out, 'checkpoints', readdirSync(join(out, 'checkpoints'))[0]));
  expect(most).toBeLessThan((KEEP + 5) * checkpoint + 3 * steps * 300);
  return { kills: done, ...digests(join(out, 'latest')) };
}
