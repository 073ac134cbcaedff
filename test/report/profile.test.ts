// A profile as a table and as a trace.
import { expect, test } from 'vitest';
import { PHASE_NAMES, Phase } from '../../src/model/phases.js';
import { phaseTimes, profileTable } from '../../src/report/profile-table.js';
import { chromeTrace } from '../../src/report/profile-trace.js';
import type { Span, WorkerTimes } from '../../src/train/profile.js';

/** Steps of 1 ms of gathering and 3 ms of waiting, `late` ms later than others; pauses and evaluations are no part of them. */
function worker(steps: number, late = 0): WorkerTimes {
  const sums = PHASE_NAMES.map(() => 0);
  sums[Phase.gather] = steps;
  sums[Phase.updateBarrier] = 3 * steps;
  sums[Phase.evaluation] = 1000;
  const spans = Array.from({ length: steps }, (_, step): Span[] => {
    const start = late + 4 * step;
    return [
      { phase: Phase.gather, step, start, end: start + 1 },
      { phase: Phase.updateBarrier, step, start: start + 1, end: start + 4 },
    ];
  });
  return { steps, sums, spans: spans.flat() };
}

test('a row a phase that occurs, a column a worker, milliseconds a step', () => {
  const table = profileTable({ workers: phaseTimes([worker(10), worker(10)]), path: 'run/profile.json' });
  expect(table.split('\n')).toEqual([
    'ms a step, of 10  worker 0  worker 1   share',
    'gather              1.0000    1.0000   25.0%',
    'wait: update        3.0000    3.0000   75.0%',
    'in all              4.0000    4.0000  100.0%',
    'trace of the last steps in run/profile.json: open it in ui.perfetto.dev',
  ]);
});

test('many workers are three columns', () => {
  const workers = phaseTimes([...Array.from({ length: 9 }, () => worker(10)), worker(0)]);
  const [head, gather] = profileTable({ workers, path: null }).split('\n');
  expect(head).toMatch(/^ms a step, of 10 +least +mean +most +share$/);
  expect(gather).toMatch(/^gather +0\.0000 +0\.9000 +1\.0000 +25\.0%$/);
});

test('a profile in which nothing happened is a table as well', () => {
  expect(profileTable({ workers: phaseTimes([worker(0)]), path: null })).toContain('in all');
});

test('a trace begins where all workers have spans, and has a track for the steps', () => {
  const { traceEvents } = JSON.parse(chromeTrace([worker(3), worker(3, 4.5)]));
  const spans = (tid: number) =>
    traceEvents.flatMap((event: { ph: string; tid: number; name: string; ts: number; dur: number }) =>
      event.ph === 'X' && event.tid === tid ? [[event.name, event.ts, event.dur]] : [],
    );
  expect(spans(0)).toEqual([
    ['step 2', 5000, 3000],
    ['step 3', 8000, 4000],
  ]);
  expect(spans(1)[0]).toEqual(['wait: update', 5000, 3000]);
  expect(spans(2)[0]).toEqual(['gather', 4500, 1000]);
  expect(spans(2)).toHaveLength(6);
});

test('a span ends where the next one begins, to the nanosecond', () => {
  const times = [1.0000004, 1.2345678, 1.9999996, 7.0000001];
  const spans = times.slice(1).map((end, i): Span => ({ phase: i, step: 0, start: times[i], end }));
  const { traceEvents } = JSON.parse(chromeTrace([{ steps: 1, sums: PHASE_NAMES.map(() => 0), spans }]));
  const own = traceEvents.filter((event: { ph: string; tid: number }) => event.ph === 'X' && event.tid === 1);
  for (const [i, { ts, dur }] of own.slice(0, -1).entries()) expect(ts + dur).toBeCloseTo(own[i + 1].ts, 6);
});
