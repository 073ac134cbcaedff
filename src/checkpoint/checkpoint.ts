// A checkpoint: model, training state and manifest in one folder that is there as a whole or not at all.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemReason, UserError } from '../errors.js';
import { padded } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import type { PlacedParameter } from '../model/views.js';
import { caughtUp, tableBehind } from '../train/caught-up.js';
import type { RunLayout } from '../train/layout.js';
import {
  removeFolderAtomic,
  removeTemporaries,
  replaceSymlink,
  restoreFolders,
  targetOf,
  writeFileAtomic,
  writeFileAtomicWith,
  writeFolderAtomic,
} from './atomic.js';
import { finite, type ModelHeader, modelTensors, readModelHeader, readParameter, writeModel } from './model-file.js';
import { type TensorToWrite, writeSafetensors } from './safetensors.js';
import { SafetensorsFile } from './safetensors-file.js';

const MODEL = 'model.safetensors';
export const TRAINER = 'trainer.safetensors';
const MANIFEST = 'manifest.json';
const CHECKPOINTS = 'checkpoints';
const DIGITS = 8;

/** What a run must remember besides its arrays: JSON in the trainer's metadata. */
export interface Progress {
  readonly step: number;
}

export interface Checkpointed {
  readonly arena: Arena;
  readonly layout: RunLayout;
  readonly header: ModelHeader;
  /** Which side of the streams' state is the current one. */
  readonly side: number;
}

export const checkpointName = (step: number): string => `step-${String(step).padStart(DIGITS, '0')}`;

/** Writes RUN/checkpoints/step-N and turns `latest` (and `best`) to it. @returns the folder's path */
export function saveCheckpoint(
  run: string,
  from: Checkpointed,
  progress: Progress,
  links: readonly ('latest' | 'best')[],
): string {
  const path = join(run, CHECKPOINTS, checkpointName(progress.step));
  writeFolderAtomic(path, (folder) => {
    writeModel(
      join(folder, MODEL),
      from.layout.parameters,
      (p) => caughtUp(from.arena, from.layout, p as PlacedParameter),
      from.header,
    );
    writeFileAtomicWith(join(folder, TRAINER), (fd) =>
      writeSafetensors(fd, trainerTensors(from), { progress: JSON.stringify(progress) }),
    );
    const files = Object.fromEntries([MODEL, TRAINER].map((name) => [name, { sha256: sha256(join(folder, name)) }]));
    writeFileAtomic(join(folder, MANIFEST), `${JSON.stringify({ step: progress.step, files }, null, 2)}\n`);
  });
  for (const link of links) replaceSymlink(join(run, link), join(CHECKPOINTS, basename(path)));
  return path;
}

function trainerTensors({ arena, layout, side }: Checkpointed): Map<string, TensorToWrite> {
  const { parameters, shape, training } = layout;
  const states = (field: 'firstState' | 'secondState', prefix: string) =>
    modelTensors(
      parameters.filter((p) => p[field] > 0),
      (p) => arena.floatsAt((p as PlacedParameter)[field], p.length),
      prefix,
    );
  const tensors = new Map<string, TensorToWrite>([
    ...states('firstState', 'optimizer.first.'),
    ...states('secondState', 'optimizer.second.'),
    ...rowTensors(arena, layout),
  ]);
  const { layers, hidden } = shape.model;
  for (const [name, view] of stateViews(layout)) {
    const data = new Float32Array(layers * training.streams * hidden);
    forEachStateRow(layout, view, side, arena, (at, row) =>
      data.set(arena.floats.subarray(at, at + hidden), row * hidden),
    );
    tensors.set(name, { dtype: 'F32', shape: [layers, training.streams, hidden], data: finite(name, data) });
  }
  return tensors;
}

const RAW = 'rows.raw.';
const TOUCHED_AT = 'rows.touched_at';
const MAPS = 'rows.maps';

/** Of a table whose rows may be behind: the rows as they are, since when, and how they catch up. */
function rowTensors(arena: Arena, layout: RunLayout): [string, TensorToWrite][] {
  const p = tableBehind(layout);
  if (p === undefined || layout.table === undefined) return [];
  const { touchedAt, maps, period } = layout.table.behind;
  return [
    ...modelTensors([p], () => arena.floatsAt(p.weights, p.length), RAW),
    [TOUCHED_AT, { dtype: 'I32', shape: [p.depth], data: arena.intsAt(touchedAt, p.depth).slice() }],
    [MAPS, { dtype: 'F64', shape: [period, 2], data: arena.doublesAt(maps, 2 * period).slice() }],
  ];
}

/** @throws UserError for a checkpoint without them */
function loadRows(trainer: SafetensorsFile, arena: Arena, layout: RunLayout): void {
  const p = tableBehind(layout);
  if (p === undefined || layout.table === undefined) return;
  const { touchedAt, maps, period } = layout.table.behind;
  readParameter(trainer, `${RAW}${p.name}`, p, arena.floatsAt(p.weights, p.length));
  const [marks, numbers] = [trainer.readExactly(TOUCHED_AT, 'I32'), trainer.readExactly(MAPS, 'F64')];
  const marksOf = new Int32Array(marks);
  if (marksOf.length !== p.depth || marksOf.some((mark) => mark < 0 || mark >= period))
    throw new UserError(`${trainer.path}: tensor "${TOUCHED_AT}" is not of this model's rows; take another checkpoint`);
  if (numbers.byteLength !== 2 * period * Float64Array.BYTES_PER_ELEMENT)
    throw new UserError(`${trainer.path}: tensor "${MAPS}" is of another size; take another checkpoint`);
  arena.intsAt(touchedAt, p.depth).set(marksOf);
  arena.doublesAt(maps, 2 * period).set(new Float64Array(numbers));
}

function stateViews({ training }: RunLayout): [string, number][] {
  const views: [string, number][] = [];
  if (training.hiddenState) views.push(['state.h', training.hiddenState]);
  if (training.cellState) views.push(['state.c', training.cellState]);
  return views;
}

/** Visits the rows [L][B] of one side of a state view: where the row stands, in floats, and its index. */
function forEachStateRow(
  { training, shape }: RunLayout,
  view: number,
  side: number,
  arena: Arena,
  visit: (at: number, row: number) => void,
): void {
  const width = padded(shape.model.hidden);
  const rows = shape.model.layers * training.streams;
  for (let row = 0; row < rows; row++) visit(view / arena.floatBytes + (side * rows + row) * width, row);
}

/**
 * The checkpoint folder that `path` means: itself, or the latest one of a run folder. Links are followed once and for all: a training
 * that goes on turns them, and the files that are read must be of one checkpoint.
 *
 * @throws UserError
 */
export function checkpointFolder(path: string, flag = '--resume'): string {
  if (isFile(join(path, MANIFEST))) return realpathSync(path);
  const latest = isFile(join(path, 'latest', MANIFEST)) ? realpathSync(join(path, 'latest')) : undefined;
  if (latest && basename(dirname(latest)) === CHECKPOINTS) return latest;
  // Some copies of a run have a folder in the place of the link: the checkpoint of its step is the one within its run.
  const same = latest && join(path, CHECKPOINTS, checkpointName(stepOf(latest)));
  if (same && isFile(join(same, MANIFEST))) return realpathSync(same);
  const newest = newestComplete(join(path, CHECKPOINTS));
  if (newest) return realpathSync(newest);
  if (latest) return latest;
  const found = statOf(path) ? 'holds no complete checkpoint' : 'does not exist';
  throw new UserError(`${flag}: ${path} ${found}; give a run folder or a checkpoint folder`);
}

/**
 * The newest checkpoint of a run's folder of them: after a kill between the folder's rename and the link's, `latest` is an older
 * one. After a kill while a checkpoint took the place of one of the same step, both still have their temporary names.
 */
export function newestComplete(folder: string): string | undefined {
  try {
    const steps = readdirSync(folder)
      .filter((name) => isFile(join(folder, name, MANIFEST)))
      .map((name) => ({ name, step: targetOf(name) ?? name }));
    const [newest] = steps.sort((a, b) => (a.step === b.step ? (a.name < b.name ? 1 : -1) : a.step < b.step ? 1 : -1));
    return newest && join(folder, newest.name);
  } catch {
    return undefined;
  }
}

/** What a killed process has left of a run's checkpoints. Nobody else may be writing there. */
export function tidyCheckpoints(run: string): void {
  restoreFolders(join(run, CHECKPOINTS), MANIFEST);
  removeTemporaries(join(run, CHECKPOINTS));
}

/** Of all checkpoints of a run, ascending. */
export function stepsIn(run: string): readonly number[] {
  return readdirSync(join(run, CHECKPOINTS))
    .flatMap((name) => (/^step-\d+$/.test(name) ? [Number(name.slice('step-'.length))] : []))
    .sort((a, b) => a - b);
}

/** As its manifest says; -1 where it does not. */
function stepOf(checkpoint: string): number {
  try {
    return Number(JSON.parse(readFileSync(join(checkpoint, MANIFEST), 'utf8')).step);
  } catch {
    return -1;
  }
}

const isFile = (path: string): boolean => statOf(path)?.isFile() ?? false;

/** Undefined for what is not there, or lies below a file. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** @throws UserError when a file is not the one that the manifest names */
export function verifyCheckpoint(folder: string): void {
  const files = readManifest(folder);
  for (const name of [MODEL, TRAINER]) verifyFile(folder, name, files);
}

type ManifestFiles = Readonly<Record<string, { readonly sha256?: string }>>;

function readManifest(folder: string): ManifestFiles {
  const path = join(folder, MANIFEST);
  const text = reading(path, () => readFileSync(path, 'utf8'));
  try {
    const { files } = JSON.parse(text);
    if (typeof files !== 'object' || files === null || !files[MODEL] || !files[TRAINER]) throw new Error();
    return files;
  } catch {
    throw new UserError(`${path}: it is damaged; take another checkpoint`);
  }
}

/** @throws UserError when the file cannot be read */
function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${systemReason(error)}`);
  }
}

function verifyFile(folder: string, name: string, files: ManifestFiles): void {
  const path = join(folder, name);
  if (!isFile(path)) throw new UserError(`${path}: the manifest names it, but it is missing; take another checkpoint`);
  if (reading(path, () => sha256(path)) === files[name].sha256) return;
  throw new UserError(
    `${path}: its sha256 is not the manifest's: the file is damaged; take another checkpoint (a copy outside its folder is read as it is)`,
  );
}

/** What the trainer's file remembers: what was given to saveCheckpoint. */
export function readProgress<P extends Progress>(folder: string): P {
  const file = SafetensorsFile.open(join(folder, TRAINER));
  try {
    const progress = JSON.parse(file.metadata.progress ?? 'null');
    if (typeof progress?.step !== 'number') throw new SyntaxError();
    return progress;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(`${file.path}: it does not say where the run stood; take another checkpoint`);
  } finally {
    file.close();
  }
}

export function readCheckpointHeader(folder: string): ModelHeader {
  const file = SafetensorsFile.open(join(folder, MODEL));
  try {
    return readModelHeader(file);
  } finally {
    file.close();
  }
}

/** Loads parameters, optimizer state and streams' state (side 0) into an arena of the same architecture. */
export function loadCheckpoint(folder: string, arena: Arena, layout: RunLayout): void {
  const model = SafetensorsFile.open(join(folder, MODEL));
  const trainer = SafetensorsFile.open(join(folder, TRAINER));
  try {
    for (const p of layout.parameters) {
      readParameter(model, p.name, p, arena.floatsAt(p.weights, p.length));
      if (p.firstState) readParameter(trainer, `optimizer.first.${p.name}`, p, arena.floatsAt(p.firstState, p.length));
      if (p.secondState)
        readParameter(trainer, `optimizer.second.${p.name}`, p, arena.floatsAt(p.secondState, p.length));
    }
    loadRows(trainer, arena, layout);
    const { layers, hidden } = layout.shape.model;
    for (const [name, view] of stateViews(layout)) {
      const values = trainer.readFloat32(name);
      if (values.length !== layers * layout.training.streams * hidden)
        throw new UserError(`${trainer.path}: tensor "${name}" is of another size`);
      forEachStateRow(layout, view, 0, arena, (at, row) =>
        arena.floats.set(values.subarray(row * hidden, (row + 1) * hidden), at),
      );
    }
  } finally {
    model.close();
    trainer.close();
  }
}

const HASH_CHUNK_BYTES = 1 << 20;

function sha256(path: string): string {
  const hash = createHash('sha256');
  const fd = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(HASH_CHUNK_BYTES);
    for (let got = readSync(fd, chunk); got > 0; got = readSync(fd, chunk)) hash.update(chunk.subarray(0, got));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

/**
 * The model file that `path` means: the file itself, a checkpoint's, or that of a run's latest checkpoint. Where a manifest stands
 * beside it, the file is the one that was saved.
 *
 * @throws UserError
 */
export function modelFile(path: string, flag = 'MODEL'): string {
  const stat = statOf(path);
  const allowed = 'give a run folder, a checkpoint folder or a .safetensors file';
  if (!stat) throw new UserError(`${flag}: ${path} does not exist; ${allowed}`);
  if (!stat.isFile() && !stat.isDirectory())
    throw new UserError(`${flag}: ${path} is neither a file nor a folder; ${allowed}`);
  if (stat.isFile() && basename(path) !== MODEL) return path;
  const named = stat.isFile() ? dirname(path) : path;
  const folder = isFile(join(named, MODEL)) ? realpathSync(named) : checkpointFolder(named, flag);
  if (isFile(join(folder, MANIFEST))) verifyFile(folder, MODEL, readManifest(folder));
  return join(folder, MODEL);
}

/** Removes a checkpoint that nothing needs any more. */
export function dropCheckpoint(run: string, step: number): void {
  removeFolderAtomic(join(run, CHECKPOINTS, checkpointName(step)), MANIFEST);
}
