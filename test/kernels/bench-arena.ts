// An arena for the tests of the kernels: blocks with guard words around them, descriptors written from objects, and a
// call that shows that nothing but its outputs has changed.
import type { Kernels, PeakKernels } from '../../src/kernels/kernels.js';
import { RESERVED_BYTES } from '../../src/kernels/wasm.js';

/** What stands where no kernel may read or write: before and behind each block, between its rows and its groups. */
export const GUARD = -(2 ** 60);
const GUARD_ELEMENTS = 32;
const LINE_BYTES = 64;

/** `groups` blocks of `rows` rows of `columns` elements; strides in elements. */
export interface Shape {
  readonly groups?: number;
  readonly rows?: number;
  readonly columns: number;
  /** Elements between rows; `columns` unless given. */
  readonly ld?: number;
  /** Elements between groups; `rows * ld` unless given. */
  readonly group?: number;
}

export interface Block extends Required<Shape> {
  readonly offset: number;
  readonly integers: boolean;
}

/** The value of an element, from its place. */
export type Fill = (column: number, row: number, group: number) => number;

type Layout = { readonly size: number } & { readonly [name: string]: number };

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class BenchArena {
  readonly kernels: Kernels & PeakKernels;
  readonly #bytes: Uint8Array;
  readonly #floats: Float32Array | Float64Array;
  readonly #integers: Int32Array;
  readonly #numbers: Float64Array;
  #next = RESERVED_BYTES;
  #random = createRandom(0);

  constructor(kernels: Kernels & PeakKernels, buffer: ArrayBufferLike) {
    this.kernels = kernels;
    this.#bytes = new Uint8Array(buffer);
    this.#floats = kernels.floatBytes === 8 ? new Float64Array(buffer) : new Float32Array(buffer);
    this.#integers = new Int32Array(buffer);
    this.#numbers = new Float64Array(buffer);
  }

  get bytes(): number {
    return this.#bytes.byteLength;
  }

  /** Forgets all blocks; the same seed gives the same random numbers in every arena. */
  begin(seed: number): this {
    this.#next = RESERVED_BYTES;
    this.#random = createRandom(seed);
    return this;
  }

  /** A float32 number in [-size, size). */
  uniform(size = 1): number {
    return Math.fround((this.#random() * 2 - 1) * size);
  }

  /** A whole number in [from, to). */
  integer(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from));
  }

  floats(shape: Shape, fill: Fill = () => GUARD): Block {
    return this.#block(shape, fill, false);
  }

  integers(shape: Shape, fill: Fill): Block {
    return this.#block(shape, fill, true);
  }

  /** Writes a descriptor; a field that is not named is 0, a block stands for its offset. */
  descriptor(layout: Layout, fields: Readonly<Record<string, number | Block>>): number {
    const offset = this.#reserve(layout.size * 8);
    const numbers = this.#numbers.subarray(offset / 8, offset / 8 + layout.size).fill(0);
    for (const [name, value] of Object.entries(fields)) {
      if (!(name in layout)) throw new Error(`the layout has no field ${name}`);
      numbers[layout[name]] = typeof value === 'number' ? value : value.offset;
    }
    return offset;
  }

  /** Changes one number of a descriptor. */
  set(descriptor: number, field: number, value: number): void {
    this.#numbers[descriptor / 8 + field] = value;
  }

  get(descriptor: number, field: number): number {
    return this.#numbers[descriptor / 8 + field];
  }

  /** A rectangle of a block, in the same groups and rows unless they are given too. */
  part(block: Block, part: Partial<Record<'column' | 'columns' | 'row' | 'rows' | 'group' | 'groups', number>>): Block {
    const { column = 0, row = 0, group = 0 } = part;
    return {
      ...block,
      columns: part.columns ?? block.columns - column,
      rows: part.rows ?? block.rows - row,
      groups: part.groups ?? block.groups - group,
      offset: block.offset + (group * block.group + row * block.ld + column) * this.#sizeOf(block),
    };
  }

  /** The elements of a block without what lies between its rows, row by row. */
  read(block: Block): Float64Array {
    const view = this.#viewOf(block);
    const values = new Float64Array(block.groups * block.rows * block.columns);
    let at = 0;
    for (const index of indices(block, this.#first(block))) values[at++] = view[index];
    return values;
  }

  write(block: Block, values: ArrayLike<number>): void {
    const view = this.#viewOf(block);
    let at = 0;
    for (const index of indices(block, this.#first(block))) view[index] = values[at++];
  }

  /**
   * Calls the kernel and answers what it wrote into `outputs`.
   * @throws Error where any other byte of the blocks, the descriptors or the guards has changed
   */
  run(outputs: readonly Block[], call: () => void): Float64Array[] {
    const before = this.#bytes.slice(RESERVED_BYTES, this.#next);
    call();
    const written = outputs.map((block) => this.read(block));
    const after = this.#bytes.slice(RESERVED_BYTES, this.#next);
    for (const block of outputs) this.#copyLive(block, before, after);
    const place = firstDifference(before, after);
    if (place >= 0) throw new Error(`the kernel wrote at byte ${RESERVED_BYTES + place}, outside of its outputs`);
    return written;
  }

  #copyLive(block: Block, from: Uint8Array, to: Uint8Array): void {
    const size = this.#sizeOf(block);
    for (const index of indices({ ...block, columns: Math.min(block.columns, 1) }, this.#first(block))) {
      const start = index * size - RESERVED_BYTES;
      to.set(from.subarray(start, start + block.columns * size), start);
    }
  }

  #block(shape: Shape, fill: Fill, integers: boolean): Block {
    const { groups = 1, rows = 1, columns } = shape;
    const ld = shape.ld ?? columns;
    const group = shape.group ?? rows * ld;
    const extent = Math.max((groups - 1) * group + rows * ld, 0);
    const size = integers ? 4 : this.kernels.floatBytes;
    const whole = this.#reserve((extent + 2 * GUARD_ELEMENTS) * size);
    const block = { groups, rows, columns, ld, group, integers, offset: whole + GUARD_ELEMENTS * size };
    const view = this.#viewOf(block);
    view.fill(integers ? 2 ** 30 : GUARD, whole / size, whole / size + extent + 2 * GUARD_ELEMENTS);
    for (let g = 0; g < groups; g++) {
      for (let row = 0; row < rows; row++) {
        const start = block.offset / size + g * group + row * ld;
        for (let column = 0; column < columns; column++) view[start + column] = fill(column, row, g);
      }
    }
    return block;
  }

  #reserve(bytes: number): number {
    const offset = this.#next;
    this.#next = Math.ceil((offset + bytes) / LINE_BYTES) * LINE_BYTES;
    if (this.#next > this.bytes) throw new Error(`the test needs ${this.#next} bytes of ${this.bytes}`);
    return offset;
  }

  #sizeOf(block: Block): number {
    return block.integers ? 4 : this.kernels.floatBytes;
  }

  #first(block: Block): number {
    return block.offset / this.#sizeOf(block);
  }

  #viewOf(block: { readonly integers: boolean }): Int32Array | Float32Array | Float64Array {
    return block.integers ? this.#integers : this.#floats;
  }
}

function* indices(block: Block, first: number): Generator<number> {
  for (let group = 0; group < block.groups; group++) {
    for (let row = 0; row < block.rows; row++) {
      const start = first + group * block.group + row * block.ld;
      for (let column = 0; column < block.columns; column++) yield start + column;
    }
  }
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (Buffer.compare(a, b) === 0) return -1;
  return a.findIndex((byte, index) => byte !== b[index]);
}
