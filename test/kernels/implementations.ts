// The implementations that the tests compare: whatever runs on this machine, each on an arena of its own, and the oracle.
import type { Kernels, PeakKernels } from '../../src/kernels/kernels.js';
import { createNativeKernels, nativeProblem } from '../../src/kernels/native.js';
import { createReferenceKernels } from '../../src/kernels/reference/reference.js';
import { createWasmKernels, createWasmMemory } from '../../src/kernels/wasm.js';
import { BenchArena } from './bench-arena.js';

const FLOAT32_BYTES = 24 << 20;
const FLOAT64_BYTES = 48 << 20;

export interface Implementation {
  readonly name: string;
  /** Always the same arena: a test begins it anew. */
  readonly arena: () => BenchArena;
}

function once(create: () => BenchArena): () => BenchArena {
  let arena: BenchArena | undefined;
  return () => {
    arena ??= create();
    return arena;
  };
}

function onSharedMemory(
  create: (buffer: SharedArrayBuffer) => Kernels & PeakKernels,
  bytes = FLOAT32_BYTES,
): () => BenchArena {
  return once(() => {
    const buffer = new SharedArrayBuffer(bytes);
    return new BenchArena(create(buffer), buffer);
  });
}

/** The instruction sets of the native kernels that this processor has. */
export function nativeSets(): string[] {
  if (nativeProblem() !== undefined) return [];
  return ['avx2', 'avx512', 'neon'].filter((set) => {
    try {
      return createNativeKernels(new SharedArrayBuffer(8), set).instructionSet === set;
    } catch {
      return false;
    }
  });
}

/** Float64 reference kernels: what the others are compared with. */
export const oracle = onSharedMemory((buffer) => createReferenceKernels(buffer, 'float64'), FLOAT64_BYTES);

/** The kernels that define their results to the bit. */
export const tuned: readonly Implementation[] = [
  {
    name: 'wasm',
    arena: once(() => {
      const memory = createWasmMemory(FLOAT32_BYTES);
      return new BenchArena(createWasmKernels(memory, 0), memory.buffer);
    }),
  },
  ...nativeSets().map((set) => ({
    name: `native ${set}`,
    arena: onSharedMemory((buffer) => createNativeKernels(buffer, set)),
  })),
];

export const implementations: readonly Implementation[] = [
  { name: 'reference float32', arena: onSharedMemory((buffer) => createReferenceKernels(buffer, 'float32')) },
  ...tuned,
];
