// unroll bench cells: its flags and columns.
import { benchCells, type CellsRow } from '../../../bench/cells.js';
import { CELLS } from '../../../bench/shapes.js';
import { writeFileAtomic } from '../../checkpoint/atomic.js';
import { UserError } from '../../errors.js';
import { Optimizer } from '../../kernels/kernels.js';
import type { ProfileEvent } from '../../report/events.js';
import { phaseTimes, profileTable } from '../../report/profile-table.js';
import { chromeTrace } from '../../report/profile-trace.js';
import type { OptimizerName } from '../../train/layout.js';
import type { Given } from '../command.js';
import { choiceOption, isWhole, type NumberFlag, numberOption } from '../options.js';
import {
  type BenchTable,
  type Column,
  numbersOption,
  type Report,
  ROUNDS,
  range,
  report,
  SECONDS,
  share,
  whole,
  wordsOption,
} from './report.js';

const MAX_SIZE = 65536;
const OPTIMIZERS = Object.keys(Optimizer) as OptimizerName[];

const WINDOW = whole('window', 'the number of time steps of a batch', [1, MAX_SIZE], 32);
const LAYERS = whole('layers', 'the number of layers', [1, 8], 1);
/** About as many as a text in English has. */
const VOCABULARY = whole('vocabulary', 'the number of different tokens', [2, 1 << 24], 96);
/** The fallback stands for: as wide as the layers. */
const EMBEDDING: NumberFlag = {
  name: 'embedding',
  about: "the embedding's width, 0 for one-hot rows, as wide as the layers by default",
  allowed: `0 to ${MAX_SIZE}`,
  allows: (value) => isWhole(value, 0, MAX_SIZE),
  fallback: Number.NaN,
};

const INPUT = whole(
  'input',
  'the number of real values that a time step reads in place of tokens, 0 for tokens',
  [0, MAX_SIZE],
  0,
);

type CellsProfile = Pick<ProfileEvent, 'workers' | 'path'>;

const COLUMNS: readonly Column<Omit<CellsRow, 'profile'>>[] = [
  { head: 'cell', left: true, cell: ({ cell }) => cell },
  { head: 'hidden', cell: ({ hidden }) => String(hidden) },
  { head: 'batch', cell: ({ batch }) => String(batch) },
  { head: 'workers', cell: ({ workers }) => String(workers) },
  { head: 'tokens/s', cell: ({ tokensPerSecond }) => range(tokensPerSecond) },
  { head: 'us a step', cell: ({ stepMicroseconds: us }) => us.median.toFixed(us.median < 100 ? 1 : 0) },
  { head: 'GFLOP/s', cell: ({ gflops }) => gflops.median.toFixed(1) },
  { head: 'of the peak', cell: ({ fmaShare }) => range(fmaShare, share) },
  { head: 'speedup', cell: ({ speedup }) => speedup.toFixed(2) },
];
export const cells: BenchTable = {
  about: 'tokens a second of a training step, for cells and sizes',
  numbers: [WINDOW, LAYERS, VOCABULARY, EMBEDDING, INPUT],
  texts: [
    { name: 'cells', about: 'cells, separated by commas', fallback: CELLS.join(',') },
    { name: 'hidden', about: 'hidden sizes', fallback: '128,256,512' },
    { name: 'batch', about: 'streams of a batch', fallback: '64' },
    { name: 'workers', about: 'worker threads', fallback: '1 and one a core' },
    { name: 'optimizer', about: `one of ${OPTIMIZERS.join(', ')}`, fallback: 'adam' },
  ],

  switches: [{ name: 'profile', about: 'also where the time of a step goes, and a trace of each row for Perfetto' }],

  async prepare(given, { choice, cores, quick }) {
    const profile = given.profile === true;
    const rows = benchCells({
      cells: wordsOption(given, 'cells', CELLS, CELLS),
      hidden: numbersOption(given, 'hidden', MAX_SIZE, quick ? [128] : [128, 256, 512]),
      batch: numbersOption(given, 'batch', MAX_SIZE, [64]),
      workers: numbersOption(given, 'workers', 256, cores > 1 ? [1, cores] : [1]),
      ...{ window: numberOption(given, WINDOW), layers: numberOption(given, LAYERS) },
      ...inputsOf(given),
      optimizer: choiceOption(given, 'optimizer', OPTIMIZERS, 'adam'),
      rounds: given.rounds === undefined && quick ? 2 : numberOption(given, ROUNDS),
      ...{ seconds: numberOption(given, SECONDS), kernels: choice.name, profile },
    });
    return profile ? profiled(rows) : report(rows, COLUMNS);
  },
};

/** The table, and behind it where the time of each row went; a trace of each in the folder that one is in. */
function profiled(rows: AsyncIterable<CellsRow>): Report {
  const profiles: { readonly title: string; readonly profile: CellsProfile }[] = [];
  async function* traced() {
    for await (const { profile: recorded = [], ...row } of rows) {
      const name = `${row.cell}-${row.hidden}-b${row.batch}-w${row.workers}`;
      const path = `profile-${name}.json`;
      writeFileAtomic(path, chromeTrace(recorded));
      const profile = { workers: phaseTimes(recorded), path };
      profiles.push({ title: name, profile });
      yield { ...row, profile };
    }
  }
  const { facts, rows: all, print } = report(traced(), COLUMNS);
  return {
    ...{ facts, rows: all },
    async print(write) {
      await print(write);
      for (const { title, profile } of profiles) write(`\n${title}\n${profileTable(profile)}\n`);
    },
  };
}

/** What a time step reads. */
function inputsOf(given: Given) {
  const [embedding, features] = [numberOption(given, EMBEDDING), numberOption(given, INPUT)];
  if (features > 0 && !Number.isNaN(embedding))
    throw new UserError('--embedding: real-valued inputs have none; leave out --embedding or --input');
  return {
    vocabulary: numberOption(given, VOCABULARY),
    embedding: Number.isNaN(embedding) ? undefined : embedding,
    features: features || undefined,
  };
}
