// P = E W_x + biases for the whole vocabulary: every token's part of z, from which a window gathers its rows. Cut into units of
// some panels, which any worker may compute.
import { Init, type Kernels, NO_LISTS, PANEL, Product, padded } from '../kernels/kernels.js';
import type { Descriptors } from '../memory/arena.js';
import type { Architecture } from './architecture.js';
import { cells } from './cells/cells.js';
import { biasesOf, type PlacedParameter, type WindowViews, weightsOf } from './views.js';

/** Panels of a unit: the vocabulary's rows times this is work for some ten microseconds. */
const UNIT_PANELS = 4;

export class Projection {
  readonly units: number;
  readonly #kernels: Kernels;
  readonly #calls: readonly number[];

  /** @param views with a place for P, `projected` */
  constructor(
    kernels: Kernels,
    descriptors: Descriptors,
    model: Architecture,
    parameters: readonly PlacedParameter[],
    views: WindowViews,
  ) {
    this.#kernels = kernels;
    const { floatBytes } = descriptors.arena;
    const weights = weightsOf(parameters, 'input');
    const { separateRecurrent } = cells[model.cell];
    const biases = [
      ...biasesOf(parameters, 'input'),
      ...(separateRecurrent ? [] : biasesOf(parameters, 'recurrent')),
    ].map((p) => p.weights);
    const width = padded(model.embedding);
    const panels = weights.columns / PANEL;
    this.units = Math.ceil(panels / UNIT_PANELS);
    this.#calls = Array.from({ length: this.units }, (_, unit) => {
      const from = unit * UNIT_PANELS;
      const columns = from * PANEL * floatBytes;
      return descriptors.add(Product, {
        ...{ a: weightsOf(parameters, 'embedding').weights, lda: width, aGroup: 0 },
        panels: weights.weights + from * weights.depth * PANEL * floatBytes,
        ...{ depth: width, panelStride: weights.depth * PANEL, panelCount: Math.min(UNIT_PANELS, panels - from) },
        ...{ c: views.projected + columns, ldc: weights.columns, cGroup: 0, rows: model.vocabulary },
        ...NO_LISTS,
        ...{
          init: Init.bias,
          bias: biases[0] + columns,
          bias2: biases.length > 1 ? biases[1] + columns : 0,
        },
      });
    });
  }

  readonly run = (unit: number): void => this.#kernels.product(this.#calls[unit], 0, 1);
}
