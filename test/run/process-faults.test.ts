// Processes that end before their time, and what they write to: the run goes on to the bytes of one that nothing happened to.
import { describe, expect, test } from 'vitest';
import { killedRun } from './process-faults.js';
import { newFolders } from './runs.js';

const folder = newFolders();

describe('a run that is killed again and again', () => {
  test.each([1, 2])(
    'ends with the bytes of one that was not, and no checkpoint is ever torn, seed %d',
    async (seed) => {
      const whole = await killedRun(folder(), 300, 0, 0);
      const killed = await killedRun(folder(), 300, 8, seed);
      expect(killed.kills).toBeGreaterThan(2);
      expect([killed.model, killed.trainer]).toEqual([whole.model, whole.trainer]);
    },
  );
});
