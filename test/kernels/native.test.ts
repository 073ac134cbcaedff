// What binds the native kernels to an arena: JavaScript cannot pull the memory away from under them, nor reach what they point with.
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { createNativeKernels, nativeProblem } from '../../src/kernels/native.js';

const BYTES = 4096;
const DESCRIPTOR = 2048;

/** Kernels on `buffer`, in which a sum of 16 squares, each of 9, is described. */
function squares(buffer: ArrayBufferLike) {
  new Float32Array(buffer, 64, 16).fill(3);
  new Float64Array(buffer, DESCRIPTOR, 1)[0] = 64;
  return createNativeKernels(buffer);
}

describe.skipIf(nativeProblem() !== undefined)('native kernels', () => {
  test('on memory that its buffer has lost refuse every call', () => {
    const buffer = new ArrayBuffer(BYTES);
    const kernels = squares(buffer);
    expect(kernels.squareNorm(DESCRIPTOR, 0, 16)).toBe(144);
    structuredClone(buffer, { transfer: [buffer] });
    expect(() => kernels.squareNorm(DESCRIPTOR, 0, 16)).toThrow(RangeError);
  });

  test.each(['shared', 'unshared'])('keep %s memory while one of their functions can be called', (kind) => {
    const collectGarbage = garbageCollector();
    const { squareNorm } = squares(kind === 'shared' ? new SharedArrayBuffer(BYTES) : new ArrayBuffer(BYTES));
    for (let i = 0; i < 4; i++) collectGarbage();
    expect(squareNorm(DESCRIPTOR, 0, 16)).toBe(144);
  });

  test('show nothing of what they are bound to', () => {
    const { squareNorm } = squares(new SharedArrayBuffer(BYTES));
    for (const key of Reflect.ownKeys(squareNorm))
      expect(['length', 'name', 'arguments', 'caller', 'prototype']).toContain(key);
  });

  test('take bytes that begin at a multiple of 8, and nothing else', () => {
    const require = createRequire(import.meta.url);
    const { bind } = require(require.resolve('#native')) as { bind(...given: unknown[]): unknown };
    for (const given of [
      [],
      [undefined],
      [new ArrayBuffer(64)],
      [new Float32Array(8)],
      [new Uint8Array(64).subarray(4)],
    ])
      expect(() => bind(...given)).toThrow(TypeError);
  });

  test.each(['0', undefined, {}])('take no %j for a number', (given) => {
    const { squareNorm } = squares(new SharedArrayBuffer(BYTES));
    expect(() => squareNorm(given as never, 0, 16)).toThrow(TypeError);
  });
});

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
