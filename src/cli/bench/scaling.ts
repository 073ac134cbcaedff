// unroll bench scaling: its flags and columns.
import { benchScaling, type ScalingRow } from '../../../bench/scaling.js';
import { CELLS } from '../../../bench/shapes.js';
import { choiceOption, numberOption } from '../options.js';
import { type BenchTable, type Column, numbersOption, ROUNDS, range, report, SECONDS, whole } from './report.js';

const MAX_SIZE = 65536;
const BATCH = whole(
  'streams',
  'the number of streams in all; half of them for each worker in weak scaling',
  [2, MAX_SIZE],
  64,
);
const WINDOW = whole('window', 'the number of time steps of a batch', [1, MAX_SIZE], 32);

const two = (value: number): string => value.toFixed(2);
const microseconds = (value: number): string => value.toFixed(value < 100 ? 2 : 0);
const bounds = (of: { least: number; most: number } | null, show: (value: number) => string): string => {
  if (of === null) return '';
  const [least, most] = [show(of.least), show(of.most)];
  return least === most ? least : `${least} to ${most}`;
};

const COLUMNS: readonly Column<ScalingRow>[] = [
  { head: 'scaling', left: true, cell: ({ scaling }) => scaling },
  { head: 'hidden', cell: ({ hidden }) => String(hidden ?? '') },
  { head: 'batch', cell: ({ batch }) => String(batch ?? '') },
  { head: 'workers', cell: ({ workers }) => String(workers) },
  { head: 'us', cell: ({ microseconds: us }) => (us ? range(us, microseconds) : '') },
  { head: 'speedup', cell: ({ speedup }) => (speedup ? range(speedup, two) : '') },
  { head: 'predicted us', cell: ({ predictedMicroseconds: us }) => bounds(us, microseconds) },
  { head: 'predicted speedup', cell: ({ predictedSpeedup }) => bounds(predictedSpeedup, two) },
];

export const scaling: BenchTable = {
  about: 'more workers, measured and predicted',
  numbers: [BATCH, WINDOW],
  texts: [
    { name: 'cell', about: `one of ${CELLS.join(', ')}`, fallback: 'lstm' },
    { name: 'hidden', about: 'hidden sizes', fallback: '256,512' },
  ],

  async prepare(given, { choice, quick }) {
    const rows = benchScaling({
      cell: choiceOption(given, 'cell', CELLS, 'lstm'),
      hidden: numbersOption(given, 'hidden', MAX_SIZE, quick ? [256] : [256, 512]),
      ...{ batch: numberOption(given, BATCH), window: numberOption(given, WINDOW), vocabulary: 96 },
      kernels: choice.name,
      rounds: given.rounds === undefined && quick ? 3 : numberOption(given, ROUNDS),
      seconds: numberOption(given, { ...SECONDS, fallback: quick ? 0.2 : 0.5 }),
    });
    return report(rows, COLUMNS);
  },
};
