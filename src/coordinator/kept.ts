// The small numbers that a step's commit changes in place, kept as they were before it: a worker may be lost in the midst of the
// commit, and then it is done again from its start.
import type { Arena } from '../memory/arena.js';
import { CONTROL_NUMBERS } from '../train/density-control.js';
import type { RunLayout } from '../train/layout.js';
import { Word } from './protocol.js';

/** Kept in this order behind `Word.kept`. */
const NUMBERS = [Word.trainingSide, Word.evaluationSide, Word.updates, Word.badInARow] as const;

export class Kept {
  readonly #words: Int32Array;
  readonly #arena: Arena;
  readonly #layout: RunLayout;

  constructor(arena: Arena, layout: RunLayout) {
    this.#words = arena.ints.subarray(layout.control / 4);
    this.#arena = arena;
    this.#layout = layout;
  }

  /** Before anything of record n is committed; once a record. */
  keep(n: number): void {
    for (let i = 0; i < NUMBERS.length; i++) this.#words[Word.kept + 1 + i] = Atomics.load(this.#words, NUMBERS[i]);
    const { densityControl, keptControl, table, keptMaps } = this.#layout;
    this.#copy(densityControl, keptControl, CONTROL_NUMBERS);
    if (table) this.#copy(table.behind.maps, keptMaps, 2 * table.behind.period);
    Atomics.store(this.#words, Word.kept, n + 1);
  }

  /** Puts them back where the commit of record n may have begun. */
  restore(n: number): void {
    if (Atomics.load(this.#words, Word.kept) !== n + 1) return;
    for (let i = 0; i < NUMBERS.length; i++) Atomics.store(this.#words, NUMBERS[i], this.#words[Word.kept + 1 + i]);
    const { densityControl, keptControl, table, keptMaps } = this.#layout;
    // What the density has steered belongs to the judgement: it stands once the step is judged.
    if (Atomics.load(this.#words, Word.judged) !== n + 1) this.#copy(keptControl, densityControl, CONTROL_NUMBERS);
    if (table) this.#copy(keptMaps, table.behind.maps, 2 * table.behind.period);
  }

  #copy(from: number, to: number, count: number): void {
    this.#arena.doubles.copyWithin(to / 8, from / 8, from / 8 + count);
  }
}
