// The memory plan: where everything lies in the arena, computed before a byte is allocated. A plan is a pure function of the
// config, so that every worker finds the same offsets without being told.

/** What the printed plan adds up by. */
export type Part =
  | 'parameters'
  | 'transposed panels'
  | 'gradients'
  | 'optimizer state'
  | 'activations'
  | 'evaluation'
  | 'batches'
  | 'undo slots'
  | 'profile'
  | 'control';

/** Views begin on a cache line, so that no two threads write to one line unless they share the view. */
const LINE_BYTES = 64;

export class PlanBuilder {
  readonly #parts = new Map<Part, number>();
  #next: number;

  /**
   * @param floatBytes bytes of a float of the kernels: 4, or 8 for the reference kernels in float64
   * @param startBytes where the arena's views begin: behind what the wasm kernels keep for themselves
   */
  constructor(
    readonly floatBytes: 4 | 8,
    startBytes: number,
  ) {
    this.#next = Math.ceil(startBytes / LINE_BYTES) * LINE_BYTES;
  }

  /** Bytes planned so far, the reserved start included: the size of the arena. */
  get bytes(): number {
    return this.#next;
  }

  get parts(): ReadonlyMap<Part, number> {
    return this.#parts;
  }

  /** @returns the byte offset of a view of `count` floats */
  floats(part: Part, count: number): number {
    return this.#take(part, count * this.floatBytes);
  }

  /** @returns the byte offset of a view of `count` int32 */
  ints(part: Part, count: number): number {
    return this.#take(part, count * 4);
  }

  /** @returns the byte offset of a view of `count` float64 */
  doubles(part: Part, count: number): number {
    return this.#take(part, count * 8);
  }

  #take(part: Part, bytes: number): number {
    const offset = this.#next;
    const taken = Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
    this.#next += taken;
    this.#parts.set(part, (this.#parts.get(part) ?? 0) + taken);
    return offset;
  }
}
