// UPDATE: the optimizer's step on pieces of the parameters. Any worker may do any piece; each has an undo slot of its own, into
// which a piece is copied before it is written over.
import { type Kernels, Update } from '../kernels/kernels.js';
import type { Descriptors } from '../memory/arena.js';
import { activeWorkers } from '../model/share.js';
import type { RunLayout } from './layout.js';
import { fixedFields, type OptimizerSettings, setStep } from './optimizer.js';
import type { Piece } from './tiles.js';

export class Updates {
  readonly #kernels: Kernels;
  readonly #descriptors: Descriptors;
  readonly #optimizer: OptimizerSettings;
  /** A descriptor for each parameter. */
  readonly #calls: readonly number[];

  /** @param worker whose undo slot is used */
  constructor(
    kernels: Kernels,
    descriptors: Descriptors,
    layout: RunLayout,
    optimizer: OptimizerSettings,
    worker: number,
  ) {
    this.#kernels = kernels;
    this.#descriptors = descriptors;
    this.#optimizer = optimizer;
    // Where one worker reads all weights and updates them, they stay in its caches.
    const { model, streams, workers } = layout.shape;
    const updating = layout.work.queues.pieces.filter((tickets) => tickets.length > 0).length;
    const shared = activeWorkers(model, streams, workers) > 1 || updating > 1 ? 1 : 0;
    this.#calls = layout.parameters.map((p) =>
      descriptors.add(Update, {
        ...fixedFields(optimizer),
        w: p.weights,
        g: p.gradient,
        m: p.firstState,
        v: p.secondState,
        undo: layout.undo[worker],
        transposed: p.transposedPanels,
        depth: p.depth,
        transposedDepth: p.columns,
        shared,
      }),
    );
  }

  /** @param n which update this is, from 1 on */
  begin(rate: number, clipFactor: number, n: number): void {
    for (const call of this.#calls) setStep(this.#descriptors, call, Update, this.#optimizer, rate, clipFactor, n);
  }

  piece({ parameter, from, to }: Piece): void {
    this.#kernels.update(this.#calls[parameter], from, to);
  }
}
