// Workers that are lost at any instant: the run goes on, and ends with the bytes of one without faults.
import { expect, test } from 'vitest';
import { kernelNames } from './runs.js';
import { expectSurvival, KINDS, trainWith } from './worker-faults.js';

const cases = Object.keys(KINDS).flatMap((kind) => kernelNames.map((kernels) => ({ kind, kernels })));

test.each(cases)(
  '$kind, $kernels kernels: a run that loses workers ends with the bytes of one that does not',
  async ({ kind, kernels }) => {
    const whole = await trainWith(kind, kernels, []);
    expect(whole.notices).toEqual([]);
    const happened: string[] = [];
    for (const seed of [1, 2]) happened.push(...(await expectSurvival(kind, kernels, seed, whole.hash)));
    expect(happened.length).toBeGreaterThan(1);
  },
);
