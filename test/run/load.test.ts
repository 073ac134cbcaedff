// More than a machine was made for, and the least there is: each run works to the same bytes, or is refused with the reason.
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.js';
import { tooLarge } from '../../src/run/plan.js';
import { command, digests, kernelNames, metricsOf, newFolders, node, run, someText, stepsOf } from './runs.js';

const folder = newFolders();
const text = folder('text');
writeFileSync(text, someText(3000));
const settings = { text, hidden: 8, batch: 4, window: 8, steps: 10, workers: 2, kernels: kernelNames[0] } as const;

test('eight runs at once end with the bytes of one alone', async () => {
  const flags = ['--text', text, '--hidden', '32', '--batch', '8', '--window', '16', '--steps', '60', '--workers', '2'];
  const outs = Array.from({ length: 9 }, () => folder());
  const train = (out: string) => node([command, 'train', ...flags, '--quiet', '--out', out]);
  const alone = await train(outs[0]);
  const together = await Promise.all(outs.slice(1).map(train));
  for (const ended of [alone, ...together]) expect(ended).toMatchObject({ code: 0, stderr: '' });
  for (const out of outs) expect(digests(`${out}/latest`)).toEqual(digests(`${outs[0]}/latest`));
});

test('sixty-four workers on few cores learn the bytes of one, also where there is less work than workers', async () => {
  for (const shape of [
    { hidden: 16, batch: 8, window: 8 },
    { hidden: 1, batch: 1, window: 1 },
  ]) {
    const [few, many] = [
      await run({ ...settings, ...shape, workers: 1, out: folder() }),
      await run({ ...settings, ...shape, workers: 64, out: folder() }),
    ];
    expect(many.outcome.step).toBe(10);
    expect(digests(many.outcome.path)).toEqual(digests(few.outcome.path));
  }
});

describe('the least there is', () => {
  const least = { ...settings, hidden: 1, batch: 1, window: 1 };

  test.each(['rnn', 'lstm', 'gru'] as const)('one unit, one stream, one step back: %s', async (cell) => {
    const { outcome } = await run({ ...least, cell, out: folder() });
    const { loss } = await (await loadModel(outcome.path)).eval({ text: someText(200) });
    expect(Number.isFinite(loss)).toBe(true);
  });

  test('one symbol', async () => {
    const data = { sequences: [[0, 0, 0, 0, 0, 0]], vocabularySize: 1 };
    const { text: _, ...rest } = least;
    const { events } = await run({ ...rest, validation: 0, data, out: folder() });
    expect(stepsOf(events).map(({ loss }) => loss)).toEqual(Array(10).fill(0));
  });
});

describe('the most there is', () => {
  test('a vocabulary of a million symbols is learned where nothing is held out for evaluations, which would need gigabytes', async () => {
    const [wide, out] = [folder('wide'), folder()];
    writeFileSync(wide, Array.from({ length: 1_050_000 }, (_, i) => String.fromCodePoint(0xe000 + i)).join(''));
    const flags = ['--hidden', '4', '--embedding', '4', '--batch', '2', '--window', '4', '--optimizer', 'sgd'];
    const steps = ['--steps', '3', '--validation', '0', '--workers', '2', '--quiet', '--out', out];
    expect(await node([command, 'train', '--text', wide, ...flags, ...steps])).toMatchObject({ code: 0, stderr: '' });
    expect(metricsOf(out).filter(({ event }) => event === 'step')).toHaveLength(3);
    const parts = [['parameters', 3e8] as const, ['evaluation', 4.6e9] as const];
    expect(tooLarge(4.9e9, parts, 'in one piece, which the system does not give').message).toBe(
      '--hidden: the plan needs 4.9 GB in one piece, which the system does not give; 4.6 GB of it are evaluation; ' +
        'lower --hidden or --layers, or hold nothing out with --validation 0 (--dry-run prints the plan)',
    );
  });

  test.each([
    [['--layers', '100'], /^--layers: 100 is not allowed; .+ 0 to 8\n$/],
    [['--workers', '257'], /^--workers: 257 is not allowed; .+ 1 to 256\n$/],
    [
      ['--hidden', '65536', '--layers', '8'],
      /^--hidden: the plan needs .+ TB and this machine has .+; lower --hidden or --layers/,
    ],
  ])('%s is refused with the reason, and nothing is written', (flags, reason) => {
    const out = folder();
    const args = [command, 'train', '--text', text, '--out', out, ...flags];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, expect.stringMatching(reason)]);
    expect(existsSync(out)).toBe(false);
  });
});
