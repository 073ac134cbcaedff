// The thread of a peak: multiply-adds on registers, a stretch of the triad, or passes of a barrier, beginning at a moment that all
// threads know.
import { Barrier } from '../src/coordinator/barrier.js';
import { createKernels, type KernelMemory, type KernelName } from '../src/kernels/choose.js';
import { MultiplyAdd, PEAK_VALUES, Triad } from '../src/kernels/kernels.js';
import { Arena, Descriptors } from '../src/memory/arena.js';
import { callsPerSecond } from './rounds.js';

/** Where things lie in the memory of the peaks; byte offsets. */
export interface PeakViews {
  /** float64, for one thread's descriptors each. */
  readonly descriptors: readonly number[];
  /** [PEAK_VALUES] for each thread. */
  readonly values: readonly number[];
  /** Floats of each of the triad's arrays; 0: there are none. */
  readonly triadFloats: number;
  readonly triad: readonly [a: number, b: number, c: number];
  /** int32 words of a barrier, as in protocol.ts. */
  readonly barrier: number;
}

export interface PeakTask {
  readonly what: 'multiplyAdd' | 'triad' | 'barrier';
  readonly kernels: KernelName;
  readonly memory: KernelMemory;
  readonly views: PeakViews;
  readonly thread: number;
  readonly threads: number;
  /** Milliseconds since the epoch. */
  readonly startAt: number;
  readonly seconds: number;
}

export const DESCRIPTOR_NUMBERS = MultiplyAdd.size + Triad.size;

/** Rounds of a call: some ten microseconds. */
const ROUNDS = 512;
/** Floats of a call of the triad. */
const TRIAD_CHUNK = 1 << 16;
/** Passes of a barrier are counted beforehand: all threads make as many. */
const PASSES = 20_000;

/** @returns of this thread: multiply-adds a second, bytes a second, or barriers a second */
export default function measure(task: PeakTask): number {
  const arena = new Arena(task.memory.buffer, 4);
  while (performance.timeOrigin + performance.now() < task.startAt);
  if (task.what === 'barrier') return passesPerSecond(arena, task);
  const { views, thread, threads, seconds } = task;
  const kernels = createKernels(task.kernels, task.memory, thread);
  const descriptors = new Descriptors(arena, views.descriptors[thread], DESCRIPTOR_NUMBERS);
  if (task.what === 'multiplyAdd') {
    const call = descriptors.add(MultiplyAdd, { values: views.values[thread], factor: 0.5 });
    return callsPerSecond(() => kernels.multiplyAdd(call, 0, ROUNDS), seconds) * ROUNDS * PEAK_VALUES;
  }
  const [a, b, c] = views.triad;
  const call = descriptors.add(Triad, { a, b, c, scale: 3 });
  const chunks = Math.max(1, Math.floor(views.triadFloats / threads / TRIAD_CHUNK));
  const first = thread * chunks;
  // Another place each time, so that a short look does not find what the one before left in the caches.
  let chunk = Math.floor(performance.now() * 1000) % chunks;
  const rate = callsPerSecond(() => {
    const from = (first + chunk) * TRIAD_CHUNK;
    kernels.triad(call, from, from + TRIAD_CHUNK);
    chunk = (chunk + 1) % chunks;
  }, seconds);
  return rate * 3 * 4 * TRIAD_CHUNK;
}

function passesPerSecond(arena: Arena, { views, threads }: PeakTask): number {
  const barrier = new Barrier(arena.ints.subarray(views.barrier / 4), threads);
  const start = performance.now();
  for (let i = 0; i < PASSES; i++) barrier.pass();
  return (PASSES * 1000) / (performance.now() - start);
}
