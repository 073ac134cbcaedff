// Scalar functions of the cells, `map` over a vector, and the sum of squares.

import { Activation, Elementwise, PANEL, SquareNorm } from '../kernels.js';
import { type Arena, span } from './arena.js';

/** sigmoid(x) = 1 / (1 + exp(-x)) */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** +0 for what is not positive; NaN goes through. */
const relu = (x: number): number => Math.max(0, x);

/** f(x), f one of Activation. */
export function activate(kind: number, x: number): number {
  if (kind === Activation.sigmoid) return sigmoid(x);
  if (kind === Activation.tanh) return Math.tanh(x);
  if (kind === Activation.relu) return relu(x);
  if (kind === Activation.exp) return Math.exp(x);
  throw new RangeError(`${kind} is no activation`);
}

/** dLoss/dx from dLoss/dy and y = f(x), f one of sigmoid, tanh and ReLU. */
export function activateBackward(kind: number, y: number, dy: number): number {
  if (kind === Activation.sigmoid) return dy * y * (1 - y);
  if (kind === Activation.tanh) return dy * (1 - y * y);
  // Selected, not multiplied: an infinite dy below zero must not become NaN.
  if (kind === Activation.relu) return y > 0 ? dy : 0;
  throw new RangeError(`${kind} is no activation of a cell`);
}

/** out[i] = f(in[i]) for i in [from, to). */
export function map(arena: Arena, offset: number, from: number, to: number): void {
  const { floats } = arena;
  const f = arena.descriptor('map', offset, Elementwise);
  const source = arena.float('map: in', f[Elementwise.in], span(from, to));
  const out = arena.float('map: out', f[Elementwise.out], span(from, to));
  for (let i = from; i < to; i++) floats[out + i] = activate(f[Elementwise.function], floats[source + i]);
}

/** Sum of squares of elements [from, to), on PANEL lanes that are added in pairs at the end. */
export function squareNorm(arena: Arena, offset: number, from: number, to: number): number {
  const { floats } = arena;
  const f = arena.descriptor('squareNorm', offset, SquareNorm);
  const g = arena.float('squareNorm: g', f[SquareNorm.g], span(from, to));
  const lanes = new Float64Array(PANEL);
  for (let i = from; i < to; i++) lanes[i % PANEL] += floats[g + i] * floats[g + i];
  for (let half = PANEL / 2; half >= 1; half /= 2) {
    for (let lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}
