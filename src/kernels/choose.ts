// Which implementation of the kernels serves a run, and why; and the memory and kernels of that choice.

import { UserError } from '../errors.js';
import type { Kernels, PeakKernels } from './kernels.js';
import { createNativeKernels, nativeProblem, useLargePages } from './native.js';
import { createReferenceKernels } from './reference/reference.js';
import { createWasmKernels, createWasmMemory, MAX_WASM_BYTES, MAX_WASM_WORKERS, RESERVED_BYTES } from './wasm.js';

export type KernelName = Kernels['name'];
export type KernelRequest = 'auto' | KernelName;

export interface KernelChoice {
  readonly name: KernelName;
  /** For people: `unroll doctor` prints it. */
  readonly reason: string;
  /** Of the native kernels: avx2, avx512 or neon. */
  readonly instructionSet?: string;
}

/** Where the arena lies: a plain buffer, or the memory that a WebAssembly instance imports. */
export interface KernelMemory {
  readonly buffer: ArrayBufferLike;
  readonly wasmMemory?: WebAssembly.Memory;
}

/**
 * Native, else wasm; what is asked for by name (flag or UNROLL_KERNELS) is used or refused.
 * @throws UserError when the kernels asked for cannot run here
 */
export function chooseKernels(request: KernelRequest): KernelChoice {
  const environment = process.env.UNROLL_KERNELS;
  const wanted = request === 'auto' && environment ? environment : request;
  const source = request === 'auto' && environment ? 'UNROLL_KERNELS' : '--kernels';
  if (!['auto', 'native', 'wasm', 'reference'].includes(wanted)) {
    throw new UserError(`${source}: "${wanted}" is not allowed; it is one of auto, native, wasm, reference`);
  }
  if (wanted === 'wasm' || wanted === 'reference') return { name: wanted, reason: `${source} asks for them` };
  const problem = nativeProblem();
  if (problem === undefined) {
    const { instructionSet } = createNativeKernels(new ArrayBuffer(8));
    const why =
      wanted === 'native' ? `${source} asks for them` : 'built at installation, and this processor has what they need';
    return { name: 'native', reason: why, instructionSet };
  }
  if (wanted === 'native')
    throw new UserError(`${source}: native kernels cannot be used: ${problem}; allowed here: auto, wasm, reference`);
  return { name: 'wasm', reason: `native kernels cannot be used: ${problem}` };
}

/** Bytes at the start of the memory that an arena must leave alone. */
export const reservedBytes = (name: KernelName): number => (name === 'wasm' ? RESERVED_BYTES : 64);

/** @throws UserError when the kernels cannot address so much or serve so many workers */
export function checkLimits(name: KernelName, bytes: number, workers: number): void {
  if (name !== 'wasm') return;
  if (bytes > MAX_WASM_BYTES) {
    throw new UserError(
      `--kernels: wasm kernels address 4 GiB, the plan needs ${bytes} bytes; use native kernels or a smaller model or batch`,
    );
  }
  if (workers > MAX_WASM_WORKERS)
    throw new UserError(`--workers: ${workers} is not allowed with wasm kernels; it is 1 to ${MAX_WASM_WORKERS}`);
}

/** @param shared makes plain buffers; so that tests can use the heap */
export function allocate(name: KernelName, bytes: number, shared: (bytes: number) => ArrayBufferLike): KernelMemory {
  if (name !== 'wasm') {
    const buffer = shared(bytes);
    if (name === 'native') useLargePages(buffer);
    return { buffer };
  }
  const wasmMemory = createWasmMemory(bytes);
  return { buffer: wasmMemory.buffer, wasmMemory };
}

/** @param worker number of the worker, from 0 on */
export function createKernels(
  name: KernelName,
  memory: KernelMemory,
  worker: number,
  precision: 'float32' | 'float64' = 'float32',
): Kernels & PeakKernels {
  if (name === 'wasm') {
    if (!memory.wasmMemory) throw new Error('wasm kernels need a WebAssembly memory');
    return createWasmKernels(memory.wasmMemory, worker);
  }
  return name === 'native' ? createNativeKernels(memory.buffer) : createReferenceKernels(memory.buffer, precision);
}
