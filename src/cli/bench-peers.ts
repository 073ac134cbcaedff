// unroll bench peers: what it takes, and its table.
import { findPeers, type Missing } from '../../bench/peer-kinds.js';
import { GROUPS, type GroupName, rowsOf } from '../../bench/peer-rows.js';
import { benchPeers, type Compared, type PeersOptions, type PeersRow } from '../../bench/peers.js';
import type { Spread } from '../../bench/rounds.js';
import { UserError } from '../errors.js';
import { count, percent, table } from '../report/format.js';
import type { Given } from './command.js';
import { type NumberFlag, numberOption, textOption } from './options.js';

export const LIMIT: NumberFlag = {
  name: 'limit',
  about: 'the seconds in which a peer must be ready',
  allowed: 'a number above 0, 3600 at most',
  allows: (value) => value > 0 && value <= 3600,
  fallback: 20,
};

/** What --quick times: few rows, one of each kind that small models show. */
const QUICK: readonly GroupName[] = ['lstm', 'small', 'wasm'];

type Print = (text: string) => void;

/** @param common what all tables are told */
export async function runPeers(
  given: Given,
  print: Print,
  common: Pick<PeersOptions, 'kernels' | 'workers' | 'rounds' | 'seconds'> & { readonly machine: string },
): Promise<void> {
  const quick = given.quick === true;
  const rows = rowsOf(groupsOption(given, quick), quick);
  const limit = numberOption(given, LIMIT);
  const pythons = (textOption(given, 'python') ?? 'python3').split(',');
  const { found, missing } = await findPeers(pythons, textOption(given, 'peers-dir') ?? process.cwd());
  const measured = benchPeers({ ...common, rows, peers: found, limit });
  if (given.json === true) {
    for await (const row of measured) print(`${JSON.stringify({ machine: common.machine, ...row, missing })}\n`);
    return;
  }
  print(`${common.machine}\n${missing.map(missingLine).join('')}`);
  for await (const row of measured) print(`\n${inWords(row)}\n`);
}

const missingLine = ({ name, install }: Missing): string => `${name} is not there; install it with: ${install}\n`;

const range = ({ median, least, most }: Spread, shown: (value: number) => string): string =>
  `${shown(median)} (${shown(least)} to ${shown(most)})`;

function inWords({ model, batch, window, kernels, tokensPerSecond, peakShare, peers }: PeersRow): string {
  const { cell, hidden, layers, vocabulary, features } = model;
  const read = features ? `I=${features}` : `V=${vocabulary}`;
  const title = `${cell}, H=${hidden}${layers > 1 ? `, ${layers} layers` : ''}, B=${batch}, T=${window}, ${read}`;
  const ours = `unroll, ${kernels} kernels: ${range(tokensPerSecond, count)} tokens/s, ${percent(peakShare)} of the peak`;
  const cells = (compared: Compared): string[] => [
    compared.arrangement,
    range(compared.tokensPerSecond, count),
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

function groupsOption(given: Given, quick: boolean): readonly GroupName[] {
  const text = textOption(given, 'rows');
  if (text === undefined) return quick ? QUICK : GROUPS;
  return text.split(',').map((name) => {
    const group = GROUPS.find((one) => one === name);
    if (group !== undefined) return group;
    throw new UserError(
      `--rows: ${JSON.stringify(name)} is not allowed; it is one of ${GROUPS.join(', ')}, separated by commas`,
    );
  });
}
