// unroll tune, through the real binary.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { CLI, folder, unroll } from './command.js';

const SMALL = ['--hidden', '8', '--batch', '4', '--window', '8', '--workers', '1', '--steps', '60'];
const SEARCH = ['--trials', '3', '--budget', '10'];

beforeAll(() => {
  writeFileSync(join(folder, 'text.txt'), 'The ship sails on, and the whale with it.\n'.repeat(60));
  writeFileSync(
    join(folder, 'settings.yaml'),
    'text: text.txt\nhidden: 8\nbatch: 4\nwindow: 8\nsteps: 60\nworkers: 1\n',
  );
});

test('prints a line for each piece of a trial, a table, and how to train the best one; which then trains', () => {
  const { status, stdout, stderr } = unroll(['tune', 'settings.yaml', ...SEARCH]);
  expect([status, stderr]).toEqual([0, '']);
  const [about, ...lines] = stdout.trimEnd().split('\n');
  expect(about).toBe(
    '3 trials of lr, clipNorm, 10 steps each in the first round; all of it is in runs/text-lstm8-tune',
  );
  expect(lines.slice(0, 5).map((line) => line.slice(0, 16))).toEqual([
    ...[1, 2, 3].map((trial) => `round 1, trial ${trial}`),
    ...[expect.stringMatching(/^round 2, trial/), expect.stringMatching(/^round 2, trial/)],
  ]);
  expect(lines[0]).toBe(`round 1, trial 1: lr 0.001, clipNorm 1; step 10: ${/validation .*$/.exec(lines[0])?.[0]}`);
  expect(lines[6]).toMatch(/^trial +lr +clipNorm +steps +validation$/);
  expect(lines[7]).toMatch(/^ +\d +[\d.]+ +[\d.]+ +20 +\d\.\d{3} bits per character$/);
  const best = /^number (\d) is the best; try: unroll (train \S+)$/.exec(lines.at(-1) ?? '');
  expect(best?.[1]).toBe(lines[7].trim()[0]);
  expect(unroll([...(best?.[2].split(' ') ?? []), '--quiet', '--out', 'chosen'])).toMatchObject({
    status: 0,
    stderr: '',
  });
  expect(existsSync(join(folder, 'chosen/checkpoints/step-00000060'))).toBe(true);
});

test('--json prints events and nothing else, --quiet nothing', () => {
  const flags = ['tune', '--text', 'text.txt', ...SMALL, ...SEARCH, '--search', 'lr,hidden', '--out', 'json'];
  const { status, stdout, stderr } = unroll([...flags, '--json']);
  expect([status, stderr]).toEqual([0, '']);
  const lines = stdout.trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line));
  expect(events.map(({ event }) => event)).toEqual(['tune', ...Array(5).fill('trial'), 'best']);
  expect(events[0]).toMatchObject({
    trials: 3,
    search: ['lr', 'hidden'],
    budget: 10,
    most: 60,
    out: 'json',
    unit: 'token',
  });
  expect(events[1]).toEqual({
    ...{ event: 'trial', trial: 1, round: 1, settings: { lr: 0.001, hidden: 8 }, steps: 10, loss: expect.any(Number) },
  });
  expect(events[6]).toMatchObject({ steps: 20, config: 'json/best.yaml' });
  expect(unroll([...flags, '--quiet'])).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('Ctrl-C ends it with code 130, and the same command goes on', async () => {
  const args = [
    'tune',
    'settings.yaml',
    '--steps',
    '4000',
    '--trials',
    '3',
    '--budget',
    '800',
    '--json',
    '--out',
    'stopped',
  ];
  const child = spawn(process.execPath, [CLI, ...args], { cwd: folder });
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGINT'), 200));
  const [code] = await once(child, 'exit');
  expect(code).toBe(130);
  const { status, stdout } = unroll(args);
  expect([status, JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '').event]).toEqual([0, 'best']);
});

test.each<[string, readonly string[], RegExp]>([
  ['one trial', ['--trials', '1'], /^--trials: 1 is not allowed; it is the number of trials, 2 to 1024$/],
  ['no steps', ['--budget', '0'], /^--budget: 0 is not allowed; it is the number of steps in the first round, 1 to/],
  [
    'a setting that is not searched',
    ['--search', 'lr,clip-norm'],
    /^--search: "clip-norm" is not allowed; it is names of lr, clipNorm, hidden .*; did you mean clipNorm\?$/,
  ],
  ['a setting of train that is wrong', ['--hidden', '0'], /^--hidden: 0 is not allowed/],
  ['a flag that is none', ['--trial', '3'], /^--trial: there is no such flag; did you mean --trials\?/],
])('%s: exit code 2, one message, nothing on stdout', (_, args, message) => {
  const { status, stdout, stderr } = unroll(['tune', '--text', 'text.txt', ...args]);
  expect(stderr.trimEnd()).toMatch(message);
  expect([status, stdout]).toEqual([2, '']);
});

describe('a folder that cannot be', () => {
  beforeAll(() => {
    symlinkSync('circle', join(folder, 'circle'));
    writeFileSync(join(folder, 'file'), '');
  });
  test.each([
    ['circle', '--out: circle cannot be written: a part of the path is not a folder; give a folder that can\n'],
    ['file', '--out: file is no folder; give one\n'],
    ['file/x', '--out: file/x cannot be written: a part of the path is not a folder; give a folder that can\n'],
  ])('%s', (out, message) => {
    expect(unroll(['tune', 'settings.yaml', ...SEARCH, '--out', out])).toEqual({
      ...{ status: 2, stdout: '', stderr: message },
    });
  });
});

test('a search of which no trial can begin leaves nothing behind, so that the mended command can be given', () => {
  expect(unroll(['train', 'settings.yaml', '--quiet', '--out', 'start']).status).toBe(0);
  mkdirSync(join(folder, 'kept'));
  const flags = ['tune', 'settings.yaml', ...SEARCH, '--quiet', '--init-from', 'start'];
  for (const out of ['deep/tune', 'kept']) {
    const refused = unroll([...flags, '--hidden', '6', '--out', out]);
    expect(refused).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/has shape \[32, 17\]; the model needs/),
    });
  }
  expect(existsSync(join(folder, 'deep'))).toBe(false);
  expect(readdirSync(join(folder, 'kept'))).toEqual([]);
  expect(unroll([...flags, '--out', 'kept'])).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(readdirSync(join(folder, 'kept')).sort()).toEqual(['best.yaml', 'trials', 'tune.json']);
});

test('what was there before a search that is refused stays', () => {
  mkdirSync(join(folder, 'mine/trials/01'), { recursive: true });
  writeFileSync(join(folder, 'mine/trials/01/notes.txt'), 'mine');
  const theirs = unroll(['tune', 'settings.yaml', ...SEARCH, '--out', 'mine']);
  expect([theirs.status, theirs.stderr]).toEqual([
    2,
    '--out: mine/trials is there already, and no tune.json says of which search; remove it, or give another folder\n',
  ]);
  expect(readdirSync(join(folder, 'mine'))).toEqual(['trials']);
  expect(readdirSync(join(folder, 'mine/trials/01'))).toEqual(['notes.txt']);
  // A search that had trained is not removed where one of its trials cannot go on.
  writeFileSync(join(folder, 'changing.txt'), 'The ship sails on, and the whale with it.\n'.repeat(60));
  const flags = ['tune', '--text', 'changing.txt', ...SMALL, ...SEARCH, '--quiet', '--out', 'trained'];
  expect(unroll(flags).status).toBe(0);
  const state = JSON.parse(readFileSync(join(folder, 'trained/tune.json'), 'utf8'));
  state.trials = state.trials.map(({ trial, settings }: { trial: number; settings: object }) => ({
    ...{ trial, settings, steps: 0, losses: [] },
  }));
  writeFileSync(join(folder, 'trained/tune.json'), JSON.stringify(state));
  writeFileSync(join(folder, 'changing.txt'), 'The ship sails on, and the whale with a.\n'.repeat(60));
  expect(unroll(flags)).toMatchObject({ status: 2, stderr: expect.stringMatching(/--resume/) });
  expect(readdirSync(join(folder, 'trained/trials'))).toEqual(['01', '02', '03']);
});

test('help has the flags of the search before those of train', () => {
  const { stdout } = unroll(['tune', '--help']);
  expect(stdout).toMatch(/Search:[\s\S]*--search[\s\S]*--trials[\s\S]*--budget[\s\S]*Data:[\s\S]*--text/);
});
