// How workers wait: first by reading the word again and again, then in the kernel (Atomics.wait). Everything is TypeScript, so
// a worker that waits can always be ended from outside.
import { Word } from './protocol.js';

/**
 * Reads before a thread goes to sleep. Between two barriers of a step the others are a few microseconds behind; sleeping and
 * being woken costs 8 to 28 microseconds, a read about a nanosecond.
 */
const SPINS = 4000;
/** A sleeping thread looks up this often for `abort`, should the one that wakes it be gone. */
const SLEEP_MS = 100;

/** Thrown out of a wait when the run was aborted; the worker returns, the coordinator says why. */
export class Aborted extends Error {}

/** Behind a word that threads wait on: how many of them sleep. */
const SLEEPERS = 1;

/** Waits while the word has the value `old`. @throws Aborted */
export function waitWhile(words: Int32Array, word: number, old: number): void {
  for (let spin = 0; spin < SPINS; spin++) {
    if (Atomics.load(words, word) !== old) return;
  }
  while (Atomics.load(words, word) === old) {
    if (Atomics.load(words, Word.abort)) throw new Aborted();
    Atomics.add(words, word + SLEEPERS, 1);
    Atomics.wait(words, word, old, SLEEP_MS);
    Atomics.sub(words, word + SLEEPERS, 1);
  }
}

/**
 * Wakes who sleeps on a word that has just been changed. Most often nobody does, and a notification costs as much as all else
 * in a barrier. Who counts itself as asleep after this has looked finds the new value and does not sleep.
 */
export function wake(words: Int32Array, word: number): void {
  if (Atomics.load(words, word + SLEEPERS) > 0) Atomics.notify(words, word);
}

/** A barrier among threads that share two words. */
export class Barrier {
  /** @param words [arrived, opened]: see protocol.ts */
  constructor(
    readonly words: Int32Array,
    readonly workers: number,
    readonly arrived: number = Word.arrived,
    readonly opened: number = Word.opened,
  ) {}

  /**
   * Waits until all workers have arrived. The last one runs `last` before anyone goes on: what is serial in a step.
   * @throws Aborted
   */
  pass(last?: () => void): void {
    const { words, workers, arrived, opened } = this;
    if (Atomics.load(words, Word.abort)) throw new Aborted();
    // Read before arriving: after it, the last one may open the barrier at any time.
    const before = Atomics.load(words, opened);
    if (Atomics.add(words, arrived, 1) + 1 < workers) {
      waitWhile(words, opened, before);
      return;
    }
    last?.();
    Atomics.store(words, arrived, 0);
    Atomics.add(words, opened, 1);
    wake(words, opened);
  }
}
