// Ctrl-C, SIGTERM, and the end of the terminal: the first one asks the run to stop and save, the second one ends the process at once.
import { isatty } from 'node:tty';

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof CODES;

/**
 * A terminal sends Ctrl-C to every process in the foreground, and npm passes on to its child what it gets itself: under npx one
 * Ctrl-C arrives twice within a few milliseconds. Nobody presses it twice in a tenth of a second.
 */
const SAME_PRESS_MS = 100;

/**
 * nohup has a process ignore the end of its terminal, and gives it no stream that is one. Node takes the first back as it starts,
 * so the second has to tell.
 */
const hasTerminal = (): boolean => [0, 1, 2].some((fd) => isatty(fd));

export class Stop {
  readonly #controller = new AbortController();
  readonly #listeners = new Map<StopSignal, () => void>();
  #first: { readonly name: StopSignal; readonly atMs: number } | undefined;

  /** @param onFirst tells that the run stops; `atOnce` leaves the terminal as it was */
  constructor(onFirst: (name: StopSignal) => void, atOnce: () => void) {
    // Asked now: a terminal that is gone is none any more.
    const ignored = hasTerminal() ? undefined : 'SIGHUP';
    for (const name of Object.keys(CODES) as StopSignal[]) {
      const listener = (): void => {
        if (name === ignored) return;
        if (this.#first === undefined) {
          this.#first = { name, atMs: performance.now() };
          onFirst(name);
          this.#controller.abort();
        } else if (performance.now() - this.#first.atMs >= SAME_PRESS_MS || this.#first.name !== name) {
          atOnce();
          process.exit(CODES[name]);
        }
      };
      this.#listeners.set(name, listener);
      process.on(name, listener);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code of a run that one of the signals stopped. */
  get exitCode(): number | undefined {
    return this.#first === undefined ? undefined : CODES[this.#first.name];
  }

  close(): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
  }
}
