// The memory plan in words: what --dry-run prints, and the line that a run begins with.

import type { PlanEvent } from './events.js';
import { bytes, count, counted, table } from './format.js';

/** The parts as a table, the largest first, and under it what will be learned with what. */
export function planTable(plan: PlanEvent): string {
  const rest = plan.bytes - Object.values(plan.parts).reduce((sum, size) => sum + size, 0);
  const own: [string, number][] = rest > 0 ? [["the kernels' own", rest]] : [];
  const parts = [...Object.entries(plan.parts), ...own].sort((a, b) => b[1] - a[1]);
  const rows = [...parts, ['in all', plan.bytes] as const].map(([name, size]) => [name, count(size), bytes(size)]);
  return `${table([['memory', 'bytes', ''], ...rows], [1, 2])}\n\n${planLines(plan).join('\n')}`;
}

/** One line about the model and what computes it, one about the data and the steps. */
export function planLines(plan: PlanEvent): readonly string[] {
  const kernels = plan.instructionSet === undefined ? plan.kernels : `${plan.kernels} (${plan.instructionSet})`;
  const different =
    plan.unit === 'example' ? counted(plan.vocabulary, 'output') : `${count(plan.vocabulary)} different`;
  const from = plan.step > 0 ? `, going on from step ${count(plan.step)}` : '';
  return [
    `${counted(plan.parameters, 'parameter')}, ${bytes(plan.bytes)} of memory, ${counted(plan.workers, 'worker')}, ${kernels} kernels`,
    `${counted(plan.trainingTokens, plan.unit)} to learn, ${count(plan.validationTokens)} held out, ${different}; ` +
      `${lengthText(plan)}${from}`,
  ];
}

/** Of sequences that are shuffled, or come one by one, it shows only at an epoch's end how many steps it has. */
function lengthText({ stepsPerEpoch, steps, epochs }: PlanEvent): string {
  if (stepsPerEpoch > 0) return `${counted(stepsPerEpoch, 'step')} an epoch, ${count(steps)} in all`;
  return steps > 0 ? `${counted(steps, 'step')} in all` : counted(epochs, 'epoch');
}
