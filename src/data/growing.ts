// Rows of numbers whose length shows only at the end.

import { UserError } from '../errors.js';

export type NumberArray = Int32Array | Float32Array | Float64Array;

const FIRST_LENGTH = 1024;

/** A typed array that doubles where it is full. */
export class Growing<A extends NumberArray> {
  length = 0;
  readonly #make: (length: number) => A;
  readonly #source: string;
  #array: A;

  /** @param source what does not fit, where memory ends */
  constructor(make: (length: number) => A, source: string) {
    this.#make = make;
    this.#source = source;
    this.#array = make(FIRST_LENGTH);
  }

  push(value: number): void {
    if (this.length === this.#array.length) this.reserve(1);
    this.#array[this.length++] = value;
  }

  /** The array with room for `more` numbers behind those that it has. Another one after the next call. */
  reserve(more: number): A {
    const needed = this.length + more;
    if (needed > this.#array.length) {
      const larger = this.#allocate(Math.max(needed, 2 * this.#array.length));
      larger.set(this.#array.subarray(0, this.length));
      this.#array = larger;
    }
    return this.#array;
  }

  #allocate(length: number): A {
    try {
      return this.#make(length);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new UserError(`${this.#source} does not fit into memory: ${length} numbers in one array are too many`);
    }
  }

  /** What it has. The memory behind it was never touched, so no page of it is taken. */
  taken(): A {
    return this.#array.subarray(0, this.length) as A;
  }
}
