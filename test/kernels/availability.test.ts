// Which kernels run on this machine; where the native ones do not, a test of that name says why.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createNativeKernels, nativeProblem, useLargePages } from '../../src/kernels/native.js';
import { createWasmKernels, createWasmMemory, MAX_WASM_WORKERS, RESERVED_BYTES } from '../../src/kernels/wasm.js';
import { tuned } from './implementations.js';

const problem = nativeProblem();

if (problem === undefined) {
  test('native kernels are tested here, with the instruction set that is chosen by default', () => {
    const { name, floatBytes, instructionSet } = createNativeKernels(new SharedArrayBuffer(8));
    expect([name, floatBytes]).toEqual(['native', 4]);
    expect(tuned.map((implementation) => implementation.name)).toContain(`native ${instructionSet}`);
    expect(() => createNativeKernels(new SharedArrayBuffer(8), 'no such set')).toThrow(/instructions/);
  });

  test('memory of large pages is what it was, and says where the system agreed to them', () => {
    const memory = new SharedArrayBuffer(1 << 23);
    const agreed = useLargePages(memory);
    expect(useLargePages(new SharedArrayBuffer(8))).toBe(false); // less than a page
    expect(new Uint8Array(memory).every((byte) => byte === 0)).toBe(true);
    // Of a mapping that has been asked for: "hg".
    if (agreed) expect(readFileSync('/proc/self/smaps', 'utf8')).toMatch(/^VmFlags:.* hg\b/m);
  });
} else {
  test(`native kernels are not tested here: ${problem}`, () => {
    expect(problem).toMatch(/^not built: there was no C\+\+ compiler|lacks the instructions/);
    expect(() => createNativeKernels(new SharedArrayBuffer(8))).toThrow();
    expect(tuned.map(({ name }) => name)).toEqual(['wasm']);
  });
}

test('wasm kernels have a stack for each of their workers, and refuse one more', () => {
  const memory = createWasmMemory(RESERVED_BYTES + 1);
  expect(memory.buffer.byteLength).toBeGreaterThan(RESERVED_BYTES);
  expect(createWasmKernels(memory, MAX_WASM_WORKERS - 1)).toMatchObject({ name: 'wasm', floatBytes: 4 });
  expect(() => createWasmKernels(memory, MAX_WASM_WORKERS)).toThrow(RangeError);
});
