// Random calls of the kernels, most of them wrong: whatever a call is given, it either stays inside its arena or is a RangeError.
// Arguments lie over each other, over the descriptor and over the arena's ends; lists hold numbers that no list should.
import { createRequire } from 'node:module';
import type { Kernels, PeakKernels } from '../../src/kernels/kernels.js';
import { createNativeKernels } from '../../src/kernels/native.js';
import { createReferenceKernels } from '../../src/kernels/reference/reference.js';
import { createWasmKernels, createWasmMemory, RESERVED_BYTES } from '../../src/kernels/wasm.js';
import { createRandom } from './bench-arena.js';
import { EXAMPLES, type Example, type Method, WHOLE } from './examples.js';
import { nativeSets } from './implementations.js';

/** Holds every example, and little enough that random places lie over each other and near the end. */
const ARENA_BYTES = 320 << 10;
const GUARD_BYTES = 8 << 10;
const GUARD = 0xa5;
/** Calls after which the arena is filled anew. */
const FRESH = 16;
/** Numbers of a list that are written before a call. */
const LISTED = 48;
/** More rounds than this are valid, and take long. */
const MOST_ROUNDS = 1000;
/** Fields that are places in the arena, where the examples do not say so because not every call reads them. */
const UNLISTED = ['scratch', 'dealtValues', 'g', 'z', 'r', 'h', 'c', 'tanhC', 'dh', 'dc'];

export interface Target {
  readonly name: string;
  readonly kernels: Kernels & PeakKernels;
  /** The memory that the kernels know; an arena's offsets count from its beginning. */
  readonly memory: Uint8Array<SharedArrayBuffer>;
  /** Where the arena begins in it. */
  readonly first: number;
  /** What no call may change. */
  readonly guards: readonly Uint8Array[];
}

export const targets: readonly (() => Target)[] = [
  referenceTarget,
  wasmTarget,
  ...nativeSets().flatMap((set) => [() => guardedTarget(set), () => bareTarget(set)]),
];

/** Plain TypeScript writes nowhere else; but it must not run for ever, nor throw what is no RangeError. */
function referenceTarget(): Target {
  const buffer = new SharedArrayBuffer(ARENA_BYTES);
  const kernels = createReferenceKernels(buffer, 'float32');
  return { name: 'reference', kernels, memory: new Uint8Array(buffer), first: 0, guards: [] };
}

/** Below the arena lie the workers' stacks; above it ends the memory, and WebAssembly traps. */
function wasmTarget(): Target {
  const memory = createWasmMemory(RESERVED_BYTES + ARENA_BYTES);
  const buffer = memory.buffer as unknown as SharedArrayBuffer;
  const guards = [new Uint8Array(buffer, RESERVED_BYTES - GUARD_BYTES, GUARD_BYTES).fill(GUARD)];
  return {
    name: 'wasm',
    kernels: createWasmKernels(memory, 0),
    memory: new Uint8Array(buffer),
    first: RESERVED_BYTES,
    guards,
  };
}

function guardedTarget(set: string): Target {
  const buffer = new SharedArrayBuffer(ARENA_BYTES + 2 * GUARD_BYTES);
  const memory = new Uint8Array(buffer, GUARD_BYTES, ARENA_BYTES);
  const guards = [0, GUARD_BYTES + ARENA_BYTES].map((at) => new Uint8Array(buffer, at, GUARD_BYTES).fill(GUARD));
  const require = createRequire(import.meta.url);
  const { bind } = require(require.resolve('#native')) as { bind(bytes: Uint8Array, set: string): Target['kernels'] };
  return { name: `native ${set} between guards`, kernels: bind(memory, set), memory, first: 0, guards };
}

/** Memory with nothing around it: the address sanitizer sees reads outside of it as well. */
function bareTarget(set: string): Target {
  const buffer = new SharedArrayBuffer(ARENA_BYTES);
  const kernels = createNativeKernels(buffer, set);
  return { name: `native ${set}`, kernels, memory: new Uint8Array(buffer), first: 0, guards: [] };
}

interface Call {
  readonly method: Method;
  readonly descriptor: number;
  readonly fields: readonly number[];
  readonly from: number;
  readonly to: number;
}

/** How many calls of each kernel ran, and how many were refused. */
export type Outcome = Record<Method, { ran: number; refused: number }>;

/** @throws Error with the seed and the call, where a call writes outside of its arena or throws what is no RangeError */
export function fuzz(target: Target, calls: number, seed: number): Outcome {
  const random = new Randomness(seed, target);
  const methods = Object.keys(EXAMPLES) as Method[];
  const outcome = Object.fromEntries(methods.map((method) => [method, { ran: 0, refused: 0 }])) as Outcome;
  const clean = target.guards.map((guard) => Uint8Array.from(guard));
  for (let i = 0; i < calls; i++) {
    if (i % FRESH === 0) random.fill();
    const call = random.call(methods[i % methods.length]);
    const said = `call ${i} of seed ${seed} on ${target.name}: ${JSON.stringify(call, (_, x) => (typeof x === 'number' ? `${x}` : x))}`;
    try {
      target.kernels[call.method](call.descriptor, call.from, call.to);
      outcome[call.method].ran++;
    } catch (error) {
      if (!(error instanceof RangeError)) throw new Error(said, { cause: error });
      outcome[call.method].refused++;
    }
    if (target.guards.some((guard, g) => Buffer.compare(guard, clean[g]) !== 0))
      throw new Error(`written outside: ${said}`);
  }
  return outcome;
}

class Randomness {
  readonly #random: () => number;
  readonly #bytes: number;
  readonly #first: number;
  readonly #numbers: Float64Array;
  readonly #integers: Int32Array;

  constructor(seed: number, { memory, first }: Target) {
    this.#random = createRandom(seed);
    this.#bytes = memory.length;
    this.#first = first;
    this.#numbers = new Float64Array(memory.buffer, memory.byteOffset, memory.length / 8);
    this.#integers = new Int32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  }

  /** Small integers everywhere: as floats they are next to zero. */
  fill(): void {
    for (let i = this.#first / 4; i < this.#integers.length; i++) this.#integers[i] = this.#below(4);
  }

  /** An example at random places, of which up to three numbers are wrong; written into the arena. */
  call(method: Method): Call {
    const example = EXAMPLES[method];
    const names = Object.keys(example.layout).filter((name) => name !== 'size');
    const fields = names.map((name) => this.#valueOf(name, example));
    for (let wrong = this.#pick([0, 0, 0, 1, 1, 2, 3]); wrong > 0; wrong--) {
      const index = this.#below(fields.length);
      fields[index] = this.#wrong(fields[index]);
    }
    const descriptor = this.#below(32) === 0 ? this.#wrong(0) : this.#place();
    this.#numbers.set(fields, this.#inside(descriptor, 8 * fields.length) / 8);
    for (const [index, name] of names.entries()) if (WHOLE.includes(name)) this.#list(fields[index]);
    let [from, to] = example.range;
    if (this.#below(10) === 0) from = this.#wrong(from);
    if (this.#below(10) === 0) to = this.#wrong(to);
    if (method === 'multiplyAdd' && to - from > MOST_ROUNDS) to = from + MOST_ROUNDS;
    return { method, descriptor, fields, from, to };
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)];
  }

  #valueOf(name: string, { offsets, fields }: Example): number {
    const isPlace = offsets.includes(name) || WHOLE.includes(name) || UNLISTED.includes(name);
    if (!isPlace) return fields[name] ?? 0;
    return this.#below(32) === 0 ? 0 : this.#place();
  }

  /** A byte offset in the arena: anywhere, or close to its end. */
  #place(): number {
    const lines = (this.#bytes - this.#first) / 64;
    const line = this.#below(4) === 0 ? lines - 1 - this.#below(8) : this.#below(lines);
    return this.#first + line * 64;
  }

  /** `offset`, or the place nearest to it where `count` bytes lie in the arena. */
  #inside(offset: number, count: number): number {
    const near = Math.min(Math.max(Math.floor(offset / 8) * 8, this.#first), this.#bytes - Math.ceil(count / 8) * 8);
    return Number.isFinite(near) ? near : this.#first;
  }

  /** What may stand in a descriptor by mistake or malice, where `right` would be right. */
  #wrong(right: number): number {
    const bytes = this.#bytes;
    const near = [right - 1, right + 1, right + 2, right + 4, right + 16, right * 2, right + 2 ** 32, right + 0.5];
    if (this.#below(2) === 0) return this.#pick(near);
    return this.#pick([
      ...[0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 48, 64, 65, 128, 255, 256, 257, 1000, 4096, 65_536],
      ...[-1, -4, -16, -(2 ** 31), -(2 ** 53), 0.5, 1.5, 2 ** -1074, -0],
      ...[2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 32 + 2, 2 ** 40, 2 ** 52, 2 ** 53, 2 ** 59, 2 ** 60, 2 ** 61, 2 ** 62],
      ...[2 ** 63, 2 ** 64, 1e300, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
      ...[
        bytes,
        bytes - 4,
        bytes - 8,
        bytes - 64,
        bytes / 4,
        bytes / 4 - 16,
        bytes / 64,
        2 ** 64 - bytes,
        this.#first - 64,
      ],
      ...[this.#place(), this.#place() + 4, this.#place() + 8, this.#place() + 2, this.#below(300)],
    ]);
  }

  /** Numbers for a list at `offset`: in order, small, or wrong. */
  #list(offset: number): void {
    const first = this.#inside(offset, 4 * LISTED) / 4;
    const kind = this.#below(8);
    for (let i = 0, next = 0; i < LISTED; i++) {
      next += this.#below(3);
      const listed = kind < 3 ? next : this.#below(4);
      this.#integers[first + i] = kind === 7 && this.#below(6) === 0 ? this.#wrong(listed) : listed;
    }
  }
}
