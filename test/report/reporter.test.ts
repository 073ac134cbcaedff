import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { draw } from '../../src/report/bar.js';
import type { EvalEvent, PlanEvent, StepEvent, TrainEvent } from '../../src/report/events.js';
import { planTable } from '../../src/report/plan-table.js';
import { Progress } from '../../src/report/progress.js';
import { createReporter } from '../../src/report/reporter.js';

afterEach(() => void vi.useRealTimers());

class Screen extends Writable {
  text = '';
  readonly columns = 100;

  constructor(readonly isTTY: boolean) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const plan: PlanEvent = {
  event: 'plan',
  bytes: 24_300_000,
  parts: { parameters: 1_400_000, 'optimizer state': 22_000_000 },
  parameters: 350_000,
  workers: 2,
  kernels: 'native',
  instructionSet: 'avx512',
  vocabulary: 95,
  unit: 'token',
  trainingTokens: 1_097_538,
  validationTokens: 121_949,
  stepsPerEpoch: 500,
  steps: 1000,
  epochs: 2,
  step: 0,
};
const step = (n: number, loss: number | null = 2 * Math.LN2): StepEvent => ({
  event: 'step',
  step: n,
  epoch: n <= 500 ? 1 : 2,
  loss,
  lr: 1e-3,
  gradNorm: loss,
  tokensPerSecond: 120_345,
  density: [1],
  ...(loss === null ? { skipped: true as const } : {}),
});
const evaluation: EvalEvent = {
  event: 'eval',
  step: 500,
  loss: 1.75,
  bitsPerCharacter: 1.75 / Math.LN2,
  perplexity: Math.exp(1.75),
  accuracy: 0.512,
  best: true,
};
const done: TrainEvent = {
  event: 'done',
  step: 1000,
  seconds: 95,
  tokensPerSecond: 119_000,
  peakBytes: 150_000_000,
  reason: 'epochs',
};

async function play(
  events: readonly TrainEvent[],
  options: { json?: boolean; quiet?: boolean; outTTY?: boolean; errTTY?: boolean; watchedClipNorm?: number },
) {
  const stdout = new Screen(options.outTTY ?? false);
  const stderr = new Screen(options.errTTY ?? false);
  const { json = false, quiet = false, watchedClipNorm } = options;
  const reporter = await createReporter({ json, quiet, stdout, stderr, watchedClipNorm });
  for (const event of events) reporter.event(event);
  reporter.close();
  return { stdout: stdout.text, stderr: stderr.text };
}

describe('without a terminal', () => {
  test('a run is a few plain lines', async () => {
    const { stdout, stderr } = await play([plan, step(1), step(2), evaluation, done], {});
    expect(stderr).toBe('');
    expect(stdout).toBe(
      [
        '350,000 parameters, 24.3 MB of memory, 2 workers, native (avx512) kernels',
        '1,097,538 tokens to learn, 121,949 held out, 95 different; 500 steps an epoch, 1,000 in all',
        'step 500: validation 2.525 bits per character, perplexity 5.75, accuracy 51.2%, the best so far',
        'all epochs are done: step 1,000 after 1:35, 119,000 tokens/s, 150.0 MB; validation 2.525 bits per character',
        '',
      ].join('\n'),
    );
  });

  test('a run of one step has one step, and no speed: the first one is not timed', async () => {
    const short = { ...plan, stepsPerEpoch: 1, steps: 1, epochs: 1, trainingTokens: 1, workers: 1 };
    const { stdout } = await play([short, step(1), { ...done, step: 1, tokensPerSecond: 0 }], {});
    expect(stdout).toMatch(/, 1 worker, .*\n1 token to learn, .*; 1 step an epoch, 1 in all\n/);
    expect(stdout).toMatch(/\nall epochs are done: step 1 after 1:35, 150\.0 MB\n$/);
    expect((await play([{ ...done, tokensPerSecond: 0 }], { json: true })).stdout).toContain('"tokensPerSecond":0,');
    expect(planTable({ ...short, stepsPerEpoch: 0 })).toMatch(/; 1 step in all$/);
  });

  test('how far it is, is said every five seconds', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const stdout = new Screen(false);
    const reporter = await createReporter({ json: false, quiet: false, stdout, stderr: new Screen(false) });
    reporter.event(plan);
    for (let n = 1; n <= 100; n++) {
      vi.advanceTimersByTime(100);
      reporter.event(step(n));
    }
    reporter.close();
    const lines = stdout.text.split('\n').slice(2, -1);
    expect(lines).toEqual([
      'step 50/1,000, epoch 1/2: 2.000 bits per character, 120,345 tokens/s, 1:35 left',
      'step 100/1,000, epoch 1/2: 2.000 bits per character, 120,345 tokens/s, 1:30 left',
    ]);
  });

  test('a run whose epochs have no known length is told in epochs', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const stdout = new Screen(false);
    const reporter = await createReporter({ json: false, quiet: false, stdout, stderr: new Screen(false) });
    reporter.event({ ...plan, unit: 'example', stepsPerEpoch: 0, steps: 0 });
    vi.advanceTimersByTime(6000);
    reporter.event(step(40));
    reporter.close();
    const { stdout: counted } = await play([{ ...plan, stepsPerEpoch: 0 }], {});
    const lines = stdout.text.split('\n');
    expect(lines[1]).toBe('1,097,538 examples to learn, 121,949 held out, 95 outputs; 2 epochs');
    expect(lines[2]).toBe('step 40, epoch 1/2: loss 1.386, 120,345 examples/s');
    expect(counted).toMatch(/95 different; 1,000 steps in all\n/);
  });

  test('the densities of layers that have zeros are said, in the last line as well', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const stdout = new Screen(false);
    const reporter = await createReporter({ json: false, quiet: false, stdout, stderr: new Screen(false) });
    reporter.event(plan);
    vi.advanceTimersByTime(5000);
    reporter.event({ ...step(50), density: [0.124, 0.0031] });
    reporter.event(evaluation);
    reporter.event(done);
    const lines = stdout.text.split('\n').slice(2);
    expect(lines[0]).toMatch(/: 2\.000 bits per character, density 12%, 0\.3%, 120,345 tokens\/s, /);
    expect(lines[2]).toMatch(/; validation 2\.525 bits per character; density 12%, 0\.3%$/);
  });

  test('skipped steps are warned of once in a row, in all modes but JSON, which has the events', async () => {
    const events = [plan, step(1), step(2, null), step(3, null), step(4), step(5, null)];
    for (const options of [{}, { quiet: true }]) {
      const { stderr } = await play(events, options);
      expect(stderr.match(/step \d+: loss or gradient is not finite/g)).toEqual([
        'step 2: loss or gradient is not finite',
        'step 5: loss or gradient is not finite',
      ]);
    }
    const { stdout, stderr } = await play(events, { json: true });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout.split('\n')[2])).toMatchObject({ loss: null, skipped: true });
  });

  test('--quiet prints nothing', async () => {
    expect(await play([plan, step(1), evaluation, done], { quiet: true })).toEqual({ stdout: '', stderr: '' });
  });

  test('--json prints the events, one a line, and nothing else', async () => {
    const events = [plan, step(1), evaluation, done];
    const { stdout, stderr } = await play(events, { json: true, errTTY: true });
    expect(stderr).toBe('');
    const lines = stdout.split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line))).toEqual(events);
  });
});

describe('gradients that explode', () => {
  const norms = (values: readonly number[]): readonly TrainEvent[] =>
    values.map((gradNorm, i) => ({ ...step(i + 1), gradNorm }));
  const calm = (count: number): number[] => Array.from({ length: count }, (_, i) => 0.5 + (i % 3) / 4);
  const wild = (count: number, norm: number): number[] => new Array<number>(count).fill(norm);

  test('are warned of once a run, after ten steps of the last fifty, in all modes but JSON', async () => {
    const events = norms([...calm(60), ...wild(5, 150), ...calm(10), ...wild(30, 150)]);
    for (const options of [{}, { quiet: true }]) {
      const { stderr } = await play(events, { ...options, watchedClipNorm: 1 });
      expect(stderr.match(/the gradient explodes.*/g)).toEqual([
        expect.stringMatching(/in 10 of the last 50 steps its norm was more than 100 times the clip limit of 1; /),
      ]);
      expect(stderr).toMatch(/^step 80: /);
    }
    expect((await play(events, { json: true, watchedClipNorm: 1 })).stderr).toBe('');
  });

  test('are told from the usual norm where nothing is clipped', async () => {
    const { stderr } = await play(norms([...calm(200), ...wild(40, 400)]), { watchedClipNorm: 0 });
    expect(stderr).toMatch(/^step 210: .* 100 times usual; a lower --lr, --clip-norm 1 or --init orthogonal may help/);
  });

  test('are no matter of a few steps, of norms that are large from the start, or of nets that are not watched', async () => {
    const quiet: readonly (readonly [readonly number[], number | undefined])[] = [
      [[...calm(60), ...wild(9, 1e6), ...calm(41), ...wild(9, 1e6), ...calm(60)], 1],
      [wild(200, 1e6), 0],
      [Array.from({ length: 2000 }, (_, i) => 1.01 ** i), 0],
      [wild(200, 1e6), undefined],
    ];
    for (const [values, watchedClipNorm] of quiet)
      expect((await play(norms(values), { watchedClipNorm })).stderr).toBe('');
  });
});

describe('on a terminal', () => {
  test('a bar is drawn on stderr, with evaluations in lines above it', async () => {
    const { stdout, stderr } = await play([plan, step(500), evaluation, step(501)], { outTTY: true, errTTY: true });
    expect(stdout).toContain('350,000 parameters');
    expect(stderr).toContain('validation 2.525 bits per character');
    expect(stderr).toMatch(
      /epoch 2\/2 \[=+> +\] {2}50% \| 2\.000 bits per character \| 120,345 tokens\/s \| 0:00 left/,
    );
  });

  test('a file that stdout goes to gets the lines, and no bar', async () => {
    const { stdout, stderr } = await play([plan, step(1), evaluation, done], { errTTY: true });
    expect(stdout).toContain('validation 2.525 bits per character');
    expect(stdout).not.toContain('[');
    expect(stderr).toContain('epoch 1/2 [');
  });

  test('closing twice, or before anything was drawn, does no harm, and no timer goes on', async () => {
    const stderr = new Screen(true);
    const reporter = await createReporter({ json: false, quiet: false, stdout: new Screen(true), stderr });
    reporter.close();
    reporter.event(plan);
    reporter.event(step(1));
    reporter.close();
    reporter.close();
    const length = stderr.text.length;
    await sleep(400);
    expect(stderr.text.length).toBe(length);
  });
});

describe('the bar', () => {
  const progress = new Progress();
  progress.apply(plan, 0);
  progress.apply(step(501), 10_000);

  test.each([40, 70, 80, 100, 200])('fits into %i columns, or is left out', (width) => {
    const text = draw(progress, width);
    expect(text).toContain('epoch 2/2');
    if (text.includes('[')) expect(text.length).toBeLessThan(width);
    else expect(width).toBeLessThan(90);
  });

  test('is empty at first and full at the end', () => {
    const whole = new Progress();
    whole.apply(plan, 0);
    expect(draw(whole, 100)).toMatch(/^epoch 1\/2 \[ +\] {3}0%$/);
    whole.apply(step(1000), 10_000);
    expect(draw(whole, 100)).toMatch(/^epoch 2\/2 \[=+\] 100% /);
  });

  test('has the density of a layer that has zeros', () => {
    const sparse = new Progress();
    sparse.apply(plan, 0);
    sparse.apply({ ...step(500), density: [0.5] }, 10_000);
    expect(draw(sparse, 120)).toMatch(/50% \| 2\.000 bits per character \| density 50% \| 120,345 tokens\/s \| /);
  });

  test('counts the time left from the step that a resumed run goes on from', () => {
    const resumed = new Progress();
    resumed.apply({ ...plan, step: 900 }, 0);
    resumed.apply(step(950), 10_000);
    expect(resumed.texts.at(-1)).toBe('0:10 left');
  });
});

test('the plan is a table that adds up, the largest part first', () => {
  expect(planTable(plan).split('\n')).toEqual([
    'memory                 bytes',
    'optimizer state   22,000,000   22.0 MB',
    'parameters         1,400,000    1.4 MB',
    "the kernels' own     900,000  900.0 kB",
    'in all            24,300,000   24.3 MB',
    '',
    '350,000 parameters, 24.3 MB of memory, 2 workers, native (avx512) kernels',
    '1,097,538 tokens to learn, 121,949 held out, 95 different; 500 steps an epoch, 1,000 in all',
  ]);
});
