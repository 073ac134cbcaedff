// The numbers of an optimizer's step that do not change with the step, and those that do. The arithmetic is the kernels'.
import { Optimizer, Update } from '../kernels/kernels.js';
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
  readonly l2: number;
}

/** Fields of an `Update` descriptor that stay as they are. */
export const fixedFields = (o: OptimizerSettings) => ({
  kind: Optimizer[o.name],
  clipValue: o.clipValue,
  l2: o.l2,
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
  o: OptimizerSettings,
  rate: number,
  clipFactor: number,
  n: number,
): void {
  d.set(descriptor, Update.rate, rate);
  d.set(descriptor, Update.clipFactor, clipFactor);
  d.set(descriptor, Update.correction1, 1 - o.beta1 ** n);
  d.set(descriptor, Update.correction2, Math.sqrt(1 - o.beta2 ** n));
}

/** PyTorch's clip_grad_norm_: min(1, limit / (norm + 1e-6)). */
export const clipFactorOf = (norm: number, limit: number): number =>
  limit > 0 ? Math.min(1, limit / (norm + 1e-6)) : 1;
