// Who does which ticket: each worker its own first, then what others have not come to. A claim is one addition to a word of the
// queue's owner, so workers that are equally fast never touch each other's cache lines.
import type { Queues, Ticket } from '../train/tickets.js';
import { claimWord } from './protocol.js';

/** Whose queues a worker looks into when its own is empty: the next few. All of them would cost more than they bring. */
const NEIGHBOURS = 8;

export class Claims {
  readonly #words: Int32Array;
  readonly #workers: number;
  readonly #worker: number;
  /** Two sets of words take turns: one is used, the other is put back to zero meanwhile. */
  #set = 0;

  constructor(words: Int32Array, workers: number, worker: number) {
    this.#words = words;
    this.#workers = workers;
    this.#worker = worker;
  }

  /** Does tickets until there are none left to claim. Between two calls all workers pass a barrier. */
  run(queues: Queues, work: (ticket: Ticket) => void): void {
    const words = this.#words;
    const set = this.#set;
    this.#set = 1 - set;
    // The other set's phase is over for everybody, and its next one begins behind a barrier.
    Atomics.store(words, claimWord(this.#set, this.#worker), 0);
    for (let i = 0; i < this.#workers && i <= NEIGHBOURS; i++) {
      const owner = (this.#worker + i) % this.#workers;
      const queue = queues[owner];
      const word = claimWord(set, owner);
      // One who has not begun will find its first ticket in its own cache.
      if (queue.length === 0 || (i > 0 && Atomics.load(words, word) === 0)) continue;
      for (let at = Atomics.add(words, word, 1); at < queue.length; at = Atomics.add(words, word, 1)) work(queue[at]);
    }
  }
}
