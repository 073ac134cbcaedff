// A worker on the thread of the coordinator, for where memory cannot be shared: it runs a record whenever the coordinator lets
// go of the thread. In place of the pool, and like it for whoever uses it.
import { RunError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import type { RunLayout } from '../train/layout.js';
import type { OptimizerSettings } from '../train/optimizer.js';
import { EXIT, Word } from './protocol.js';
import { StepLoop } from './step-loop.js';

/** How soon a worker with nothing to do looks for a new record. */
const POLL_MS = 1;

export class InlineWorker {
  /** Rejects with a RunError when a step throws; never resolves. */
  readonly failure: Promise<never>;
  readonly #words: Int32Array;
  readonly #loop: StepLoop;
  readonly #ended: Promise<void>;
  #end: () => void = () => {};
  #fail: (error: RunError) => void = () => {};

  /** @param layout of one worker */
  constructor(arena: Arena, kernels: Kernels, layout: RunLayout, optimizer: OptimizerSettings) {
    this.#words = arena.ints.subarray(layout.control / 4);
    this.#loop = new StepLoop(arena, kernels, layout, optimizer, 0);
    this.failure = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for it hears of it; nobody has to.
    this.failure.catch(() => {});
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    setImmediate(this.#look);
  }

  /** Waits until the coordinator has published EXIT, or a step has thrown. */
  async close(): Promise<void> {
    await this.#ended;
  }

  readonly #look = (): void => {
    const published = Atomics.load(this.#words, Word.published);
    const next = Atomics.load(this.#words, Word.completed);
    try {
      if (published > next) this.#loop.step(next);
    } catch (error) {
      this.#fail(new RunError(`worker 0 failed: ${(error as Error).message}`, { cause: error }));
      this.#end();
      return;
    }
    if (published === EXIT) this.#end();
    else if (published > next) setImmediate(this.#look);
    else setTimeout(this.#look, POLL_MS);
  };
}
