// unroll init: a first config for a file of data, with comments.

import { existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../checkpoint/atomic.js';
import { inShell, RunError, systemReason, UserError } from '../errors.js';
import { firstConfig } from '../run/first-config.js';
import type { Command } from './command.js';
import { textOption } from './options.js';

const DEFAULT_NAME = 'unroll.yaml';

export const init: Command = {
  build(yargs) {
    return yargs
      .positional('data', {
        type: 'string',
        describe: 'a table (.csv, .jsonl, .parquet), .svm, or any other file as a text',
      })
      .option('out', {
        type: 'string',
        describe: 'FILE: where the config is written; - prints it',
        defaultDescription: DEFAULT_NAME,
      })
      .option('verbose', { type: 'boolean', describe: 'print stack traces of errors' })
      .example('$0 init sensors.csv', 'looks at the columns and writes unroll.yaml')
      .example('$0 init sensors.csv --out -', 'prints it');
  },

  async run(given, { stdout }) {
    const data = String(given.data);
    if (data === '')
      throw new UserError('DATA: it is empty, or the standard input, which can be read only once; give a file');
    const out = textOption(given, 'out') ?? DEFAULT_NAME;
    if (out === '') throw new UserError('--out: it is empty; give the name of a file, or - to print');
    if (out !== '-') refuseTaken(out);
    const config = await firstConfig(data);
    if (out === '-') stdout.write(config);
    else {
      writeConfig(out, config);
      stdout.write(`wrote ${out}; look at it, then: unroll train ${inShell(out)}\n`);
    }
    return 0;
  },
};

/** Asked before the data are looked at, which may take long. A link that points nowhere is there too. */
function refuseTaken(out: string): void {
  const folder = dirname(out);
  if (!existsSync(folder))
    throw new UserError(`--out: ${out} cannot be written: there is no folder ${folder}; make it, or give another name`);
  try {
    if (lstatSync(out, { throwIfNoEntry: false }) === undefined) return;
  } catch (error) {
    throw new UserError(`--out: ${out} cannot be written: ${systemReason(error)}`);
  }
  throw new UserError(`--out: ${out} is there already; give another name, or - to print`);
}

function writeConfig(out: string, config: string): void {
  try {
    writeFileAtomic(out, config);
  } catch (error) {
    throw error instanceof RunError ? new UserError(`--out: ${error.message}`) : error;
  }
}
