// The norms of dLoss/dh(t) that the engine finds, in float64: against finite differences, and against an oracle that shares nothing
// with it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Architecture } from '../../src/model/architecture.js';
import { fromTorch } from '../../src/model/parameters.js';
import { GradientProbe, probedTokens } from '../../src/run/gradient-probe.js';
import { CELLS, nameOf, type Parameters, startOf, windowOf } from '../train/problems.js';
import { advance, constants, lossOf, type ScalarModel, type ScalarState, zeroState } from '../train/scalar.js';
import { kernelNames } from './runs.js';

interface Problem {
  readonly model: Architecture;
  readonly parameters: Parameters;
  readonly window: number;
  /** [B], each `windows` windows and the token to predict. */
  readonly rows: readonly Int32Array[];
}

/** Weights large enough that little vanishes: a fault in what is far back would be seen. */
const SCALE = 2;

function problemOf(model: Architecture, window: number, windows: number, streams: number, seed: number): Problem {
  const start = startOf(model, 'default', seed);
  const parameters = Object.fromEntries(
    Object.entries(start).map(([name, values]) => [name, Float32Array.from(values, (value) => SCALE * value)]),
  );
  const { tokens } = windowOf(model.vocabulary, windows * window + 1, streams, seed);
  return { model, parameters, window, rows: tokens[0].map((_, b) => Int32Array.from(tokens, (row) => row[b])) };
}

function probed({ model, parameters, window, rows }: Problem): readonly (readonly number[])[] {
  const options = { kernels: 'reference', precision: 'float64', window, streams: rows.length } as const;
  const probe = new GradientProbe(model, options);
  for (const p of probe.parameters) fromTorch(p, parameters[p.name], probe.arena.floatsAt(p.weights, p.length));
  probe.transpose();
  return probe.norms(probedTokens(rows));
}

const scalarOf = ({ model, parameters }: Problem): ScalarModel => ({
  ...model,
  cell: model.cell as ScalarModel['cell'],
  parameters: Object.fromEntries(Object.entries(parameters).map(([name, values]) => [name, constants(values)])),
});

/** The states after each input; c passes through a number of its own, whose gradient is what comes from the steps after it. */
function statesOf(model: ScalarModel, row: Int32Array): readonly ScalarState[] {
  const states: ScalarState[] = [];
  let state = zeroState(model);
  for (const token of row.subarray(0, -1)) {
    state = advance(model, token, state).map(({ h, c }) => ({ h, c: c.map((value) => value.scaled(1)) }));
    states.push(state);
  }
  return states;
}

function expected(problem: Problem): number[][] {
  const { model, window, rows } = problem;
  const norms = Array.from({ length: model.layers }, () => new Array<number>(window).fill(0));
  for (const row of rows) {
    const scalar = scalarOf(problem);
    const states = statesOf(scalar, row);
    lossOf(scalar, states[states.length - 1][model.layers - 1], row[row.length - 1]).backward();
    for (const [layer, sums] of norms.entries())
      for (let back = 0; back < window; back++) {
        const { h, c } = states[states.length - 1 - back][layer];
        const state = model.cell === 'lstm' ? [...h, ...c] : h;
        sums[back] += Math.hypot(...state.map(({ gradient }) => gradient)) / rows.length;
      }
  }
  return norms;
}

function expectNorms(found: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): void {
  expect(found.length).toBe(wanted.length);
  for (const [layer, norms] of wanted.entries()) {
    expect(found[layer].length).toBe(norms.length);
    for (const [back, norm] of norms.entries())
      expect(Math.abs(found[layer][back] - norm), `layer ${layer}, ${back} steps back: ${norm}`).toBeLessThanOrEqual(
        1e-9 * norm + 1e-14,
      );
  }
}

describe.each(CELLS.map((cell) => [nameOf(cell), cell] as const))('%s', (_, cell) => {
  test('the norms are those of an oracle, in any depth, over any streams, after any number of windows', () => {
    const shape = fc.record({
      hidden: fc.integer({ min: 1, max: 18 }),
      layers: fc.integer({ min: 1, max: 3 }),
      embedding: fc.constantFrom(0, 3),
      window: fc.integer({ min: 2, max: 6 }),
      windows: fc.integer({ min: 1, max: 2 }),
      streams: fc.integer({ min: 1, max: 3 }),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(shape, ({ hidden, layers, embedding, window, windows, streams, seed }) => {
        const model = { ...cell, hidden, layers, embedding, vocabulary: 5 };
        const problem = problemOf(model, window, windows, streams, seed);
        const wanted = expected(problem);
        // A ReLU net may explode so far that the oracle has no number for its loss.
        fc.pre(wanted.flat().every(Number.isFinite));
        expectNorms(probed(problem), wanted);
      }),
      { numRuns: 12, seed: 20240611 },
    );
  });

  test('the norms are those of finite differences', () => {
    const model = { ...cell, hidden: 4, layers: 1, embedding: 0, vocabulary: 5 };
    const problem = problemOf(model, 5, 2, 1, 7);
    const [row] = problem.rows;
    const scalar = scalarOf(problem);
    const states = statesOf(scalar, row);
    const kinds = cell.cell === 'lstm' ? (['h', 'c'] as const) : (['h'] as const);
    /** The loss where a number of the state after input `t` is another. */
    const loss = (t: number, kind: 'h' | 'c', unit: number, added: number): number => {
      const { h, c } = states[t][0];
      const changed = { h: constants(h.map(({ value }) => value)), c: constants(c.map(({ value }) => value)) };
      const values = changed[kind].map(({ value }, i) => value + (i === unit ? added : 0));
      let state: ScalarState = [{ ...changed, [kind]: constants(values) }];
      for (const token of row.subarray(t + 1, -1)) state = advance(scalar, token, state);
      return lossOf(scalar, state[0], row[row.length - 1]).value;
    };
    const step = 1e-5;
    const norms = Array.from({ length: 5 }, (_, back) => {
      const slope = (kind: 'h' | 'c', unit: number): number => {
        const t = states.length - 1 - back;
        return (loss(t, kind, unit, step) - loss(t, kind, unit, -step)) / (2 * step);
      };
      return Math.hypot(...kinds.flatMap((kind) => [0, 1, 2, 3].map((unit) => slope(kind, unit))));
    });
    const [found] = probed(problem);
    expect(found[4]).toBeGreaterThan(0);
    norms.forEach((norm, back) => {
      expect(Math.abs(found[back] - norm)).toBeLessThan(1e-6 * norm + 1e-9);
    });
  });
});

test.each([...kernelNames, 'reference'] as const)('%s kernels find the same norms', (kernels) => {
  const model = { cell: 'lstm', activation: 'tanh', hidden: 20, layers: 2, embedding: 0, vocabulary: 7 } as const;
  const problem = problemOf(model, 8, 2, 3, 11);
  const probe = new GradientProbe(model, { kernels, window: 8, streams: 3 });
  for (const p of probe.parameters) fromTorch(p, problem.parameters[p.name], probe.arena.floatsAt(p.weights, p.length));
  probe.transpose();
  const wanted = probed(problem);
  probe.norms(probedTokens(problem.rows)).forEach((norms, layer) => {
    norms.forEach((norm, back) => {
      expect(Math.abs(norm - wanted[layer][back])).toBeLessThan(1e-4 * wanted[layer][back]);
    });
  });
  // Nothing of a window is left for the next one.
  expect(probe.norms(probedTokens(problem.rows))).toEqual(probe.norms(probedTokens(problem.rows)));
});

test('3 winners of a ReLU layer: only their gradients pass', () => {
  const all = { cell: 'rnn', activation: 'relu', hidden: 12, layers: 1, embedding: 0, vocabulary: 5 } as const;
  const problem = problemOf(all, 4, 1, 2, 3);
  const [few] = probed({ ...problem, model: { ...all, winners: 3 } });
  const [many] = probed(problem);
  expect(few[0]).toBeGreaterThan(0);
  expect(few).not.toEqual(many);
});
