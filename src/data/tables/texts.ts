// The values of a text column while they come: equal ones are one string in memory.

/** With more different values a column is one of names or sentences, of which few are equal: they are looked for no longer. */
const MAX_KNOWN = 1 << 16;

export class Texts {
  values: string[] = [];
  #known: Map<string, string> | undefined = new Map();

  push(value: string): void {
    this.values.push(this.same(value));
  }

  /** The values since the last call. */
  take(): readonly string[] {
    const { values } = this;
    this.values = [];
    return values;
  }

  /** The string of the same letters that came before, if it is known. */
  same(value: string): string {
    if (this.#known === undefined) return value;
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    this.#known.set(value, value);
    if (this.#known.size === MAX_KNOWN) this.#known = undefined;
    return value;
  }
}
