// unroll bench kernels: how fast each kernel is beside what a core can do, on one thread; peak and kernel take turns.
import { allocate, createKernels, type KernelName, reservedBytes } from '../src/kernels/choose.js';
import { Arena } from '../src/memory/arena.js';
import { createSharedBuffer } from '../src/memory/shared-array-buffer.js';
import { ARENA_BYTES, KERNEL_CASES, type KernelCase, Place } from './kernel-calls.js';
import { Peaks } from './peaks.js';
import { bestSlices, callsPerSecond, ratios, type Spread, spread } from './rounds.js';

export interface KernelsOptions {
  readonly kernels: KernelName;
  readonly cases: readonly KernelCase[];
  readonly rounds: number;
  /** Of one round of one kernel. */
  readonly seconds: number;
}

export interface KernelRow {
  readonly kernel: string;
  readonly shape: string;
  /** Products have a rate of arithmetic, what is point-wise a time and a rate of bytes read and written. */
  readonly gflops?: Spread;
  readonly gigabytes?: Spread;
  readonly nanosecondsPerElement?: Spread;
  /** The peak that stands beside it, and the share of it that was reached in the same rounds. */
  readonly of: 'fma' | 'triad';
  readonly peak: Spread;
  readonly share: Spread;
}

export const KERNEL_NAMES: readonly string[] = [...new Set(KERNEL_CASES.map(({ kernel }) => kernel))];

export async function* benchKernels({
  kernels: name,
  cases,
  rounds,
  seconds,
}: KernelsOptions): AsyncGenerator<KernelRow> {
  const memory = allocate(name, ARENA_BYTES, createSharedBuffer);
  const arena = new Arena(memory.buffer, 4);
  const kernels = createKernels(name, memory, 0);
  const peaks = new Peaks(name, 1, true);
  try {
    for (const one of cases) yield await benchKernel(one, new Place(kernels, arena, reservedBytes(name)), peaks);
  } finally {
    await peaks.close();
  }

  async function benchKernel({ kernel, shape, prepare }: KernelCase, place: Place, at: Peaks): Promise<KernelRow> {
    const { work, call } = prepare(place);
    const isProduct = 'multiplyAdds' in work;
    const of = isProduct ? 'fma' : 'triad';
    const peakHere = (slice: number): number => (isProduct ? at.gflopsHere(slice) : at.gigabytesHere(slice));
    const round = () => bestSlices([(slice) => callsPerSecond(call, slice), peakHere], seconds);
    round(); // warms up
    const both = Array.from({ length: rounds }, round);
    const [calls, peak] = [0, 1].map((which) => both.map((values) => values[which]));
    const rates = calls.map((rate) => (rate * (isProduct ? 2 * work.multiplyAdds : work.bytes)) / 1e9);
    const row = { kernel, shape, of, peak: spread(peak), share: ratios(rates, peak) } as const;
    return isProduct
      ? { ...row, gflops: spread(rates) }
      : {
          ...row,
          gigabytes: spread(rates),
          nanosecondsPerElement: spread(calls.map((rate) => 1e9 / (rate * work.elements))),
        };
  }
}
