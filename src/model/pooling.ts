// One row of outputs for a whole sequence in place of one for each step: their mean over the sequence's steps, or of two directions
// what each says where it ends. A member of a share pools its own rows; what stands behind a row's end is not read.
import { ColumnSums } from '../kernels/kernels.js';
import type { InputOptions, WindowInput } from './inputs.js';
import { outputsWidth } from './output-loss.js';
import { ownRows } from './share.js';
import type { Outputs, PooledViews } from './views.js';

export class Pooling {
  readonly #o: InputOptions;
  readonly #views: PooledViews;
  readonly #last: Outputs;
  /** Floats of a row of outputs. */
  readonly #columns: number;
  readonly #sums: number;
  /** Byte offset of int32 [B], of the window that was pooled last. */
  #lengths = 0;

  /**
   * @param last outputs of the last layer
   * @param columns of these, of all directions
   */
  constructor(options: InputOptions, views: PooledViews, last: Outputs, columns: number) {
    const { streams, ldh } = options.views;
    this.#o = options;
    this.#views = views;
    this.#last = last;
    this.#columns = columns;
    this.#sums = options.descriptors.add(ColumnSums, { d: 0, ldd: streams * ldh, rows: 0, out: 0, out2: 0 });
  }

  /** The rows' pooled outputs, and what is to be predicted of them. */
  forward(input: WindowInput): void {
    const { share, model } = this.#o;
    const [first, count] = ownRows(share);
    const half = this.#columns / 2;
    const { outputs } = this.#last;
    this.#lengths = input.lengths;
    for (let row = first; row < first + count; row++) {
      const length = this.#lengthOf(row);
      if (model.pooling === 'mean') this.#mean(row, length);
      else {
        this.#copy(this.#place(outputs, length - 1, row), this.#place(this.#views.outputs, 0, row), half);
        this.#copy(this.#place(outputs, 0, row) + half, this.#place(this.#views.outputs, 0, row) + half, half);
      }
      this.#keepTarget(input, row, length);
    }
  }

  /** Gives each of `steps` steps its part of the rows' gradients; those that were not pooled get none. */
  backward(steps: number): void {
    const { share, model } = this.#o;
    const [first, count] = ownRows(share);
    const half = this.#columns / 2;
    const { gradient } = this.#last;
    for (let row = first; row < first + count; row++) {
      const [from, length] = [this.#place(this.#views.gradient, 0, row), this.#lengthOf(row)];
      const isMean = model.pooling === 'mean';
      if (isMean) this.#divide(from, length);
      for (let t = 0; t < steps; t++) {
        const to = this.#place(gradient, t, row);
        if (isMean && t < length) this.#copy(from, to, this.#columns);
        else this.#o.descriptors.arena.floats.fill(0, to, to + this.#columns);
      }
      if (isMean) continue;
      this.#copy(from, this.#place(gradient, length - 1, row), half);
      this.#copy(from + half, this.#place(gradient, 0, row) + half, half);
    }
  }

  /** (h(1) + ... + h(length)) / length, in the order of time */
  #mean(row: number, length: number): void {
    const { kernels, descriptors } = this.#o;
    const { floatBytes } = descriptors.arena;
    const to = this.#place(this.#views.outputs, 0, row);
    descriptors.set(this.#sums, ColumnSums.d, this.#place(this.#last.outputs, 0, row) * floatBytes);
    descriptors.set(this.#sums, ColumnSums.rows, length);
    descriptors.set(this.#sums, ColumnSums.out, to * floatBytes);
    kernels.columnSums(this.#sums, 0, this.#columns);
    this.#divide(to, length);
  }

  /** What is predicted of a sequence stands at its last step. */
  #keepTarget({ targets, outputs }: WindowInput, row: number, length: number): void {
    const { model, views, descriptors } = this.#o;
    const { ints, floats, floatBytes } = descriptors.arena;
    const last = (length - 1) * views.streams + row;
    ints[this.#views.targets / Int32Array.BYTES_PER_ELEMENT + row] =
      ints[targets / Int32Array.BYTES_PER_ELEMENT + last];
    const width = outputsWidth(model);
    if (width === 0) return;
    const from = outputs / floatBytes + last * width;
    floats.copyWithin(this.#views.wanted / floatBytes + row * width, from, from + width);
  }

  #lengthOf(row: number): number {
    return this.#o.descriptors.arena.ints[this.#lengths / Int32Array.BYTES_PER_ELEMENT + row];
  }

  /** Index of the first float of a row of step t. */
  #place(view: number, t: number, row: number): number {
    const { views, descriptors } = this.#o;
    return view / descriptors.arena.floatBytes + (t * views.streams + row) * views.ldh;
  }

  #copy(from: number, to: number, count: number): void {
    this.#o.descriptors.arena.floats.copyWithin(to, from, from + count);
  }

  #divide(at: number, by: number): void {
    const { floats } = this.#o.descriptors.arena;
    for (let i = at; i < at + this.#columns; i++) floats[i] /= by;
  }
}
