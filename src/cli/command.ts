// What a command is, and what it gets.

import type { Argv } from 'yargs';
import type { Threads } from '../coordinator/pool.js';
import type { Output } from '../report/reporter.js';

/** What yargs read from the command line: text, true and false; by camelCase name. */
export type Given = Readonly<Record<string, unknown>>;

export interface Context {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted when nobody reads stdout any more. */
  readonly gone: AbortSignal;
  /** Threads for a training's workers, where one is likely. */
  readonly threads?: Threads;
}

export interface Command {
  /** Positionals, flags and examples. `listing`: for --help and completion, which show the choices. */
  build(yargs: Argv, listing: boolean): Argv;
  /** @returns the exit code */
  run(given: Given, context: Context): Promise<number>;
}
