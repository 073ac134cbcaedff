// Random numbers of a counter: the n-th depends on the key and n alone, so a key is a stream of its own.

import { mix } from './dropout-key.js';

export class Counter {
  #n = 0;
  readonly #key: number;

  /** @param name what is drawn: another name is another stream */
  constructor(seed: number, name: string) {
    let key = mix(seed ^ 0x756e726f);
    for (let i = 0; i < name.length; i++) key = mix(key ^ name.charCodeAt(i));
    this.#key = key;
  }

  /** In [0, 1), 53 bits. */
  uniform(): number {
    const high = mix(this.#key + Math.imul(this.#n++, 0x9e3779b9));
    const low = mix((this.#key ^ 0x5bd1e995) + Math.imul(this.#n++, 0x9e3779b9));
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
  }

  /** into[i] = (2 u - 1) * bound for the next `uniform()` numbers u: in one loop, for what is large. */
  fillUniform(into: Float32Array, bound: number): void {
    const high = this.#key;
    const low = this.#key ^ 0x5bd1e995;
    let at = Math.imul(this.#n, 0x9e3779b9);
    for (let i = 0; i < into.length; i++) {
      const a = mix((high + at) | 0) >>> 5;
      at = (at + 0x9e3779b9) | 0;
      const b = mix((low + at) | 0) >>> 6;
      at = (at + 0x9e3779b9) | 0;
      into[i] = (2 * ((a * 2 ** 26 + b) / 2 ** 53) - 1) * bound;
    }
    this.#n += 2 * into.length;
  }

  /** Standard normal (Box & Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }
}
