// Rates far too high, in every task with every optimizer.
import { expect, test } from 'vitest';
import { expectFinite, OPTIMIZERS, RATES, tasks } from '../run/numbers.js';
import { newFolders } from '../run/runs.js';
import { tableFile } from '../run/table-files.js';

const folder = newFolders();

test.each(Object.entries(tasks(tableFile(folder))))(
  '%s: no checkpoint has a number that is not finite',
  async (name, task) => {
    let ended = 0;
    // Sparse Adam needs what this one has not.
    const optimizers = OPTIMIZERS.filter((one) => one !== 'sparse-adam' || name !== 'tag');
    for (const optimizer of optimizers)
      for (const lr of RATES) if (await expectFinite(task, optimizer, lr, folder())) ended++;
    console.log(`${name}: ${ended} of ${RATES.length * optimizers.length} runs ended before their time`);
    expect(ended).toBeGreaterThan(0);
  },
);
