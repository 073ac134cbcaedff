// train() for programs: settings and data in one object, a run that can be awaited and whose events can be iterated.

import type { ConfigInput } from '../config/config.js';
import { UserError } from '../errors.js';
import type { TrainEvent } from '../report/events.js';
import { DATA_KEYS, isInMemory } from './data.js';
import { checkKeys } from './keys.js';
import { isOutDefault, runConfig } from './run-config.js';
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
  const events = new Events();
  const run = async (): Promise<TrainOutcome> => {
    checkOptions(options);
    const { data, signal, onEvent, onNotice, ...settings } = options;
    const config = runConfig(settings, (key) => key, isInMemory(data));
    return runTraining(config, {
      ...{ data, signal, onNotice, outIsDefault: isOutDefault(settings) },
      onEvent: (event) => {
        events.push(event);
        onEvent?.(event);
      },
    });
  };
  const outcome = run();
  // Whoever iterates hears of a failure there, whoever awaits here; one of the two is enough.
  const end = (): void => events.end();
  outcome.then(end, end);
  return Object.assign(outcome, { [Symbol.asyncIterator]: () => events.listen(outcome) });
}

/** What `TrainOptions` says is not checked in JavaScript. @throws UserError for what would be ignored or fail later */
function checkOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw new UserError("train: it takes an object of settings, such as { text: 'book.txt' }");
  const { data, signal, dryRun, ...rest } = options as Readonly<Record<string, unknown>>;
  if (data !== undefined) checkKeys('data', data, DATA_KEYS);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new UserError('signal: it is no AbortSignal; give the signal of an AbortController');
  for (const name of ['onEvent', 'onNotice'])
    if (rest[name] !== undefined && typeof rest[name] !== 'function') throw new UserError(`${name}: it is no function`);
  if (dryRun === true) throw new UserError('dryRun: it is for the command line; train() would train');
}

/** Who iterates over a run's events: the run does not wait for them. */
interface Listener {
  waiting: TrainEvent[];
  wake: () => void;
}

/** Events on their way to those who iterate. Each gets all of them from when the iteration began, until it ends or is left. */
class Events {
  readonly #listeners = new Set<Listener>();
  #ended = false;

  push(event: TrainEvent): void {
    for (const listener of this.#listeners) {
      listener.waiting.push(event);
      listener.wake();
    }
  }

  end(): void {
    this.#ended = true;
    for (const listener of this.#listeners) listener.wake();
  }

  listen(outcome: Promise<TrainOutcome>): AsyncGenerator<TrainEvent> {
    const listener: Listener = { waiting: [], wake: () => {} };
    this.#listeners.add(listener);
    return this.#iterate(listener, outcome);
  }

  async *#iterate(listener: Listener, outcome: Promise<TrainOutcome>): AsyncGenerator<TrainEvent> {
    try {
      for (;;) {
        const events = listener.waiting;
        listener.waiting = [];
        yield* events;
        if (listener.waiting.length > 0) continue;
        if (this.#ended) {
          await outcome;
          return;
        }
        await new Promise<void>((resolve) => {
          listener.wake = resolve;
        });
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}
