// unroll bench peers: what it takes, and its table.
import { findPeers, type Missing } from '../../../bench/peer-kinds.js';
import { GROUPS, type GroupName, rowsOf } from '../../../bench/peer-rows.js';
import { benchPeers, type Compared, type PeersRow } from '../../../bench/peers.js';
import { percent, table } from '../../report/format.js';
import { type NumberFlag, numberOption, textOption } from '../options.js';
import { type BenchTable, ROUNDS, range, SECONDS, wordsOption } from './report.js';

const LIMIT: NumberFlag = {
  name: 'limit',
  about: 'the seconds in which a peer must be ready',
  allowed: 'a number above 0, 3600 at most',
  allows: (value) => value > 0 && value <= 3600,
  fallback: 20,
};

/** What --quick times: few rows, one of each kind that small models show. */
const QUICK: readonly GroupName[] = ['lstm', 'small', 'wasm'];

export const peers: BenchTable = {
  about: 'beside PyTorch, TensorFlow.js and brain.js, each in its best arrangement',
  numbers: [LIMIT],
  texts: [
    { name: 'rows', about: `groups of models: ${GROUPS.join(', ')}`, fallback: 'all' },
    { name: 'python', about: 'pythons that may have PyTorch', fallback: 'python3' },
    { name: 'peers-dir', about: 'folder whose node_modules may have TensorFlow.js, brain.js', fallback: '.' },
  ],

  async prepare(given, { choice, cores, quick }) {
    const rows = rowsOf(wordsOption(given, 'rows', GROUPS, quick ? QUICK : GROUPS), quick);
    const shared = {
      rounds: given.rounds === undefined && quick ? 2 : numberOption(given, ROUNDS),
      ...{ seconds: numberOption(given, SECONDS), limit: numberOption(given, LIMIT) },
      ...{ kernels: choice.name, workers: cores, rows },
    };
    const { found, missing } = await findPeers(pythonsOf(given.python), textOption(given, 'peers-dir') ?? '.');
    const measured = benchPeers({ ...shared, peers: found });
    return {
      ...{ facts: { missing }, rows: measured },
      async print(write) {
        write(missing.map(missingLine).join(''));
        for await (const row of measured) write(`\n${inWords(row)}\n`);
      },
    };
  },
};

/** Separated by commas, or the flag given several times. */
const pythonsOf = (given: unknown): readonly string[] =>
  given === undefined ? ['python3'] : [given].flat().flatMap((text) => String(text).split(','));

const missingLine = ({ name, install }: Missing): string => `${name} is not there; install it with: ${install}\n`;

function inWords({ model, batch, window, kernels, tokensPerSecond, peakShare, peers }: PeersRow): string {
  const { cell, hidden, layers, vocabulary, features } = model;
  const read = features ? `I=${features}` : `V=${vocabulary}`;
  const title = `${cell}, H=${hidden}${layers > 1 ? `, ${layers} layers` : ''}, B=${batch}, T=${window}, ${read}`;
  const ours = `unroll, ${kernels} kernels: ${range(tokensPerSecond)} tokens/s, ${percent(peakShare)} of the peak`;
  const cells = (compared: Compared): string[] => [
    compared.arrangement,
    range(compared.tokensPerSecond),
    range(compared.ratio, (value) => value.toFixed(2)),
  ];
  const lines = peers.flatMap(({ peer, single, best }) => [
    ...(single ? [[peer, 'best process', ...cells(single)]] : []),
    ...(best ? [[peer, 'best', ...cells(best)]] : []),
  ]);
  const notRun = peers.flatMap(({ peer, notRun }) => notRun.map((reason) => `not run: ${peer}, ${reason}`));
  const head = ['peer', '', 'arrangement', 'its tokens/s', 'unroll is faster by'];
  return [`${title}\n${ours}`, ...(lines.length > 0 ? [table([head, ...lines], [3, 4])] : []), ...notRun].join('\n');
}
