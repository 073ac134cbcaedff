// A descriptor that points outside of the arena is a RangeError, before anything is written.
import { describe, expect, test } from 'vitest';
import { Cell, GRADIENT_SCRATCH } from '../../src/kernels/kernels.js';
import type { BenchArena, Block } from './bench-arena.js';
import { EXAMPLES, type Example, type Method, WHOLE } from './examples.js';
import { implementations } from './implementations.js';

/** Enough for any array of an example. */
const ELEMENTS = GRADIENT_SCRATCH;

function prepare(arena: BenchArena, { layout, offsets, fields }: Example) {
  const blocks: Record<string, Block> = {};
  const others = Object.keys(layout).filter((name) => layout === Cell && 'zrhcdhdctanhC'.includes(name));
  for (const name of new Set([...offsets, ...others, ...['scratch', 'touched'].filter((name) => name in layout)])) {
    const whole = WHOLE.includes(name);
    blocks[name] = whole
      ? arena.integers({ columns: ELEMENTS }, () => 0)
      : arena.floats({ columns: ELEMENTS }, () => 1);
  }
  return { blocks, descriptor: arena.descriptor(layout, { ...fields, ...blocks }) };
}

describe.each(implementations)('$name', ({ arena: arenaOf }) => {
  test.each(Object.entries(EXAMPLES))('%s', (method, example) => {
    const arena = arenaOf().begin(1);
    const { blocks, descriptor } = prepare(arena, example);
    const kernel = arena.kernels[method as Method];
    const refused = (why: string, at = descriptor) =>
      arena.run([], () => expect(() => kernel(at, ...example.range), why).toThrow(RangeError));

    for (const name of example.offsets) {
      const field = example.layout[name];
      const right = arena.get(descriptor, field);
      for (const wrong of [arena.bytes, arena.bytes - 4, right + 2, -64, 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
        arena.set(descriptor, field, wrong);
        refused(`${name} ${wrong}`);
      }
      arena.set(descriptor, field, right);
    }
    for (const name of example.sizes) {
      const field = example.layout[name];
      const right = arena.get(descriptor, field);
      for (const wrong of [1e9, 2 ** 40, 1e300, -1, 1.5, Number.NaN]) {
        arena.set(descriptor, field, wrong);
        refused(`${name} ${wrong}`);
      }
      arena.set(descriptor, field, right);
    }
    for (const wrong of [
      arena.bytes,
      arena.bytes - 8 * (example.layout.size - 1),
      descriptor + 4,
      -8,
      1e300,
      Number.NaN,
    ]) {
      refused(`descriptor ${wrong}`, wrong);
    }
    // The example itself is right: nothing was refused for another reason.
    arena.run(Object.values(blocks), () => kernel(descriptor, ...example.range));
  });
});
