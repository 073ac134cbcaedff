// The commands as they are used: what is printed, what is written, how a run is stopped.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { CLI, folder, unroll } from './command.js';

const path = (name: string): string => join(folder, name);
const SMALL = ['--hidden', '16', '--batch', '4', '--window', '8', '--workers', '2'] as const;

beforeAll(() => {
  writeFileSync(path('text.txt'), 'Naïve ships – 日本語 – sail on, and the whale with them.\n'.repeat(80));
  expect(
    unroll(['train', '--text', 'text.txt', ...SMALL, '--epochs', '2', '--lr', '0.01', '--quiet', '--out', 'run']),
  ).toEqual({
    status: 0,
    stdout: '',
    stderr: '',
  });
});

test('train --json prints events and nothing else', () => {
  const flags = [...SMALL, '--steps', '20', '--eval-every', '10', '--json', '--out', 'json'];
  const { status, stdout, stderr } = unroll(['train', '--text', 'text.txt', ...flags]);
  expect([status, stderr]).toEqual([0, '']);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.map(({ event }) => event).filter((event) => event !== 'step')).toEqual([
    ...['plan', 'eval', 'checkpoint', 'eval', 'checkpoint', 'done'],
  ]);
  const fields: Readonly<Record<string, readonly string[]>> = {
    plan: ['bytes'],
    step: ['step', 'epoch', 'loss', 'lr', 'gradNorm', 'tokensPerSecond', 'density'],
    eval: ['step', 'loss', 'bitsPerCharacter', 'perplexity', 'accuracy'],
    checkpoint: ['step', 'path'],
    done: ['step', 'seconds', 'tokensPerSecond', 'peakBytes'],
  };
  for (const event of events) for (const field of fields[event.event]) expect(event, event.event).toHaveProperty(field);
  expect(readFileSync(path('json/metrics.jsonl'), 'utf8').trim().split('\n')).toHaveLength(events.length);
  expect(JSON.parse(readFileSync(path('json/config.json'), 'utf8'))).toMatchObject({
    hidden: 16,
    layers: 1,
    lr: 0.001,
    version: '0.1.0',
  });
});

test('the resident size stays within the plan, 100 MB, and 15 MB a worker', () => {
  const flags = [
    'train',
    '--text',
    'text.txt',
    ...SMALL,
    '--epochs',
    '20',
    '--eval-every',
    '50',
    '--json',
    '--out',
    'size',
  ];
  const events = unroll(flags)
    .stdout.trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const [plan, done] = [events[0], events.at(-1)];
  expect(done.step).toBeGreaterThan(1000);
  expect(done.peakBytes).toBeLessThan(plan.bytes + 100e6 + plan.workers * 15e6);
});

test('a setting without effect is allowed, with a warning', () => {
  const warning = '--activation relu has no effect: --cell lstm has activations of its own\n';
  const flags = ['train', '--text', 'text.txt', ...SMALL, '--activation', 'relu', '--quiet'];
  expect(unroll([...flags, '--steps', '1', '--out', 'warned'])).toEqual({ status: 0, stdout: '', stderr: warning });
  expect(unroll([...flags, '--dry-run'])).toEqual({ status: 0, stdout: '', stderr: warning });
});

test('a dry run prints the plan and writes nothing', () => {
  const { status, stdout } = unroll(['train', '--text', 'text.txt', ...SMALL, '--dry-run', '--out', 'dry']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^activations\s+[\d,]+/m);
  expect(stdout).toMatch(/^in all\s+[\d,]+/m);
  expect(existsSync(path('dry'))).toBe(false);
});

test.each([
  ['settings.yaml', 'text: text.txt\nhidden: 12\nbatch: 4\nwindow: 8\nsteps: 3\n'],
  ['settings.json', '{"text": "text.txt", "hidden": 12, "batch": 4, "window": 8, "steps": 3}'],
])('settings of %s, flags over them', (file, content) => {
  writeFileSync(path(file), content);
  const out = `from-${file}`;
  expect(unroll(['train', file, '--batch', '5', '--quiet', '--out', out]).status).toBe(0);
  const config = JSON.parse(readFileSync(path(`${out}/config.json`), 'utf8'));
  expect(config).toMatchObject({ hidden: 12, batch: 5, steps: 3 });
});

test('the default folder of a second run has a number', () => {
  for (const out of ['runs/text-lstm16', 'runs/text-lstm16-2']) {
    expect(unroll(['train', '--text', 'text.txt', ...SMALL, '--steps', '2', '--quiet']).status).toBe(0);
    expect(existsSync(path(`${out}/latest/model.safetensors`))).toBe(true);
  }
});

test('of trainings that begin at once each has a folder of its own', async () => {
  const flags = ['train', '--text', 'text.txt', ...SMALL, '--hidden', '9', '--steps', '3', '--json'].toSpliced(3, 2);
  const runs = Array.from({ length: 3 }, () => {
    const child = spawn(process.execPath, [CLI, ...flags], { cwd: folder });
    child.stdout.resume();
    return once(child, 'exit');
  });
  expect((await Promise.all(runs)).map(([status]) => status)).toEqual([0, 0, 0]);
  for (const out of ['runs/text-lstm9', 'runs/text-lstm9-2', 'runs/text-lstm9-3'])
    expect(readFileSync(path(`${out}/metrics.jsonl`), 'utf8').match(/"event":"done"/g), out).toHaveLength(1);
});

test('a run is made longer', () => {
  expect(unroll(['train', '--text', 'text.txt', ...SMALL, '--steps', '5', '--quiet', '--out', 'longer']).status).toBe(
    0,
  );
  const { status, stdout } = unroll(['train', '--resume', 'longer', '--steps', '9']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/going on from step 5/);
  expect(existsSync(path('longer/checkpoints/step-00000009/manifest.json'))).toBe(true);
});

describe('a model', () => {
  test('is evaluated, inspected and sampled', () => {
    const evaluated = unroll(['eval', 'run', '--text', 'text.txt', '--json']);
    const result = JSON.parse(evaluated.stdout);
    expect(result.bitsPerCharacter).toBeCloseTo(result.loss / Math.LN2, 10);
    expect(unroll(['inspect', 'run']).stdout).toMatch(/rnn\.weight_hh_l0\s+64 x 16\s+4,096/);
    const samples = [0, 0, 1].map(
      (seed) => unroll(['sample', 'run/latest', '--length', '50', '--prompt', '日本', '--seed', `${seed}`]).stdout,
    );
    expect(samples[1]).toBe(samples[0]);
    expect(samples[2]).not.toBe(samples[0]);
    expect([...samples[0]]).toHaveLength(2 + 50 + 1);
  });

  test('of bytes writes valid text', () => {
    expect(
      unroll(['train', '--text', 'text.txt', '--tokens', 'byte', ...SMALL, '--steps', '3', '--quiet', '--out', 'bytes'])
        .status,
    ).toBe(0);
    const { stdout } = unroll(['sample', 'bytes', '--length', '200', '--temperature', '5']);
    expect(Buffer.from(stdout).toString('utf8')).toBe(stdout);
  });

  test('leaves unknown symbols out where it is told to', () => {
    writeFileSync(path('zebra.txt'), 'zebras and ships');
    expect(JSON.parse(unroll(['eval', 'run', '--text', 'zebra.txt', '--skip-unknown', '--json']).stdout).skipped).toBe(
      3,
    );
  });
});

describe('diagnose', () => {
  test('without a model is a table of the toy network, a line a network', () => {
    const { status, stdout, stderr } = unroll(['diagnose']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^steps back +0 +1 +2 +4 +8 +16 +32 +49$/m);
    expect(stdout).toMatch(/^ReLU, w = 1\.5 +1\.0 +1\.5 +2\.3 +5\.1 +26 +657 +4\.3e5 +4\.3e8$/m);
    expect(stdout).toMatch(/^LSTM, gate bias 5 .* 0\.43$/m);
    expect(stdout.trim().split('\n')).toHaveLength(1 + 3 * 3 + 2 + 2);
  });

  test('cuts off where it is told to, for machines and as a chart', () => {
    const flags = ['--weight', '-0.5,1', '--gate-bias', '2', '--steps', '40', '--window', '10'];
    expect(unroll(['diagnose', ...flags]).stdout).toMatch(/^ReLU, w = 1 .* 25\.0%$/m);
    const { status, stdout } = unroll(['diagnose', ...flags, '--json', '--svg', 'toy.svg']);
    const { networks, ...rest } = JSON.parse(stdout);
    expect([status, rest]).toEqual([0, { event: 'diagnose', steps: 40, window: 10 }]);
    expect(networks).toHaveLength(3 * 2 + 2);
    for (const { norms } of networks) expect(norms).toHaveLength(40);
    expect(readFileSync(path('toy.svg'), 'utf8')).toMatch(/^<svg [\s\S]*cut off: window 10[\s\S]*<\/svg>\n$/);
  });

  test('draws and prints what docs/gradients.md shows', () => {
    const { stdout } = unroll(['diagnose', '--window', '20', '--svg', 'shown.svg']);
    const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
    expect(page('gradients.md')).toContain(`\n${stdout}`);
    expect(page('gradients.svg')).toBe(readFileSync(path('shown.svg'), 'utf8'));
  });

  test('of a model goes back through the text that its run learned, or another', () => {
    const own = unroll(['diagnose', 'run', '--window', '12', '--svg', 'run.svg']);
    expect([own.status, own.stderr]).toEqual([0, '']);
    expect(own.stdout).toMatch(/^steps back +0 +1 +2 +4 +8 +11 +a step +below 1%\nlayer 1 /);
    expect(own.stdout).toMatch(/\n(the gradient (vanishes|explodes|neither vanishes nor explodes).*)/);
    expect(readFileSync(path('run.svg'), 'utf8')).toContain('layer 1');
    writeFileSync(path('short.txt'), 'ships sail on');
    const other = unroll([
      'diagnose',
      'run/latest/model.safetensors',
      '--text',
      'short.txt',
      '--window',
      '12',
      '--json',
    ]);
    const { event, window, streams, layers } = JSON.parse(other.stdout);
    expect({ event, window, streams }).toEqual({ event: 'diagnose', window: 12, streams: 1 });
    expect(layers[0].norms).toHaveLength(12);
  });
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s stops after the step and saves', async (signal, code) => {
  const out = `stopped-${signal}`;
  const flags = [...SMALL, '--steps', '1000000', '--json', '--out', out];
  const child = spawn(process.execPath, [CLI, 'train', '--text', 'text.txt', ...flags], { cwd: folder });
  child.stdout.once('data', () => setTimeout(() => child.kill(signal), 300));
  child.stdout.resume();
  const [status] = await once(child, 'exit');
  expect(status).toBe(code);
  expect(existsSync(path(`${out}/latest/manifest.json`))).toBe(true);
});

test('doctor says which kernels are in use, help has examples, completion is a script', () => {
  expect(unroll(['doctor']).stdout).toMatch(/^kernels\s+(native|wasm)/m);
  expect(unroll(['doctor'], { UNROLL_KERNELS: 'wasm' }).stdout).toMatch(
    /^kernels\s+wasm.*UNROLL_KERNELS asks for them/m,
  );
  expect(unroll(['train', '--help']).stdout).toMatch(/Examples:[\s\S]*unroll train --text book\.txt/);
  const completion = unroll(['completion']);
  expect([completion.status, completion.stderr]).toEqual([0, '']);
  expect(completion.stdout).toMatch(/complete/);
  const zsh = unroll(['completion', 'zsh']);
  expect([zsh.status, zsh.stderr, zsh.stdout.split('\n')[0]]).toEqual([0, '', '#compdef unroll']);
  const bash = unroll(['completion', 'bash'], { SHELL: '/bin/zsh' });
  expect(bash.stdout).toMatch(/^###-begin-unroll-completions-###/);
  expect(unroll(['completion', 'fish']).stdout).toMatch(/^complete /m);
  expect(unroll(['completion', 'tcsh'])).toMatchObject({
    ...{ status: 2, stdout: '' },
    stderr: 'completion: "tcsh" is not allowed; it takes the name of a shell, one of bash, zsh, fish\n',
  });
  expect(unroll(['completion', 'bash', 'zsh']).stderr).toMatch(/^"zsh": that is one word too many;/);
  expect(unroll(['completion', '--help'])).toMatchObject({ status: 0, stderr: '' });
  expect(unroll(['--version']).stdout.trim()).toBe('0.1.0');
});
