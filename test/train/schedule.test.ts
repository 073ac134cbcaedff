// Learning rates against PyTorch's and against their formulas.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Schedule, type ScheduleSettings } from '../../src/train/schedule.js';

interface Fixture {
  readonly lr: number;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly schedules: Readonly<
    Record<
      string,
      {
        readonly schedule: ScheduleSettings['kind'];
        readonly warmup: number;
        readonly milestones?: number[];
        readonly gamma?: number;
        readonly totalSteps?: number;
        readonly patience?: number;
        readonly metrics?: number[];
        readonly lr: number[];
      }
    >
  >;
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('../fixtures/optimizers.json', import.meta.url), 'utf8'));

const settings = (given: Partial<ScheduleSettings>): ScheduleSettings => ({
  ...{ kind: 'constant', rate: 0.1, milestones: [], gamma: 0.5, totalSteps: 100, patience: 0, warmup: 0 },
  ...given,
});

test.each(Object.entries(fixture.schedules))('%s: the rate of each step is PyTorch’s', (_, given) => {
  const { schedule: kind, warmup, milestones = [], gamma = 1, totalSteps = 0, patience = 0, metrics } = given;
  const schedule = new Schedule({ kind, rate: fixture.lr, warmup, milestones, gamma, totalSteps, patience });
  for (let step = 0; step < fixture.steps; step++) {
    const epoch = Math.floor(step / fixture.stepsPerEpoch);
    expect(Math.abs(schedule.rate(step, epoch) / given.lr[step] - 1), `step ${step}`).toBeLessThan(1e-12);
    if (metrics && (step + 1) % fixture.stepsPerEpoch === 0) schedule.evaluated(metrics[epoch]);
  }
});

test('a constant rate is the rate', () => {
  const schedule = new Schedule(settings({}));
  expect([0, 1, 1e6].map((step) => schedule.rate(step, step))).toEqual([0.1, 0.1, 0.1]);
});

test('step: the rate is lr gamma^n, n the milestones that the epoch has reached', () => {
  const schedule = new Schedule(settings({ kind: 'step', milestones: [2, 5], gamma: 0.25 }));
  const rates = [0, 1, 2, 4, 5, 50].map((epoch) => schedule.rate(7, epoch));
  expect(rates).toEqual([0.1, 0.1, 0.1 * 0.25, 0.1 * 0.25, 0.1 * 0.25 ** 2, 0.1 * 0.25 ** 2]);
});

test('cosine: from lr through lr / 2 in the middle to 0 at the end, and 0 beyond it', () => {
  const schedule = new Schedule(settings({ kind: 'cosine', totalSteps: 40 }));
  expect(schedule.rate(0, 0)).toBe(0.1);
  expect(schedule.rate(20, 0)).toBeCloseTo(0.05, 15);
  for (const step of [40, 41, 1000]) expect(schedule.rate(step, 0)).toBe(0);
});

test('warm-up: a factor (step + 1) / N on any schedule, 1 from step N - 1 on', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('constant', 'step', 'cosine', 'plateau'),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 99 }),
      (kind, warmup, step) => {
        const epoch = Math.floor(step / 10);
        const given = settings({ kind, milestones: [3, 6] });
        const [plain, warmed] = [new Schedule(given), new Schedule({ ...given, warmup })];
        const factor = step >= warmup - 1 ? 1 : (step + 1) / warmup;
        expect(warmed.rate(step, epoch)).toBeCloseTo(factor * plain.rate(step, epoch), 15);
      },
    ),
    { seed: 4 },
  );
});

describe('plateau', () => {
  const plateau = (patience: number) => new Schedule(settings({ kind: 'plateau', patience }));

  test('the rate falls after more than `patience` evaluations in a row without an improvement', () => {
    const schedule = plateau(2);
    const rates = [3, 3, 3, 3, 3, 3, 3].map((loss) => {
      schedule.evaluated(loss);
      return schedule.rate(0, 0);
    });
    expect(rates).toEqual([0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025]);
  });

  test('less than 0.01% is no improvement, more is one', () => {
    const [small, large] = [plateau(0), plateau(0)];
    for (const loss of [2, 2 * (1 - 0.9e-4)]) small.evaluated(loss);
    for (const loss of [2, 2 * (1 - 1.1e-4)]) large.evaluated(loss);
    expect(small.rate(0, 0)).toBe(0.05);
    expect(large.rate(0, 0)).toBe(0.1);
  });

  test('a loss that is no number is no improvement, the first one included', () => {
    const schedule = plateau(1);
    schedule.evaluated(Number.NaN);
    schedule.evaluated(2);
    expect(schedule.state).toEqual({ factor: 1, best: 2, badEvaluations: 0 });
    schedule.evaluated(Number.NaN);
    schedule.evaluated(Number.POSITIVE_INFINITY);
    expect(schedule.rate(0, 0)).toBe(0.05);
  });

  test('a schedule goes on from its state, through JSON', () => {
    const losses = [3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 0.5, 0.6, 0.6];
    const whole = plateau(1);
    for (let cut = 0; cut < losses.length; cut++) {
      const first = plateau(1);
      for (const loss of losses.slice(0, cut)) first.evaluated(loss);
      const second = new Schedule(first.settings, JSON.parse(JSON.stringify(first.state)));
      for (const loss of losses.slice(cut)) second.evaluated(loss);
      if (cut === 0) for (const loss of losses) whole.evaluated(loss);
      expect(second.state).toEqual(whole.state);
    }
    expect(whole.state.factor).toBeLessThan(1);
  });
});
