// Random arguments, a few thousand: test/faults has a hundred thousand.
import { expect, test } from 'vitest';
import { fuzz, targets } from './fuzzing.js';

const CALLS = 2000;

test.each(targets.map((create) => create()))('$name stays inside its arena, whatever it is given', (target) => {
  for (const [method, { ran, refused }] of Object.entries(fuzz(target, CALLS, 1))) {
    expect(ran, `${method} ran`).toBeGreaterThan(0);
    expect(refused, `${method} was refused`).toBeGreaterThan(0);
  }
});
