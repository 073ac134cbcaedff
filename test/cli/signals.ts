// A run that is stopped at instants drawn from a seed, as by a user who presses Ctrl-C whenever it pleases him.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { stepsIn, verifyCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { CLI, folder, unroll } from './command.js';

/** From the start of the process to some time in its training, on a busy machine. */
const MOST_MS = 1500;
/** Presses that are closer to each other than 0.1 s count as one. */
const BETWEEN_MS = 150;
const HANGS_MS = 60_000;

export interface Stopped {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Steps without end that save often, on the text of this name. */
export const endless = (text: string, out: string): string[] => [
  ...['train', '--text', text, '--hidden', '8', '--batch', '4', '--window', '8', '--workers', '2'],
  ...['--steps', '1000000', '--checkpoint-every', '20', '--keep', '3', '--quiet', '--out', out],
];

/** @param presses when Ctrl-C is pressed, in milliseconds from the start of the process */
async function interrupt(args: readonly string[], presses: readonly number[]): Promise<Stopped> {
  const child = spawn(process.execPath, [CLI, ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const hangs = setTimeout(() => child.kill('SIGABRT'), HANGS_MS);
  const ended = new Promise<Stopped>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stderr }));
  });
  const start = performance.now();
  for (const at of presses) {
    await sleep(Math.max(0, at - (performance.now() - start)));
    child.kill('SIGINT');
  }
  const stopped = await ended;
  clearTimeout(hangs);
  return stopped;
}

/**
 * Stops a run at a random instant, every second time with two presses: it ends as told, what is saved is whole, and can be gone on from.
 *
 * @returns how it ended: before it listened, with a checkpoint, or at once
 */
export async function stoppedAnywhere(text: string, seed: number, random: () => number): Promise<string> {
  const out = join(folder, `stopped-${seed}`);
  const at = MOST_MS * random();
  const isTwice = seed % 2 === 1;
  const stopped = await interrupt(endless(text, out), isTwice ? [at, at + BETWEEN_MS] : [at]);
  const said = `seed ${seed}, stopped after ${at.toFixed()} ms: ${JSON.stringify(stopped)}`;
  expect([130, 'SIGINT'], said).toContain(stopped.code ?? stopped.signal);
  expect(stopped.stderr, said).not.toMatch(/^ +at |bug in unroll/m);
  const steps = existsSync(join(out, 'checkpoints')) ? stepsIn(out) : [];
  for (const step of steps) verifyCheckpoint(join(out, 'checkpoints', `step-${String(step).padStart(8, '0')}`));
  const hasSaved = /saved in /.test(stopped.stderr);
  if (hasSaved) expect(steps.length, said).toBeGreaterThan(0);
  if (steps.length > 0) {
    const more = Math.max(...steps) + 3;
    expect(unroll(['train', '--resume', out, '--steps', String(more), '--quiet']), said).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(readdirSync(out).filter((name) => name.startsWith('.lock'))).toEqual([]);
  }
  rmSync(out, { recursive: true, force: true });
  if (hasSaved) return 'saved';
  return stopped.code === null ? 'before it listened' : 'at once';
}
