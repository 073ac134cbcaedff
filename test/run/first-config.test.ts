import { expect, test } from 'vitest';
import { firstConfig } from '../../src/run/first-config.js';
import { temporaryFolder } from '../data/texts.js';

const { file } = temporaryFolder();

test('numbers that tell all rows of a long table apart are no group', async () => {
  const ids = Array.from({ length: 2_200_000 }, (_, i) => `${i}\n`).join('');
  const config = await firstConfig(file('long.csv', `id\n${ids}`));
  expect(config).toContain('#   id: numbers, 1048576 or more different\n');
  expect(config).not.toMatch(/^group:/m);
});
