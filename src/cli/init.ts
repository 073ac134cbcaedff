// unroll init: a first config for a file of data, with comments.

import { existsSync } from 'node:fs';
import { writeFileAtomic } from '../checkpoint/atomic.js';
import { UserError } from '../errors.js';
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
    const out = textOption(given, 'out') ?? DEFAULT_NAME;
    if (!existsSync(data)) throw new UserError(`DATA: ${data} cannot be read: there is no such file`);
    if (out !== '-' && existsSync(out))
      throw new UserError(`--out: ${out} is there already; give another name, or - to print`);
    const config = await firstConfig(data);
    if (out === '-') stdout.write(config);
    else {
      writeFileAtomic(out, config);
      stdout.write(`wrote ${out}; look at it, then: unroll train ${out}\n`);
    }
    return 0;
  },
};
