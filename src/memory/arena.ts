// The arena: one shared buffer and the typed arrays over it. Everything a run computes with lies in it, at offsets that the
// plan gave. And descriptors: the kernels' argument lists, written into a stretch of the arena.

/** Any of the layouts in kernels.ts: field names to their index, and the number of fields. */
type Layout = { readonly size: number };
type FieldValues<L extends Layout> = { readonly [K in Exclude<keyof L, 'size'>]: number };

export class Arena {
  readonly bytes: Uint8Array;
  readonly ints: Int32Array;
  readonly doubles: Float64Array;
  /** Floats as the kernels see them. */
  readonly floats: Float32Array | Float64Array;

  constructor(
    readonly buffer: ArrayBufferLike,
    readonly floatBytes: 4 | 8,
  ) {
    this.bytes = new Uint8Array(buffer, 0, buffer.byteLength);
    this.ints = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.doubles = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
    this.floats = floatBytes === 8 ? this.doubles : new Float32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
  }

  /** `count` floats from a byte offset on, as a view. For cold code: it allocates. */
  floatsAt(offset: number, count: number): Float32Array | Float64Array {
    const start = offset / this.floatBytes;
    return this.floats.subarray(start, start + count);
  }

  intsAt(offset: number, count: number): Int32Array {
    return this.ints.subarray(offset / 4, offset / 4 + count);
  }

  doublesAt(offset: number, count: number): Float64Array {
    return this.doubles.subarray(offset / 8, offset / 8 + count);
  }
}

/** Writes descriptors one behind the other into a stretch of the arena that one worker owns. */
export class Descriptors {
  #next: number;

  constructor(
    readonly arena: Arena,
    offset: number,
    readonly capacity: number,
  ) {
    this.#next = offset;
    this.end = offset + capacity * 8;
  }

  private readonly end: number;

  /** @returns the byte offset that a kernel is called with */
  add<L extends Layout>(layout: L, values: FieldValues<L>): number {
    const offset = this.#next;
    this.#next += layout.size * 8;
    if (this.#next > this.end)
      throw new Error(`descriptors need more than the ${this.capacity} numbers planned for them`);
    for (const [field, index] of Object.entries(layout)) {
      if (field !== 'size') this.arena.doubles[offset / 8 + index] = values[field as keyof FieldValues<L>];
    }
    return offset;
  }

  /** Changes one number of a descriptor: what differs from step to step. */
  set(descriptor: number, field: number, value: number): void {
    this.arena.doubles[descriptor / 8 + field] = value;
  }
}
