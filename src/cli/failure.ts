// How a failure is shown, and its exit code: what a person can mend is one message, anything else is a bug of ours.

import { createRequire } from 'node:module';
import { RunError, UserError, WorkerStuck } from '../errors.js';

const BUG = 'this is a bug in unroll; please report it with what you ran and the stack trace that --verbose prints';

/** @returns the exit code */
export function reportError(error: unknown, verbose: boolean): number {
  const known = error instanceof UserError || error instanceof RunError;
  const message = error instanceof Error ? error.message : String(error);
  const stack = verbose && error instanceof Error ? `\n${error.stack}` : '';
  process.stderr.write(known ? `${message}${stack}\n` : `${message}\n${BUG}${stack}\n`);
  return known ? error.exitCode : 1;
}

/** Ends the process after it has told why, where it could not end by itself: process.exit waits for all threads. */
export function endIfStuck(error: unknown): void {
  if (!(error instanceof WorkerStuck)) return;
  try {
    (createRequire(import.meta.url)('#end-process') as (code: number) => never)(error.exitCode);
  } catch {
    // It is built together with the native kernels, which are what hangs; should it be missing, this ends the process as well.
    process.kill(process.pid, 'SIGKILL');
  }
}
