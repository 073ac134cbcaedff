// Processes that end before their time, and what they write to: the run goes on to the bytes of one that nothing happened to.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stepsIn, verifyCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { killedRun } from './process-faults.js';
import { command, digests, library, newFolders, node, someText } from './runs.js';

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

/** Settings of a short run that saves often; the text lies outside the disk that fails. */
const flagsOf = (text: string, steps = 60): string[] => [
  ...['--text', text, '--hidden', '12', '--batch', '4', '--window', '8', '--steps', String(steps)],
  ...['--checkpoint-every', '3', '--workers', '2', '--quiet'],
];

function someRun(): { readonly text: string; readonly whole: string; readonly out: string } {
  const [text, whole, out] = [folder('text'), folder(), folder()];
  writeFileSync(text, someText(3000));
  return { text, whole, out };
}

/** The run that nothing happens to, and one that goes on in `out` after something did: the same bytes. */
async function expectSameBytes(text: string, whole: string, out: string): Promise<void> {
  expect(await node([command, 'train', ...flagsOf(text), '--out', whole])).toMatchObject({ code: 0 });
  for (const step of stepsIn(out)) verifyCheckpoint(join(out, 'checkpoints', `step-${String(step).padStart(8, '0')}`));
  expect(await node([command, 'train', '--resume', out, '--steps', '60', '--quiet'])).toMatchObject({
    code: 0,
    stderr: '',
  });
  expect(digests(join(out, 'latest'))).toEqual(digests(join(whole, 'latest')));
}

/** Mounts a small disk; false where only root may. */
function mount(disk: string): boolean {
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a disk that fails', () => {
  test('by being full ends the run with code 1; with more space it goes on to the same bytes', async () => {
    const { text, whole, out: disk } = someRun();
    if (!mount(disk)) return;
    try {
      const out = join(disk, 'run');
      const full = await node([command, 'train', ...flagsOf(text), '--out', out]);
      expect(full).toMatchObject({ code: 1, stderr: expect.stringMatching(/no space is left .+ go on with: /) });
      execFileSync('mount', ['-o', 'remount,size=8m', disk]);
      await expectSameBytes(text, whole, out);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('by becoming read-only half-way does the same', async () => {
    const { text, whole, out: disk } = someRun();
    if (!mount(disk)) return;
    try {
      const out = join(disk, 'run');
      execFileSync('mount', ['-o', 'remount,size=8m', disk]);
      const protect = `
        import { execFileSync } from 'node:child_process';
        import { train } from ${JSON.stringify(library)};
        const [text, out, disk] = process.argv.slice(1);
        const settings = { text, out, hidden: 12, batch: 4, window: 8, steps: 60, checkpointEvery: 3, workers: 2 };
        let protectedOnce = false;
        await train({ ...settings, onEvent: ({ event, step }) => {
          if (event !== 'checkpoint' || step < 15 || protectedOnce) return;
          protectedOnce = true;
          // Files that are open for writing keep a disk from being remounted; through a bind it can be.
          execFileSync('mount', ['--bind', disk, disk]);
          execFileSync('mount', ['-o', 'remount,bind,ro', disk]);
        } }).catch((error) => { console.log(error.message); process.exitCode = error.exitCode; });`;
      const ended = await node(['--input-type=module', '-e', protect, text, out, disk]);
      execFileSync('umount', [disk]);
      expect(ended.code === 0 || ended.stdout.includes('read-only'), JSON.stringify(ended)).toBe(true);
      await expectSameBytes(text, whole, out);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('by refusing to let a file grow does the same', async () => {
    const { text, whole, out } = someRun();
    expect(await node([command, 'train', ...flagsOf(text, 20), '--out', out])).toMatchObject({ code: 0 });
    const goesOn = [process.execPath, command, 'train', '--resume', out, '--steps', '60', '--quiet'];
    const failed = spawnSync('bash', ['-c', 'ulimit -f 4; exec "$0" "$@"', ...goesOn], { encoding: 'utf8' });
    expect([failed.status, failed.stderr]).toEqual([1, expect.stringMatching(/larger than the system allows/)]);
    await expectSameBytes(text, whole, out);
  });
});

test('a clock that is set back between two parts of a run, and within one, changes no byte', async () => {
  const { text, whole, out } = someRun();
  const begun = await node([command, 'train', ...flagsOf(text, 20), '--out', out]);
  expect(begun.code).toBe(0);
  const back = `${folder('clock')}.mjs`;
  writeFileSync(
    back,
    `const now = Date.now; let calls = 0; const year = 365 * 24 * 3600e3;
     Date.now = () => now() - year - 1000 * calls++;
     Object.defineProperty(performance, 'timeOrigin', { get: () => now() - year - 1000 * calls++ - performance.now() });`,
  );
  const rest = await node(['--import', back, command, 'train', '--resume', out, '--steps', '60', '--quiet']);
  expect([rest.code, rest.stderr]).toEqual([0, '']);
  expect(await node([command, 'train', ...flagsOf(text), '--out', whole])).toMatchObject({ code: 0 });
  expect(digests(join(out, 'latest'))).toEqual(digests(join(whole, 'latest')));
});
