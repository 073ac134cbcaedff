// What every table begins with: the machine, the kernels, and what they could do at best while it was measured.
import { availableParallelism, cpus } from 'node:os';
import type { KernelChoice } from '../src/kernels/choose.js';
import { Peaks } from './peaks.js';
import { spread, takeTurns } from './rounds.js';

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

const ROUNDS = 5;
const ROUND_SECONDS = 0.04;

export async function examineMachine(choice: KernelChoice): Promise<Machine> {
  const cores = availableParallelism();
  const peaks = new Peaks(choice.name, cores, true);
  try {
    const [fma, one, all] = await takeTurns(
      [
        () => peaks.gflops(1, ROUND_SECONDS),
        () => peaks.gigabytes(1, ROUND_SECONDS),
        () => peaks.gigabytes(cores, ROUND_SECONDS),
      ],
      ROUNDS,
    );
    return {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      cores,
      kernels: choice.instructionSet === undefined ? choice.name : `${choice.name} (${choice.instructionSet})`,
      node: process.version,
      fmaGflops: spread(fma).median,
      triadGigabytes: spread(one).median,
      triadGigabytesAllCores: spread(all).median,
    };
  } finally {
    await peaks.close();
  }
}

export const headline = (m: Machine): string =>
  `${m.processor}, ${m.cores} cores, ${m.kernels} kernels, Node ${m.node}; a core's peak: ${m.fmaGflops.toFixed(0)} GFLOP/s in registers, ` +
  `triad ${m.triadGigabytes.toFixed(1)} GB/s (all cores ${m.triadGigabytesAllCores.toFixed(1)})`;
