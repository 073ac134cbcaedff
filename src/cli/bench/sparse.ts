// unroll bench sparse: its flags and columns.
import { benchSparse, type SparseRow } from '../../../bench/sparse.js';
import { UserError } from '../../errors.js';
import { crossoverOf } from '../../run/crossover.js';
import type { Given } from '../command.js';
import { numberOption, textOption } from '../options.js';
import { type BenchTable, type Column, ROUNDS, range, report, SECONDS, share, whole } from './report.js';

const HIDDEN = whole('hidden', 'the number of units of a layer', [1, 65536], 1024);
const BATCH = whole('batch', 'the streams of a batch', [1, 65536], 64);
const WINDOW = whole('window', 'the number of time steps of a batch', [1, 65536], 32);
const LAYERS = whole('layers', 'the number of layers', [1, 8], 1);
const VOCABULARY = whole('vocabulary', 'the number of different tokens', [2, 1 << 24], 96);
const DENSITIES = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1];
const QUICK_DENSITIES = [0.05, 0.25, 1];

const two = (value: number): string => value.toFixed(2);
const COLUMNS: readonly Column<SparseRow>[] = [
  { head: 'density', cell: ({ density }) => share(density) },
  { head: 'product', cell: ({ product }) => range(product, two) },
  { head: 'weight gradient', cell: ({ gradient }) => range(gradient, two) },
  { head: 'tokens/s, never', cell: ({ tokensPerSecond }) => range(tokensPerSecond.never) },
  { head: 'auto', cell: ({ tokensPerSecond }) => range(tokensPerSecond.auto) },
  { head: 'auto / never', cell: ({ auto }) => range(auto, two) },
  { head: 'always / never', cell: ({ always }) => range(always, two) },
];

export const sparse: BenchTable = {
  about: "what leaving out ReLU's zeros brings, by density",
  numbers: [HIDDEN, BATCH, WINDOW, LAYERS, VOCABULARY],
  texts: [{ name: 'densities', about: 'shares of active units, separated by commas', fallback: DENSITIES.join(',') }],

  async prepare(given, { choice, cores, quick }) {
    const crossover = crossoverOf(choice);
    const rows = benchSparse({
      ...{ choice, crossover, workers: cores },
      ...{
        hidden: numberOption(given, quick ? { ...HIDDEN, fallback: 512 } : HIDDEN),
        batch: numberOption(given, BATCH),
      },
      ...{ window: numberOption(given, WINDOW), layers: numberOption(given, LAYERS) },
      vocabulary: numberOption(given, VOCABULARY),
      densities: densitiesOf(given) ?? (quick ? QUICK_DENSITIES : DENSITIES),
      rounds: given.rounds === undefined && quick ? 2 : numberOption(given, ROUNDS),
      seconds: numberOption(given, SECONDS),
    });
    const { rows: all, print } = report(rows, COLUMNS);
    return {
      ...{ facts: { crossover }, rows: all },
      async print(write) {
        await print(write);
        write(
          `auto leaves out zeros up to a density of ${share(crossover.product)} (weight gradients: ${share(crossover.gradient)})\n`,
        );
      },
    };
  },
};

function densitiesOf(given: Given): readonly number[] | undefined {
  return textOption(given, 'densities')
    ?.split(',')
    .map((one) => {
      const value = Number(one);
      if (one.trim() !== '' && value > 0 && value <= 1) return value;
      throw new UserError(
        `--densities: ${JSON.stringify(one)} is not allowed; it is one number or more above 0, 1 at most, separated by commas`,
      );
    });
}
