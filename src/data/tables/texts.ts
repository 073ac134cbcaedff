// The values of a text column while they come: equal ones are one string in memory.

/** Different values that are looked for; a column of names or sentences has no equal ones to speak of. */
const MAX_KNOWN = 1 << 16;

export class Texts {
  readonly values: string[] = [];
  readonly #known = new Map<string, string>();

  push(value: string): void {
    this.values.push(this.same(value));
  }

  /** The string of the same letters that came before, if it is known. */
  same(value: string): string {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    if (this.#known.size < MAX_KNOWN) this.#known.set(value, value);
    return value;
  }
}
