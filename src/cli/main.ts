#!/usr/bin/env node
// The command `unroll`: hands the arguments to the program and turns what comes of it into an exit code. Nothing heavy is
// loaded here: each command loads what it needs.

import { RunError, systemReason } from '../errors.js';
import { reportError } from './failure.js';
import { runProgram } from './program.js';

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

const fail = (error: unknown): void => process.exit(reportError(error, verbose));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

try {
  const code = await runProgram(args, { stdout: process.stdout, stderr: process.stderr, gone: gone.signal });
  process.exitCode = code || lost;
} catch (error) {
  process.exitCode = reportError(error, verbose);
}
