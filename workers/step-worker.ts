// The piscina entry point of a training worker: binds the kernels to the shared memory and runs the step loop until the
// coordinator ends it.
import type { WorkerTask } from '../src/coordinator/pool.js';
import { StepLoop } from '../src/coordinator/step-loop.js';
import { createKernels } from '../src/kernels/choose.js';
import { Arena } from '../src/memory/arena.js';
import { layOut } from '../src/train/layout.js';

export default function work({ worker, kernels, memory, shape, optimizer }: WorkerTask): number {
  const arena = new Arena(memory.buffer, shape.floatBytes);
  return new StepLoop(arena, createKernels(kernels, memory, worker), layOut(shape), optimizer, worker).run();
}
