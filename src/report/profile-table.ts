// Where the time of a run's steps went, in words: a row a phase, a column a worker.

import { PHASE_NAMES, STEP_PHASES } from '../model/phases.js';
import type { WorkerTimes } from '../train/profile.js';
import type { ProfileEvent } from './events.js';
import { count, percent, table } from './format.js';

/** More columns than this fit on no terminal: then it is the least, the mean and the most of the workers. */
const MOST_COLUMNS = 8;

/** The figures of a profile by the phases' names. */
export const phaseTimes = (profile: readonly WorkerTimes[]): ProfileEvent['workers'] =>
  profile.map(({ steps, sums }) => ({
    steps,
    milliseconds: Object.fromEntries(PHASE_NAMES.slice(0, STEP_PHASES).map((name, phase) => [name, sums[phase]])),
  }));

/** Milliseconds a step, and the share of each phase. Phases that no worker was in are left out. */
export function profileTable({ workers, path }: Pick<ProfileEvent, 'workers' | 'path'>): string {
  const perStep = (name: string): number[] =>
    workers.map(({ steps, milliseconds }) => milliseconds[name] / Math.max(1, steps));
  const rows = PHASE_NAMES.slice(0, STEP_PHASES)
    .map((name) => [name, perStep(name)] as const)
    .filter(([, times]) => times.some((ms) => ms > 0));
  const whole = workers.map((_, worker) => sum(rows.map(([, times]) => times[worker])));
  const wide = workers.length > MOST_COLUMNS;
  const columns = wide ? ['least', 'mean', 'most'] : workers.map((_, worker) => `worker ${worker}`);
  const cells = (times: readonly number[]): string[] =>
    (wide ? [Math.min(...times), sum(times) / times.length, Math.max(...times)] : times).map((ms) => ms.toFixed(4));
  const line = (name: string, times: readonly number[]): string[] => [
    name,
    ...cells(times),
    percent(sum(times) / Math.max(sum(whole), Number.MIN_VALUE)),
  ];
  const steps = Math.max(0, ...workers.map((worker) => worker.steps));
  const head = [`ms a step, of ${count(steps)}`, ...columns, 'share'];
  const body = [...rows.map(([name, times]) => line(name, times)), line('in all', whole)];
  const text = table([head, ...body], [...head.keys()].slice(1));
  return path === null ? text : `${text}\ntrace of the last steps in ${path}: open it in ui.perfetto.dev`;
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
