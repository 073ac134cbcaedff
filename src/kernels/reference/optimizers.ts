// An optimizer's step on a range of one parameter, as PyTorch defines it: the old values go to the undo slot, the
// gradient is clipped and regularized, parameter and state are updated, and the panels of the transpose are written.

import { Optimizer, PANEL, type RowUpdate, Update } from '../kernels.js';
import { type Arena, type Extent, matrix, OUTSIDE, span } from './arena.js';

/** Elements [from, to) of w, and of m and v where the optimizer has them. */
export function update(arena: Arena, offset: number, from: number, to: number): void {
  const { floats } = arena;
  const f = arena.descriptor('update', offset, Update);
  const range = span(from, to);
  const [hasM, hasV] = [f[Update.m] !== 0, f[Update.v] !== 0];
  const w = arena.float('update: w', f[Update.w], range);
  const g = arena.float('update: g', f[Update.g], range);
  const m = arena.float('update: m', f[Update.m], hasM ? range : span(0, 0));
  const v = arena.float('update: v', f[Update.v], hasV ? range : span(0, 0));
  const rule = ruleOf(f, Update);
  const count = range.end - range.lowest;
  const undo = arena.float('update: undo', f[Update.undo], span(0, undoSlots(hasM, hasV) * count));
  const transposed = arena.float('update: transposed', f[Update.transposed], transposedExtent(f, range));

  for (let i = from; i < to; i++) {
    const slot = undo + i - from;
    floats[slot] = floats[w + i];
    if (hasM) floats[slot + count] = floats[m + i];
    if (hasV) floats[slot + 2 * count] = floats[v + i];
    stepAt(floats, rule, w + i, floats[g + i], m + i, v + i);
    if (f[Update.transposed] !== 0) floats[transposed + transposedIndex(f, i)] = floats[w + i];
  }
}

export const undoSlots = (hasM: boolean, hasV: boolean): number => {
  if (hasV) return 3;
  return hasM ? 2 : 1;
};

/** Element (k, j) of w, in panels [columns / 16][depth][16], is element (j, k) in [depth / 16][transposedDepth][16]. */
function transposedIndex(f: Float64Array, index: number): number {
  const lane = index % PANEL;
  const k = Math.floor(index / PANEL) % f[Update.depth];
  const j = Math.floor(index / (PANEL * f[Update.depth])) * PANEL + lane;
  return (Math.floor(k / PANEL) * f[Update.transposedDepth] + j) * PANEL + (k % PANEL);
}

/** All panels of the transpose, where there is one. */
function transposedExtent(f: Float64Array, range: Extent): Extent {
  const [depth, columns] = [f[Update.depth], f[Update.transposedDepth]];
  if (f[Update.transposed] === 0) return span(0, 0);
  return range.end > depth * columns ? OUTSIDE : matrix(depth / PANEL, columns * PANEL, columns * PANEL);
}

/** The numbers of an optimizer's step, whichever descriptor they stand in. */
export interface Rule {
  readonly kind: number;
  readonly clipFactor: number;
  readonly clipValue: number;
  readonly l1: number;
  readonly l2: number;
  readonly proximal: boolean;
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly correction1: number;
  readonly correction2: number;
}

export const ruleOf = (f: Float64Array, layout: typeof Update | typeof RowUpdate): Rule => ({
  kind: f[layout.kind],
  clipFactor: f[layout.clipFactor],
  clipValue: f[layout.clipValue],
  l1: f[layout.l1],
  l2: f[layout.l2],
  proximal: f[layout.proximal] !== 0,
  rate: f[layout.rate],
  beta1: f[layout.beta1],
  beta2: f[layout.beta2],
  epsilon: f[layout.epsilon],
  correction1: f[layout.correction1],
  correction2: f[layout.correction2],
});

/** The step of the parameter at `w` with the gradient g, and of its state at `m` and `v`. */
export function stepAt(
  floats: Float32Array | Float64Array,
  rule: Rule,
  w: number,
  g: number,
  m: number,
  v: number,
): void {
  const stepped = step(floats, rule, w, gradientOf(rule, g, floats[w]), m, v);
  // S(u) = sgn(u) max(0, |u| - rate l1), the proximal step of l1; of l2 it is u / (1 + rate l2) (Duchi & Singer 2009).
  const shrunk = rule.l1 > 0 ? Math.sign(stepped) * Math.max(0, Math.abs(stepped) - rule.rate * rule.l1) : stepped;
  floats[w] = rule.proximal ? shrunk / (1 + rule.rate * rule.l2) : shrunk;
}

/** g' = clip(g clipFactor) + l2 w; AdamW and proximal steps keep their weight decay apart. */
function gradientOf({ kind, clipFactor, clipValue, l2, proximal }: Rule, g: number, w: number): number {
  let clipped = g * clipFactor;
  if (clipValue > 0) clipped = Math.min(Math.max(clipped, -clipValue), clipValue);
  return kind === Optimizer.adamw || proximal ? clipped : clipped + l2 * w;
}

/** The new value of the parameter at `w` for its gradient g; its state at `m` and `v` is updated in place. */
function step(floats: Float32Array | Float64Array, rule: Rule, w: number, g: number, m: number, v: number): number {
  const { rate, beta1, beta2, epsilon } = rule;
  const old = floats[w];
  switch (rule.kind) {
    case Optimizer.sgd:
      return old - rate * g;
    case Optimizer.momentum: {
      // m = beta1 m + g;  w -= rate m
      const velocity = beta1 * floats[m] + g;
      floats[m] = velocity;
      return old - rate * velocity;
    }
    case Optimizer.nesterov: {
      // m = beta1 m + g;  w -= rate (g + beta1 m)
      const velocity = beta1 * floats[m] + g;
      floats[m] = velocity;
      return old - rate * (g + beta1 * velocity);
    }
    case Optimizer.adagrad: {
      // v += g²;  w -= rate g / (sqrt v + epsilon)
      const squares = floats[v] + g * g;
      floats[v] = squares;
      return old - (rate * g) / (Math.sqrt(squares) + epsilon);
    }
    case Optimizer.rmsprop: {
      // v = beta2 v + (1 - beta2) g²;  w -= rate g / (sqrt v + epsilon)
      const squares = beta2 * floats[v] + (1 - beta2) * g * g;
      floats[v] = squares;
      return old - (rate * g) / (Math.sqrt(squares) + epsilon);
    }
    case Optimizer.adam:
    case Optimizer.adamw: {
      // m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g²
      const mean = beta1 * floats[m] + (1 - beta1) * g;
      const squares = beta2 * floats[v] + (1 - beta2) * g * g;
      floats[m] = mean;
      floats[v] = squares;
      // w -= (rate / correction1) m / (sqrt(v) / correction2 + epsilon); AdamW first w *= 1 - rate l2
      const kept = rule.kind === Optimizer.adamw ? old * (1 - rate * rule.l2) : old;
      const scale = Math.sqrt(squares) / rule.correction2 + epsilon;
      return kept - ((rate / rule.correction1) * mean) / scale;
    }
    default:
      throw new RangeError(`update: ${rule.kind} is no optimizer`);
  }
}
