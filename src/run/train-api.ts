// train() for programs: settings and data in one object, a run that can be awaited and whose events can be iterated.

import type { ConfigInput } from '../config/config.js';
import type { TrainEvent } from '../report/events.js';
import { isInMemory } from './data.js';
import { runConfig } from './run-config.js';
import { type RunOptions, runTraining, type TrainOutcome } from './train.js';

/**
 * The settings of a config file (`text` may name a file there as well), data in memory in their place, and how to follow the
 * run. A `text` in memory is given as `data: { text }`.
 */
export interface TrainOptions extends ConfigInput, Pick<RunOptions, 'data' | 'signal' | 'onEvent' | 'onNotice'> {}

/** A run under way: await it for its outcome, or iterate over its events as they come. */
export interface Training extends Promise<TrainOutcome>, AsyncIterable<TrainEvent> {}

/**
 * Starts a training. Nothing is printed; files are written to `out`.
 *
 * @throws UserError (as rejection) for settings or data that cannot be trained on, RunError for what fails on the way
 */
export function train(options: TrainOptions): Training {
  const { data, signal, onEvent, onNotice, ...settings } = options;
  const queue = new EventQueue();
  const run = async (): Promise<TrainOutcome> => {
    const config = runConfig(settings, (key) => key, isInMemory(data));
    return runTraining(config, {
      ...{ data, signal, onNotice },
      onEvent: (event) => {
        queue.push(event);
        onEvent?.(event);
      },
    });
  };
  const outcome = run();
  // Whoever iterates hears of a failure there, whoever awaits here; one of the two is enough.
  outcome.then(
    () => queue.end(),
    (error: unknown) => queue.end({ error }),
  );
  return Object.assign(outcome, { [Symbol.asyncIterator]: () => queue.listen(outcome) });
}

/** Events between the run, which does not wait, and one who iterates. Kept only from when the iteration begins. */
class EventQueue {
  #waiting: TrainEvent[] = [];
  #listening = false;
  #ended: { readonly error?: unknown } | undefined;
  #wake: () => void = () => {};

  push(event: TrainEvent): void {
    if (!this.#listening) return;
    this.#waiting.push(event);
    this.#wake();
  }

  end(failure: { readonly error?: unknown } = {}): void {
    this.#ended = failure;
    this.#wake();
  }

  listen(outcome: Promise<TrainOutcome>): AsyncGenerator<TrainEvent> {
    this.#listening = true;
    return this.#iterate(outcome);
  }

  async *#iterate(outcome: Promise<TrainOutcome>): AsyncGenerator<TrainEvent> {
    for (;;) {
      const events = this.#waiting;
      this.#waiting = [];
      yield* events;
      if (this.#waiting.length > 0) continue;
      if (this.#ended) {
        await outcome;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
