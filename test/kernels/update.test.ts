// The optimizers: parity with the oracle, what they keep for undo, and the transpose they write.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Optimizer, PANEL, Update } from '../../src/kernels/kernels.js';
import type { BenchArena, Block } from './bench-arena.js';
import { implementations, tuned } from './implementations.js';
import { OPTIMIZERS, type OptimizerName, usesM, usesV } from './optimizer-names.js';
import { expectParity, RUNS, seed } from './parity.js';

interface UpdateCase {
  /** Panels of w, and blocks of 16 rows in each. */
  readonly panels: number;
  readonly blocks: number;
  readonly optimizer: OptimizerName;
  readonly transposed: boolean;
  readonly shared: boolean;
  readonly clipFactor: number;
  readonly clipValue: number;
  readonly l1: number;
  readonly l2: number;
  readonly proximal: boolean;
  /** Steps done before this one. */
  readonly steps: number;
}

const updateCase = fc.record({
  panels: fc.integer({ min: 1, max: 4 }),
  blocks: fc.integer({ min: 1, max: 4 }),
  optimizer: fc.constantFrom(...OPTIMIZERS),
  transposed: fc.boolean(),
  shared: fc.boolean(),
  clipFactor: fc.constantFrom(1, 0.37),
  clipValue: fc.constantFrom(0, 0.25),
  l1: fc.constantFrom(0, 5),
  l2: fc.constantFrom(0, 0.1),
  proximal: fc.boolean(),
  steps: fc.nat(1000),
});

function prepareUpdate(arena: BenchArena, given: UpdateCase, count: number) {
  const elements = given.panels * given.blocks * PANEL * PANEL;
  const uniform = () => arena.uniform();
  const positive = () => Math.abs(arena.uniform());
  const [w, g] = [arena.floats({ columns: elements }, uniform), arena.floats({ columns: elements }, uniform)];
  const [m, v] = [arena.floats({ columns: elements }, uniform), arena.floats({ columns: elements }, positive)];
  const undo = arena.floats({ rows: 3, columns: count });
  const transposedDepth = given.panels * PANEL;
  const transposed = arena.floats({ rows: given.blocks, columns: transposedDepth * PANEL });
  const descriptor = arena.descriptor(Update, {
    ...{
      kind: Optimizer[given.optimizer],
      w,
      g,
      undo,
      m: usesM(given.optimizer) ? m : 0,
      v: usesV(given.optimizer) ? v : 0,
    },
    ...{ transposed: given.transposed ? transposed : 0, depth: given.blocks * PANEL, transposedDepth },
    shared: given.shared ? 1 : 0,
    ...{ clipFactor: given.clipFactor, clipValue: given.clipValue, rate: 0.01, beta1: 0.9, beta2: 0.99 },
    ...{ l1: given.l1, l2: given.l2, proximal: given.proximal ? 1 : 0 },
    ...{
      epsilon: 1e-8,
      correction1: 1 - 0.9 ** (given.steps + 1),
      correction2: Math.sqrt(1 - 0.99 ** (given.steps + 1)),
    },
  });
  return { descriptor, w, g, m, v, undo, transposed };
}

/** Element (k, j) of w in panels, for all of them, in the order of the transpose in panels. */
function transpose(w: Float64Array, panels: number, blocks: number): Float64Array {
  const depth = blocks * PANEL;
  const columns = panels * PANEL;
  return new Float64Array(w.length).map((_, index) => {
    const [lane, j, block] = [
      index % PANEL,
      Math.floor(index / PANEL) % columns,
      Math.floor(index / (PANEL * columns)),
    ];
    const k = block * PANEL + lane;
    return w[(Math.floor(j / PANEL) * depth + k) * PANEL + (j % PANEL)];
  });
}

const plain = { clipFactor: 0.8, clipValue: 0.5, l1: 0.1, l2: 0.01, proximal: false, steps: 4, shared: true };

describe.each(implementations)('$name', (implementation) => {
  test('update does the step of its range, keeps what it overwrites, and writes the transposed panels', () => {
    fc.assert(
      fc.property(updateCase, fc.nat(64), fc.nat(64), seed, (given, one, other, seed) => {
        const unit = given.transposed ? PANEL * PANEL : PANEL;
        const units = (given.panels * given.blocks * PANEL * PANEL) / unit;
        const [from, to] = [Math.min(one, other, units) * unit, Math.min(Math.max(one, other), units) * unit];
        const problem = (arena: BenchArena) => {
          const { descriptor, w, m, v, undo, transposed } = prepareUpdate(arena, given, to - from);
          const range = { column: from, columns: to - from };
          const outputs: Record<string, Block> = { w: arena.part(w, range), undo };
          if (usesM(given.optimizer)) outputs.m = arena.part(m, range);
          if (usesV(given.optimizer)) outputs.v = arena.part(v, range);
          if (given.transposed) outputs.transposed = transposed;
          return { outputs, call: () => arena.kernels.update(descriptor, from, to) };
        };
        expectParity(implementation, seed, problem, 1e-6);
      }),
      { ...RUNS, numRuns: 200 },
    );
  });

  test.each(OPTIMIZERS)(
    'after %s the transpose holds the exact parameters, and undo the exact old values',
    (optimizer) => {
      for (const [panels, blocks] of [
        [1, 1],
        [3, 2],
        [2, 5],
      ]) {
        const arena = implementation.arena().begin(panels);
        const count = panels * blocks * PANEL * PANEL;
        const given = { ...plain, panels, blocks, optimizer, transposed: true };
        const { descriptor, w, m, v, undo, transposed } = prepareUpdate(arena, given, count);
        const [oldW, oldM, oldV, oldUndo] = [w, m, v, undo].map((block) => arena.read(block));
        arena.kernels.update(descriptor, 0, count);
        expect(arena.read(w)).not.toEqual(oldW);
        expect(arena.read(transposed)).toEqual(transpose(arena.read(w), panels, blocks));
        const kept = (slot: number) => arena.read(arena.part(undo, { row: slot, rows: 1 }));
        expect(kept(0)).toEqual(oldW);
        expect(kept(1)).toEqual(usesM(optimizer) ? oldM : oldUndo.subarray(0, count));
        expect(kept(2)).toEqual(usesV(optimizer) ? oldV : oldUndo.subarray(0, count));
      }
    },
  );

  test('a gradient of zero and a state of zero leave the padding zero, under every optimizer', () => {
    for (const optimizer of OPTIMIZERS) {
      const arena = implementation.arena().begin(1);
      const given = { ...plain, panels: 1, blocks: 1, optimizer, transposed: false };
      const { descriptor, w, g, m, v } = prepareUpdate(arena, given, 256);
      for (const block of [w, g, m, v]) arena.write(block, new Float64Array(256));
      arena.kernels.update(descriptor, 0, 256);
      expect(arena.read(w).every((value) => value === 0)).toBe(true);
    }
  });
});

describe.each(tuned)('bits of $name', ({ arena }) => {
  test.each(OPTIMIZERS)('the blocks of %s may be updated one by one, in any order', (optimizer) => {
    const given = { ...plain, panels: 3, blocks: 2, optimizer, transposed: true };
    const count = 6 * PANEL * PANEL;
    const blocksOf = ({ w, m, v, transposed }: ReturnType<typeof prepareUpdate>) =>
      [w, m, v, transposed].map((block) => arena().read(block));
    const whole = prepareUpdate(arena().begin(2), given, count);
    arena().kernels.update(whole.descriptor, 0, count);
    const expected = blocksOf(whole);
    const parts = prepareUpdate(arena().begin(2), given, count);
    for (let from = count - 256; from >= 0; from -= 256) arena().kernels.update(parts.descriptor, from, from + 256);
    expect(blocksOf(parts)).toEqual(expected);
  });
});
