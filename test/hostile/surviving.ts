// What is expected of hostile files: each is read or refused with a message, soon, in little memory, and nothing is left of it.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { command, type Ended } from '../run/runs.js';
import { Choices } from './random.js';
import { listed, type Subject, write } from './subjects.js';
import type { Outcome, Watched } from './watched.js';

/** More than a process has before the first case. */
const MOST_BYTES = 512e6;
/** Characters of a message, which names a path. */
const LONGEST = 1500;
/** Streams close a little later than they end. */
const FILES = 4;

export interface Tried {
  readonly done: number;
  readonly refused: number;
}

/** Has so many mutations tried by a thread, from a seed on. */
export async function tryMutations(
  watched: Watched,
  subject: Subject,
  folder: string,
  cases: number,
  seed: number,
): Promise<Tried> {
  mkdirSync(folder);
  subject.prepare?.(folder);
  const counts = { done: 0, refused: 0 };
  let first: Outcome | undefined;
  let before: readonly string[] = [];
  for (let i = seed; i < seed + cases; i++) {
    const said = `seed ${i} of ${subject.name}`;
    write(folder, subject.mutated(new Choices(i)));
    if (i === seed) before = listed(folder);
    const outcome = await watched.do(subject.jobs(folder));
    first ??= outcome;
    if (outcome.did === 'failed') throw new Error(`${said}: ${outcome.job} failed: ${outcome.message}`);
    counts[outcome.did]++;
    if (outcome.message !== undefined) expectMessage(outcome.message, said);
    expect(outcome.maxBytes - first.maxBytes, `bytes, ${said}`).toBeLessThan(MOST_BYTES);
    expect(outcome.files - first.files, `open files, ${said}`).toBeLessThanOrEqual(FILES);
  }
  expect(listed(folder), subject.name).toEqual(before);
  return counts;
}

function expectMessage(message: string, said: string): void {
  expect(message, said).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(message.length, said).toBeLessThan(LONGEST);
}

/** Gives one mutation to the real command. @returns its exit code */
export async function tryCommand(subject: Subject, folder: string, seed: number): Promise<number | null> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  subject.prepare?.(folder);
  write(folder, subject.mutated(new Choices(seed)));
  const before = listed(folder);
  const { code, stderr } = await unroll(subject.args(folder), folder);
  const said = `seed ${seed} of ${subject.name}: ${stderr}`;
  expect(stderr, said).not.toMatch(/^\s+at .*:\d+:\d+\)?$|this is a bug/m);
  // A checkpoint may hold what a training cannot go on from.
  if (code === 1) expect(stderr, said).toMatch(/not finite/);
  else expect([0, 2], said).toContain(code);
  if (code !== 2) return code;
  expect(stderr.trimEnd().split('\n'), said).toHaveLength(1);
  expectMessage(stderr.trimEnd(), said);
  expect(listed(folder), said).toEqual(before);
  return code;
}

const HANGS_MS = 30_000;

export function unroll(args: readonly string[], cwd: string): Promise<Ended> {
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'ignore', 'pipe'], cwd });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), HANGS_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout: '', stderr });
    });
  });
}

export const folderFor = (folder: string, { name }: Subject): string => join(folder, name.replaceAll(/\W+/g, '-'));
