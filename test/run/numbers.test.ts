// Numbers that are not finite: a rate far too high ends a run before it is saved, and a batch by itself is left out.
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.js';
import { expectFinite, OPTIMIZERS, RATES, tasks } from './numbers.js';
import { kernelNames, newFolders, run, stepsOf } from './runs.js';
import { tableFile } from './table-files.js';

const folder = newFolders();
const all = Object.entries(tasks(tableFile(folder)));

describe('at a rate far too high no checkpoint has a number that is not finite', () => {
  // test/faults has every task with every optimizer.
  test.each(all.map(([name, task], i) => [name, OPTIMIZERS[i % 4], task] as const))(
    '%s, %s',
    async (_, optimizer, task) => {
      for (const lr of RATES) await expectFinite(task, optimizer, lr, folder());
    },
  );

  test('plain descent on a text ends with its last good checkpoint and advice', async () => {
    expect(await expectFinite(all[0][1], 'sgd', 3e38, folder())).toBe(true);
  });
});

test('a batch that is not finite is left out and counts as consumed; what comes after it is learned', async () => {
  const csv = folder('table');
  const row = (i: number): string => (i === 20 ? '2e38,1' : `${i % 5},${(i % 5) / 2}`);
  writeFileSync(csv, `x,y\n${Array.from({ length: 40 }, (_, i) => row(i)).join('\n')}\n`);
  const { outcome, events } = await run({
    ...{ csv, task: 'regress', target: ['y'], features: ['x'], scaling: 'none', cell: 'mlp', activation: 'relu' },
    ...{ hidden: 8, batch: 4, validation: 0, epochs: 4, optimizer: 'adam', lr: 0.01, workers: 2, out: folder() },
    kernels: kernelNames[0],
  });
  const steps = stepsOf(events);
  const skipped = steps.filter((step) => step.skipped);
  expect(steps).toHaveLength(40);
  expect(skipped.map(({ epoch, loss }) => [epoch, loss])).toEqual([1, 2, 3, 4].map((epoch) => [epoch, null]));
  expect(steps.filter((step) => !step.skipped).every(({ loss }) => Number.isFinite(loss))).toBe(true);
  const { training } = await loadModel(outcome.path);
  expect([training?.step, training?.updates, training?.badInARow]).toEqual([40, 36, steps.at(-1)?.skipped ? 1 : 0]);
});
