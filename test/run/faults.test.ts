// What ends a run before its time: a worker that is lost, numbers that are not finite, patience.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { verifyCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { RunError } from '../../src/errors.js';
import { nativeProblem } from '../../src/kernels/native.js';
import type { ProfileEvent } from '../../src/report/events.js';
import { train } from '../../src/run/train-api.js';
import { freshPath, run, SETTINGS, text } from './small-runs.js';

const kernels = nativeProblem() ? 'wasm' : 'native';

/** A program that trains with the built library, and loses a worker thread after some steps. */
const losing = (out: string, file: string): string => `
import { train } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../dist/src/index.js')).href)};
const workers = [];
process.on('worker', (worker) => workers.push(worker));
try {
  await train({
    text: ${JSON.stringify(file)}, out: ${JSON.stringify(out)}, workers: 3, hidden: 16, batch: 6, window: 10, steps: 100000, checkpointEvery: 20,
    profile: true, maxWorkerFaults: 0,
    onEvent: (event) => { if (event.event === 'step' && event.step === 50) workers[1].terminate(); },
  });
} catch (error) {
  console.log(JSON.stringify({ name: error.name, code: error.exitCode, message: error.message }));
}`;

test('a worker that is lost ends the run with the last checkpoint intact, and leaves no process behind', async () => {
  const [out, file, program] = [freshPath(), freshPath(), `${freshPath()}.mjs`];
  writeFileSync(file, text(20_000));
  writeFileSync(program, losing(out, file));
  // The program ends by itself: a thread or timer that is left would keep it until the test's time is up.
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  const { name, code, message } = JSON.parse(stdout);
  expect([name, code]).toEqual(['RunError', 1]);
  expect(message).toMatch(
    /^worker 1 ended in [A-Z ]+ of step \d+ \(.+\); .+ holds everything up to step \d+; go on with: unroll train --resume /,
  );
  const latest = join(out, readlinkSync(join(out, 'latest')));
  verifyCheckpoint(latest);
  const step = Number(latest.slice(-8));
  const events = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const profile: ProfileEvent = JSON.parse(events.at(-1) ?? '');
  expect([profile.event, profile.path]).toEqual(['profile', join(out, 'profile.json')]);
  expect(profile.workers.map(({ steps, milliseconds }) => steps > 30 && milliseconds['weight gradient'] > 0)).toEqual(
    Array(3).fill(true),
  );
  expect(message).toContain(`up to step ${step};`);
  const rest = await train({ resume: out, steps: step + 5 });
  expect(rest.step).toBe(step + 5);
});

test('steps that are not finite are left out, and ten in a row end the run with its last good checkpoint', async () => {
  const spoiled = run({
    ...SETTINGS,
    kernels,
    optimizer: 'sgd',
    lr: 3e38,
    clipNorm: 0,
    steps: 200,
    checkpointEvery: 1,
    out: freshPath(),
  });
  await expect(spoiled).rejects.toThrow(RunError);
  await expect(spoiled).rejects.toThrow(
    /not finite in 10 steps in a row, up to step \d+; a lower --lr or --clip-norm may help/,
  );
});

test('patience ends a run that gets no better, `best` stays at the best evaluation', async () => {
  const settings = {
    ...SETTINGS,
    kernels,
    steps: 200,
    lr: 1e-12,
    evalEvery: 3,
    patience: 4,
    checkpointEvery: 1000,
  } as const;
  const { reason, step, out, events } = await run(settings);
  expect(reason).toBe('patience');
  const evaluations = events.flatMap((event) => (event.event === 'eval' ? [event] : []));
  const best = evaluations.filter((event) => event.best).at(-1);
  expect(step).toBe((best?.step ?? 0) + 4 * 3);
  expect(readlinkSync(join(out, 'best'))).toBe(`checkpoints/step-${String(best?.step).padStart(8, '0')}`);
  expect(existsSync(join(out, 'best', 'manifest.json'))).toBe(true);
  // What was the best once and lies on no grid is gone.
  expect(readdirSync(join(out, 'checkpoints')).length).toBe(2);
});
