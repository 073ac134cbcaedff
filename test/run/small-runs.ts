// Small runs on generated text, for tests of what comes out of whole runs with real workers.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { TrainEvent } from '../../src/report/events.js';
import type { TrainOutcome } from '../../src/run/train.js';
import { type TrainOptions, train } from '../../src/run/train-api.js';

const folder = mkdtempSync(join(tmpdir(), 'unroll-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
/** A path in a folder that the test file removes. */
export const freshPath = (): string => join(folder, String(count++));

/** Words of a made-up language with some order in them, the same each time. */
export function text(length: number): string {
  let state = 1;
  const next = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  let out = '';
  while (out.length < length)
    out += ['the whale ', 'a sea ', 'of ', 'white ', 'and ', 'ship\n', 'Ahab ', 'é '][next(8)];
  return out.slice(0, length);
}

export const SETTINGS = {
  hidden: 20,
  batch: 7,
  window: 12,
  steps: 9,
  lr: 0.01,
  workers: 2,
  kernels: 'native',
} as const satisfies TrainOptions;

export interface Ran extends TrainOutcome {
  readonly out: string;
  readonly events: readonly TrainEvent[];
}

/** Trains on the text above. */
export async function run(options: TrainOptions = {}): Promise<Ran> {
  const out = options.out ?? freshPath();
  const events: TrainEvent[] = [];
  const data = options.data ?? { text: text(3000) };
  const outcome = await train({ ...options, out, data, onEvent: (event) => events.push(event) });
  return { ...outcome, out, events };
}

export const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
export const modelHash = ({ path }: TrainOutcome): string => sha256(join(path, 'model.safetensors'));
/** Model, optimizer, streams and position. */
export const stateHash = ({ path }: TrainOutcome): string => sha256(join(path, 'manifest.json'));

export const losses = (events: readonly TrainEvent[]): readonly (number | null)[] =>
  events.flatMap((event) => (event.event === 'step' ? [event.loss] : []));
