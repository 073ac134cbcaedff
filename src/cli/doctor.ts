// unroll doctor: what this machine offers, which kernels are in use and why, and the versions of everything involved.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { chooseKernels, type KernelRequest } from '../kernels/choose.js';
import { nativeProblem } from '../kernels/native.js';
import { canShare } from '../memory/shared-array-buffer.js';
import { bytes, table } from '../report/format.js';
import type { Command } from './command.js';

const DEPENDENCIES = ['piscina', 'yargs', 'zod', 'yaml', 'cli-progress', 'nanotar'] as const;

export const doctor: Command = {
  build(yargs) {
    return yargs
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .option('verbose', { type: 'boolean', describe: 'print stack traces of errors' })
      .example('$0 doctor', 'which kernels are in use, and why')
      .example('UNROLL_KERNELS=wasm $0 doctor', 'the same with kernels that the environment asks for');
  },

  async run(given, { stdout, stderr }) {
    const found = examine();
    stdout.write(`${given.json === true ? JSON.stringify(found) : inWords(found)}\n`);
    if (found.kernels.error === undefined) return 0;
    stderr.write(`${found.kernels.error}\n`);
    return 2;
  },
};

type Findings = ReturnType<typeof examine>;

function examine() {
  const require = createRequire(import.meta.url);
  const { version } = require('unroll/package.json') as { version: string };
  return {
    unroll: version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeBytes: freemem(),
    sharedArrayBuffer: canShare(),
    kernels: examineKernels(),
    mpi: false,
    dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, versionOf(name, require)])),
  };
}

interface KernelFindings {
  readonly name?: string;
  readonly instructionSet?: string;
  readonly reason?: string;
  /** UNROLL_KERNELS asks for what is not there. */
  readonly error?: string;
  readonly native: string;
}

function examineKernels(): KernelFindings {
  const native = nativeProblem() ?? 'can be used';
  const request: KernelRequest = 'auto';
  try {
    return { ...chooseKernels(request), native };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { error: error.message, native };
  }
}

/** From the package's own file: not every package lets it be imported. */
function versionOf(name: string, require: NodeJS.Require): string {
  const file = (require.resolve.paths(name) ?? [])
    .map((folder) => join(folder, name, 'package.json'))
    .find((path) => existsSync(path));
  return file === undefined ? 'missing' : (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function inWords(found: Findings): string {
  const { kernels } = found;
  const set = kernels.instructionSet === undefined ? '' : ` (${kernels.instructionSet})`;
  const rows = [
    ['unroll', found.unroll],
    ['node', found.node],
    ['platform', found.platform],
    ['processor', found.processor],
    ['cores', `${found.cores}: as many workers by default`],
    ['memory', `${bytes(found.memoryBytes)}, ${bytes(found.freeBytes)} free`],
    ['SharedArrayBuffer', found.sharedArrayBuffer ? 'there' : 'missing: training runs on one thread'],
    ['kernels', kernels.error ?? `${kernels.name}${set}: ${kernels.reason}`],
    ['native kernels', kernels.native],
    ['MPI', 'not used by this version: one machine'],
    ...Object.entries(found.dependencies),
  ];
  return table(rows);
}
