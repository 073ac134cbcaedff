// Jobs done by a thread that is watched: it may not take long, nor much memory, nor end.
import { Worker } from 'node:worker_threads';

/** What a thread does with files: a command of ours with its flags, or a part of one. */
export type Job = readonly [what: string, given: Readonly<Record<string, unknown>>];

export interface Outcome {
  /** `failed`: an error that is no message for a person, or no end at all. */
  readonly did: 'done' | 'refused' | 'failed';
  readonly message?: string;
  /** The job that was not done. */
  readonly job?: string;
  /** The largest resident size of the process up to now. */
  readonly maxBytes: number;
  /** Files that are open. */
  readonly files: number;
}

/** A case has so much processor time; other processes may have the processor meanwhile. */
const MOST_CPU_MS = 2000;
const LOOKS_MS = 250;
const HEAP_MB = 256;

export class Watched {
  #worker: Worker | undefined;

  async do(jobs: readonly Job[]): Promise<Outcome> {
    const worker = this.#worker ?? this.#begin();
    let watch: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Outcome>((resolve) => {
        const fails = (message: string): void => {
          this.#worker = undefined;
          void worker.terminate();
          resolve({ did: 'failed', message, maxBytes: 0, files: 0 });
        };
        const before = process.cpuUsage();
        watch = setInterval(() => {
          const { user, system } = process.cpuUsage(before);
          if (user + system > MOST_CPU_MS * 1000) fails(`it takes more than ${MOST_CPU_MS} ms`);
        }, LOOKS_MS);
        worker.removeAllListeners();
        worker.once('message', resolve);
        worker.once('error', (error) => fails(`the thread ended: ${error.message}`));
        worker.once('exit', (code) => fails(`the thread ended with ${code}`));
        worker.postMessage(jobs);
      });
    } finally {
      clearInterval(watch);
    }
  }

  async close(): Promise<void> {
    this.#worker?.removeAllListeners();
    await this.#worker?.terminate();
  }

  #begin(): Worker {
    this.#worker = new Worker(new URL('tries.mjs', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    return this.#worker;
  }
}
