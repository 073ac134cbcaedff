// The reference kernels' view of the arena: floats of one precision, integers, and descriptors, with every block of
// memory checked before a kernel touches it. It owns nothing; the buffer belongs to the caller.

import { PANEL } from '../kernels.js';

export type Precision = 'float32' | 'float64';

/** The elements that a kernel touches, counted from the offset in its descriptor: [lowest, end). */
export interface Extent {
  readonly lowest: number;
  readonly end: number;
}

const NOTHING: Extent = { lowest: 0, end: 0 };

/** Elements [from, to). */
export const span = (from: number, to: number): Extent => (to > from ? { lowest: from, end: to } : NOTHING);

/** What no arena holds: the extent of sizes and strides that are negative, fractions or no numbers. */
export const OUTSIDE: Extent = { lowest: 0, end: Number.NaN };

/** Whether sizes or strides are whole numbers from 0 on. */
export const areCounts = (...sizes: readonly number[]): boolean =>
  sizes.every((size) => Number.isInteger(size) && size >= 0);

/** `rows` rows of `columns` elements that begin `stride` elements apart. */
export function matrix(rows: number, stride: number, columns: number): Extent {
  if (!areCounts(rows, stride, columns)) return OUTSIDE;
  return rows > 0 && columns > 0 ? { lowest: 0, end: (rows - 1) * stride + columns } : NOTHING;
}

/** Blocks [from, to) of one shape that begin `stride` elements apart. */
export function grouped(from: number, to: number, stride: number, each: Extent): Extent {
  if (!areCounts(from, to, stride)) return OUTSIDE;
  return to > from && each !== NOTHING
    ? { lowest: from * stride + each.lowest, end: (to - 1) * stride + each.end }
    : NOTHING;
}

/** `count` matrices in panels, each [depth][PANEL], from panel 0 on. */
export const panels = (count: number, stride: number, depth: number): Extent => matrix(count, stride, depth * PANEL);

export class Arena {
  readonly floats: Float32Array | Float64Array;
  readonly integers: Int32Array;
  readonly floatBytes: 4 | 8;
  readonly #numbers: Float64Array;

  constructor(buffer: ArrayBufferLike, precision: Precision) {
    this.#numbers = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
    this.integers = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.floats =
      precision === 'float64' ? this.#numbers : new Float32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.floatBytes = precision === 'float64' ? 8 : 4;
  }

  /** The numbers of a descriptor, to be read by the names of its layout. */
  descriptor(name: string, offset: number, layout: { readonly size: number }): Float64Array {
    const first = place(`${name}: descriptor`, offset, 8, span(0, layout.size), this.#numbers.length);
    return this.#numbers.subarray(first, first + layout.size);
  }

  /** Index of the float at `offset` bytes, after a check that the whole extent lies in the arena. */
  float(name: string, offset: number, extent: Extent): number {
    return place(name, offset, this.floatBytes, extent, this.floats.length);
  }

  /** As `float`, for int32. */
  integer(name: string, offset: number, extent: Extent): number {
    return place(name, offset, 4, extent, this.integers.length);
  }
}

function place(name: string, offset: number, bytes: number, extent: Extent, length: number): number {
  const { lowest, end } = extent;
  const first = offset / bytes;
  if (extent === NOTHING) return first;
  const whole = Number.isInteger(first) && Number.isInteger(lowest) && Number.isInteger(end);
  if (!whole || first < 0 || first + lowest < 0 || first + end > length) {
    throw new RangeError(
      `${name}: bytes ${offset + lowest * bytes} to ${offset + end * bytes} are asked for; ` +
        `the arena has ${length * bytes}, in elements of ${bytes}`,
    );
  }
  return first;
}
