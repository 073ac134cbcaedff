// Which products of a window leave out zeros. Dense and sparse kernels give the same bits, so the choice is one of time alone: it is
// made product by product from the density just seen, and may differ from worker to worker. Only whether lists are made, which
// all workers need or none, depends on what all of them read: the densities of the last training step.
import { type Kernels, padded } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import type { Architecture } from './architecture.js';

/** Densities up to which products and weight gradients leave out zeros. */
export interface Crossover {
  readonly product: number;
  readonly gradient: number;
}

/** Whatever the density. */
export const EVERYWHERE: Crossover = { product: 1, gradient: 1 };

/** Whether units of this model can be exactly zero. */
export const isReLU = ({ cell, activation, layers }: Architecture): boolean =>
  (cell === 'rnn' || cell === 'mlp') && activation === 'relu' && layers > 0;

/** Whether zeros are counted, left out and steered: those of two directions are not. */
export const hasZeros = (model: Architecture): boolean => isReLU(model) && !model.bidirectional;

export class Sparsity {
  readonly #arena: Arena;
  readonly #crossover: Crossover | undefined;
  readonly #densities: number;
  /** Units of a row of one time step: as many as there are in this worker's rows. */
  readonly #units: number;
  readonly #lists: boolean[];
  /** Active units by layer and group. */
  readonly #active: readonly Float64Array[];

  /**
   * @param crossover undefined: every product is dense
   * @param densities byte offset of float64 [L], what the last training step had
   */
  constructor(
    arena: Arena,
    model: Architecture,
    crossover: Crossover | undefined,
    densities: number,
    window: { readonly steps: number; readonly rows: number },
  ) {
    this.#arena = arena;
    this.#crossover = crossover;
    this.#densities = densities;
    this.#units = window.rows * padded(model.hidden);
    this.#lists = new Array(model.layers).fill(false);
    this.#active = this.#lists.map(() => new Float64Array(crossover ? window.steps + 1 : 0));
  }

  /** Decides for a window which layers' active units are listed. */
  begin(): void {
    if (!this.#crossover) return;
    const { product, gradient } = this.#crossover;
    for (let layer = 0; layer < this.#lists.length; layer++)
      this.#lists[layer] = this.#density(layer) <= Math.max(product, gradient);
  }

  lists(layer: number): boolean {
    return this.#lists[layer];
  }

  /** Notes how many units of group `t` of a layer's outputs are active. */
  note(layer: number, t: number, active: number): void {
    this.#active[layer][t] = active;
  }

  /** Whether a product over groups [from, to) of a layer's outputs, or of their deltas, leaves out zeros. */
  product(layer: number, from: number, to: number): boolean {
    if (!this.#crossover || !this.#lists[layer] || to === from) return false;
    let active = 0;
    for (let t = from; t < to; t++) active += this.#active[layer][t];
    return active / (this.#units * (to - from)) <= this.#crossover.product;
  }

  /** Whether the gradients of weights behind a layer's outputs do. The same for all workers. */
  gradient(layer: number): boolean {
    if (!this.#crossover || !this.#lists[layer]) return false;
    return this.#density(layer) <= this.#crossover.gradient;
  }

  #density(layer: number): number {
    return this.#arena.doubles[this.#densities / 8 + layer];
  }
}

/**
 * A product over groups [from, to), whose left factor is zero where the outputs of `layer` are: these outputs or their deltas.
 *
 * @param layer undefined: the factor has no zeros that are known
 * @param later 0 where group t of the factor belongs to h(t - 1), 1 where it does to h(t)
 */
export function product(
  { kernels, sparsity }: { readonly kernels: Kernels; readonly sparsity?: Sparsity },
  call: number,
  from: number,
  to: number,
  layer: number | undefined,
  later: 0 | 1,
): void {
  if (layer !== undefined && sparsity?.product(layer, from + later, to + later)) kernels.sparseProduct(call, from, to);
  else kernels.product(call, from, to);
}
