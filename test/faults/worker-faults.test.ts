// 300 workers lost, over all phases, kinds of runs, kernels and ways to be lost: each run ends with the bytes of one without faults.
import { expect, test } from 'vitest';
import { kernelNames } from '../run/runs.js';
import { expectSurvival, KINDS, trainWith } from '../run/worker-faults.js';

const FAULTS = 300;

test(`${FAULTS} faults are survived, and leave no trace in the bytes`, async () => {
  const cases = Object.keys(KINDS).flatMap((kind) => kernelNames.map((kernels) => [kind, kernels] as const));
  const whole = new Map<string, string>();
  for (const [kind, kernels] of cases) whole.set(`${kind} ${kernels}`, (await trainWith(kind, kernels, [])).hash);
  const happened: string[] = [];
  for (let seed = 1000; happened.length < FAULTS; seed++) {
    const [kind, kernels] = cases[seed % cases.length];
    happened.push(...(await expectSurvival(kind, kernels, seed, whole.get(`${kind} ${kernels}`) ?? '')));
  }
  const counts: Record<string, number> = {};
  for (const what of happened) counts[what] = (counts[what] ?? 0) + 1;
  console.log(Object.entries(counts).sort());
  for (const stage of ['WAIT', 'PROJECT', 'THROUGH TIME', 'GRADIENT', 'NORM', 'UPDATE', 'EVALUATION'])
    expect(happened.filter((what) => what.endsWith(` ${stage}`)).length, stage).toBeGreaterThan(0);
});
