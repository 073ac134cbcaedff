// unroll bench: throughput on this machine.

import { availableParallelism, cpus } from 'node:os';
import { benchCells, type CellsRow } from '../../bench/cells.js';
import { GROUPS } from '../../bench/peer-rows.js';
import { productPeak } from '../../bench/product-peak.js';
import type { Spread } from '../../bench/rounds.js';
import { CELLS, type CellName } from '../../bench/shapes.js';
import { UserError } from '../errors.js';
import { chooseKernels } from '../kernels/choose.js';
import { count, table } from '../report/format.js';
import { LIMIT, runPeers } from './bench-peers.js';
import type { Command, Given } from './command.js';
import { addKernels, kernelsOf } from './model-flags.js';
import { isWhole, type NumberFlag, numberOption, textOption } from './options.js';

const TABLES = ['cells', 'peers'];

const ROUNDS: NumberFlag = {
  name: 'rounds',
  about: 'the number of rounds that are timed',
  allowed: '1 to 1000',
  allows: (value) => isWhole(value, 1, 1000),
  fallback: 5,
};
const WINDOW: NumberFlag = {
  name: 'window',
  about: 'the number of time steps of a batch',
  allowed: '1 to 65536',
  allows: (value) => isWhole(value, 1, 65536),
  fallback: 32,
};
const SECONDS: NumberFlag = {
  name: 'seconds',
  about: 'the time that one arrangement takes in a round',
  allowed: 'a number above 0, 3600 at most',
  allows: (value) => value > 0 && value <= 3600,
  fallback: 0.5,
};

/** V of the models that are timed: about as many as a text in English has. */
const VOCABULARY = 96;

export const bench: Command = {
  build(yargs, listing) {
    addKernels(yargs, listing)
      .positional('table', {
        type: 'string',
        describe: 'what is timed: cells, peers',
        choices: listing ? TABLES : undefined,
      })
      .option('cells', { type: 'string', describe: 'cells, separated by commas', defaultDescription: CELLS.join(',') })
      .option('hidden', { type: 'string', describe: 'hidden sizes', defaultDescription: '128,256,512' })
      .option('batch', { type: 'string', describe: 'streams of a batch', defaultDescription: '64' })
      .option('workers', { type: 'string', describe: 'worker threads', defaultDescription: '1 and one a core' });
    for (const { name, about, allowed, fallback } of [WINDOW, ROUNDS, SECONDS, LIMIT])
      yargs.option(name, { type: 'string', describe: `${about}, ${allowed}`, defaultDescription: `${fallback}` });
    return yargs
      .option('rows', { type: 'string', describe: `groups of comparisons with peers: ${GROUPS.join(', ')}` })
      .option('python', { type: 'string', describe: 'pythons that have PyTorch', defaultDescription: 'python3' })
      .option('peers-dir', { type: 'string', describe: 'folder whose node_modules has TensorFlow.js, brain.js' })
      .option('quick', { type: 'boolean', describe: 'two rounds of small models: a minute at most' })
      .option('json', { type: 'boolean', describe: 'print one JSON object a line' })
      .option('verbose', { type: 'boolean', describe: 'print stack traces of errors' })
      .example('$0 bench cells', 'tokens a second of a training step, for cells and sizes')
      .example('$0 bench peers --rows lstm,small', 'beside PyTorch, TensorFlow.js and brain.js, in one run')
      .epilogue('Speeds are medians of rounds in which the arrangements take turns, with the least and the most.');
  },

  async run(given, { stdout }) {
    const wanted = String(given.table ?? 'cells');
    if (!TABLES.includes(wanted))
      throw new UserError(`${JSON.stringify(wanted)}: there is no such table; it is one of ${TABLES.join(', ')}`);
    const quick = given.quick === true;
    const choice = chooseKernels(kernelsOf(given));
    const cores = availableParallelism();
    const rounds = given.rounds === undefined && quick ? 2 : numberOption(given, ROUNDS);
    if (wanted === 'peers') {
      const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cores} cores, ${choice.name} kernels, Node ${process.version}`;
      const common = { kernels: choice.name, workers: cores, rounds, seconds: numberOption(given, SECONDS), machine };
      await runPeers(given, (text) => stdout.write(text), common);
      return 0;
    }
    const rows = benchCells({
      cells: cellsOption(given),
      hidden: listOption(given, 'hidden', 65536, quick ? [128] : [128, 256, 512]),
      batch: listOption(given, 'batch', 65536, [64]),
      workers: listOption(given, 'workers', 256, cores > 1 ? [1, cores] : [1]),
      window: numberOption(given, WINDOW),
      rounds,
      seconds: numberOption(given, SECONDS),
      vocabulary: VOCABULARY,
      kernels: choice.name,
    });
    const set = choice.instructionSet === undefined ? '' : ` (${choice.instructionSet})`;
    const machine = {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      cores,
      kernels: `${choice.name}${set}`,
      productGflops: productPeak(choice.name),
      node: process.version,
    };
    if (given.json === true) {
      for await (const row of rows) stdout.write(`${JSON.stringify({ ...machine, ...row })}\n`);
      return 0;
    }
    stdout.write(
      `${machine.processor}, ${cores} cores, ${machine.kernels} kernels, ${machine.productGflops.toFixed(0)} GFLOP/s a core in a matrix product; ` +
        `Node ${machine.node}\n`,
    );
    const all: CellsRow[] = [];
    for await (const row of rows) all.push(row);
    stdout.write(`${inWords(all)}\n`);
    return 0;
  },
};

function inWords(rows: readonly CellsRow[]): string {
  const range = ({ median, least, most }: Spread): string => `${count(median)} (${count(least)} to ${count(most)})`;
  const head = ['cell', 'hidden', 'batch', 'workers', 'tokens/s', 'speedup'];
  const body = rows.map(({ cell, hidden, batch, workers, tokensPerSecond, speedup }) => [
    ...[cell, String(hidden), String(batch), String(workers), range(tokensPerSecond), speedup.toFixed(2)],
  ]);
  return table([head, ...body], [1, 2, 3, 4, 5]);
}

function cellsOption(given: Given): readonly CellName[] {
  const text = textOption(given, 'cells');
  if (text === undefined) return CELLS;
  return text.split(',').map((name) => {
    const cell = CELLS.find((one) => one === name);
    if (cell === undefined)
      throw new UserError(
        `--cells: ${JSON.stringify(name)} is not allowed; it is one of ${CELLS.join(', ')}, separated by commas`,
      );
    return cell;
  });
}

function listOption(given: Given, name: string, most: number, fallback: readonly number[]): readonly number[] {
  const text = textOption(given, name);
  if (text === undefined) return fallback;
  return text.split(',').map((one) => {
    const value = /^\d+$/.test(one) ? Number(one) : Number.NaN;
    if (isWhole(value, 1, most)) return value;
    throw new UserError(
      `--${name}: ${JSON.stringify(one)} is not allowed; it is one number or more, 1 to ${most}, separated by commas`,
    );
  });
}
