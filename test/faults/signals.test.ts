// Ctrl-C at a hundred instants of a run, every second time twice.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../cli/command.js';
import { stoppedAnywhere } from '../cli/signals.js';
import { randomOf } from '../run/worker-faults.js';

const STOPS = 100;

test(`${STOPS} times Ctrl-C at a random instant leaves what can be gone on from`, async () => {
  writeFileSync(join(folder, 'text.txt'), 'The ship sails on, and the whale with it.\n'.repeat(60));
  const random = randomOf(2);
  const ends: Record<string, number> = {};
  for (let seed = 0; seed < STOPS; seed++) {
    const end = await stoppedAnywhere('text.txt', seed, random);
    ends[end] = (ends[end] ?? 0) + 1;
  }
  console.log('ended', ends);
  expect(ends.saved).toBeGreaterThan(0);
});
