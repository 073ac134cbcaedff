// The state (h, c) of the streams between windows. It belongs to the stream, not to the worker, and has two copies: a window
// reads the one side and writes the other, and the commit of the step turns them round.
import { padded } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import type { Architecture } from '../model/architecture.js';
import type { WindowViews } from '../model/views.js';

export class StreamState {
  readonly firstRow: number;
  readonly rows: number;
  readonly #width: number;

  /** @param rows the streams that are read and written here: first and number */
  constructor(
    readonly arena: Arena,
    readonly model: Architecture,
    readonly views: WindowViews,
    rows: readonly [number, number],
  ) {
    [this.firstRow, this.rows] = rows;
    this.#width = padded(model.hidden);
  }

  /** Floats of one side of one kind of state: [L][B][H]. */
  get sideFloats(): number {
    return this.model.layers * this.views.streams * this.#width;
  }

  /** Puts the state of side `side` before the window's first step; streams whose `reset` word is set start from zero. */
  begin(side: number, reset: number): void {
    if (!this.views.hiddenState) return;
    for (let row = this.firstRow; row < this.firstRow + this.rows; row++) {
      const fresh = this.arena.ints[reset / 4 + row] !== 0;
      for (let layer = 0; layer < this.model.layers; layer++) {
        const { h, c } = this.views.layers[layer];
        this.#load(this.views.hiddenState, h, layer, side, row, fresh);
        if (c) this.#load(this.views.cellState, c, layer, side, row, fresh);
      }
    }
  }

  /** Keeps the state that each stream had after its `carry` steps as side `side`: where its next window starts. */
  end(side: number, carry: number): void {
    if (!this.views.hiddenState) return;
    for (let row = this.firstRow; row < this.firstRow + this.rows; row++) {
      const steps = this.arena.ints[carry / 4 + row];
      for (let layer = 0; layer < this.model.layers; layer++) {
        const { h, c } = this.views.layers[layer];
        this.#save(this.views.hiddenState, h, layer, side, row, steps);
        if (c) this.#save(this.views.cellState, c, layer, side, row, steps);
      }
    }
  }

  /** Zeroes the streams of side `side` whose state is not finite: what a skipped step does. */
  resetNotFinite(side: number): void {
    const { floats } = this.arena;
    for (let row = this.firstRow; row < this.firstRow + this.rows; row++) {
      const finite = this.#eachRow(side, row, (at) => floats.subarray(at, at + this.#width).every(Number.isFinite));
      if (!finite) this.#eachRow(side, row, (at) => floats.fill(0, at, at + this.#width) !== undefined);
    }
  }

  #eachRow(side: number, row: number, visit: (at: number) => boolean): boolean {
    let all = true;
    for (const view of [this.views.hiddenState, this.views.cellState]) {
      for (let layer = 0; view && layer < this.model.layers; layer++)
        all = visit(this.#stored(view, layer, side, row)) && all;
    }
    return all;
  }

  #stored(view: number, layer: number, side: number, row: number): number {
    return view / this.arena.floatBytes + ((side * this.model.layers + layer) * this.views.streams + row) * this.#width;
  }

  #load(view: number, into: number, layer: number, side: number, row: number, fresh: boolean): void {
    const { floats, floatBytes } = this.arena;
    const to = into / floatBytes + row * this.views.ldh;
    const from = this.#stored(view, layer, side, row);
    // In the store as well: a window that is not applied goes back to its start, which was zero.
    if (fresh) floats.fill(0, from, from + this.#width);
    floats.copyWithin(to, from, from + this.#width);
  }

  #save(view: number, from: number, layer: number, side: number, row: number, steps: number): void {
    const { floats, floatBytes } = this.arena;
    const at = from / floatBytes + (steps * this.views.streams + row) * this.views.ldh;
    floats.copyWithin(this.#stored(view, layer, side, row), at, at + this.#width);
  }
}
