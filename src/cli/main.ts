#!/usr/bin/env node
// The command `unroll`: hands the arguments to the program and turns what comes of it into an exit code. Nothing heavy is
// loaded here: each command loads what it needs, and the threads of a training load while it does.

import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { Threads } from '../coordinator/pool.js';
import { RunError, systemReason } from '../errors.js';
import { canShare } from '../memory/shared-array-buffer.js';
import { endIfStuck, reportError } from './failure.js';

// What a run allocates it drops within the same step. V8 would let the space for that grow to 17 MB (Node 20) or 34 MB (Node 24).
setFlagsFromString('--semi-space-growth-factor=1');

const args = process.argv.slice(2);
const verbose = args.includes('--verbose');

/** Nobody gets our output any more (`unroll sample ... | head`, a full disk): commands stop early where that makes a difference. */
const gone = new AbortController();
let lost = 0;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && lost === 0)
    lost = reportError(new RunError(`the output cannot be written: ${systemReason(error)}`), verbose);
  gone.abort();
  process.exitCode ||= lost;
});
process.stderr.on('error', () => {});

/** Flags of train with which no worker is needed. */
const NO_WORKERS = /^(--help|-h|--version|--dry-run)$/;

/** More than these begin when a run asks for them: those that turn out not to be needed stay for the run, at some 10 MB each. */
const MOST_EARLY = 4;

/** The threads of a training, started before it is known what they will do. Should there be no training, nothing waits for them. */
async function threadsFor([command, ...flags]: readonly string[]): Promise<Threads | undefined> {
  if (command !== 'train' || flags.some((flag) => NO_WORKERS.test(flag)) || !canShare()) return undefined;
  const { startThreads } = await import('../coordinator/pool.js');
  return startThreads(Math.min(MOST_EARLY, workersAsked(flags) ?? availableParallelism()));
}

/** Of --workers N or --workers=N, where it is a number of workers; what else it may be is refused later. */
function workersAsked(flags: readonly string[]): number | undefined {
  const at = flags.findIndex((flag) => flag === '--workers' || flag.startsWith('--workers='));
  const asked = Number(flags[at]?.split('=')[1] ?? flags[at + 1]);
  return at >= 0 && Number.isInteger(asked) && asked >= 1 ? asked : undefined;
}

const fail = (error: unknown): void => process.exit(reportError(error, verbose));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

try {
  const threads = await threadsFor(args);
  // What a training needs is read from the disk while yargs is.
  if (threads !== undefined) import('./train.js').catch(() => {});
  const { runProgram } = await import('./program.js');
  const code = await runProgram(args, { stdout: process.stdout, stderr: process.stderr, gone: gone.signal, threads });
  process.exitCode = code || lost;
} catch (error) {
  process.exitCode = reportError(error, verbose);
  endIfStuck(error);
}
