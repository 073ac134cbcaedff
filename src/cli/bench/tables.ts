// unroll bench tables: its flags and its three tables.
import { benchLinearPeers, findScikit, type LinearPeerRow } from '../../../bench/linear-peers.js';
import { benchTables, type LazyRow, type VocabularyRow } from '../../../bench/tables.js';
import { count, table } from '../../report/format.js';
import { numberOption, textOption } from '../options.js';
import { type BenchTable, numbersOption, ROUNDS, range, SECONDS, whole } from './report.js';

const TOKENS = whole(
  'tokens',
  'the tokens of the large vocabulary, the small one has a hundredth',
  [1, 1 << 24],
  200_000,
);
const FEATURES = whole('features', 'the features of the linear model', [1, 1 << 26], 1_000_000);
const ENTRIES = whole('entries', 'how many features an example names', [1, 65536], 100);
/** Of the linear model beside its peers. */
const PEER_BATCH = 1024;
const PEER_BATCHES = 100;
const MOST_BATCH = 65536;

type Row = VocabularyRow | LazyRow | LinearPeerRow;

export const tables: BenchTable = {
  about: 'what updating lookup tables by rows brings: large vocabularies, lazy linear models',
  numbers: [TOKENS, FEATURES, ENTRIES],
  texts: [
    { name: 'batch', about: 'examples of a batch of the linear model', fallback: '1,256,1024' },
    { name: 'workers', about: 'worker threads', fallback: '1 and one a core' },
    { name: 'python', about: 'a python that may have scikit-learn', fallback: 'python3' },
  ],

  async prepare(given, { choice, cores, quick }) {
    const python = textOption(given, 'python') ?? 'python3';
    const batch = numbersOption(given, 'batch', MOST_BATCH, quick ? [1, 256] : [1, 256, PEER_BATCH]);
    const options = {
      ...{ kernels: choice.name, workers: numbersOption(given, 'workers', 256, cores > 1 ? [1, cores] : [1]), batch },
      ...{ tokens: numberOption(given, TOKENS), features: numberOption(given, FEATURES) },
      ...{ entries: numberOption(given, ENTRIES), seconds: numberOption(given, SECONDS) },
      rounds: given.rounds === undefined && quick ? 2 : numberOption(given, ROUNDS),
    };
    const missing = await findScikit(python);
    const own = benchTables(options);
    const peerBatch = Math.max(...batch);
    const peers = { ...options, python, batch: peerBatch, batches: Math.ceil((PEER_BATCH * PEER_BATCHES) / peerBatch) };
    async function* all(): AsyncGenerator<Row> {
      yield* own;
      if (!missing) yield* benchLinearPeers(peers);
    }
    const rows = all();
    return {
      ...{ facts: { missing: missing ? [missing] : [] }, rows },
      async print(write) {
        const measured: Row[] = [];
        for await (const row of rows) measured.push(row);
        write(`${vocabularyTable(measured)}\n\n${lazyTable(measured)}\n`);
        if (missing) write(`\n${missing.name} is not there; install it with: ${missing.install}\n`);
        else write(`\n${peersTable(measured)}\n`);
      },
    };
  },
};

const one = (value: number): string => value.toFixed(1);
const two = (value: number): string => value.toFixed(2);

/** A table of the rows of one kind, numbers from column `left` on. */
function tableOf<K extends Row['table']>(
  rows: readonly Row[],
  kind: K,
  heads: readonly string[],
  left: number,
  cells: (row: Extract<Row, { table: K }>) => readonly (readonly string[])[],
): string {
  const own = rows.filter((row): row is Extract<Row, { table: K }> => row.table === kind);
  const right = heads.flatMap((_, i) => (i < left ? [] : [i]));
  return table([heads, ...own.flatMap(cells)], right);
}

const vocabularyTable = (rows: readonly Row[]): string =>
  tableOf(
    ...([rows, 'vocabulary'] as const),
    ['tokens', 'drawn', 'workers', 'us a step of the table', 'of the small one', 'ratio', 'us of all'],
    2,
    ({ tokens, drawn, workers, microseconds, ratio, stepMicroseconds }) => [
      [
        ...[`${count(tokens[0])} and ${count(tokens[1])}`, drawn, String(workers)],
        ...[range(microseconds[0]), range(microseconds[1]), range(ratio, two), range(stepMicroseconds[0])],
      ],
    ],
  );

const lazyTable = (rows: readonly Row[]): string =>
  tableOf(
    ...([rows, 'lazy'] as const),
    [
      ...['batch', 'workers', 'us of the table, lazy', 'dense', 'dense / lazy', 'lazy, steps/s', 'dense, steps/s'],
      ...['lazy / dense', 'lazy, examples/s', 'largest difference'],
    ],
    0,
    ({ batch, workers, lazy, dense, ratio, microseconds, tableRatio, examplesPerSecond, difference }) => [
      [
        ...[
          String(batch),
          String(workers),
          range(microseconds[0], one),
          range(microseconds[1]),
          range(tableRatio, one),
        ],
        ...[range(lazy), range(dense), range(ratio, one), range(examplesPerSecond), difference.toExponential(1)],
      ],
    ],
  );

const peersTable = (rows: readonly Row[]): string =>
  tableOf(
    ...([rows, 'peer'] as const),
    ['peer', 'penalty', 'its examples/s', 'batch', 'workers', 'examples/s', 'faster a core by'],
    2,
    ({ peer, penalty, peerPerSecond, batch, ours }) =>
      ours.map(({ workers, examplesPerSecond, ratio }) => [
        ...[peer, penalty, range(peerPerSecond), String(batch), String(workers)],
        ...[range(examplesPerSecond), range(ratio, two)],
      ]),
  );
