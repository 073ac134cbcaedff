// The weights of the classes: where workers read them, and what they make of a batch. A mean of weighted losses is taken over the
// sum of their weights, as PyTorch does: twice the weights give the same step.
import type { Arena } from '../memory/arena.js';
import type { RunLayout } from './layout.js';

type Floats = Float32Array | Float64Array;

/** [V]; undefined where all classes weigh the same. */
export function classWeightsIn(arena: Arena, { classWeights, shape }: RunLayout): Floats | undefined {
  return shape.classWeights && arena.floatsAt(classWeights, shape.classWeights.length);
}

/** To be called before a step is published. */
export function writeClassWeights(arena: Arena, layout: RunLayout): void {
  if (layout.shape.classWeights) classWeightsIn(arena, layout)?.set(layout.shape.classWeights);
}

/** Sum of the weights of those of `rows` targets that count. */
export function weightOf(targets: Int32Array, rows: number, weights: Floats): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) if (targets[i] >= 0) sum += weights[targets[i]];
  return sum;
}
