// A search for settings: what it draws, which trials go on, and that in parts it comes to what it comes to in one go.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/config.js';
import { readConfigFile } from '../../src/config/config-file.js';
import { flagOrigin } from '../../src/config/flags.js';
import { type TuneEvent, type TuneOptions, tune } from '../../src/run/tune.js';
import { DEFAULT_SEARCH, drawTrials } from '../../src/run/tune-space.js';
import { command, metricsOf, modelDigest, newFolders, node, run, someText, stepsOf } from './runs.js';

const folder = newFolders();
const texts = folder('texts');
const text = join(texts, 'text.txt');
mkdirSync(texts);
writeFileSync(text, someText(3000));

const small = { cell: 'gru', hidden: 10, batch: 5, window: 8, workers: 2 } as const;
const base = (): Record<string, unknown> => ({ ...small, text, steps: 60, out: folder() });

type Given = Partial<Omit<TuneOptions, 'onEvent'>> & {
  readonly onEvent?: (event: TuneEvent, stop: () => void) => void;
};

async function searched({ onEvent = () => {}, ...given }: Given = {}) {
  const events: TuneEvent[] = [];
  const notices: string[] = [];
  const controller = new AbortController();
  const outcome = await tune({
    ...{ settings: base(), origin: flagOrigin, search: DEFAULT_SEARCH, trials: 5, budget: 12 },
    ...{ signal: controller.signal, onNotice: (message: string) => notices.push(message), ...given },
    onEvent: (event) => {
      events.push(event);
      onEvent(event, () => controller.abort());
    },
  });
  return { outcome, events, notices };
}

/** What a search leaves behind beside its trials; the folder's own name is no part of it. */
const filesOf = (out: string) => ['tune.json', 'best.yaml'].map((name) => readFileSync(join(out, name), 'utf8'));

test('one process at a time searches in a folder', async () => {
  const settings = base();
  const out = String(settings.out);
  const first = searched({ settings });
  await expect(searched({ settings })).rejects.toThrow(
    /^--out: this process trains in .* already; give another folder$/,
  );
  await first;
  expect(readdirSync(out).filter((name) => name.startsWith('.lock'))).toEqual([]);
});

describe('the trials', () => {
  const drawnFrom = (seed: number, count: number, lr = 0.004) =>
    drawTrials(resolveConfig({ text: 'a', seed, lr, hidden: 100 }), ['lr', 'clipNorm', 'hidden'], count);

  test('begin with the settings of the config; each part of a range, in logarithms, has one of the others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 2, max: 40 }), (seed, count) => {
        const [own, ...others] = drawnFrom(seed, count);
        expect(own).toEqual({ lr: 0.004, clipNorm: 1, hidden: 100 });
        const parts = others.map(({ lr = 0 }) => (others.length * (Math.log10(lr / 0.004) + 1)) / 2);
        for (const [i, part] of parts.sort((a, b) => a - b).entries()) {
          // Three digits are kept.
          expect(part).toBeGreaterThan(i - 0.05);
          expect(part).toBeLessThan(i + 1.05);
        }
        for (const { hidden = 0, clipNorm = 0 } of others) {
          expect(Number.isInteger(hidden) && hidden >= 50 && hidden <= 200).toBe(true);
          expect(clipNorm >= 0.1 && clipNorm <= 10).toBe(true);
        }
      }),
      { seed: 8, numRuns: 100 },
    );
  });

  test('are those of the seed, and of no other', () => {
    expect(drawnFrom(3, 8)).toEqual(drawnFrom(3, 8));
    expect(drawnFrom(3, 8)).not.toEqual(drawnFrom(4, 8));
  });
});

test('the better half of each round goes on for twice the steps, as if it had never been stopped', async () => {
  const settings = base();
  const { outcome, events } = await searched({ settings });
  const rounds = [1, 2, 3].map((round) => events.filter((event) => event.event === 'trial' && event.round === round));
  expect(rounds.map(({ length }) => length)).toEqual([5, 3, 2]);
  for (const [i, round] of rounds.entries()) {
    for (const event of round) expect(event).toMatchObject({ steps: 12 * 2 ** i });
    const losses = round.map((event) => (event.event === 'trial' ? (event.loss ?? Number.NaN) : Number.NaN));
    const next = rounds[i + 1]?.map((event) => event.event === 'trial' && event.trial);
    const order = round.map((event, at) => ({ trial: event.event === 'trial' && event.trial, loss: losses[at] }));
    order.sort((a, b) => a.loss - b.loss);
    if (next) expect(order.slice(0, next.length).map(({ trial }) => trial)).toEqual(next);
  }
  const best = events.at(-1);
  if (best?.event !== 'best') throw new Error('there is no best');
  const trial = outcome.trials[best.trial - 1];
  expect(trial).toMatchObject({ steps: 48, losses: [expect.any(Number), expect.any(Number), best.loss] });
  const whole = await run({ ...small, ...best.settings, text, steps: 48, out: folder() });
  const own = join(outcome.out, 'trials', `0${best.trial}`, 'latest');
  expect(modelDigest(own)).toBe(modelDigest(whole.outcome.path));
  // What was chosen is the config with its settings, for all of its steps.
  const { out: _, ...given } = settings;
  expect(readConfigFile(best.config).values).toEqual({ ...given, ...best.settings });
});

test('no trial gets more steps than the config has, and two trials are enough', async () => {
  const { events } = await searched({ settings: { ...base(), steps: 15 }, trials: 2, budget: 40, search: ['hidden'] });
  const trials = events.filter((event) => event.event === 'trial');
  expect(trials.map(({ steps }) => steps)).toEqual([15, 15]);
  expect(events[0]).toMatchObject({ event: 'tune', search: ['hidden'], budget: 15, most: 15 });
});

test('by default a trial begins with a sixteenth of the steps, and with 50 at least', async () => {
  const budgetOf = async (steps: number) => {
    const stopped = await searched({
      settings: { ...base(), steps },
      budget: undefined,
      onEvent: (_, stop) => stop(),
    });
    expect(stopped.outcome.reason).toBe('stopped');
    return stopped.events[0];
  };
  expect(await budgetOf(1601)).toMatchObject({ budget: 101 });
  expect(await budgetOf(300)).toMatchObject({ budget: 50 });
});

describe('a search that is stopped and gone on with comes to the same', () => {
  let reference: readonly string[];
  beforeAll(async () => {
    reference = filesOf((await searched()).outcome.out);
  });

  test.each([0, 4, 6])('after %i trials', async (count) => {
    const settings = base();
    const { outcome } = await searched({
      settings,
      onEvent: (event, stop) => (event.event === 'trial' || count === 0) && --count < 1 && stop(),
    });
    expect(outcome.reason).toBe('stopped');
    expect(existsSync(join(settings.out as string, 'best.yaml'))).toBe(false);
    expect((await searched({ settings })).outcome.reason).toBe('done');
    expect(filesOf(settings.out as string)).toEqual(reference);
  });

  test('amid a trial, also with other workers', async () => {
    const settings = base();
    const controller = new AbortController();
    const stopped = searched({ settings, signal: controller.signal });
    while (!existsSync(join(settings.out as string, 'trials/03/metrics.jsonl')))
      await new Promise((r) => setTimeout(r, 1));
    controller.abort();
    expect((await stopped).outcome.reason).toBe('stopped');
    await searched({ settings: { ...settings, workers: 1 } });
    expect(filesOf(settings.out as string)[0]).toBe(reference[0]);
  });

  test('killed, wherever it was', async () => {
    const flags = [
      '--cell',
      'gru',
      '--hidden',
      '10',
      '--batch',
      '5',
      '--window',
      '8',
      '--workers',
      '2',
      '--steps',
      '60',
    ];
    for (const [at, delayMs] of [
      ['"trial":2,', 0],
      ['"trial":4,', 30],
      ['"round":2,', 60],
    ] as const) {
      const out = folder();
      const args = [
        command,
        'tune',
        '--text',
        text,
        ...flags,
        '--trials',
        '5',
        '--budget',
        '12',
        '--json',
        '--out',
        out,
      ];
      let killedMs: number | undefined;
      const { signal } = await node(args, (stdout) => {
        if (stdout.includes(at)) killedMs ??= performance.now() + delayMs;
        return killedMs !== undefined && performance.now() >= killedMs;
      });
      expect(signal).toBe('SIGKILL');
      expect(await node(args)).toMatchObject({ code: 0, stderr: '' });
      expect(filesOf(out)).toEqual(reference);
    }
  });

  test('that is done already trains nothing and says the same', async () => {
    const settings = base();
    const first = await searched({ settings });
    const written = metricsOf(join(settings.out as string, 'trials/01'));
    expect((await searched({ settings })).events).toEqual(first.events);
    expect(metricsOf(join(settings.out as string, 'trials/01'))).toEqual(written);
  });
});

describe('a trial that is bad', () => {
  const wild = { ...small, optimizer: 'sgd', clipNorm: 0, cell: 'rnn', activation: 'relu', steps: 400 };

  test('is left early, and the others go on', async () => {
    const settings = { ...base(), ...wild, lr: 5 };
    const { events, outcome } = await searched({ settings, search: ['lr'], trials: 6, budget: 100 });
    const bad = outcome.trials.filter((trial) => trial.bad !== undefined);
    expect(bad.length).toBeGreaterThan(0);
    expect(bad.length).toBeLessThan(6);
    for (const { trial, steps, losses } of bad) {
      expect(steps).toBeLessThan(100 * 2 ** losses.length);
      const seen = stepsOf(metricsOf(join(outcome.out, 'trials', `0${trial}`)));
      expect(seen.length).toBeLessThan(100 * 2 ** losses.length);
    }
    const best = events.at(-1);
    expect(best).toMatchObject({ event: 'best' });
    expect(bad.map(({ trial }) => trial)).not.toContain(best?.event === 'best' && best.trial);
  });

  test('in the last round leaves the best of those that were left behind', async () => {
    const settings = base();
    const { outcome } = await searched({ settings, trials: 3 });
    const path = join(outcome.out, 'tune.json');
    const state = JSON.parse(readFileSync(path, 'utf8'));
    const behind = outcome.trials.filter(({ losses }) => losses.length === 1);
    expect(behind).toHaveLength(1);
    state.trials = outcome.trials.map((trial) =>
      trial.losses.length === 1 ? trial : { ...trial, losses: trial.losses.slice(0, 1), bad: 'not finite' },
    );
    writeFileSync(path, JSON.stringify(state));
    const { events } = await searched({ settings, trials: 3 });
    expect(events.at(-1)).toMatchObject({ event: 'best', trial: behind[0].trial, loss: behind[0].losses[0] });
  });

  test('of all trials ends the search, also when it is repeated', async () => {
    const settings: Record<string, unknown> = { ...base(), ...wild, lr: 1e30 };
    const search = () => searched({ settings, search: ['lr'], trials: 2, budget: 30 });
    const message = /^no trial learned anything: all were not finite or worse than the start; give a lower --lr/;
    await expect(search()).rejects.toThrow(message);
    await expect(search()).rejects.toThrow(message);
    expect(readdirSync(join(settings.out as string, 'trials'))).toEqual(['01', '02']);
  });
});

describe('what cannot be searched is refused before anything is trained', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      'no validation',
      { validation: 0 },
      /^--validation: 0 is not allowed with tune, which compares by the held-out part/,
    ],
    ['a run to go on with', { resume: 'runs/a' }, /^--resume: trials begin anew; leave it out/],
    ['a dry run', { dryRun: true }, /^--dry-run: a search has none; "unroll train --dry-run" prints/],
    ['units of another model', { initFrom: 'model' }, /^--search: hidden cannot change with --init-from/],
    [
      'units that are too few',
      { kWinners: 9, cell: 'rnn', activation: 'relu' },
      /^--k-winners: 9 is not allowed; .* 1 to \d,/,
    ],
    ['no text', { text: undefined }, /^--text: there is nothing to learn from/],
  ])('%s', async (_, given, message) => {
    const settings = { ...base(), ...given };
    await expect(searched({ settings, search: ['lr', 'hidden'] })).rejects.toThrow(message);
    expect(existsSync(String(settings.out))).toBe(false);
  });

  test('another search, a run or a damaged file in its folder', async () => {
    const settings = base();
    await searched({ settings, trials: 2 });
    const again = (given: Record<string, unknown>, trials = 2) =>
      searched({ settings: { ...settings, ...given }, trials });
    await expect(again({ batch: 4 })).rejects.toThrow(
      /^--out: \S+ holds a search with another batch: 5, not 4; repeat/,
    );
    await expect(again({}, 3)).rejects.toThrow(/^--out: \S+ holds a search with another trials: 2, not 3; repeat/);
    await expect(again({ out: join(settings.out as string, 'trials/01') })).rejects.toThrow(
      /^--out: \S+ holds a run, no search/,
    );
    writeFileSync(join(settings.out as string, 'tune.json'), '{"of": ');
    await expect(again({})).rejects.toThrow(/^--out: \S+tune\.json is damaged; remove it/);
  });
});
