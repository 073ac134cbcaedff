// A profile as a trace in Chrome's format, which Perfetto and chrome://tracing open: a track for the steps, one for each worker.

import { PHASE_NAMES, Phase } from '../model/phases.js';
import type { Span, WorkerTimes } from '../train/profile.js';

/** The process that the trace is of; a trace needs one. */
const PID = 1;

/** The spans from when all workers have some: the rings of their last ones begin at different times. */
export function chromeTrace(profile: readonly WorkerTimes[]): string {
  const from = profile.reduce((latest, { spans }) => Math.max(latest, spans[0]?.start ?? 0), 0);
  const tracks = profile.map(({ spans }) => spans.filter(({ start }) => start >= from));
  const events = [
    named('process_name', 0, 'unroll'),
    named('thread_name', 0, 'steps'),
    ...stepsOf(tracks[0] ?? []).map(({ step, start, end }) => complete(0, `step ${step + 1}`, 'step', start, end)),
    ...tracks.flatMap((spans, worker) => [
      named('thread_name', worker + 1, `worker ${worker}`),
      ...spans.map(({ phase, start, end }) => complete(worker + 1, PHASE_NAMES[phase], categoryOf(phase), start, end)),
    ]),
  ];
  return `{"displayTimeUnit":"ms","traceEvents":[\n${events.join(',\n')}\n]}\n`;
}

const named = (what: string, tid: number, name: string): string =>
  JSON.stringify({ name: what, ph: 'M', pid: PID, tid, args: { name } });

const complete = (tid: number, name: string, cat: string, startMs: number, endMs: number): string => {
  const [ts, end] = [nanoseconds(startMs), nanoseconds(endMs)];
  return JSON.stringify({ name, cat, ph: 'X', pid: PID, tid, ts: ts / 1000, dur: (end - ts) / 1000 });
};

/** Rounded before the difference is taken, so that a span ends where the next one begins. */
const nanoseconds = (ms: number): number => Math.round(ms * 1e6);

function categoryOf(phase: number): string {
  return isBetweenSteps(phase) ? 'pause' : PHASE_NAMES[phase].startsWith('wait: ') ? 'wait' : 'work';
}

const isBetweenSteps = (phase: number): boolean => phase === Phase.pause || phase === Phase.evaluation;

/** Whole steps: what a worker's spans say of each, from the wait for its batch on. The first one's beginning may be lost. */
function stepsOf(spans: readonly Span[]): Omit<Span, 'phase'>[] {
  const steps: { step: number; start: number; end: number }[] = [];
  for (const { phase, step, start, end } of spans) {
    if (isBetweenSteps(phase)) continue;
    const last = steps.at(-1);
    if (last?.step === step) last.end = end;
    else steps.push({ step, start, end });
  }
  return steps;
}
