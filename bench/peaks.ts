// What this machine gives at best, measured beside every figure: two processors of one name may differ by half. Multiply-adds on
// registers alone, the triad of STREAM on more memory than the caches hold, and how long a barrier takes.
import { createRequire } from 'node:module';
import { Piscina } from 'piscina';
import { PROTOCOL_WORDS } from '../src/coordinator/protocol.js';
import { allocate, type KernelMemory, type KernelName, reservedBytes } from '../src/kernels/choose.js';
import { PEAK_VALUES } from '../src/kernels/kernels.js';
import { PlanBuilder } from '../src/memory/plan.js';
import { createSharedBuffer } from '../src/memory/shared-array-buffer.js';
import measure, { DESCRIPTOR_NUMBERS, type PeakTask, type PeakViews } from './peak-worker.js';

/** Floats of each of the triad's three arrays: 3 x 64 MB, several times the last-level cache of most processors. */
const TRIAD_FLOATS = 1 << 24;
/** How long after they are told the threads begin: they all run by then. */
const HEAD_START_MS = 2;

export class Peaks {
  readonly #pool: Piscina;
  readonly #task: Omit<PeakTask, 'what' | 'thread' | 'threads' | 'startAt' | 'seconds'>;

  /** @param most threads that will ever run at once */
  constructor(kernels: KernelName, most: number, withTriad: boolean) {
    const plan = new PlanBuilder(4, reservedBytes(kernels));
    const each = (take: () => number): number[] => Array.from({ length: most }, take);
    const triadFloats = withTriad ? TRIAD_FLOATS : 0;
    const array = (): number => plan.floats('activations', triadFloats);
    const views: PeakViews = {
      descriptors: each(() => plan.doubles('control', DESCRIPTOR_NUMBERS)),
      values: each(() => plan.floats('activations', PEAK_VALUES)),
      triadFloats,
      triad: [array(), array(), array()],
      barrier: plan.ints('control', PROTOCOL_WORDS),
    };
    const memory: KernelMemory = allocate(kernels, plan.bytes, createSharedBuffer);
    this.#task = { kernels, memory, views };
    const filename = createRequire(import.meta.url).resolve('#bench/peak-worker.js');
    this.#pool = new Piscina({ filename, minThreads: most, maxThreads: most, recordTiming: false });
  }

  /** GFLOP/s of `threads` threads together; a multiply-add is two. */
  async gflops(threads: number, seconds: number): Promise<number> {
    return (2 * (await this.#sum('multiplyAdd', threads, seconds))) / 1e9;
  }

  /** GB/s of `threads` threads together: two arrays read, one written. */
  async gigabytes(threads: number, seconds: number): Promise<number> {
    return (await this.#sum('triad', threads, seconds)) / 1e9;
  }

  /** The same on the calling thread alone. */
  gflopsHere(seconds: number): number {
    return (2 * this.#here('multiplyAdd', seconds)) / 1e9;
  }

  gigabytesHere(seconds: number): number {
    return this.#here('triad', seconds) / 1e9;
  }

  /** Microseconds from one barrier to the next, where nothing else is done. */
  async barrier(threads: number): Promise<number> {
    return (1e6 * threads) / (await this.#sum('barrier', threads, 0));
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #here(what: PeakTask['what'], seconds: number): number {
    return measure({ ...this.#task, what, thread: 0, threads: 1, startAt: 0, seconds });
  }

  async #sum(what: PeakTask['what'], threads: number, seconds: number): Promise<number> {
    const startAt = performance.timeOrigin + performance.now() + HEAD_START_MS;
    const rates: number[] = await Promise.all(
      Array.from({ length: threads }, (_, thread) =>
        this.#pool.run({ ...this.#task, what, thread, threads, startAt, seconds } satisfies PeakTask),
      ),
    );
    return rates.reduce((sum, rate) => sum + rate, 0);
  }
}
