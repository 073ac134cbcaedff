// The memory that a run's workers share, and the workers themselves: threads, or one inline where memory cannot be shared.

import { InlineWorker } from '../coordinator/inline-worker.js';
import { type Threads, WorkerPool } from '../coordinator/pool.js';
import { allocate, createKernels, type KernelMemory } from '../kernels/choose.js';
import { Arena } from '../memory/arena.js';
import { canShare, createSharedBuffer, warnOneThread } from '../memory/shared-array-buffer.js';
import { type Prepared, tooLarge } from './plan.js';

export type Workers = WorkerPool | InlineWorker;

/** @throws UserError when the system does not give so much in one piece */
export function allocateArena({ choice, layout }: Prepared): KernelMemory {
  try {
    return allocate(choice.name, layout.bytes, createSharedBuffer);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw tooLarge(layout.bytes, layout.parts, 'in one piece, which the system does not give');
  }
}

/** @param threads some that were started before, where there are */
export function startWorkers(
  { choice, layout, optimizer }: Prepared,
  memory: KernelMemory,
  threads: Threads | undefined,
): Workers {
  const { shape } = layout;
  if (canShare()) return new WorkerPool(shape.workers, { kernels: choice.name, memory, shape, optimizer }, threads);
  // The memory of wasm kernels is not ours to make, so it has not said so.
  warnOneThread();
  const arena = new Arena(memory.buffer, shape.floatBytes);
  return new InlineWorker(arena, createKernels(choice.name, memory, 0), layout, optimizer);
}
