// Workers that are lost at any instant: the run goes on, and ends with the bytes of one without faults.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { RunError } from '../../src/errors.js';
import { nativeProblem } from '../../src/kernels/native.js';
import { kernelNames, node } from './runs.js';
import { freshPath, text } from './small-runs.js';
import { expectSurvival, type Fault, faultyWorker, KINDS, trainWith } from './worker-faults.js';

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

describe('a worker that is lost each time', () => {
  const always = (after: number): Fault[] => Array.from({ length: 9 }, () => ({ worker: 1, after, way: 'throw' }));

  test('ends the run after so many faults in a row, with all completed steps saved', async () => {
    const out = freshPath();
    const failed = trainWith('dense', 'wasm', always(5), { maxWorkerFaults: 2, out });
    await expect(failed).rejects.toThrow(RunError);
    await expect(failed).rejects.toThrow(
      /^worker 1 ended in [A-Z ]+ of step 6 \(a fault of the test\), the fault number 3 in a row \(--max-worker-faults 2\); .+ holds everything up to step 5;/,
    );
    verifyCheckpoint(join(out, 'latest'));
  });
});

test('a worker that hangs in native code ends the process at once, and the message names where to go on', async () => {
  const [folder, out, file, program] = [freshPath(), freshPath(), freshPath(), `${freshPath()}.mjs`];
  mkdirSync(folder);
  writeFileSync(file, text(3000));
  const dist = (path: string): string => JSON.stringify(new URL(`../../dist/src/${path}`, import.meta.url).href);
  writeFileSync(
    program,
    `import { startThreads } from ${dist('coordinator/pool.js')};
     import { runConfig } from ${dist('run/run-config.js')};
     import { runTraining } from ${dist('run/train.js')};
     import { endIfStuck, reportError } from ${dist('cli/failure.js')};
     const settings = { text: ${JSON.stringify(file)}, out: ${JSON.stringify(out)}, hidden: 12, workers: 2, batch: 4, window: 8 };
     const config = runConfig({ ...settings, steps: 500, checkpointEvery: 1, workerTimeout: 1 });
     await runTraining(config, { threads: startThreads(2, ${JSON.stringify(faultyWorker)}) }).catch((error) => {
       reportError(error, false);
       endIfStuck(error);
     });`,
  );
  const faults: Fault[] = [{ worker: 1, at: 2000, way: 'native' }];
  process.env.UNROLL_TEST_FAULTS = JSON.stringify({ folder, faults });
  const { code, signal, stderr } = await node([program]);
  expect([code, signal]).toEqual(nativeProblem() === undefined ? [1, null] : [null, 'SIGKILL']);
  expect(stderr).toMatch(
    /^worker 1 hangs inside native code and cannot be ended; .+ holds everything up to step \d+; go on with: /,
  );
  verifyCheckpoint(join(out, 'latest'));
});
