// What a worker records of its time, on a clock that the test turns, and what is read of it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PROTOCOL_WORDS } from '../../src/coordinator/protocol.js';
import { Arena } from '../../src/memory/arena.js';
import { PHASE_NAMES, Phase, PhaseTimes, spansKept } from '../../src/model/phases.js';
import { layOut, type RunLayout, type RunShape } from '../../src/train/layout.js';
import { readProfile } from '../../src/train/profile.js';

const shape: RunShape = {
  model: { cell: 'lstm', activation: 'tanh', hidden: 4, layers: 1, embedding: 0, vocabulary: 3 },
  ...{ optimizer: 'sgd', streams: 2, steps: 3, dropout: 0, seed: 0, evaluationStreams: 0, evaluationSteps: 0 },
  ...{ workers: 2, floatBytes: 4, reservedBytes: 0, controlWords: PROTOCOL_WORDS, profile: true },
};

let clock = 0;
let layout: RunLayout;
let arena: Arena;
let times: PhaseTimes;
beforeEach(() => {
  clock = 100;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  layout = layOut(shape);
  arena = new Arena(new ArrayBuffer(layout.bytes), 4);
  times = new PhaseTimes(arena, layout.times[0], shape.workers);
});
afterEach(() => void vi.restoreAllMocks());

/** Is in a phase for some milliseconds, from when it is entered. */
function spend(phase: number, ms: number): void {
  times.enter(phase);
  clock += ms;
}

/** A wait of 1 ms, then the step: `gather` and `update`. */
function step(n: number, gather: number, update: number, resumed = false): void {
  clock += 1;
  times.beginStep(n, resumed);
  spend(Phase.gather, gather);
  spend(Phase.update, update);
  times.endRecord();
}

test('sums and spans of the steps after the first one', () => {
  step(0, 100, 200, true);
  step(1, 3, 5);
  step(2, 4, 6);
  const [own] = readProfile(arena, layout);
  expect(own.steps).toBe(2);
  expect([Phase.gather, Phase.update, Phase.batch, Phase.pause].map((phase) => own.sums[phase])).toEqual([7, 11, 2, 0]);
  expect(own.spans).toEqual([
    { phase: Phase.pause, step: 0, start: 100, end: 101 },
    { phase: Phase.gather, step: 0, start: 101, end: 201 },
    { phase: Phase.update, step: 0, start: 201, end: 401 },
    { phase: Phase.batch, step: 1, start: 401, end: 402 },
    { phase: Phase.gather, step: 1, start: 402, end: 405 },
    { phase: Phase.update, step: 1, start: 405, end: 410 },
    { phase: Phase.batch, step: 2, start: 410, end: 411 },
    { phase: Phase.gather, step: 2, start: 411, end: 415 },
    { phase: Phase.update, step: 2, start: 415, end: 421 },
  ]);
});

test('the only step of a run counts', () => {
  step(0, 3, 5, true);
  const [own] = readProfile(arena, layout);
  expect([own.steps, own.sums[Phase.gather], own.sums[Phase.update]]).toEqual([1, 3, 5]);
});

test('an evaluation is one span, and the waits around it are no waits for a batch', () => {
  step(0, 3, 5, true);
  clock += 10;
  times.beginEvaluation();
  spend(Phase.gather, 2);
  spend(Phase.updateBarrier, 2);
  times.endRecord();
  step(1, 3, 5, true);
  const [own] = readProfile(arena, layout);
  expect(own.spans.slice(3, 6)).toEqual([
    { phase: Phase.pause, step: 0, start: 109, end: 119 },
    { phase: Phase.evaluation, step: 0, start: 119, end: 123 },
    { phase: Phase.pause, step: 1, start: 123, end: 124 },
  ]);
  expect([own.sums[Phase.batch], own.sums[Phase.gather], own.sums[Phase.updateBarrier]]).toEqual([0, 3, 0]);
});

test('a phase that is entered again goes on, and one that is left is told', () => {
  times.enter(Phase.backward);
  clock += 1;
  expect(times.enter(Phase.backward)).toBe(Phase.backward);
  clock += 1;
  expect(times.enter(Phase.timeStepBarrier)).toBe(Phase.backward);
  const [own] = readProfile(arena, layout);
  expect(own.spans.at(-1)).toEqual({ phase: Phase.backward, step: 0, start: 100, end: 102 });
});

test('the last spans are kept, the sums are of all', () => {
  const kept = spansKept(shape.workers);
  for (let n = 0; n < kept; n++) step(n, 1, 1);
  const [own] = readProfile(arena, layout);
  expect(own.spans).toHaveLength(kept - 1);
  expect(own.spans.at(-1)).toMatchObject({ phase: Phase.update, step: kept - 1, end: clock });
  for (const [i, { end }] of own.spans.slice(0, -1).entries()) expect(end).toBe(own.spans[i + 1].start);
  expect(own.sums[Phase.gather]).toBe(kept - 1);
});

test('a worker that never began has no times', () => {
  step(0, 1, 1, true);
  expect(readProfile(arena, layout)[1]).toEqual({ steps: 0, sums: PHASE_NAMES.map(() => 0), spans: [] });
});

test('a plan without a profile has no place for it, and its other views are where they were', () => {
  const without = layOut({ ...shape, profile: false });
  expect(without.times).toEqual([]);
  expect(without.parts.has('profile')).toBe(false);
  expect([...without.parts].every(([part, size]) => layout.parts.get(part) === size)).toBe(true);
});
