// PyTorch as a peer: the same model and step, in its best arrangement.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RunError, systemReason, UserError } from '../src/errors.js';
import type { CellName } from './cells.js';

export interface TorchShape {
  readonly cell: CellName;
  readonly hidden: number;
  readonly batch: number;
  readonly window: number;
  readonly vocabulary: number;
  readonly seconds: number;
}

const SCRIPT = fileURLToPath(new URL('../../bench/torch_cells.py', import.meta.url));

/** @returns its version @throws UserError when the python is missing or has none */
export async function torchVersion(python: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(python, ['-c', 'import torch; print(torch.__version__)']);
    return stdout.trim();
  } catch (error) {
    throw new UserError(`--torch: ${python} cannot import PyTorch: ${reasonOf(error)}; give a python that can`);
  }
}

/** The last line of what it printed, or why it did not start. */
function reasonOf(error: unknown): string {
  const { stderr = '' } = error as { stderr?: string };
  return stderr.trim().split('\n').at(-1) || systemReason(error);
}

/**
 * Tokens a second by arrangement. Two processes take half the batch each and exchange no gradients, which flatters them.
 * @throws RunError when one of them fails
 */
export async function torchTokensPerSecond(python: string, shape: TorchShape): Promise<ReadonlyMap<string, number>> {
  const half = Math.max(1, Math.floor(shape.batch / 2));
  const halves = await Promise.all([run(python, shape, half, 1), run(python, shape, half, 1)]);
  return new Map([
    ['1 thread', await run(python, shape, shape.batch, 1)],
    ['2 threads', await run(python, shape, shape.batch, 2)],
    ['2 processes', halves[0] + halves[1]],
  ]);
}

async function run(
  python: string,
  { cell, hidden, window, vocabulary, seconds }: TorchShape,
  batch: number,
  threads: number,
): Promise<number> {
  const args = [SCRIPT, cell, batch, window, vocabulary, hidden, threads, seconds].map(String);
  const env = { ...process.env };
  // Settings for another processor than this one make OpenBLAS slow.
  delete env.OPENBLAS_CORETYPE;
  delete env.OPENBLAS_L2_SIZE;
  try {
    const { stdout } = await promisify(execFile)(python, args, { env });
    return Number(stdout);
  } catch (error) {
    throw new RunError(`--torch: ${python} could not run PyTorch: ${reasonOf(error)}`);
  }
}
