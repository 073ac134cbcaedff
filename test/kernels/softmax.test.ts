// Softmax with cross-entropy: parity with the oracle, stability, and rows that do not count.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { padded, Softmax } from '../../src/kernels/kernels.js';
import type { BenchArena } from './bench-arena.js';
import { implementations, tuned } from './implementations.js';
import { expectParity, groups, RUNS, rows, seed, slack, width } from './parity.js';

interface SoftmaxCase {
  readonly groups: number;
  readonly rows: number;
  readonly classes: number;
  readonly slack: number;
  /** Size of the logits. */
  readonly size: number;
  readonly train: number;
  readonly counted: boolean;
  readonly weighted?: boolean;
  readonly smoothing?: number;
}

const softmaxCase = fc.record({
  groups,
  rows,
  classes: width,
  slack,
  size: fc.constantFrom(0, 1, 30, 1e4),
  train: fc.constantFrom(0, 1),
  counted: fc.boolean(),
  weighted: fc.boolean(),
  smoothing: fc.constantFrom(0, 0.1, 0.95),
});

const SCALE = 1 / 7;

function prepareSoftmax(arena: BenchArena, given: SoftmaxCase) {
  const columns = padded(given.classes);
  const ldl = columns + given.slack;
  const logits = arena.floats(
    { groups: given.groups, rows: given.rows, columns, ld: ldl, group: given.rows * ldl + given.slack },
    (column) => (column < given.classes ? arena.uniform(given.size) : 0),
  );
  const perRow = { groups: given.groups, columns: given.rows, group: given.rows + given.slack };
  // One row in four does not count.
  const targets = arena.integers(perRow, () => Math.max(-1, arena.integer(-given.classes / 3, given.classes)));
  const [losses, hits] = [arena.floats(perRow), arena.floats(perRow)];
  const weights = arena.floats({ columns: given.classes }, () => 0.1 + 2 * Math.abs(arena.uniform()));
  const descriptor = arena.descriptor(Softmax, {
    ...{ logits, ldl, logitGroup: logits.group, classes: given.classes },
    ...{ targets, targetGroup: targets.group, rows: given.rows, losses, hits: given.counted ? hits : 0 },
    ...{ scale: SCALE, train: given.train, weights: given.weighted ? weights : 0, smoothing: given.smoothing ?? 0 },
  });
  return { descriptor, logits, targets, losses, hits, weights };
}

const row = { groups: 1, rows: 1, slack: 0, train: 1, counted: true };

describe.each(implementations)('$name', (implementation) => {
  test('softmax writes losses, hits and the gradient for any shape', () => {
    fc.assert(
      fc.property(softmaxCase, fc.nat(3), seed, (given, skipped, seed) => {
        const from = Math.min(skipped, given.groups);
        const problem = (arena: BenchArena) => {
          const { descriptor, logits, losses, hits } = prepareSoftmax(arena, given);
          const range = { group: from };
          return {
            outputs: {
              ...{ losses: arena.part(losses, range), logits: arena.part(logits, range) },
              ...(given.counted ? { hits: arena.part(hits, range) } : {}),
            },
            call: () => arena.kernels.softmax(descriptor, from, given.groups),
          };
        };
        expectParity(implementation, seed, problem, 2e-6);
      }),
      { ...RUNS, numRuns: 150 },
    );
  });

  test('without training the logits keep their bytes', () => {
    const arena = implementation.arena().begin(2);
    const given = { ...row, rows: 9, classes: 21, size: 1, train: 0 };
    const { descriptor, losses, hits } = prepareSoftmax(arena, given);
    arena.run([losses, hits], () => arena.kernels.softmax(descriptor, 0, 1));
  });

  test('rows that do not count have no loss, no hit and a gradient of zero, whatever their logits', () => {
    const arena = implementation.arena().begin(3);
    const { descriptor, logits, targets, losses, hits } = prepareSoftmax(arena, { ...row, classes: 21, size: 1 });
    arena.write(targets, [-1]);
    arena.write(arena.part(logits, { columns: 2 }), [Number.NaN, Number.POSITIVE_INFINITY]);
    const results = arena.run([losses, hits, logits], () => arena.kernels.softmax(descriptor, 0, 1));
    for (const values of results) expect(values.every((value) => Object.is(value, 0))).toBe(true);
  });

  test('a single class has loss 0 and gradient 0', () => {
    const arena = implementation.arena().begin(4);
    const { descriptor, logits, targets, losses } = prepareSoftmax(arena, {
      ...row,
      classes: 1,
      size: 1e4,
      counted: false,
    });
    arena.write(targets, [0]);
    const [loss, gradient] = arena.run([losses, logits], () => arena.kernels.softmax(descriptor, 0, 1));
    expect(loss[0]).toBeCloseTo(0, 10);
    expect(gradient.every((value) => Math.abs(value) < 1e-9)).toBe(true);
  });

  test('logits of 1e4 and -1e4 give the loss of 2e4 and a finite gradient', () => {
    const arena = implementation.arena().begin(5);
    const { descriptor, logits, targets, losses, hits } = prepareSoftmax(arena, { ...row, classes: 19, size: 0 });
    arena.write(logits, [1e4, -1e4, ...Array(30).fill(0)]);
    arena.write(targets, [1]);
    const outputs = [losses, hits, logits];
    const [loss, hit, gradient] = arena.run(outputs, () => arena.kernels.softmax(descriptor, 0, 1));
    expect([loss[0], hit[0]]).toEqual([2e4, 0]);
    expect(gradient[0]).toBeCloseTo(1 / 7, 6);
    expect(gradient[1]).toBeCloseTo(-1 / 7, 6);
    expect(gradient.subarray(2).every((value) => value === 0)).toBe(true);
  });

  test('a weight multiplies the loss and the gradient of the rows whose target has it', () => {
    const solve = (weighted: boolean) => {
      const arena = implementation.arena().begin(8);
      const given = { ...row, rows: 3, classes: 21, size: 2, weighted, smoothing: 0.2 };
      const { descriptor, logits, targets, losses, hits, weights } = prepareSoftmax(arena, given);
      arena.write(arena.part(weights, { column: 4, columns: 2 }), [4, 0.25]);
      arena.write(targets, [4, 5, -1]);
      return arena.run([losses, logits, hits], () => arena.kernels.softmax(descriptor, 0, 1));
    };
    const [[plain, slopes], [weighed, weighedSlopes]] = [solve(false), solve(true)];
    const factors = [4, 0.25, 0];
    expect([...weighed]).toEqual(factors.map((factor, i) => factor * plain[i]));
    expect([...weighedSlopes]).toEqual([...slopes].map((slope, i) => factors[Math.floor(i / padded(21))] * slope));
  });

  test('smoothing draws a softmax to where the target has 1 - s and s / V more than nothing', () => {
    const arena = implementation.arena().begin(9);
    const [classes, smoothing] = [19, 0.19];
    const { descriptor, logits, targets, losses, hits } = prepareSoftmax(arena, {
      ...row,
      classes,
      size: 0,
      smoothing,
    });
    const wanted = Array.from({ length: classes }, (_, j) => smoothing / classes + (j === 7 ? 1 - smoothing : 0));
    arena.write(arena.part(logits, { columns: classes }), wanted.map(Math.log));
    arena.write(targets, [7]);
    const [loss, , gradient] = arena.run([losses, hits, logits], () => arena.kernels.softmax(descriptor, 0, 1));
    // The entropy of the smoothed target is the least that it costs.
    expect(loss[0]).toBeCloseTo(-wanted.reduce((sum, q) => sum + q * Math.log(q), 0), 5);
    expect(gradient.every((slope) => Math.abs(slope) < 1e-7)).toBe(true);
    expect(gradient.subarray(classes).every((slope) => Object.is(slope, 0))).toBe(true);
  });

  test.each([0, 7, 18])('a NaN among the logits, at %i, makes the loss NaN', (place) => {
    for (const train of [0, 1]) {
      const arena = implementation.arena().begin(6);
      const { descriptor, logits, targets, losses } = prepareSoftmax(arena, { ...row, classes: 19, size: 1, train });
      arena.write(targets, [3]);
      arena.write(arena.part(logits, { column: place, columns: 1 }), [Number.NaN]);
      arena.kernels.softmax(descriptor, 0, 1);
      expect(arena.read(losses)[0]).toBeNaN();
    }
  });

  test.each([19, 2 ** 30])('target %i among 19 classes is an error', (target) => {
    const arena = implementation.arena().begin(7);
    const { descriptor, targets } = prepareSoftmax(arena, { ...row, classes: 19, size: 1 });
    arena.write(targets, [target]);
    expect(() => arena.kernels.softmax(descriptor, 0, 1)).toThrow(RangeError);
  });
});

describe.each(tuned)('bits of $name', ({ arena }) => {
  test('a row of a softmax does not depend on the rows beside it', () => {
    const given = { ...row, groups: 2, rows: 7, classes: 53, slack: 5, size: 3, weighted: true, smoothing: 0.1 };
    const together = prepareSoftmax(arena().begin(8), given);
    arena().kernels.softmax(together.descriptor, 0, 2);
    const expected = [together.losses, together.hits, together.logits].map((block) => arena().read(block));

    const { descriptor, logits, targets, losses, hits } = prepareSoftmax(arena().begin(8), given);
    arena().set(descriptor, Softmax.rows, 1);
    for (let row = 0; row < 7; row++) {
      arena().set(descriptor, Softmax.logits, logits.offset + row * logits.ld * 4);
      for (const [field, block] of [
        [Softmax.targets, targets],
        [Softmax.losses, losses],
        [Softmax.hits, hits],
      ] as const) {
        arena().set(descriptor, field, block.offset + row * 4);
      }
      arena().kernels.softmax(descriptor, 0, 2);
    }
    expect([losses, hits, logits].map((block) => arena().read(block))).toEqual(expected);
  });
});

test.each([0, 0.1])('softmax with smoothing %d has the same bits in every native instruction set', (smoothing) => {
  const sets = tuned.filter(({ name }) => name.startsWith('native'));
  for (const classes of [1, 7, 16, 53, 200]) {
    const results = sets.map(({ arena }) => {
      const given = { ...row, groups: 2, rows: 9, classes, size: 4, weighted: true, smoothing };
      const { descriptor, logits, losses, hits } = prepareSoftmax(arena().begin(classes), given);
      return arena().run([losses, hits, logits], () => arena().kernels.softmax(descriptor, 0, 2));
    });
    for (const result of results) expect(result).toEqual(results[0]);
  }
});
