// The WebAssembly kernels: one compiled module for the process, one instance for each worker, all on one shared memory.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Kernels, PeakKernels } from './kernels.js';

/**
 * The start of the memory that the module keeps for itself: its constants, then a stack for each worker. Every instance has its
 * own copy of the same stack pointer, so without this two workers would write over each other's stack.
 */
export const RESERVED_BYTES = 4 << 20;
const CONSTANTS_BYTES = 1 << 16;
const STACK_BYTES = 1 << 14;
export const MAX_WASM_WORKERS = (RESERVED_BYTES - CONSTANTS_BYTES) / STACK_BYTES;

/** Bytes of a WebAssembly page, the unit in which its memory is counted. */
export const PAGE_BYTES = 1 << 16;
/** The most a 32-bit memory can hold. */
export const MAX_WASM_BYTES = 2 ** 32;

type KernelFunction = (arenaBytes: number, descriptor: number, from: number, to: number) => number;
type KernelName = Exclude<keyof (Kernels & PeakKernels), 'name' | 'floatBytes'>;

let compiled: WebAssembly.Module | undefined;
function moduleOf(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(createRequire(import.meta.url).resolve('#wasm')));
  return compiled;
}

/** A shared memory that holds `bytes`; it never grows, so that views of it stay valid. */
export function createWasmMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(Math.max(bytes, RESERVED_BYTES) / PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** @param worker number of the worker, from 0 on: it chooses the stack */
export function createWasmKernels(memory: WebAssembly.Memory, worker: number): Kernels & PeakKernels {
  if (!Number.isInteger(worker) || worker < 0 || worker >= MAX_WASM_WORKERS)
    throw new RangeError(`wasm kernels serve ${MAX_WASM_WORKERS} workers, from 0 on; there is no worker ${worker}`);
  const { exports } = new WebAssembly.Instance(moduleOf(), { env: { memory } });
  (exports.__stack_pointer as WebAssembly.Global).value = CONSTANTS_BYTES + (worker + 1) * STACK_BYTES;
  const size = memory.buffer.byteLength;
  const kernels: Record<string, unknown> = { name: 'wasm', floatBytes: 4 };
  for (const [name, entry] of Object.entries(exports)) {
    if (typeof entry === 'function') kernels[name] = checked(entry as KernelFunction, size);
  }
  return kernels as unknown as Record<KernelName, () => never> & Kernels & PeakKernels;
}

function checked(entry: KernelFunction, size: number) {
  return (descriptor: number, from: number, to = 0): number => {
    const result = entry(size, descriptor, from, to);
    if (result === -1) throw new RangeError("a kernel's descriptor points outside the arena");
    if (result === -2) throw new RangeError('a token is outside the vocabulary');
    return result;
  };
}
