// The native kernels: loads the addon that the install built, and binds it to an arena.
import { createRequire } from 'node:module';
import type { Kernels, PeakKernels } from './kernels.js';

type Bound = Omit<Kernels & PeakKernels, 'name' | 'floatBytes'> & { readonly instructionSet: string };
interface Addon {
  bind(arena: Uint8Array, instructionSet?: string): Bound;
  useLargePages(arena: Uint8Array): boolean;
}

export interface NativeKernels extends Kernels, PeakKernels {
  readonly instructionSet: string;
}

function load(): Addon {
  const require = createRequire(import.meta.url);
  return require(require.resolve('#native')) as Addon;
}

/** Why the native kernels cannot be used here; undefined when they can. */
export function nativeProblem(): string | undefined {
  try {
    load().bind(new Uint8Array(8));
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND')
      return 'not built: there was no C++ compiler at installation';
    return (error as Error).message;
  }
}

/**
 * @param instructionSet 'avx2', 'avx512' or 'neon'; the best one of the processor by default
 * @throws Error where the addon is missing or the processor lacks its instructions (see nativeProblem)
 */
export function createNativeKernels(arena: ArrayBufferLike, instructionSet = ''): NativeKernels {
  const bound = load().bind(new Uint8Array(arena, 0, arena.byteLength), instructionSet);
  return Object.assign(bound, { name: 'native' as const, floatBytes: 4 as const });
}

/** Asks for pages of 2 MiB for memory that has not been touched yet. @returns whether the system agreed */
export const useLargePages = (arena: ArrayBufferLike): boolean =>
  load().useLargePages(new Uint8Array(arena, 0, arena.byteLength));
