// 200 processes killed at random instants, many within a checkpoint: each run ends with the bytes of one that nothing happened to.
import { expect, test } from 'vitest';
import { killedRun } from '../run/process-faults.js';
import { newFolders } from '../run/runs.js';

const KILLS = 200;
const STEPS = 1200;
const folder = newFolders();

test(`${KILLS} kills leave no trace in the bytes, no torn checkpoint and no heap of files`, async () => {
  const whole = await killedRun(folder(), STEPS, 0, 0);
  let kills = 0;
  for (let seed = 100; kills < KILLS; seed++) {
    const killed = await killedRun(folder(), STEPS, KILLS, seed);
    expect([killed.model, killed.trainer], `seed ${seed}`).toEqual([whole.model, whole.trainer]);
    kills += killed.kills;
  }
  console.log(`${kills} kills`);
});
