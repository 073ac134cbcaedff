// The numbers of an optimizer's step that do not change with the step, and those that do. The arithmetic is the kernels'.
import { Optimizer, type RowUpdate, type Update } from '../kernels/kernels.js';
import type { Descriptors } from '../memory/arena.js';
import type { OptimizerName } from './layout.js';

export interface OptimizerSettings {
  readonly name: OptimizerName;
  /** Momentum of SGD's variants, beta1 of Adam. */
  readonly beta1: number;
  /** beta2 of Adam, alpha of RMSprop. */
  readonly beta2: number;
  readonly epsilon: number;
  /** Bound of the gradient's norm; 0: none. */
  readonly clipNorm: number;
  /** Bound of each of its elements, after clipping by norm; 0: none. */
  readonly clipValue: number;
  /** Rate * l1 is taken off the size of each parameter after its step. */
  readonly l1: number;
  readonly l2: number;
  /** l2 divides by 1 + rate * l2 instead of adding to the gradient (FoBoS, Duchi & Singer 2009). */
  readonly proximal: boolean;
}

/** Fields of an `Update` or `RowUpdate` descriptor that stay as they are. */
export const fixedFields = (o: OptimizerSettings) => ({
  // Of the rows that are touched it is Adam's, with nothing for the others.
  kind: Optimizer[o.name === 'sparse-adam' ? 'adam' : o.name],
  clipValue: o.clipValue,
  l1: o.l1,
  l2: o.l2,
  proximal: o.proximal ? 1 : 0,
  beta1: o.beta1,
  beta2: o.beta2,
  epsilon: o.epsilon,
  clipFactor: 1,
  rate: 0,
  correction1: 1,
  correction2: 1,
});

/** @param n which update this is, from 1 on; skipped steps do not count (Kingma & Ba 2015, section 2: bias corrections) */
export function setStep(
  d: Descriptors,
  descriptor: number,
  layout: typeof Update | typeof RowUpdate,
  o: OptimizerSettings,
  rate: number,
  clipFactor: number,
  n: number,
): void {
  d.set(descriptor, layout.rate, rate);
  d.set(descriptor, layout.clipFactor, clipFactor);
  d.set(descriptor, layout.correction1, 1 - o.beta1 ** n);
  d.set(descriptor, layout.correction2, Math.sqrt(1 - o.beta2 ** n));
}

/** PyTorch's clip_grad_norm_: min(1, limit / (norm + 1e-6)). */
export const clipFactorOf = (norm: number, limit: number): number =>
  limit > 0 ? Math.min(1, limit / (norm + 1e-6)) : 1;
