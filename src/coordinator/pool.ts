// The worker threads of a run: one long-lived piscina task a worker, which returns when the run is over.
import { createRequire } from 'node:module';
import { Piscina } from 'piscina';
import { RunError } from '../errors.js';
import type { KernelMemory, KernelName } from '../kernels/choose.js';
import type { RunShape } from '../train/layout.js';
import type { OptimizerSettings } from '../train/optimizer.js';
import { MAX_WORKERS } from './protocol.js';

/** What a worker is told: enough to compute the plan that everybody else computed. */
export interface WorkerTask {
  readonly worker: number;
  readonly kernels: KernelName;
  readonly memory: KernelMemory;
  readonly shape: RunShape;
  readonly optimizer: OptimizerSettings;
}

/** A worker allocates nothing in a step; this is for loading the code. Small young space: less resident memory. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 };

export type Threads = Piscina;

/**
 * Starts threads that load a worker's code and wait. They can be started before it is known what they will do, so that they
 * load while others load; one too few is started later, one too many idles.
 */
export function startThreads(count: number): Threads {
  const filename = createRequire(import.meta.url).resolve('#workers/step-worker.js');
  const options = { filename, minThreads: count, maxThreads: MAX_WORKERS, resourceLimits: LIMITS, recordTiming: false };
  const threads = new Piscina(options);
  // One that is lost before it has a task: the next one has the same trouble, and tells who gave it the task.
  threads.on('error', () => {});
  return threads;
}

export class WorkerPool {
  readonly #pool: Threads;
  readonly #tasks: readonly Promise<unknown>[];
  /** Rejects with a RunError when a worker throws or exits; never resolves. */
  readonly failure: Promise<never>;

  constructor(workers: number, task: Omit<WorkerTask, 'worker'>, threads = startThreads(workers)) {
    this.#pool = threads;
    this.#tasks = Array.from({ length: workers }, (_, worker) =>
      this.#pool.run({ ...task, worker } satisfies WorkerTask),
    );
    this.failure = new Promise((_, reject) => {
      for (const [worker, task] of this.#tasks.entries()) task.catch((error: unknown) => reject(lost(worker, error)));
    });
    // Whoever races against it hears of it; nobody has to.
    this.failure.catch(() => {});
  }

  /** Waits until all workers have returned, then ends their threads. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#tasks);
    await this.#pool.destroy();
  }
}

function lost(worker: number, error: unknown): RunError {
  const why = error instanceof Error ? error.message : String(error);
  return new RunError(`worker ${worker} failed: ${why}`, { cause: error });
}
