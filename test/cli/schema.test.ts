// unroll schema, through the real binary.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { folder, unroll } from './command.js';

test('prints the schema of a config, and train reads a config that names it', () => {
  const { status, stdout, stderr } = unroll(['schema']);
  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual(configSchema());
  writeFileSync(join(folder, 'book.txt'), 'The ship sails on.\n'.repeat(50));
  const config = { $schema: './unroll.schema.json', text: 'book.txt', hidden: 4, batch: 2, window: 4 };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  expect(unroll(['train', 'config.json', '--dry-run', '--quiet']).status).toBe(0);
});
