// The losses of outputs that are no classes: parity with the oracle, accuracy far out, and rows that do not count.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OutputLoss, PANEL, padded } from '../../src/kernels/kernels.js';
import type { BenchArena } from './bench-arena.js';
import { implementations, tuned } from './implementations.js';
import { expectParity, groups, RUNS, rows, seed, slack, width } from './parity.js';

const KERNELS = ['sigmoidLoss', 'squaredLoss'] as const;
type LossKernel = (typeof KERNELS)[number];

interface LossCase {
  readonly groups: number;
  readonly rows: number;
  readonly outputs: number;
  readonly slack: number;
  /** Size of the logits. */
  readonly size: number;
  readonly train: number;
  readonly counted: boolean;
  /** Whether what is to be predicted lies between 0 and 1 too. */
  readonly between: boolean;
  readonly smoothing?: number;
}

const lossCase = fc.record({
  groups,
  rows,
  outputs: fc.oneof(fc.integer({ min: 1, max: 4 }), width),
  slack,
  size: fc.constantFrom(0, 1, 30, 1e4),
  train: fc.constantFrom(0, 1),
  counted: fc.boolean(),
  between: fc.boolean(),
  smoothing: fc.constantFrom(0, 0.1, 0.95),
});

const SCALE = 1 / 7;

/** The padding of logits and values is NaN: nobody may read it into anything. */
function prepareLoss(arena: BenchArena, given: LossCase) {
  const columns = padded(given.outputs);
  const grid = (value: () => number) => {
    const ld = columns + given.slack;
    return arena.floats(
      { groups: given.groups, rows: given.rows, columns, ld, group: given.rows * ld + given.slack },
      (column) => (column < given.outputs ? value() : Number.NaN),
    );
  };
  const logits = grid(() => arena.uniform(given.size));
  const values = grid(() => (given.between ? Math.abs(arena.uniform()) : arena.integer(0, 2)));
  const perRow = { groups: given.groups, columns: given.rows, group: given.rows + given.slack };
  // One row in four does not count.
  const targets = arena.integers(perRow, () => Math.max(-1, arena.integer(-1, 3)));
  const [losses, hits] = [arena.floats(perRow), arena.floats(perRow)];
  const descriptor = arena.descriptor(OutputLoss, {
    ...{ logits, ldl: logits.ld, logitGroup: logits.group, outputs: given.outputs },
    ...{ values, ldv: values.ld, valueGroup: values.group, targets, targetGroup: targets.group },
    ...{ rows: given.rows, losses, hits: given.counted ? hits : 0, scale: SCALE, train: given.train },
    smoothing: given.smoothing ?? 0,
  });
  return { descriptor, logits, values, targets, losses, hits };
}

const row = { groups: 1, rows: 1, slack: 0, size: 1, train: 1, counted: true, between: false };

/** What one row of logits costs, and its gradient. */
function solve(arena: BenchArena, kernel: LossKernel, given: readonly number[], wanted: readonly number[]) {
  const outputs = given.length;
  const { descriptor, logits, values, targets, losses, hits } = prepareLoss(arena.begin(1), { ...row, outputs });
  arena.write(arena.part(logits, { columns: outputs }), given);
  arena.write(arena.part(values, { columns: outputs }), wanted);
  arena.write(targets, [0]);
  const written = arena.run([losses, hits, logits], () => arena.kernels[kernel](descriptor, 0, 1));
  const [[loss], [hit], gradient] = written;
  expect(gradient.subarray(outputs).every((value) => Object.is(value, 0))).toBe(true);
  return { loss, hit, gradient: [...gradient.subarray(0, outputs)] };
}

describe.each(implementations)('$name', (implementation) => {
  const arena = (seed = 1) => implementation.arena().begin(seed);

  describe.each(KERNELS)('%s', (kernel) => {
    test('writes losses, hits and the gradient for any shape', () => {
      fc.assert(
        fc.property(lossCase, fc.nat(3), seed, (given, skipped, seed) => {
          const from = Math.min(skipped, given.groups);
          const problem = (arena: BenchArena) => {
            const { descriptor, logits, losses, hits } = prepareLoss(arena, given);
            const range = { group: from };
            return {
              outputs: {
                ...{ losses: arena.part(losses, range), logits: arena.part(logits, range) },
                ...(given.counted ? { hits: arena.part(hits, range) } : {}),
              },
              call: () => arena.kernels[kernel](descriptor, from, given.groups),
            };
          };
          expectParity(implementation, seed, problem, 2e-6);
        }),
        { ...RUNS, numRuns: 150 },
      );
    });

    test('without training the logits keep their bytes', () => {
      const bench = arena(2);
      const { descriptor, losses, hits } = prepareLoss(bench, { ...row, rows: 9, outputs: 21, train: 0 });
      bench.run([losses, hits], () => bench.kernels[kernel](descriptor, 0, 1));
    });

    test('rows that do not count have no loss, no hit and a gradient of zero, whatever stands in them', () => {
      const bench = arena(3);
      const { descriptor, logits, values, targets, losses, hits } = prepareLoss(bench, { ...row, outputs: 21 });
      bench.write(targets, [-1]);
      bench.write(bench.part(logits, { columns: 2 }), [Number.NaN, Number.POSITIVE_INFINITY]);
      bench.write(bench.part(values, { columns: 1 }), [Number.NaN]);
      const results = bench.run([losses, hits, logits], () => bench.kernels[kernel](descriptor, 0, 1));
      for (const values of results) expect(values.every((value) => Object.is(value, 0))).toBe(true);
    });

    test.each([0, 7, 18])('a NaN among logits or values, at %i, makes the loss NaN', (place) => {
      for (const which of ['logits', 'values'] as const) {
        for (const train of [0, 1]) {
          const bench = arena(6);
          const problem = prepareLoss(bench, { ...row, outputs: 19, train });
          bench.write(problem.targets, [3]);
          bench.write(bench.part(problem[which], { column: place, columns: 1 }), [Number.NaN]);
          bench.kernels[kernel](problem.descriptor, 0, 1);
          expect(bench.read(problem.losses)[0]).toBeNaN();
        }
      }
    });

    test.each([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('a logit of %d has no finite loss', (logit) => {
      for (const wanted of [0, 1])
        expect(Number.isFinite(solve(arena(), kernel, [0, logit, 0], [0, wanted, 0]).loss)).toBe(false);
    });
  });

  test('a sigmoid of a logit of 0 costs log 2 and is drawn to what it should be', () => {
    for (const wanted of [0, 1]) {
      const { loss, gradient } = solve(arena(), 'sigmoidLoss', [0], [wanted]);
      expect(loss).toBeCloseTo(Math.LN2, 6);
      expect(gradient[0]).toBeCloseTo((0.5 - wanted) * SCALE, 6);
    }
  });

  test('logits of 1e4 and -1e4 cost nothing where they are right, and 1e4 where they are wrong', () => {
    const right = solve(arena(), 'sigmoidLoss', [1e4, -1e4], [1, 0]);
    expect([right.loss, right.hit, ...right.gradient.map(Math.abs)]).toEqual([0, 1, 0, 0]);
    const wrong = solve(arena(), 'sigmoidLoss', [1e4, -1e4], [0, 1]);
    expect([wrong.loss, wrong.hit]).toEqual([1e4, 0]);
    expect(wrong.gradient[0]).toBeCloseTo(SCALE / 2, 6);
    expect(wrong.gradient[1]).toBeCloseTo(-SCALE / 2, 6);
  });

  test('a row of sigmoids is a hit where all of them are on the right side', () => {
    const right = Array.from({ length: 21 }, (_, i) => i % 3 === 0);
    const logits = right.map((on) => (on ? 0.1 : -0.1));
    const hit = (logits: readonly number[]) => solve(arena(), 'sigmoidLoss', logits, right.map(Number)).hit;
    expect(hit(logits)).toBe(1);
    for (let place = 0; place < right.length; place++) {
      expect(hit(logits.map((logit, i) => (i === place ? -logit : logit))), `${place}`).toBe(0);
    }
    // A logit of 0 says no, and so does a wish for one half.
    expect(hit(logits.map((logit) => Math.max(0, logit)))).toBe(1);
    expect(solve(arena(), 'sigmoidLoss', [0, 1], [0.5, 0.75]).hit).toBe(1);
    expect(solve(arena(), 'sigmoidLoss', [1], [0.5]).hit).toBe(0);
  });

  test('smoothing draws a sigmoid to 1 - s / 2 and s / 2, and leaves what is a hit', () => {
    const bench = arena();
    const smoothing = 0.2;
    const problem = prepareLoss(bench, { ...row, outputs: 2, smoothing });
    bench.write(bench.part(problem.logits, { columns: 2 }), [Math.log(9), -Math.log(9)]);
    bench.write(bench.part(problem.values, { columns: 2 }), [1, 0]);
    bench.write(problem.targets, [0]);
    const { losses, hits, logits } = problem;
    const [loss, hit, gradient] = bench.run([losses, hits, logits], () =>
      bench.kernels.sigmoidLoss(problem.descriptor, 0, 1),
    );
    expect(loss[0]).toBeCloseTo(-0.9 * Math.log(0.9) - 0.1 * Math.log(0.1), 6);
    expect(hit[0]).toBe(1);
    expect(gradient.every((slope) => Math.abs(slope) < 1e-7)).toBe(true);
  });

  test('squared error is the mean over the outputs, and never a hit', () => {
    const { loss, hit, gradient } = solve(arena(), 'squaredLoss', [1, -2, 0.5, 4], [1, 1, 1, 1]);
    expect([loss, hit]).toEqual([(9 + 0.25 + 9) / 4, 0]);
    expect(gradient).toEqual([0, -6, -1, 6].map((slope) => expect.closeTo((slope * SCALE) / 4, 6)));
  });
});

/** One output a row, so that a loss is that of one logit. */
function alone(arena: BenchArena, logits: readonly number[], wanted: number) {
  arena.begin(1);
  const rows = logits.length;
  const problem = prepareLoss(arena, { ...row, rows, outputs: 1 });
  arena.write(arena.part(problem.logits, { columns: 1 }), logits);
  arena.write(arena.part(problem.values, { columns: 1 }), Array(rows).fill(wanted));
  arena.write(problem.targets, Array(rows).fill(0));
  arena.kernels.sigmoidLoss(problem.descriptor, 0, 1);
  return { losses: arena.read(problem.losses), gradient: arena.read(arena.part(problem.logits, { columns: 1 })) };
}

/** Up to where exp(-x) leaves the normal numbers of float32. */
const SIZES = Array.from({ length: 30_000 }, (_, i) => Math.fround((87.3 * i) / 29_999));

const worst = (got: Float64Array, truth: readonly number[]): number =>
  truth.reduce((most, value, i) => Math.max(most, Math.abs(got[i] - value) / Math.abs(value)), 0);

test.each(implementations)('$name: log(1 + exp(-x)) is right to 1e-6 for every x, however small it is', ({ arena }) => {
  const truth = SIZES.map((x) => Math.log1p(Math.exp(-x)));
  expect(worst(alone(arena(), SIZES, 1).losses, truth)).toBeLessThan(1e-6);
  const below = SIZES.map((x) => -x);
  expect(worst(alone(arena(), below, 0).losses, truth)).toBeLessThan(1e-6);
});

describe.each(tuned)('bits of $name', ({ arena }) => {
  test('the gradient of a sigmoid that is nearly right keeps its digits', () => {
    // Where the gradient is above 2^-100: WebAssembly sets what lies below to zero.
    const sizes = SIZES.filter((x) => x < 66);
    const truth = sizes.map((x) => (-SCALE * Math.exp(-x)) / (1 + Math.exp(-x)));
    expect(worst(alone(arena(), sizes, 1).gradient, truth)).toBeLessThan(1.5e-6);
  });

  test.each(KERNELS)('a row of %s does not depend on the rows beside it', (kernel) => {
    for (const outputs of [1, 53]) {
      const given = { ...row, groups: 2, rows: 7, outputs, slack: 5, size: 3, between: true };
      const together = prepareLoss(arena().begin(8), given);
      arena().kernels[kernel](together.descriptor, 0, 2);
      const expected = [together.losses, together.hits, together.logits].map((block) => arena().read(block));

      const { descriptor, logits, values, targets, losses, hits } = prepareLoss(arena().begin(8), given);
      arena().set(descriptor, OutputLoss.rows, 1);
      for (let row = 0; row < 7; row++) {
        arena().set(descriptor, OutputLoss.logits, logits.offset + row * logits.ld * 4);
        arena().set(descriptor, OutputLoss.values, values.offset + row * values.ld * 4);
        for (const [field, block] of [
          [OutputLoss.targets, targets],
          [OutputLoss.losses, losses],
          [OutputLoss.hits, hits],
        ] as const) {
          arena().set(descriptor, field, block.offset + row * 4);
        }
        arena().kernels[kernel](descriptor, 0, 2);
      }
      expect([losses, hits, logits].map((block) => arena().read(block))).toEqual(expected);
    }
  });
});

test.each(KERNELS)('%s has the same bits in every native instruction set', (kernel) => {
  const sets = tuned.filter(({ name }) => name.startsWith('native'));
  for (const outputs of [1, 7, PANEL, 53, 200]) {
    const results = sets.map(({ arena }) => {
      const given = { ...row, groups: 2, rows: 9, outputs, size: 4, between: true };
      const { descriptor, logits, losses, hits } = prepareLoss(arena().begin(outputs), given);
      return arena().run([losses, hits, logits], () => arena().kernels[kernel](descriptor, 0, 2));
    });
    for (const result of results) expect(result).toEqual(results[0]);
  }
});
