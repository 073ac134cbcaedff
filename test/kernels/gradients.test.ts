// That backward is the derivative of forward: finite differences in float64, and the products of a layer among themselves.
import { describe, expect, test } from 'vitest';
import {
  GRADIENT_SCRATCH,
  Gradient,
  Init,
  LayerNorm,
  Optimizer,
  OutputLoss,
  PANEL,
  Product,
  padded,
  Softmax,
  Update,
} from '../../src/kernels/kernels.js';
import type { BenchArena, Block } from './bench-arena.js';
import { CELLS, type CellKind, cellArrays } from './cell-problems.js';
import { implementations, oracle } from './implementations.js';

const STEP = 1e-3;

/** f' at 0 to the fourth order of the step. */
const derivative = (f: (x: number) => number): number =>
  (8 * (f(STEP) - f(-STEP)) - (f(2 * STEP) - f(-2 * STEP))) / (12 * STEP);

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, index) => sum + value * b[index], 0);

/** Each element of `analytic` against the difference quotient of `loss` in the same element of `values`. */
function expectDerivative(
  name: string,
  analytic: ArrayLike<number>,
  values: Float64Array,
  loss: (values: Float64Array) => number,
) {
  for (let i = 0; i < values.length; i++) {
    const numeric = derivative((x) => loss(values.map((value, index) => (index === i ? value + x : value))));
    const error = Math.abs(analytic[i] - numeric);
    expect(error, `${name}[${i}] is ${analytic[i]}, numerically ${numeric}`).toBeLessThan(
      1e-6 * Math.abs(numeric) + 1e-10,
    );
  }
}

describe('finite differences of', () => {
  const t = 1;
  const given = { rows: 2, units: 19, slack: 3, t, size: 2, first: 0, blocks: 8 };

  function prepare(kind: CellKind, arena: BenchArena) {
    const arrays = cellArrays(arena, kind, given, false);
    const at = (block: Block, time: number) => arena.part(block, { group: time, groups: 1 });
    const inputs: Record<string, Block> = { z: at(arrays.z, t) };
    if (kind.gates === 3) Object.assign(inputs, { r: at(arrays.r, t), hBefore: at(arrays.h, t) });
    if (kind.gates === 4) Object.assign(inputs, { cBefore: at(arrays.c, t) });
    // Away from the kink of ReLU.
    arena.write(
      inputs.z,
      arena.read(inputs.z).map((value) => value + Math.sign(value) * 0.1),
    );
    return { arrays, at, inputs };
  }

  test.each(CELLS)('$name', (kind) => {
    const arena = oracle().begin(11);
    const { arrays, at, inputs } = prepare(kind, arena);
    const start = Object.entries(inputs).map(([name, block]) => ({ name, block, values: arena.read(block) }));
    const [dh, dc, dhBefore] = [at(arrays.dh, t), arrays.dc, at(arrays.dh, t - 1)].map((block) => arena.read(block));
    // L = <dh, h(t)> + <dc, c(t)>
    const lossAt = (changed: string, changedValues: Float64Array): number => {
      for (const { name, block, values } of start) arena.write(block, name === changed ? changedValues : values);
      arena.kernels[kind.forward](arrays.descriptor, t);
      const ofState = kind.gates === 4 ? dot(dc, arena.read(at(arrays.c, t + 1))) : 0;
      return dot(dh, arena.read(at(arrays.h, t + 1))) + ofState;
    };

    lossAt('', new Float64Array());
    arena.kernels[kind.backward](arrays.descriptor, t);
    const analytic: Record<string, Float64Array> = {
      z: arena.read(inputs.z),
      r: arena.read(at(arrays.r, t)),
      cBefore: arena.read(arrays.dc),
      // What backward added, for h(t-1) has a gradient from above as well.
      hBefore: arena.read(at(arrays.dh, t - 1)).map((value, index) => value - dhBefore[index]),
    };
    for (const { name, values } of start) {
      expectDerivative(name, analytic[name], values, (changed) => lossAt(name, changed));
    }
  });

  test.each([
    ['', false, 0],
    [', weights of classes', true, 0],
    [', smoothing', false, 0.3],
    [', weights and smoothing', true, 0.3],
  ] as const)('softmax with cross-entropy%s', (_, weighted, smoothing) => {
    const arena = oracle().begin(12);
    const [rows, classes, scale] = [3, 11, 0.2];
    const columns = padded(classes);
    const logits = arena.floats({ rows, columns }, (column) => (column < classes ? arena.uniform(3) : 0));
    const targets = arena.integers({ columns: rows }, (row) => [4, -1, 10][row]);
    const losses = arena.floats({ columns: rows });
    const weights = weighted ? arena.floats({ columns: classes }, () => 1.5 + arena.uniform()) : 0;
    const fields = { logits, ldl: columns, classes, targets, rows, losses, scale, train: 1, weights, smoothing };
    const descriptor = arena.descriptor(Softmax, fields);
    const start = arena.read(logits);
    const lossAt = (values: Float64Array) => {
      arena.write(logits, values);
      arena.kernels.softmax(descriptor, 0, 1);
      return scale * arena.read(losses).reduce((sum, loss) => sum + loss, 0);
    };
    lossAt(start);
    expectDerivative('logits', arena.read(logits), start, lossAt);
  });

  test.each([
    ['sigmoidLoss', 0],
    ['sigmoidLoss', 0.3],
    ['squaredLoss', 0],
  ] as const)('%s, smoothing %d', (kernel, smoothing) => {
    const arena = oracle().begin(14);
    const [rows, outputs, scale] = [3, 11, 0.2];
    const columns = padded(outputs);
    const grid = (size: number) =>
      arena.floats({ rows, columns }, (column) => (column < outputs ? arena.uniform(size) : 0));
    const [logits, values] = [grid(3), grid(1)];
    const targets = arena.integers({ columns: rows }, (row) => [0, -1, 0][row]);
    const losses = arena.floats({ columns: rows });
    const fields = {
      logits,
      ldl: columns,
      outputs,
      values,
      ldv: columns,
      targets,
      rows,
      losses,
      scale,
      train: 1,
      smoothing,
    };
    const descriptor = arena.descriptor(OutputLoss, fields);
    const start = arena.read(logits);
    const lossAt = (changed: Float64Array) => {
      arena.write(logits, changed);
      arena.kernels[kernel](descriptor, 0, 1);
      return scale * arena.read(losses).reduce((sum, loss) => sum + loss, 0);
    };
    lossAt(start);
    expectDerivative('logits', arena.read(logits), start, lossAt);
  });
});

test('finite differences of layer normalization', () => {
  const arena = oracle().begin(15);
  const [rows, units, parts] = [3, 5, 2];
  const columns = parts * padded(units);
  const grid = (count: number, value: () => number) =>
    arena.floats({ rows: count, columns }, (column) => (column % padded(units) < units ? value() : 0));
  const [source, dOut] = [grid(rows, () => arena.uniform(2)), grid(rows, () => arena.uniform())];
  const [gain, bias] = [grid(1, () => 1 + arena.uniform(0.5)), grid(1, () => arena.uniform())];
  const [out, normal, dIn] = [grid(rows, () => 0), grid(rows, () => 0), grid(rows, () => 0)];
  const inverse = arena.floats({ columns: rows });
  const descriptor = arena.descriptor(LayerNorm, {
    ...{ in: source, out, normal, inverse, inverseGroup: rows, gain, bias, dOut, dIn, ld: columns, rows, units, parts },
    epsilon: 1e-5,
  });
  const start = [source, gain, bias].map((block) => arena.read(block));
  const lossAt = (which: number) => (values: Float64Array) => {
    for (const [i, block] of [source, gain, bias].entries()) arena.write(block, i === which ? values : start[i]);
    arena.kernels.normForward(descriptor, 0, 1);
    return dot(arena.read(dOut), arena.read(out));
  };
  lossAt(-1)(new Float64Array());
  arena.kernels.normBackward(descriptor, 0, 1);
  const sumOfRows = (block: Block): Float64Array =>
    Float64Array.from({ length: columns }, (_, j) =>
      [0, 1, 2].reduce((sum, row) => sum + arena.read(block)[row * columns + j], 0),
    );
  const [slopes, terms] = [arena.read(dIn), sumOfRows(normal)];
  expectDerivative('in', slopes, start[0], lossAt(0));
  expectDerivative('gain', terms, start[1], lossAt(1));
  expectDerivative('bias', sumOfRows(dOut), start[2], lossAt(2));
});

describe.each(implementations)('$name', (implementation) => {
  test('the three products of a layer are one bilinear form: <D, X W> = <D W transposed, X> = <dW, W>', () => {
    const arena = implementation.arena().begin(13);
    const [rows, depth, panels] = [21, 3 * PANEL, 5];
    const columns = panels * PANEL;
    const whole = () => arena.integer(-3, 4);
    const x = arena.floats({ rows, columns: depth }, whole);
    const d = arena.floats({ rows, columns }, whole);
    const w = arena.floats({ rows: panels, columns: depth * PANEL }, whole);
    const zero = arena.floats({ rows: panels, columns: depth * PANEL }, () => 0);
    const transposed = arena.floats({ rows: depth / PANEL, columns: columns * PANEL });
    const undo = arena.floats({ rows: 3, columns: depth * columns });
    const [forward, backward] = [arena.floats({ rows, columns }), arena.floats({ rows, columns: depth })];
    const dw = arena.floats({ rows: panels, columns: depth * PANEL });
    const scratch = arena.floats({ columns: GRADIENT_SCRATCH });

    const sgd = {
      kind: Optimizer.sgd,
      w,
      g: zero,
      undo,
      transposed,
      depth,
      transposedDepth: columns,
      shared: 0,
      clipFactor: 1,
      rate: 1,
    };
    arena.kernels.update(arena.descriptor(Update, sgd), 0, depth * columns);
    const along = { a: x, lda: depth, panels: w, depth, panelStride: depth * PANEL, panelCount: panels, c: forward };
    const against = { a: d, lda: columns, panels: transposed, depth: columns, panelStride: columns * PANEL };
    arena.kernels.product(arena.descriptor(Product, { ...along, ldc: columns, rows, init: Init.zero }), 0, 1);
    const back = { ...against, panelCount: depth / PANEL, c: backward, ldc: depth, rows, init: Init.zero };
    arena.kernels.product(arena.descriptor(Product, back), 0, 1);
    const fields = { x, ldx: depth, d, ldd: columns, rows, depth, dw, scratch };
    arena.kernels.gradient(arena.descriptor(Gradient, fields), 0, panels);

    const form = dot(arena.read(d), arena.read(forward));
    expect(form).not.toBe(0);
    expect(dot(arena.read(backward), arena.read(x))).toBe(form);
    expect(dot(arena.read(dw), arena.read(w))).toBe(form);
  });
});
