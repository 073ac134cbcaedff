// What ends a run from outside: Ctrl-C at any moment, an output that nobody reads or that is full, a terminal that is closed.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { randomOf } from '../run/worker-faults.js';
import { CLI, folder, unroll } from './command.js';
import { endless, stoppedAnywhere } from './signals.js';

const path = (name: string): string => join(folder, name);
const hasSaved = (out: string): boolean => existsSync(path(`${out}/latest/manifest.json`));
/** Settings of a run that ends by itself, after a second or two. */
const short = (out: string): string[] => [...endless('text.txt', out), '--json'].map(fewer).filter(isLoud);
const fewer = (flag: string): string => (flag === '1000000' ? '3000' : flag);
const isLoud = (flag: string): boolean => flag !== '--quiet';

beforeAll(() => {
  writeFileSync(path('text.txt'), 'The ship sails on, and the whale with it.\n'.repeat(60));
});

function works(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

/** The process that this one started, or undefined as long as there is none. */
function childOf({ pid }: ChildProcess): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? undefined : Number(children);
}

test('Ctrl-C at any moment, once or twice, leaves what can be gone on from', async () => {
  const random = randomOf(1);
  // test/faults has more of them.
  for (let seed = 0; seed < 6; seed++) await stoppedAnywhere('text.txt', seed, random);
});

test.each([
  ['--json', '{"event":"plan"'],
  ['--seed=1', ''],
])('a reader that leaves (| head) stops the run, which saves; %s', (flag, first) => {
  const args = [...endless('text.txt', `head${flag}`).filter(isLoud), flag].join(' ');
  const piped = `"${process.execPath}" "${CLI}" ${args} | head -n 1; exit "\${PIPESTATUS[0]}"`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', piped], { cwd: folder, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect(stdout.startsWith(first)).toBe(true);
  expect(stderr).toMatch(/^stopped at step \d+, saved in .+; go on with: unroll train --resume head.+\n$/);
  expect(hasSaved(`head${flag}`)).toBe(true);
});

test('an output that is full stops the run with code 1, which says why and saves', () => {
  const args = [...endless('text.txt', 'full').filter(isLoud), '--json'].join(' ');
  const { status, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" ${args} > /dev/full`], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect([status, stderr.split('\n')[0]]).toEqual([1, 'the output cannot be written: no space is left on the device']);
  expect(hasSaved('full')).toBe(true);
});

test.each(['2> /dev/full', '2>&-', '>&- 2>&-'])('notices that cannot be written (%s) stop nothing', (streams) => {
  const out = `mute${streams.length}`;
  const args = short(out)
    .map((flag) => (flag === '3000' ? '20' : flag))
    .join(' ');
  const line = `"${process.execPath}" "${CLI}" ${args} > /dev/null ${streams}`;
  expect(spawnSync('sh', ['-c', line], { cwd: folder }).status).toBe(0);
  expect(hasSaved(out)).toBe(true);
});

test.runIf(works('nohup', 'true'))('under nohup a run goes on when its terminal is closed', async () => {
  const child = spawn('nohup', [process.execPath, CLI, ...short('nohup')], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child.stdout.once('data', () => child.kill('SIGHUP'));
  let last = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    last = (last + text).slice(-2000);
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(JSON.parse(last.trim().split('\n').at(-1) ?? '')).toMatchObject({ event: 'done', step: 3000 });
});

test.runIf(works('script', '-qec', 'true', '/dev/null'))(
  'a terminal that is closed stops the run, which saves',
  async () => {
    const run = `"${process.execPath}" "${CLI}" ${endless('text.txt', 'closed').join(' ')}`;
    const child = spawn('script', ['-qec', `echo $$ > pid; exec ${run}`, '/dev/null'], {
      cwd: folder,
      stdio: 'ignore',
    });
    await until(() => hasSaved('closed'));
    process.kill(Number(readFileSync(path('pid'), 'utf8')), 'SIGHUP');
    expect(await once(child, 'exit')).toEqual([129, null]);
    expect(unroll(['train', '--resume', 'closed', '--dry-run']).status).toBe(0);
  },
);

const alone = ['--fork', '--pid', '--mount-proc'];
test.runIf(works('unshare', ...alone, 'true'))('as the first process of a container it listens, too', async () => {
  const child = spawn('unshare', [...alone, process.execPath, CLI, ...endless('text.txt', 'first')], {
    cwd: folder,
    stdio: 'ignore',
  });
  await until(() => hasSaved('first'));
  // What unshare starts is number 1 there; here it has another number.
  const pid = childOf(child);
  expect(execFileSync('grep', ['NSpid', `/proc/${pid}/status`], { encoding: 'utf8' })).toMatch(/\s1\n$/);
  process.kill(Number(pid), 'SIGTERM');
  expect(await once(child, 'exit')).toEqual([143, null]);
  expect(unroll(['train', '--resume', 'first', '--dry-run']).status).toBe(0);
});

test('a second Ctrl-C ends at once, in the middle of a step, and saves nothing', async () => {
  const long = ['--hidden', '1024', '--batch', '64', '--window', '256', '--workers', '2', '--json', '--out', 'twice'];
  writeFileSync(path('long.txt'), 'The ship sails on, and the whale with it.\n'.repeat(2000));
  const child = spawn(process.execPath, [CLI, 'train', '--text', 'long.txt', ...long], { cwd: folder });
  // The step that comes next takes a second or more.
  for await (const data of child.stdout) if (String(data).includes('"event":"step"')) break;
  child.kill('SIGINT');
  await sleep(150);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([130, null]);
  expect(hasSaved('twice')).toBe(false);
});
