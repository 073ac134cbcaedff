// One process at a time trains in a folder; one that is gone does not keep it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { RunLock } from '../../src/run/run-lock.js';
import { command, newFolders, node, someText } from './runs.js';

const folder = newFolders();
const locksIn = (path: string): readonly string[] => readdirSync(path).filter((name) => name.startsWith('.lock-'));

function emptyFolder(): string {
  const path = folder();
  mkdirSync(path);
  return path;
}

test('a folder is locked once, and free again after that', () => {
  const path = emptyFolder();
  const lock = RunLock.take(path);
  expect(() => RunLock.take(path)).toThrow(/^--out: this process trains in .+ already/);
  lock.release();
  RunLock.take(path).release();
  expect(readdirSync(path)).toEqual([]);
});

test('locks of processes that are gone, of an earlier boot or of a number that came again, are removed', () => {
  const path = emptyFolder();
  const lock = RunLock.take(path);
  const [own] = locksIn(path);
  lock.release();
  const [, host, boot, pid, start] = /^\.lock-(.*)-(.*)-(\d+)-(\d*)$/.exec(own) as RegExpExecArray;
  for (const stale of [`${host}-${boot}-4999999-1`, `${host}-beef-${pid}-${start}`, `${host}-${boot}-${pid}-1`])
    writeFileSync(join(path, `.lock-${stale}`), '');
  const taken = RunLock.take(path);
  expect(locksIn(path)).toEqual([own]);
  taken.release();
});

test('the lock of another machine is respected, and the message says which file it is', () => {
  const path = emptyFolder();
  writeFileSync(join(path, '.lock-elsewhere-1-2-3'), '');
  expect(() => RunLock.take(path)).toThrow(UserError);
  expect(() => RunLock.take(path)).toThrow(/process 2 of the machine elsewhere .+ remove .+\.lock-elsewhere-1-2-3$/);
  expect(locksIn(path)).toEqual(['.lock-elsewhere-1-2-3']);
});

test('a second process with the same --out is refused with code 2 while the first one trains, and not after it was killed', async () => {
  const [text, out] = [folder('text'), folder()];
  writeFileSync(text, someText(5000));
  const settings = [
    'train',
    '--text',
    text,
    '--hidden',
    '8',
    '--steps',
    '1000000',
    '--checkpoint-every',
    '20',
    '--quiet',
  ];
  const first = spawn(process.execPath, [command, ...settings, '--out', out], { stdio: 'ignore' });
  while (!existsSync(join(out, 'latest'))) await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await node([command, 'train', '--resume', out, '--quiet']);
  expect(second.code).toBe(2);
  expect(second.stderr).toMatch(new RegExp(`^--out: process ${first.pid} is training in `));
  first.kill('SIGKILL');
  await once(first, 'exit');
  expect(locksIn(out)).toHaveLength(1);
  const next = Number(readlinkSync(join(out, 'latest')).slice(-8)) + 1;
  const third = await node([command, 'train', '--resume', out, '--steps', `${next}`, '--quiet']);
  expect([third.code, third.stderr]).toEqual([0, '']);
  expect(locksIn(out)).toEqual([]);
});
