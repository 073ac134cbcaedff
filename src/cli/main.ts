#!/usr/bin/env node
// The command `unroll`: hands the arguments to the program and turns what comes of it into an exit code. Nothing heavy is
// loaded here: each command loads what it needs.

import { reportError } from './failure.js';
import { runProgram } from './program.js';

const args = process.argv.slice(2);
const verbose = args.includes('--verbose');

/** Who read our output has gone (`unroll sample ... | head`): commands stop early where that makes a difference. */
const gone = new AbortController();
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(reportError(error, verbose));
  gone.abort();
});
process.stderr.on('error', () => {});

const fail = (error: unknown): void => process.exit(reportError(error, verbose));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

try {
  process.exitCode = await runProgram(args, { stdout: process.stdout, stderr: process.stderr, gone: gone.signal });
} catch (error) {
  process.exitCode = reportError(error, verbose);
}
