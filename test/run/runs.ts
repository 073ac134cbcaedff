// What the tests of whole runs share: a text, folders, runs in this process and in processes of their own, and the files that
// a run leaves behind. Worker threads are started from dist/.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import {
  type EvalEvent,
  type StepEvent,
  type TrainEvent,
  type TrainOptions,
  type TrainOutcome,
  train,
} from '../../src/index.js';
import { nativeProblem } from '../../src/kernels/native.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const command = join(root, 'dist/src/cli/main.js');
/** What a script in a process of its own imports. */
export const library = new URL('../../dist/src/index.js', import.meta.url).href;

/** The kernels that a run may be asked to use here. */
export const kernelNames = nativeProblem() === undefined ? (['native', 'wasm'] as const) : (['wasm'] as const);

/** Names for new run folders, removed after the tests of a file. */
export function newFolders(): (name?: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-run-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  return (name = 'run') => join(folder, `${name}-${count++}`);
}

const WORDS = ['the ', 'whale ', 'sea', 's ', 'of ', 'a ', 'ship, ', 'and ', 'Ahab', '.\n', 'é ', 'white '];

/** A text in which the next symbol can be guessed, but not always. */
export function someText(length: number, seed = 1): string {
  let state = seed;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += WORDS[Math.floor((state / 2 ** 32) * WORDS.length)];
  }
  return text.slice(0, length);
}

export interface Ran {
  readonly outcome: TrainOutcome;
  readonly events: readonly TrainEvent[];
}

/** @param onEvent hears of each event, and may stop the run */
export async function run(
  options: TrainOptions,
  onEvent: (event: TrainEvent, stop: () => void) => void = () => {},
): Promise<Ran> {
  const events: TrainEvent[] = [];
  const controller = new AbortController();
  const outcome = await train({
    ...options,
    signal: controller.signal,
    onEvent: (event) => {
      events.push(event);
      onEvent(event, () => controller.abort());
    },
  });
  return { outcome, events };
}

export const stepsOf = (events: readonly TrainEvent[]): readonly StepEvent[] =>
  events.filter((event) => event.event === 'step');

export const evaluationsOf = (events: readonly TrainEvent[]): readonly EvalEvent[] =>
  events.filter((event) => event.event === 'eval');

/** What of a run's steps and evaluations does not depend on the clock. */
export function timeless(events: readonly TrainEvent[]): readonly object[] {
  return events
    .filter(({ event }) => event === 'step' || event === 'eval')
    .map((event) => ({ ...event, tokensPerSecond: 0 }));
}

export function metricsOf(folder: string): readonly TrainEvent[] {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** The digest of the model that a checkpoint holds. */
export const modelDigest = (checkpoint: string): string => sha256(join(checkpoint, 'model.safetensors'));

/** Digests of all that a checkpoint holds: model, optimizer, streams, and where the run stands. */
export function digests(checkpoint: string): { readonly model: string; readonly trainer: string } {
  return { model: modelDigest(checkpoint), trainer: sha256(join(checkpoint, 'trainer.safetensors')) };
}

export const checkpointsIn = (folder: string): readonly string[] => readdirSync(join(folder, 'checkpoints')).sort();

/** All numbers of a safetensors file, and its header. */
export function tensorsIn(path: string): { readonly header: Record<string, never>; readonly floats: Float32Array } {
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const data = file.subarray(start);
  return {
    header: JSON.parse(file.toString('utf8', 8, start)),
    floats: new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length)),
  };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Long after any of these processes should have ended by itself. */
const HANGS_MS = 60_000;

/** Runs a process to its end. @param kill sees its output so far; true kills it */
export function node(args: readonly string[], kill: (stdout: string) => boolean = () => false): Promise<Ended> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: tmpdir() });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    if (kill(stdout)) child.kill('SIGKILL');
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGABRT'), HANGS_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** Runs a script, an ES module, in a process of its own. */
export const script = (source: string, flags: readonly string[] = []): Promise<Ended> =>
  node([...flags, '--input-type=module', '-e', source]);
