// What the commands that take a MODEL have in common.

import type { Argv } from 'yargs';
import type { KernelRequest } from '../kernels/choose.js';
import type { Given } from './command.js';
import { choiceOption } from './options.js';

const KERNELS: readonly KernelRequest[] = ['auto', 'native', 'wasm', 'reference'];

export function addModel(yargs: Argv): Argv {
  return yargs
    .positional('model', { type: 'string', describe: 'run folder, checkpoint folder or .safetensors file' })
    .option('verbose', { type: 'boolean', describe: 'print stack traces of errors' });
}

export function addKernels(yargs: Argv, listing: boolean): Argv {
  return yargs.option('kernels', {
    type: 'string',
    describe: 'the numeric kernels',
    defaultDescription: 'auto',
    choices: listing ? KERNELS : undefined,
  });
}

export const kernelsOf = (given: Given): KernelRequest => choiceOption(given, 'kernels', KERNELS, 'auto');
