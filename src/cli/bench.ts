// unroll bench: what this machine does, in tables. Each table is a file of the folder beside; here is what they share.

import { availableParallelism } from 'node:os';
import { examineMachine, headline } from '../../bench/machine.js';
import { UserError } from '../errors.js';
import { chooseKernels } from '../kernels/choose.js';
import { cells } from './bench/cells.js';
import { kernels } from './bench/kernels.js';
import { peers } from './bench/peers.js';
import { type BenchTable, ROUNDS, SECONDS } from './bench/report.js';
import { scaling } from './bench/scaling.js';
import { sparse } from './bench/sparse.js';
import { tables } from './bench/tables.js';
import type { Command, Given } from './command.js';
import { addKernels, kernelsOf } from './model-flags.js';

const TABLES: Readonly<Record<string, BenchTable>> = { cells, kernels, sparse, tables, scaling, peers };
const NAMES = Object.keys(TABLES);

/** Of all tables. */
const COMMON = [ROUNDS, SECONDS];

interface OwnFlag {
  readonly type: 'string' | 'boolean';
  readonly describe: string;
  readonly fallback: string;
  readonly tables: string[];
}

/** Flags of tables, each once: what a table says of it, and which tables have it. */
function ownFlags(): ReadonlyMap<string, OwnFlag> {
  const flags = new Map<string, OwnFlag>();
  for (const [name, { numbers, texts, switches = [] }] of Object.entries(TABLES)) {
    const own = [
      ...numbers.map((flag) => ({ ...flag, about: `${flag.about}, ${flag.allowed}`, type: 'string' as const })),
      ...texts.map((flag) => ({ ...flag, type: 'string' as const })),
      ...switches.map((flag) => ({ ...flag, fallback: Number.NaN, type: 'boolean' as const })),
    ];
    for (const { name: flag, about, fallback, type } of own) {
      const known = flags.get(flag);
      if (known) known.tables.push(name);
      else {
        const shown = Number.isNaN(fallback) ? '' : String(fallback);
        flags.set(flag, { type, describe: about, fallback: shown, tables: [name] });
      }
    }
  }
  return flags;
}

export const bench: Command = {
  build(yargs, listing) {
    addKernels(yargs, listing).positional('table', {
      type: 'string',
      describe: `what is timed: ${NAMES.join(', ')}`,
      choices: listing ? NAMES : undefined,
    });
    for (const [name, { type, describe, fallback, tables }] of ownFlags())
      yargs.option(name, {
        ...{ type, describe, group: `Of ${tables.join(' and ')}:` },
        defaultDescription: fallback === '' ? undefined : fallback,
      });
    for (const { name, about, allowed, fallback } of COMMON)
      yargs.option(name, { type: 'string', describe: `${about}, ${allowed}`, defaultDescription: `${fallback}` });
    yargs
      .option('quick', { type: 'boolean', describe: "a minute's look: fewer rows, shorter rounds" })
      .option('json', { type: 'boolean', describe: 'print one JSON object a line' })
      .option('verbose', { type: 'boolean', describe: 'print stack traces of errors' });
    for (const [name, { about }] of Object.entries(TABLES)) yargs.example(`$0 bench ${name}`, about);
    return yargs
      .example('$0 bench peers --rows lstm,small', 'beside PyTorch, TensorFlow.js and brain.js, in one run')
      .epilogue('Figures are medians of rounds in which those compared take turns, with the least and the most.');
  },

  async run(given, { stdout }) {
    const [name, chosen] = tableOf(given);
    checkFlags(given, name);
    const choice = chooseKernels(kernelsOf(given));
    const cores = availableParallelism();
    const { facts, rows, print } = await chosen.prepare(given, { choice, cores, quick: given.quick === true });
    const machine = await examineMachine(choice);
    if (given.json === true) {
      for await (const row of rows) stdout.write(`${JSON.stringify({ ...machine, ...facts, ...row })}\n`);
      return 0;
    }
    stdout.write(`${headline(machine)}\n`);
    await print((text) => stdout.write(text));
    return 0;
  },
};

function tableOf(given: Given): [string, BenchTable] {
  const name = String(given.table ?? 'cells');
  if (Object.hasOwn(TABLES, name)) return [name, TABLES[name]];
  throw new UserError(`${JSON.stringify(name)}: there is no such table; it is one of ${NAMES.join(', ')}`);
}

/** @throws UserError for a flag of another table: it would have no effect */
function checkFlags(given: Given, table: string): void {
  for (const [flag, { tables }] of ownFlags())
    if (given[flag] !== undefined && !tables.includes(table))
      throw new UserError(`--${flag}: it is no flag of bench ${table}, but of bench ${tables.join(' and ')}`);
}
