// What every table begins with: the machine, the kernels, and what they could do at best while it was measured.
import { availableParallelism, cpus } from 'node:os';
import type { KernelChoice } from '../src/kernels/choose.js';
import { Peaks } from './peaks.js';
import { bestSlices, spread, takeTurns } from './rounds.js';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** With the instruction set of native ones. */
  readonly kernels: string;
  readonly node: string;
  /** GFLOP/s of one core: multiply-adds on registers alone. */
  readonly fmaGflops: number;
  /** GB/s of one core and of all: the triad. */
  readonly triadGigabytes: number;
  readonly triadGigabytesAllCores: number;
}

/** Of each peak. */
const SECONDS = 0.2;
/** Threads begin together, so these are few and longer. */
const ROUNDS = 5;

export async function examineMachine(choice: KernelChoice): Promise<Machine> {
  const cores = availableParallelism();
  const peaks = new Peaks(choice.name, cores, true);
  try {
    const [fmaGflops, triadGigabytes] = bestSlices(
      [(slice) => peaks.gflopsHere(slice), (slice) => peaks.gigabytesHere(slice)],
      SECONDS,
    );
    const [all] = await takeTurns([() => peaks.gigabytes(cores, SECONDS / ROUNDS)], ROUNDS);
    return {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      cores,
      kernels: choice.instructionSet === undefined ? choice.name : `${choice.name} (${choice.instructionSet})`,
      node: process.version,
      ...{ fmaGflops, triadGigabytes, triadGigabytesAllCores: spread(all).most },
    };
  } finally {
    await peaks.close();
  }
}

export const headline = (m: Machine): string =>
  `${m.processor}, ${m.cores} cores, ${m.kernels} kernels, Node ${m.node}; a core's peak: ${m.fmaGflops.toFixed(0)} GFLOP/s in registers, ` +
  `triad ${m.triadGigabytes.toFixed(1)} GB/s (all cores ${m.triadGigabytesAllCores.toFixed(1)})`;
