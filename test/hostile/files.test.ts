// Hostile files of every kind, some hundred: test/faults has twenty thousand.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeSubjects } from './subjects.js';
import { folderFor, tryCommand, tryMutations } from './surviving.js';
import { Watched } from './watched.js';

const CASES = 8;
const SEED = 1;
const COMMANDS = ['model lstm', 'checkpoint lstm', 'config.yaml', 'csv waves', 'parquet long', 'svmlight classes'];

const folder = mkdtempSync(join(tmpdir(), 'unroll-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const subjects = await makeSubjects(join(folder, 'whole'));
const watched = new Watched();
afterAll(() => watched.close());

test.each(subjects)('$name: each mutation is read or refused, soon and in little memory', async (subject) => {
  const { done, refused } = await tryMutations(watched, subject, folderFor(folder, subject), CASES, SEED);
  expect(done + refused).toBe(CASES);
});

test('the command says in one line what is wrong, and leaves no half file', async () => {
  for (const subject of subjects.filter(({ name }) => COMMANDS.includes(name)))
    await tryCommand(subject, join(folder, 'command'), SEED);
});
