// Twenty thousand hostile files of every kind, each read or refused by a watched thread, and some hundred by the real command.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeSubjects } from '../hostile/subjects.js';
import { folderFor, tryCommand, tryMutations } from '../hostile/surviving.js';
import { Watched } from '../hostile/watched.js';

const CASES = 20_000;
const COMMANDS = 300;
/** Another one gives other files: UNROLL_TEST_SEED=7 npm run test:faults. */
const SEED = Number(process.env.UNROLL_TEST_SEED ?? 1) * 1_000_000;

const folder = mkdtempSync(join(tmpdir(), 'unroll-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const subjects = await makeSubjects(join(folder, 'whole'));
const watched = new Watched();
afterAll(() => watched.close());

test.each(subjects)('$name: each mutation is read or refused, soon and in little memory', async (subject) => {
  const cases = Math.ceil(CASES / subjects.length);
  const { done, refused } = await tryMutations(watched, subject, folderFor(folder, subject), cases, SEED);
  console.log(`${subject.name}: ${done} read, ${refused} refused`);
  expect(done + refused).toBe(cases);
});

test(`${COMMANDS} of them end the command with code 2 and one line, or are read`, async () => {
  const codes: Record<string, number> = {};
  for (let i = 0; i < COMMANDS; i++) {
    const code = await tryCommand(subjects[i % subjects.length], join(folder, 'command'), SEED + i);
    codes[`${code}`] = (codes[`${code}`] ?? 0) + 1;
  }
  console.log('exit codes', codes);
  expect(codes['2']).toBeGreaterThan(COMMANDS / 3);
});
