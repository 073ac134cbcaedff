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

/** Waits while the word has the value `old`. @throws Aborted */
export function waitWhile(words: Int32Array, word: number, old: number): void {
  for (let spin = 0; spin < SPINS; spin++) {
    if (Atomics.load(words, word) !== old) return;
  }
  while (Atomics.load(words, word) === old) {
    if (Atomics.load(words, Word.abort)) throw new Aborted();
    Atomics.wait(words, word, old, SLEEP_MS);
  }
}

/** A barrier among the workers of a run. */
export class Barrier {
  constructor(
    readonly words: Int32Array,
    readonly workers: number,
  ) {}

  /**
   * Waits until all workers have arrived. The last one runs `last` before anyone goes on: what is serial in a step.
   * @throws Aborted
   */
  pass(last?: () => void): void {
    const { words, workers } = this;
    if (Atomics.load(words, Word.abort)) throw new Aborted();
    // Read before arriving: after it, the last one may open the barrier at any time.
    const opened = Atomics.load(words, Word.opened);
    if (Atomics.add(words, Word.arrived, 1) + 1 < workers) {
      waitWhile(words, Word.opened, opened);
      return;
    }
    last?.();
    Atomics.store(words, Word.arrived, 0);
    Atomics.store(words, Word.claimed, 0);
    Atomics.add(words, Word.opened, 1);
    if (workers > 1) Atomics.notify(words, Word.opened);
  }
}
