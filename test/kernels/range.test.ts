// A descriptor that points outside of the arena is a RangeError, before anything is written.
import { describe, expect, test } from 'vitest';
import { Cell, GRADIENT_SCRATCH, Init, Optimizer, PANEL } from '../../src/kernels/kernels.js';
import { createWasmKernels, createWasmMemory, MAX_WASM_WORKERS, RESERVED_BYTES } from '../../src/kernels/wasm.js';
import type { BenchArena, Block } from './bench-arena.js';
import { EXAMPLES, type Example, type Method, WHOLE } from './examples.js';
import { implementations, tuned } from './implementations.js';

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

/** Fields that say what a call means, and numbers there that mean nothing or that a cast would make mean something. */
const MEANINGLESS: readonly (readonly [method: Method, field: string, value: number])[] = [
  ['product', 'init', Init.bias + 1],
  ['product', 'init', 2 ** 32 + Init.bias],
  ['update', 'kind', Optimizer.adamw + 1],
  ['update', 'kind', 2 ** 31],
  ['rowUpdate', 'kind', 2 ** 31],
  ['rowUpdate', 'catchUp', 2 ** 32 + 1],
  ['rowUpdate', 'catchUp', Number.NaN],
  ['rnnForward', 'activation', 2 ** 32],
  ['map', 'function', 4],
  // Widths that end inside a panel: vectors would be written whole.
  ['gather', 'columns', PANEL + 1],
  ['dropout', 'columns', PANEL - 1],
  ['add', 'columns', PANEL + 8],
  ['update', 'transposedDepth', 3 * PANEL + 1],
];

/** Ranges that are none; the cells take one number. */
const NO_RANGES = [
  ...[-1, 0.5, Number.NaN, 1e300, Number.POSITIVE_INFINITY].map((from) => [from, Number.MAX_VALUE] as const),
  ...[-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY].map((to) => [0, to] as const),
];

describe.each(tuned)('$name', ({ arena: arenaOf }) => {
  test.each(MEANINGLESS)('%s refuses %s %d', (method, field, value) => {
    const arena = arenaOf().begin(1);
    const { descriptor } = prepare(arena, EXAMPLES[method]);
    arena.set(descriptor, EXAMPLES[method].layout[field], value);
    const call = () => arena.kernels[method](descriptor, ...EXAMPLES[method].range);
    arena.run([], () => expect(call).toThrow(RangeError));
  });

  test.each(Object.entries(EXAMPLES))('%s refuses what is no range', (method, example) => {
    const arena = arenaOf().begin(1);
    const { descriptor } = prepare(arena, example);
    const kernel = arena.kernels[method as Method];
    for (const [from, to] of NO_RANGES) {
      const given = example.layout === Cell ? [from || to, 0] : [from, to];
      arena.run([], () => expect(() => kernel(descriptor, given[0], given[1]), `${given}`).toThrow(RangeError));
    }
  });

  test('a token that is unknown is refused before a row is copied', () => {
    const arena = arenaOf().begin(1);
    const { blocks, descriptor } = prepare(arena, EXAMPLES.gather);
    arena.write(arena.part(blocks.tokens, { column: 5, columns: 1 }), [4]);
    arena.run([], () => expect(() => arena.kernels.gather(descriptor, 0, 2)).toThrow(RangeError));
  });
});

test('the stacks of WebAssembly workers are no place for arguments', () => {
  const memory = createWasmMemory(2 * RESERVED_BYTES);
  const kernels = createWasmKernels(memory, 0);
  const numbers = new Float64Array(memory.buffer);
  numbers[RESERVED_BYTES / 8] = RESERVED_BYTES - 64;
  expect(() => kernels.squareNorm(RESERVED_BYTES, 0, PANEL)).toThrow(RangeError);
  numbers[RESERVED_BYTES / 8] = RESERVED_BYTES;
  expect(() => kernels.squareNorm(RESERVED_BYTES, 0, PANEL)).not.toThrow();
});

test.each([-1, 0.5, Number.NaN, MAX_WASM_WORKERS])('there is no WebAssembly worker %d', (worker) => {
  expect(() => createWasmKernels(createWasmMemory(0), worker)).toThrow(RangeError);
});
