// The cells' point-wise parts: parity with the oracle, and what ReLU, saturation and NaN do.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Activation, Cell, PANEL } from '../../src/kernels/kernels.js';
import { backwardProblem, CELLS, cellArrays, cellCase, forwardProblem } from './cell-problems.js';
import { implementations, tuned } from './implementations.js';
import { expectParity, RUNS, seed } from './parity.js';

/** Of values of an activation; two pre-activations of a GRU may cancel each other. */
const tolerance = (size: number): number => 1e-6 + size * 2 ** -22;

const runs = { ...RUNS, numRuns: 100 };

describe.each(implementations)('$name', (implementation) => {
  describe.each(CELLS)('$name', (kind) => {
    test('forward writes the step of its rows and units, and zero behind the last unit', () => {
      fc.assert(
        fc.property(cellCase, seed, (given, seed) => {
          expectParity(implementation, seed, (arena) => forwardProblem(arena, kind, given), tolerance(given.size));
        }),
        runs,
      );
    });

    test('backward writes the deltas of its rows and units, and zero behind the last unit', () => {
      fc.assert(
        fc.property(cellCase, seed, (given, seed) => {
          expectParity(implementation, seed, (arena) => backwardProblem(arena, kind, given), 2e-6);
        }),
        runs,
      );
    });

    test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('a pre-activation of %d', (value) => {
      const given = { rows: 2, units: 20, slack: 0, t: 1, size: 1, first: 0, blocks: 8 };
      expectParity(
        implementation,
        1,
        (arena) => {
          const prepared = forwardProblem(arena, kind, given);
          const z = prepared.outputs.z ?? prepared.ignored?.[0];
          arena.write(
            z,
            arena.read(z).map((old, index) => (index % 3 === 0 ? value : old)),
          );
          return prepared;
        },
        1e-6,
      );
    });
  });

  const special = [Number.NaN, 0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-30, -1e-30];
  const relu = {
    name: 'rnn',
    gates: 1,
    forward: 'rnnForward',
    backward: 'rnnBackward',
    activation: Activation.relu,
  } as const;
  const row = { rows: 1, units: PANEL, slack: 0, t: 0, size: 1, first: 0, blocks: 1 };

  test('ReLU gives +0 for what is not positive and lets NaN through', () => {
    const arena = implementation.arena().begin(1);
    const { descriptor, z, h } = cellArrays(arena, relu, row, false);
    arena.write(arena.part(z, { groups: 1, columns: special.length }), special);
    arena.kernels.rnnForward(descriptor, 0);
    const written = arena.read(arena.part(h, { group: 1, groups: 1, columns: special.length }));
    const small = Math.fround(1e-30);
    // Below 2^-100 a kernel may write zero.
    expect([...written].map((value) => (value === small ? 0 : value))).toEqual([
      ...[Number.NaN, 0, 0, 1, 0, Number.POSITIVE_INFINITY, 0, 0, 0],
    ]);
  });

  test('ReLU selects the delta by h > 0 and does not multiply', () => {
    const arena = implementation.arena().begin(1);
    const { descriptor, z, h, dh } = cellArrays(arena, relu, row, true);
    arena.write(arena.part(h, { group: 1, groups: 1, columns: 4 }), [0, 2, 0, 1]);
    arena.write(arena.part(dh, { groups: 1, columns: 4 }), [Number.POSITIVE_INFINITY, 3, Number.NaN, Number.NaN]);
    arena.kernels.rnnBackward(descriptor, 0);
    expect([...arena.read(arena.part(z, { groups: 1, columns: 4 }))]).toEqual([0, 3, 0, Number.NaN]);
  });
});

describe.each(tuned)('bits of $name', ({ arena }) => {
  test.each(CELLS)('$name: the blocks of a step may be computed one by one', (kind) => {
    const given = { rows: 7, units: 80, slack: 3, t: 1, size: 2, first: 0, blocks: 8 };
    for (const [problem, method] of [
      [forwardProblem, kind.forward] as const,
      [backwardProblem, kind.backward] as const,
    ]) {
      const whole = problem(arena().begin(9), kind, given);
      whole.call();
      const expected = Object.values(whole.outputs).map((block) => arena().read(block));

      const { descriptor, outputs } = problem(arena().begin(9), kind, given);
      arena().set(descriptor, Cell.blocks, 1);
      for (let block = 4; block >= 0; block--) {
        arena().set(descriptor, Cell.firstBlock, block);
        arena().kernels[method](descriptor, given.t);
      }
      expect(Object.values(outputs).map((block) => arena().read(block))).toEqual(expected);
    }
  });
});
