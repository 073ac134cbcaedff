// A run that is stopped, killed or moved, and gone on with, ends with the bytes of one that was never interrupted: model,
// optimizer, streams, schedule, and metrics.jsonl.

import {
  cpSync,
  existsSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyCheckpoint } from '../../src/checkpoint/checkpoint.js';
import { type TrainEvent, type TrainOptions, UserError } from '../../src/index.js';
import {
  checkpointsIn,
  command,
  digests,
  evaluationsOf,
  library,
  metricsOf,
  modelDigest,
  newFolders,
  node,
  run,
  script,
  someText,
  stepsOf,
  timeless,
} from './runs.js';

const folder = newFolders();
/** With 5 streams and windows of 6: 12 steps an epoch, 40 characters held out. */
const data = { text: someText(406) };
const EPOCH = 12;
const base: TrainOptions = { data, batch: 5, window: 6, hidden: 12, lr: 0.03, workers: 2 };

/** Stops the run when it hears of this step; it ends at that one or, where workers were ahead, a little later. */
const stopAt = (step: number) => (event: TrainEvent, stop: () => void) => {
  if (event.event === 'step' && event.step === step) stop();
};

const EPOCHS_3: TrainOptions = { epochs: 3 };
const settings: readonly (readonly [string, TrainOptions])[] = [
  ['sgd, constant', { optimizer: 'sgd', ...EPOCHS_3 }],
  ['momentum, milestones', { optimizer: 'momentum', schedule: 'step', milestones: [1, 2], gamma: 0.5, ...EPOCHS_3 }],
  ['adam, cosine, warm-up', { optimizer: 'adam', schedule: 'cosine', warmup: 9, ...EPOCHS_3 }],
  [
    'adamw, plateau, patience, evaluation off the epochs',
    {
      ...{ optimizer: 'adamw', schedule: 'plateau', plateauPatience: 0, gamma: 0.5, evalEvery: 5, patience: 3 },
      ...{ lr: 0.3, steps: 100 },
    },
  ],
  ['rmsprop, both grids off the epochs', { optimizer: 'rmsprop', evalEvery: 5, checkpointEvery: 7, ...EPOCHS_3 }],
  ['k1 < k2, dropout', { window: 9, stride: 4, layers: 2, dropout: 0.4, ...EPOCHS_3 }],
];

describe('stopped twice and gone on with each time', () => {
  test.each(settings)('%s', async (_, options) => {
    const whole = await run({ ...base, ...options, out: folder() });
    const out = folder();
    const first = await run({ ...base, ...options, out }, stopAt(3));
    expect(first.outcome.reason).toBe('stopped');
    const second = await run({ data, resume: out, workers: 1 }, stopAt(first.outcome.step + 6));
    expect(second.outcome.reason).toBe('stopped');
    const third = await run({ data, resume: out, workers: 3 });
    expect(third.outcome).toMatchObject({ reason: whole.outcome.reason, step: whole.outcome.step });
    expect(digests(third.outcome.path)).toEqual(digests(whole.outcome.path));
    expect(timeless(metricsOf(out))).toEqual(timeless(whole.events));
  });
});

describe('stopped where something else ends as well', () => {
  test('at the last step of an epoch, before its evaluation', async () => {
    const whole = await run({ ...base, epochs: 2, out: folder() });
    const out = folder();
    const { outcome } = await run({ ...base, epochs: 2, out }, stopAt(EPOCH));
    expect(outcome).toMatchObject({ reason: 'stopped', step: EPOCH });
    const rest = await run({ data, resume: out });
    expect(evaluationsOf(rest.events).map(({ step }) => step)).toEqual([EPOCH, 2 * EPOCH]);
    expect(digests(rest.outcome.path)).toEqual(digests(whole.outcome.path));
  });

  test('at the last step of all: it is evaluated when the run goes on, and nothing more is trained', async () => {
    const whole = await run({ ...base, epochs: 1, out: folder() });
    const out = folder();
    const { outcome } = await run({ ...base, epochs: 1, out }, stopAt(EPOCH));
    expect(outcome.step).toBe(EPOCH);
    const rest = await run({ data, resume: out });
    expect(stepsOf(rest.events)).toEqual([]);
    expect(rest.outcome).toMatchObject({ reason: 'epochs', step: EPOCH });
    expect(modelDigest(rest.outcome.path)).toBe(modelDigest(whole.outcome.path));
  });

  test.each([
    ['ended by --epochs at an epoch', { epochs: 1 }],
    ['ended by --steps at an epoch', { steps: EPOCH }],
    ['ended by --steps in the middle of an epoch, with an evaluation that does not count', { steps: 17 }],
    ['ended by --steps between two points of both grids', { steps: 9, evalEvery: 4, checkpointEvery: 5 }],
  ] as const)('%s, then lengthened', async (_, part) => {
    const { epochs: __, steps: ___, ...grids } = { epochs: 0, steps: 0, ...part };
    const options = { ...base, ...grids, schedule: 'plateau', plateauPatience: 0, gamma: 0.5, lr: 0.2 } as const;
    const whole = await run({ ...options, epochs: 3, out: folder() });
    const out = folder();
    const { outcome } = await run({ ...options, ...part, out });
    const rest = await run({ data, resume: out, epochs: 3 });
    expect(digests(rest.outcome.path)).toEqual(digests(whole.outcome.path));
    expect(stepsOf(rest.events).map(({ lr }) => lr)).toEqual(
      stepsOf(whole.events)
        .slice(outcome.step)
        .map(({ lr }) => lr),
    );
  });
});

describe('from another place', () => {
  const options = { ...base, steps: 30, evalEvery: 6, checkpointEvery: 7 } as const;

  test('an earlier checkpoint: what came after it is cut off and made again', async () => {
    const out = folder();
    const whole = await run({ ...options, out });
    const before = digests(whole.outcome.path);
    const lines = timeless(metricsOf(out));
    const rest = await run({ data, resume: join(out, 'checkpoints/step-00000014'), workers: 5 });
    expect(stepsOf(rest.events).map(({ step }) => step)).toEqual(Array.from({ length: 16 }, (_, i) => 15 + i));
    expect(digests(rest.outcome.path)).toEqual(before);
    expect(timeless(metricsOf(out))).toEqual(lines);
    expect(readlinkSync(join(out, 'latest'))).toBe('checkpoints/step-00000030');
  });

  test('a copy without `latest`, or one whose links became folders', async () => {
    const out = folder();
    const whole = await run({ ...options, out });
    const [bare, circle, copied] = [folder(), folder(), folder()];
    for (const to of [bare, circle]) {
      cpSync(out, to, { recursive: true, verbatimSymlinks: true });
      for (const link of ['latest', 'best']) rmSync(join(to, link));
    }
    symlinkSync('latest', join(circle, 'latest'));
    for (const to of [bare, circle]) {
      rmSync(join(to, 'checkpoints/step-00000030'), { recursive: true });
      const rest = await run({ data, resume: to });
      expect(digests(rest.outcome.path)).toEqual(digests(whole.outcome.path));
      expect(readlinkSync(join(to, 'latest'))).toBe('checkpoints/step-00000030');
    }
    // What `cp -rL` does; Node 24's cpSync follows no links within the folder.
    cpSync(out, copied, { recursive: true, verbatimSymlinks: true });
    const [latest, best] = ['latest', 'best'].map((link) => join(copied, link));
    for (const link of [latest, best]) {
      const checkpoint = realpathSync(link);
      rmSync(link);
      cpSync(checkpoint, link, { recursive: true });
    }
    const message = `--resume: ${latest} and ${best} are folders where a link to a checkpoint belongs; remove them`;
    const config = readFileSync(join(copied, 'config.json'), 'utf8');
    await expect(run({ data, resume: copied, steps: 40 })).rejects.toThrow(message);
    expect(readFileSync(join(copied, 'config.json'), 'utf8')).toBe(config);
    for (const link of ['latest', 'best']) rmSync(join(copied, link), { recursive: true });
    expect((await run({ data, resume: copied, steps: 40 })).outcome.step).toBe(40);
  });

  test('into another folder: the first one stays as it was, the second one stands alone', async () => {
    const [from, to] = [folder(), folder()];
    const whole = await run({ ...options, out: from });
    const listing = checkpointsIn(from);
    const metrics = readFileSync(join(from, 'metrics.jsonl'), 'utf8');
    const rest = await run({ data, resume: join(from, 'checkpoints/step-00000007'), out: to });
    expect(digests(rest.outcome.path)).toEqual(digests(whole.outcome.path));
    expect(checkpointsIn(from)).toEqual(listing);
    expect(readFileSync(join(from, 'metrics.jsonl'), 'utf8')).toBe(metrics);
    expect(timeless(metricsOf(to))).toEqual(timeless(whole.events));
    renameSync(from, `${from}-gone`);
    const further = await run({ data, resume: to, steps: 33 });
    expect(further.outcome.step).toBe(33);
  });

  test('into the folder of another run: refused, nothing is changed there', async () => {
    const [from, other] = [folder(), folder()];
    await run({ ...base, steps: 4, out: from });
    await run({ ...base, steps: 3, seed: 9, out: other });
    const config = readFileSync(join(other, 'config.json'), 'utf8');
    const metrics = readFileSync(join(other, 'metrics.jsonl'), 'utf8');
    const attempt = run({ data, resume: from, out: other, steps: 6 });
    await expect(attempt).rejects.toThrow(UserError);
    await expect(attempt).rejects.toThrow(/^--out: .* holds a run already/);
    expect(readFileSync(join(other, 'config.json'), 'utf8')).toBe(config);
    expect(readFileSync(join(other, 'metrics.jsonl'), 'utf8')).toBe(metrics);
    expect(checkpointsIn(other)).toEqual(['step-00000003']);
  });

  test('with another text: refused, also where it has as many symbols and the same ones', async () => {
    const out = folder();
    await run({ ...base, steps: 4, out });
    const reversed = { text: [...data.text].reverse().join('') };
    await expect(run({ data: reversed, resume: out, steps: 6 })).rejects.toThrow(
      /^--resume: .* learned another text: 365 tokens as well, but not the same ones; give the text that it had/,
    );
    const shorter = { text: data.text.slice(0, -60) };
    await expect(run({ data: shorter, resume: out, steps: 6 })).rejects.toThrow(
      /^--resume: .* learned 365 tokens, the text has 311 now/,
    );
    expect(checkpointsIn(out)).toEqual(['step-00000004']);
  });

  test('a folder that was removed while the run went on: the last checkpoint is there all the same', async () => {
    const whole = await run({ ...options, out: folder() });
    const out = folder();
    await run({ ...options, steps: 20, out }, (event) => {
      if (event.event === 'step' && event.step === 16) rmSync(out, { recursive: true });
    });
    expect(checkpointsIn(out)).toContain('step-00000020');
    const rest = await run({ data, resume: out, steps: 30 });
    expect(modelDigest(rest.outcome.path)).toBe(modelDigest(whole.outcome.path));
  });

  test('a copy of the folder', async () => {
    const out = folder();
    await run({ ...options, steps: 15, out });
    const copy = folder('copy');
    cpSync(out, copy, { recursive: true, verbatimSymlinks: true });
    const [one, two] = [await run({ data, resume: out, steps: 30 }), await run({ data, resume: copy, steps: 30 })];
    expect(digests(two.outcome.path)).toEqual(digests(one.outcome.path));
  });
});

test('sequences that come one by one are gone on with where they were left, in the middle of an epoch', async () => {
  const rows = Array.from({ length: 23 }, (_, i) => Array.from({ length: 2 + (i % 11) }, (__, t) => (i * t + t) % 7));
  const asked: number[] = [];
  const sequences = async function* (epoch: number) {
    asked.push(epoch);
    for (let i = 0; i < rows.length; i++) yield rows[(i * 5 + epoch) % rows.length];
  };
  const options: TrainOptions = {
    ...{ data: { sequences, vocabularySize: 7, validationSequences: rows.slice(0, 4) }, batch: 4, window: 5 },
    ...{ hidden: 10, epochs: 3, evalEvery: 5, checkpointEvery: 4, workers: 2, layers: 2, dropout: 0.2 },
  };
  const whole = await run({ ...options, out: folder() });
  const out = folder();
  const first = await run({ ...options, epochs: undefined, steps: 15, out });
  asked.length = 0;
  const rest = await run({ data: options.data, resume: out, epochs: 3 });
  // Not from the first epoch on.
  expect(asked).toEqual([1, 2]);
  expect(digests(rest.outcome.path)).toEqual(digests(whole.outcome.path));
  expect(timeless([...stepsOf(first.events), ...stepsOf(rest.events)])).toEqual(timeless(stepsOf(whole.events)));
});

describe('killed', () => {
  const file = (): string => {
    const path = `${folder('text')}.txt`;
    writeFileSync(path, data.text);
    return path;
  };
  const { data: _, ...options }: TrainOptions = { ...base, evalEvery: 3, checkpointEvery: 5, steps: 23 };

  /** A program that trains and kills itself where `condition`, of the event, is true. */
  const dying = (given: TrainOptions, condition: string): string => `
    import { train } from ${JSON.stringify(library)};
    const onEvent = (event) => { if (${condition}) process.kill(process.pid, 'SIGKILL'); };
    await train({ ...${JSON.stringify(given)}, onEvent });`;

  test('at steps, evaluations and checkpoints, again and again', async () => {
    const whole = await run({ ...options, text: file(), out: folder() });
    const out = folder();
    const deaths = [
      'event.event === "step" && event.step === 7',
      'event.event === "eval" && event.step === 9',
      'event.event === "checkpoint" && event.step === 10',
      'event.event === "plan"',
      'event.event === "step" && event.step === 21',
      'event.event === "checkpoint" && event.step === 23',
    ];
    for (const [i, death] of deaths.entries()) {
      const given = i === 0 ? { ...options, text: file(), out } : { resume: out };
      expect(await script(dying(given, death)), death).toMatchObject({ signal: 'SIGKILL', stderr: '' });
      for (const name of checkpointsIn(out)) verifyCheckpoint(join(out, 'checkpoints', name));
    }
    const rest = await run({ resume: out, workers: 3 });
    expect(digests(rest.outcome.path)).toEqual(digests(whole.outcome.path));
    expect(timeless(metricsOf(out))).toEqual(timeless(whole.events));
  });

  /** Each rename of a checkpoint is a point at which files change; the program dies before or after the n-th of the run. */
  const dyingAtRename = (given: TrainOptions, n: number, when: 'before' | 'after'): string => `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { renameSync } = fs;
    let count = 0;
    fs.renameSync = (...args) => {
      // Not there: the checkpoint of this name that was to be moved out of the way.
      if (!fs.existsSync(args[0])) return renameSync(...args);
      const dies = ++count === ${n};
      if (dies && ${when === 'before'}) process.kill(process.pid, 'SIGKILL');
      renameSync(...args);
      if (dies) process.kill(process.pid, 'SIGKILL');
    };
    syncBuiltinESMExports();
    const { train } = await import(${JSON.stringify(library)});
    await train(${JSON.stringify(given)});
    console.log(count);`;

  test('before and after each rename of its second checkpoint: the checkpoints that are there are whole', async () => {
    const given: TrainOptions = { ...options, text: file(), steps: 8, evalEvery: 4, checkpointEvery: 4, workers: 1 };
    const reference = folder();
    const whole = await run({ ...given, out: reference });
    const all = Number((await script(dyingAtRename({ ...given, out: folder() }, 0, 'before'))).stdout);
    // config.json, and for each of the two: model, trainer, manifest, folder, latest, best.
    expect(all).toBe(13);
    const points = Array.from({ length: 7 }, (_, i) => all - i).flatMap((n) => [
      [n, 'before'] as const,
      [n, 'after'] as const,
    ]);
    for (const [n, when] of points) {
      const out = folder();
      const { signal, stderr } = await script(dyingAtRename({ ...given, out }, n, when));
      expect([signal, stderr], `${when} rename ${n}`).toEqual(['SIGKILL', '']);
      const latest = join(out, readlinkSync(join(out, 'latest')));
      verifyCheckpoint(latest);
      for (const name of checkpointsIn(out).filter((name) => !name.startsWith('.')))
        verifyCheckpoint(join(out, 'checkpoints', name));
      const rest = await run({ resume: out });
      expect(digests(rest.outcome.path), `${when} rename ${n}`).toEqual(digests(whole.outcome.path));
      expect(checkpointsIn(out)).toEqual(['step-00000004', 'step-00000008']);
      expect(readlinkSync(join(out, 'best'))).toBe(readlinkSync(join(reference, 'best')));
    }
  });

  test('when a checkpoint is just there: the events before it are kept', async () => {
    const given = { ...options, text: file(), steps: 8, validation: 0, evalEvery: undefined, checkpointEvery: 4 };
    const all = Number((await script(dyingAtRename({ ...given, out: folder() }, 0, 'before'))).stdout);
    const out = folder();
    expect(await script(dyingAtRename({ ...given, out }, all, 'after'))).toMatchObject({ signal: 'SIGKILL' });
    await run({ resume: out });
    expect(stepsOf(metricsOf(out)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('the command, from outside, at some odd step', async () => {
    const text = file();
    const flags = ['--hidden', '12', '--batch', '5', '--window', '6', '--checkpoint-every', '3', '--workers', '2'];
    const [whole, out] = [folder(), folder()];
    const args = [command, 'train', '--text', text, ...flags, '--steps', '301', '--json', '--out'];
    expect(await node([...args, whole])).toMatchObject({ code: 0 });
    const { signal } = await node([...args, out], (stdout) => stdout.includes('"event":"step","step":15,'));
    expect(signal).toBe('SIGKILL');
    expect(existsSync(join(out, 'checkpoints/step-00000301'))).toBe(false);
    expect(await node([command, 'train', '--resume', out, '--quiet'])).toMatchObject({ code: 0, stdout: '' });
    expect(modelDigest(join(out, 'latest'))).toBe(modelDigest(join(whole, 'latest')));
    expect(timeless(metricsOf(out))).toEqual(timeless(metricsOf(whole)));
  });
});

describe('an end that the run has passed is refused, and its files stay', () => {
  test.each<[string, TrainOptions, TrainOptions, RegExp]>([
    [
      'fewer epochs',
      { epochs: 3 },
      { epochs: 2 },
      /^--epochs: 2 is not allowed with --resume; the run has done 3 epochs/,
    ],
    ['fewer steps', { steps: 9 }, { steps: 8 }, /^--steps: 8 is not allowed with --resume; the run has done 9 steps/],
    [
      'the epochs before',
      { steps: EPOCH + 1 },
      { epochs: 1 },
      /^--epochs: 1 .*; the run has done a part of epoch 2 already/,
    ],
  ])('%s', async (_, options, given, message) => {
    const out = folder();
    await run({ ...base, ...options, out });
    const files = () => ['config.json', 'metrics.jsonl'].map((name) => readFileSync(join(out, name), 'utf8'));
    const before = files();
    await expect(run({ data, resume: out, ...given })).rejects.toThrow(message);
    await expect(run({ data, resume: out, ...given, out: folder() })).rejects.toThrow(UserError);
    expect(files()).toEqual(before);
    // As long as it was is nothing to do, and no fault.
    expect((await run({ data, resume: out, ...options })).outcome.step).toBe(options.steps ?? 3 * EPOCH);
  });
});

test('a training file that is cut short is no harm to its model, and the run cannot go on from it', async () => {
  const out = folder();
  const text = join(folder(), '..', 'cut.txt');
  writeFileSync(text, data.text);
  await run({ ...base, steps: 4, out });
  const trainer = join(out, 'latest/trainer.safetensors');
  for (const length of [readFileSync(trainer).length - 5, 100, 0]) {
    writeFileSync(trainer, readFileSync(trainer).subarray(0, length));
    expect(await node([command, 'sample', out, '--length', '3'])).toMatchObject({ code: 0, stderr: '' });
    expect(await node([command, 'eval', out, '--text', text])).toMatchObject({ code: 0, stderr: '' });
    expect(await node([command, 'inspect', out])).toMatchObject({ code: 0, stderr: '' });
    await expect(run({ data, resume: out, steps: 6 })).rejects.toThrow(/trainer\.safetensors: its sha256 is not/);
  }
});
