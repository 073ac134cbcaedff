// The engines that unroll is compared with, where they are installed, and how each may be arranged on two cores. None of them is a
// dependency of the package.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PeerProcess } from './peer-process.js';
import type { PeerRow } from './peer-rows.js';

/** Processes that train side by side, each with its part of the batch; they exchange no gradients, which flatters them. */
export interface Arrangement {
  readonly name: string;
  readonly processes: 1 | 2;
  readonly threads: 1 | 2;
  /** torch.compile: it may fail, and takes its time. */
  readonly compile: boolean;
}

export interface Peer {
  readonly name: string;
  readonly arrangements: readonly Arrangement[];
  /** Whether it has what the row asks for. */
  readonly runs: (row: PeerRow) => boolean;
  readonly start: (row: PeerRow, arrangement: Arrangement) => readonly PeerProcess[];
}

export interface Missing {
  readonly name: string;
  /** The command that installs it. */
  readonly install: string;
}

const ONE: Arrangement = { name: '1 process', processes: 1, threads: 1, compile: false };
const TWO: Arrangement = { name: '2 processes', processes: 2, threads: 1, compile: false };
const TORCH: readonly Arrangement[] = [{ ...ONE, name: '1 thread' }, { ...ONE, name: '2 threads', threads: 2 }, TWO];
const COMPILED: readonly Arrangement[] = [
  { ...ONE, name: 'compiled, 1 thread', compile: true },
  { ...ONE, name: 'compiled, 2 threads', threads: 2, compile: true },
];

const script = (name: string): string => createRequire(import.meta.url).resolve(`#peers/${name}`);

/** Looks for all of them. @param folder whose node_modules may hold TensorFlow.js and brain.js */
export async function findPeers(
  pythons: readonly string[],
  folder: string,
): Promise<{ readonly found: readonly Peer[]; readonly missing: readonly Missing[] }> {
  const all = [...(await Promise.all(pythons.map(torch))), ...tensorflow(folder), brain(folder)];
  return {
    found: all.filter((one) => 'start' in one),
    missing: all.filter((one) => 'install' in one),
  };
}

async function torch(python: string): Promise<Peer | Missing> {
  let version: string;
  try {
    const { stdout } = await promisify(execFile)(python, ['-c', 'import torch; print(torch.__version__)']);
    version = stdout.trim();
  } catch {
    return { name: `PyTorch (${python})`, install: `${python} -m pip install torch` };
  }
  return peer(`PyTorch ${version}`, {
    arrangements: Number.parseInt(version, 10) >= 2 ? [...TORCH, ...COMPILED] : TORCH,
    command: (row) => [python, script('torch_peer.py'), row],
  });
}

function tensorflow(folder: string): readonly (Peer | Missing)[] {
  const install = 'npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm';
  const version = packageVersion(folder, '@tensorflow/tfjs');
  return ['wasm', 'cpu'].map((backend) => {
    const name = `TensorFlow.js${version ? ` ${version}` : ''} ${backend}`;
    if (!version || (backend === 'wasm' && !packageVersion(folder, '@tensorflow/tfjs-backend-wasm')))
      return { name, install };
    const more = { backend };
    return peer(name, { command: (row) => [process.execPath, script('tfjs-peer.mjs'), folder, row], more });
  });
}

function brain(folder: string): Peer | Missing {
  const version = packageVersion(folder, 'brain.js');
  if (!version) return { name: 'brain.js', install: 'npm install brain.js' };
  return peer(`brain.js ${version}`, {
    command: (row) => [process.execPath, script('brain-peer.mjs'), folder, row],
    // Its simple RNN is the one of ReLU, and its tokens have no vectors of real values.
    runs: ({ model }) => model.cell !== 'tanh' && !model.features,
  });
}

/** A peer whose script takes the row as JSON. */
function peer(
  name: string,
  given: {
    readonly command: (row: string) => readonly [string, ...string[]];
    readonly arrangements?: readonly Arrangement[];
    readonly runs?: Peer['runs'];
    readonly more?: object;
  },
): Peer {
  return {
    name,
    arrangements: given.arrangements ?? [ONE, TWO],
    runs: given.runs ?? (() => true),
    start({ model, batch, window }, { processes, threads, compile, name: arranged }) {
      const shape = { features: 0, ...model, batch: Math.floor(batch / processes), window, threads, compile };
      const [command, ...args] = given.command(JSON.stringify({ ...shape, ...given.more }));
      return Array.from({ length: processes }, () => new PeerProcess(`${name}, ${arranged},`, command, args));
    },
  };
}

function packageVersion(folder: string, name: string): string | undefined {
  const path = join(folder, 'node_modules', name, 'package.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version : undefined;
}
