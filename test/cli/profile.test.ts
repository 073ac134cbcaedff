// train --profile: what it prints, the trace that it writes, and that it changes nothing else.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { DoneEvent, ProfileEvent, TrainEvent } from '../../src/report/events.js';
import { folder, unroll } from './command.js';

const path = (name: string): string => join(folder, name);
const read = (name: string): Buffer => readFileSync(path(name));
const TRAIN = ['train', '--text', 'text.txt', '--workers', '2'] as const;
/** Enough work for both workers to have streams. */
const SMALL = ['--hidden', '32', '--batch', '4', '--window', '16', '--embedding', '8', '--steps', '12'] as const;

beforeAll(() => writeFileSync(path('text.txt'), 'The ship sails on, and the white whale with it.\n'.repeat(80)));

interface Slice {
  readonly ph: 'M' | 'X';
  readonly tid: number;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly name: string };
}

/** Slices of a trace by the names of their tracks. */
function tracksOf(name: string): Map<string, Slice[]> {
  const { traceEvents }: { traceEvents: Slice[] } = JSON.parse(read(name).toString());
  const named = traceEvents.filter((event) => event.name === 'thread_name');
  return new Map(
    named.map(({ tid, args }) => [
      args?.name ?? '',
      traceEvents.filter((event) => event.ph === 'X' && event.tid === tid),
    ]),
  );
}

function profiled(...flags: string[]): { readonly profile: ProfileEvent; readonly done: DoneEvent } {
  const { status, stdout, stderr } = unroll([...TRAIN, ...flags, '--profile', '--json']);
  expect([status, stderr]).toEqual([0, '']);
  const events: TrainEvent[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const one = <E extends TrainEvent['event']>(name: E) =>
    events.find((event): event is Extract<TrainEvent, { event: E }> => event.event === name);
  return { profile: one('profile') as ProfileEvent, done: one('done') as DoneEvent };
}

const phasesOf = ({ workers }: ProfileEvent): string[] =>
  Object.keys(workers[0].milliseconds).filter((name) => workers.every(({ milliseconds }) => milliseconds[name] > 0));

test('--profile sums up the phases of all steps but the first, and traces them', () => {
  const { profile, done } = profiled(...SMALL, '--eval-every', '6', '--out', 'run');
  expect(profile).toMatchObject({ step: 12, path: join('run', 'profile.json') });
  expect(phasesOf(profile)).toEqual([
    ...['state', 'gather', 'input product', 'recurrent product', 'point-wise', 'head', 'backward', 'weight gradient'],
    ...['update', 'wait: projection', 'wait: through time', 'wait: gradient', 'wait: norm', 'wait: update'],
    'wait: batch',
  ]);
  expect(profile.workers).toHaveLength(2);
  for (const { steps, milliseconds } of profile.workers) {
    expect(steps).toBe(11);
    expect(Object.values(milliseconds).reduce((sum, ms) => sum + ms, 0)).toBeLessThan(1000 * done.seconds);
  }

  const tracks = tracksOf('run/profile.json');
  expect([...tracks.keys()]).toEqual(['steps', 'worker 0', 'worker 1']);
  expect(tracks.get('steps')?.map(({ name }) => name)).toEqual(Array.from({ length: 12 }, (_, i) => `step ${i + 1}`));
  for (const slices of tracks.values())
    for (const [i, { ts, dur }] of slices.entries())
      expect(ts + dur).toBeLessThanOrEqual((slices[i + 1]?.ts ?? Number.POSITIVE_INFINITY) + 1e-3);
  for (const worker of ['worker 0', 'worker 1']) {
    const names = new Set(tracks.get(worker)?.map(({ name }) => name));
    expect([...phasesOf(profile), 'evaluation', 'pause'].filter((name) => !names.has(name))).toEqual([]);
  }
});

test('where columns of a time step are shared, the barriers within it are seen', () => {
  const wide = ['--hidden', '736', '--batch', '1', '--window', '6', '--steps', '3', '--validation', '0'];
  const { profile } = profiled(...wide, '--out', 'wide');
  expect(phasesOf(profile)).toContain('wait: time step');
});

test('the bits of a run, and what is kept of its settings, are the same with and without', () => {
  const half = [...TRAIN, ...SMALL, '--quiet'];
  expect(unroll([...half, '--out', 'plain']).status).toBe(0);
  expect(unroll([...half, '--profile', '--out', 'seen'])).toEqual({ status: 0, stdout: '', stderr: '' });
  for (const file of ['model.safetensors', 'trainer.safetensors'])
    expect(read(`seen/latest/${file}`).equals(read(`plain/latest/${file}`)), file).toBe(true);
  const config = (run: string) => ({ ...JSON.parse(read(`${run}/config.json`).toString()), out: '' });
  expect(config('seen')).toEqual(config('plain'));
});

test('a run that is gone on with may be profiled, and leaves no profile amid its events', () => {
  expect(unroll([...TRAIN, ...SMALL, '--profile', '--quiet', '--out', 'parts']).status).toBe(0);
  const { status, stdout } = unroll(['train', '--resume', 'parts', '--steps', '20', '--profile']);
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^ms a step, of 7 +worker 0 +worker 1 +share\n(.+\n)*in all .+ 100\.0%\n.*parts.profile\.json/m,
  );
  const events = read('parts/metrics.jsonl').toString().trim().split('\n');
  expect(events.map((line) => JSON.parse(line).event).filter((name) => name === 'profile')).toHaveLength(1);
  expect(tracksOf('parts/profile.json').get('steps')?.at(-1)?.name).toBe('step 20');
});

test('a trace that cannot be written costs a warning, not the run', () => {
  mkdirSync(path('blocked/profile.json/full'), { recursive: true });
  const { status, stdout, stderr } = unroll([...TRAIN, ...SMALL, '--profile', '--out', 'blocked']);
  expect([status, stderr]).toEqual([0, expect.stringMatching(/^blocked.profile\.json cannot be written: .+\n$/)]);
  expect(stdout).toMatch(/^in all .+ 100\.0%\nall steps are done/m);
});
