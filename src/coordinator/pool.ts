// The worker threads of a run: one long-lived piscina task a worker, which returns when the run is over.
import { createRequire } from 'node:module';
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { RunError, WorkerStuck } from '../errors.js';
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

/** Thousands of times what ending a thread takes that can be ended. */
const EXIT_MS = 5000;

export type Threads = Piscina;

/** A worker that threw or exited, and why. */
export class WorkerLost extends RunError {
  constructor(
    readonly worker: number,
    readonly reason: string,
    cause: unknown,
  ) {
    super(`worker ${worker} failed: ${reason}`, { cause });
  }
}

const stepWorker = (): string => createRequire(import.meta.url).resolve('#workers/step-worker.js');

/**
 * Starts threads that load a worker's code and wait. They can be started before it is known what they will do, so that they
 * load while others load; one too few is started later, one too many idles.
 */
export function startThreads(count: number, filename = stepWorker()): Threads {
  const options = { filename, minThreads: count, maxThreads: MAX_WORKERS, resourceLimits: LIMITS, recordTiming: false };
  const threads = new Piscina(options);
  // One that is lost before it has a task: the next one has the same trouble, and tells who gave it the task.
  threads.on('error', () => {});
  return threads;
}

/** What is known of a worker's task. */
interface Running {
  readonly ended: Promise<unknown>;
  hasEnded: boolean;
}

export class WorkerPool {
  readonly #workers: number;
  readonly #task: Omit<WorkerTask, 'worker'>;
  #threads: Threads;
  #running: readonly Running[] = [];
  /** Threads that have not exited. */
  readonly #alive = new Set<Worker>();
  /** Rejects with WorkerLost when a worker throws or exits; never resolves. */
  failure: Promise<never>;

  constructor(workers: number, task: Omit<WorkerTask, 'worker'>, threads = startThreads(workers)) {
    this.#workers = workers;
    this.#task = task;
    this.#threads = threads;
    this.failure = this.#start();
  }

  #start(): Promise<never> {
    const failure = new Promise<never>((_, reject) => {
      this.#running = Array.from({ length: this.#workers }, (_, worker) => {
        const ended = this.#threads.run({ ...this.#task, worker } satisfies WorkerTask);
        const running: Running = { ended, hasEnded: false };
        ended
          .catch((error: unknown) => reject(new WorkerLost(worker, messageOf(error), error)))
          .finally(() => {
            running.hasEnded = true;
          });
        return running;
      });
    });
    this.#watchThreads();
    // Whoever races against it hears of it; nobody has to.
    failure.catch(() => {});
    return failure;
  }

  /**
   * Waits until no worker runs any more, once all have been told to come out, and ends those that do not.
   *
   * @returns the workers that had to be ended
   * @throws WorkerStuck when one of them still runs: nothing may be done to what it writes to
   */
  async clear(patienceMs: number): Promise<readonly number[]> {
    await within(patienceMs, Promise.allSettled(this.#running.map(({ ended }) => ended)));
    const hung = this.#running.flatMap(({ hasEnded }, worker) => (hasEnded ? [] : [worker]));
    this.#watchThreads();
    const exits = [...this.#alive].map((thread) => new Promise((resolve) => thread.once('exit', resolve)));
    // Not by its promise: it waits for ever for one that is stuck.
    this.#threads.destroy().catch(() => {});
    if (await within(EXIT_MS, Promise.all(exits))) return hung;
    throw new WorkerStuck(`worker ${hung.join(', ')} hangs inside native code and cannot be ended`);
  }

  /** Starts all of them anew, after `clear`. @returns the new `failure` */
  restart(): Promise<never> {
    this.#threads = startThreads(this.#workers, this.#threads.options.filename ?? undefined);
    this.failure = this.#start();
    return this.failure;
  }

  /** Waits until all workers have returned, then ends their threads. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running.map(({ ended }) => ended));
    await this.#threads.destroy();
  }

  /** A task's promise is rejected before its thread is gone, and by then nobody else knows the thread. */
  #watchThreads(): void {
    for (const thread of this.#threads.threads) {
      if (this.#alive.has(thread) || thread.threadId < 0) continue;
      this.#alive.add(thread);
      thread.once('exit', () => this.#alive.delete(thread));
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @returns whether it was settled in time */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const inTime = await Promise.race([work.then(() => true as const), late]);
  clearTimeout(timer);
  return inTime;
}
