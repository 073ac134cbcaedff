// unroll schema: what editors need to complete a config file.

import { configSchema } from '../config/schema.js';
import type { Command } from './command.js';

export const schema: Command = {
  build: (yargs) =>
    yargs
      .example('$0 schema > unroll.schema.json', 'a file that a config names')
      .epilogue(
        'In YAML the first line of a config names the schema: # yaml-language-server: $schema=./unroll.schema.json\n' +
          'In JSON its key "$schema" does.',
      ),

  async run(_, { stdout }) {
    stdout.write(`${JSON.stringify(configSchema(), null, 2)}\n`);
    return 0;
  },
};
