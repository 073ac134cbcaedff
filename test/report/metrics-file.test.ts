import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RunError } from '../../src/errors.js';
import type { StepEvent, TrainEvent } from '../../src/report/events.js';
import { MetricsFile } from '../../src/report/metrics-file.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-metrics-'));
  path = join(folder, 'metrics.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const step = (n: number): StepEvent => ({
  event: 'step',
  step: n,
  epoch: 1,
  loss: Math.fround(1 / (n + 0.1)),
  lr: 1e-3,
  gradNorm: 0.1 + 0.2,
  tokensPerSecond: 12345.678,
  density: [1],
});
const checkpoint = (n: number): TrainEvent => ({ event: 'checkpoint', step: n, path: `checkpoints/step-${n}` });
const profile = (n: number): TrainEvent => ({ event: 'profile', step: n, workers: [], path: null });
const done = (n: number): TrainEvent => ({
  event: 'done',
  step: n,
  seconds: 1,
  tokensPerSecond: 1,
  peakBytes: 1,
  reason: 'stopped',
});

function write(events: readonly TrainEvent[], resumeStep?: number): void {
  const file = MetricsFile.open(path, { resumeStep });
  for (const event of events) file.write(event);
  file.close();
}
const read = (): TrainEvent[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

test('what is read back are the events that were written, to the last bit', () => {
  const events = [step(1), step(2), checkpoint(2)];
  write(events);
  expect(read()).toEqual(events);
});

test('a new run empties the file of an old one', () => {
  write([step(1), step(2)]);
  write([step(1)]);
  expect(read()).toEqual([step(1)]);
});

test('a resumed run goes on behind the step of its checkpoint, as if it had never been stopped', () => {
  write([step(1), step(2), checkpoint(2), step(3), step(4), done(4)]);
  write([step(3), step(4)], 2);
  expect(read()).toEqual([step(1), step(2), checkpoint(2), step(3), step(4)]);
});

test('the end of a run that goes on after all is taken back', () => {
  write([step(1), checkpoint(1), profile(1), done(1)]);
  write([step(2)], 1);
  expect(read()).toEqual([step(1), checkpoint(1), step(2)]);
});

test('a line that a killed process left unfinished is dropped, with or without its newline', () => {
  for (const torn of ['{"event":"step","st', '{"event":"step","st\n']) {
    write([step(1)]);
    writeFileSync(path, torn, { flag: 'a' });
    write([step(2)], 5);
    expect(read()).toEqual([step(1), step(2)]);
  }
});

test('lines that lie across the chunks in which a long file is read stay whole', () => {
  const events = Array.from({ length: 20_000 }, (_, i) => step(i + 1));
  write(events);
  write([], 19_999);
  expect(read()).toEqual(events.slice(0, 19_999));
});

test('a run resumed into another folder starts a file there', () => {
  write([step(8)], 7);
  expect(read()).toEqual([step(8)]);
});

test('a step is in the file after half a second at the latest, what is rarer at once', async () => {
  const file = MetricsFile.open(path);
  file.write(step(1));
  await new Promise((resolve) => setTimeout(resolve, 600));
  file.write(step(2));
  expect(read()).toEqual([step(1), step(2)]);
  file.write(step(3));
  file.write(checkpoint(3));
  expect(read()).toHaveLength(4);
  file.close();
});

test.skipIf(!existsSync('/dev/full'))('a full disk is heard of once: closing says nothing more', () => {
  const file = MetricsFile.open('/dev/full');
  file.write(step(1));
  expect(() => file.write(checkpoint(1))).toThrow(/^\/dev\/full cannot be written: no space is left on the device$/);
  file.write(step(2));
  file.close();
});

test('a folder that is not there is a failure that names the file', () => {
  expect(() => MetricsFile.open(join(folder, 'no', 'metrics.jsonl'))).toThrow(RunError);
  expect(() => MetricsFile.open(join(folder, 'no', 'metrics.jsonl'))).toThrow(/metrics\.jsonl cannot be written: /);
});

test.skipIf(process.platform !== 'linux')('a full disk is a failure that names the file', () => {
  const file = MetricsFile.open('/dev/full');
  expect(() => file.write(checkpoint(1))).toThrow('/dev/full cannot be written: no space is left on the device');
});
