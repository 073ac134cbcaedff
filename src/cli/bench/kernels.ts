// unroll bench kernels: its flags and columns.
import { KERNEL_CASES } from '../../../bench/kernel-calls.js';
import { benchKernels, KERNEL_NAMES, type KernelRow } from '../../../bench/kernels.js';
import { numberOption } from '../options.js';
import { type BenchTable, type Column, ROUNDS, range, report, SECONDS, share, wordsOption } from './report.js';

const one = (value: number): string => value.toFixed(1);

const COLUMNS: readonly Column<KernelRow>[] = [
  { head: 'kernel', left: true, cell: ({ kernel }) => kernel },
  { head: 'shape', left: true, cell: ({ shape }) => shape },
  { head: 'GFLOP/s', cell: ({ gflops }) => (gflops ? range(gflops, one) : '') },
  { head: 'GB/s', cell: ({ gigabytes }) => (gigabytes ? range(gigabytes, one) : '') },
  {
    head: 'ns an element',
    cell: ({ nanosecondsPerElement: ns }) => (ns ? range(ns, (value) => value.toFixed(2)) : ''),
  },
  { head: 'peak', cell: ({ of, peak }) => `${of === 'fma' ? 'registers' : 'triad'} ${one(peak.median)}` },
  { head: 'of the peak', cell: (row) => range(row.share, share) },
];

/** Seconds of a kernel in a round: seldom enough for a slow spell to fall between it and its peak. */
const FALLBACK_SECONDS = 0.1;
const QUICK_SECONDS = 0.02;

export const kernels: BenchTable = {
  about: 'each kernel beside what a core can do',
  numbers: [],
  texts: [{ name: 'only', about: `kernels, separated by commas: ${KERNEL_NAMES.join(', ')}`, fallback: 'all' }],

  async prepare(given, { choice, quick }) {
    const only = wordsOption(given, 'only', KERNEL_NAMES, KERNEL_NAMES);
    const rows = benchKernels({
      kernels: choice.name,
      cases: KERNEL_CASES.filter(({ kernel }) => only.includes(kernel)),
      rounds: given.rounds === undefined && quick ? 3 : numberOption(given, ROUNDS),
      seconds: numberOption(given, { ...SECONDS, fallback: quick ? QUICK_SECONDS : FALLBACK_SECONDS }),
    });
    return report(rows, COLUMNS);
  },
};
