// How long a step takes on more cores than there are: from what one worker needs, what a barrier costs and what the memory
// gives. docs/scaling.md says how sure that is.
import type { Architecture } from '../src/model/architecture.js';
import { cells } from '../src/model/cells/cells.js';
import { parametersOf } from '../src/model/parameters.js';
import { placeOf } from '../src/model/share.js';
import { projects } from '../src/model/views.js';

/** What was measured. Times in microseconds, bandwidths in GB/s. */
export interface MeasuredParts {
  /** A step of one worker, by its streams. */
  readonly step: ReadonlyMap<number, number>;
  /** A step of one worker, one stream, one time step: what does not grow with the batch (update, norms, P). */
  readonly fixed: number;
  /** A barrier among one worker, two, and so on up to the cores. */
  readonly barriers: readonly number[];
  readonly oneCoreBandwidth: number;
  readonly allCoresBandwidth: number;
  readonly cores: number;
}

export interface Work {
  readonly model: Architecture;
  readonly batch: number;
  readonly window: number;
  readonly workers: number;
}

/** Microseconds of a step: with all the bandwidth that the cores might have together, and with no more than was seen. */
export interface Prediction {
  readonly least: number;
  readonly most: number;
}

/** The most streams that one worker, or a group that shares columns, has: a step waits for it. */
export function streamsOf({ model, batch, workers }: Omit<Work, 'window'>): { rows: number; members: number } {
  const places = Array.from({ length: workers }, (_, worker) => placeOf(model, batch, workers, worker));
  return places.reduce((most, place) => (place.rows / place.members > most.rows / most.members ? place : most));
}

/** time = (through time and gradients of one worker's streams) + fixed / workers + barriers, or what the memory needs if that is longer. */
export function predict(parts: MeasuredParts, work: Work): Prediction {
  const { model, window, workers } = work;
  const { rows, members } = streamsOf(work);
  const alone = parts.step.get(rows);
  if (alone === undefined) throw new Error(`no step of ${rows} streams was measured`);
  const compute = Math.max(0, alone - parts.fixed) / members + parts.fixed / workers;
  // Of one worker barriers are part of what was measured.
  const shared = members > 1 ? sharedSyncs(model, window) * barrierOf(parts, members) : 0;
  const waits = workers > 1 ? barriersOf(work) * barrierOf(parts, workers) + shared : 0;
  const megabytes = bytesMoved(work) / 1e3; // of GB/s and microseconds: 1e9 / 1e6
  const [seen, hoped] = bandwidths(parts, workers);
  return {
    least: Math.max(compute, megabytes / hoped) + waits,
    most: Math.max(compute, megabytes / seen) + waits,
  };
}

/** Barriers of a step: PROJECT, THROUGH TIME, GRADIENT (and tables), NORM, UPDATE. */
function barriersOf({ model, batch, window }: Work): number {
  return 4 + (projects(model, batch * window) ? 1 : 0);
}

/** Waits of those who share columns: each time step of each layer, forward and backward, and a few between. */
const sharedSyncs = ({ layers }: Architecture, window: number): number => 2 * layers * window + 4;

/** Arrivals follow each other on one cache line, so a barrier grows by the same for each worker more. */
function barrierOf({ barriers }: MeasuredParts, workers: number): number {
  const known = barriers.length;
  if (workers <= known) return barriers[workers - 1];
  const slope = known > 1 ? Math.max(0, barriers[known - 1] - barriers[0]) / (known - 1) : 0;
  return barriers[known - 1] + (workers - known) * slope;
}

function bandwidths(
  { oneCoreBandwidth: one, allCoresBandwidth: all, cores }: MeasuredParts,
  workers: number,
): [number, number] {
  const busy = Math.min(workers, cores);
  const seen = cores > 1 ? one + ((busy - 1) * (all - one)) / (cores - 1) : one;
  return [seen, Math.max(seen, (workers / cores) * all)];
}

/** Weight, gradient, two states, undo of three and the transpose: floats that GRADIENT and UPDATE move for each parameter. */
const UPDATE_FLOATS = 12;
/** Tiles of a matrix for each worker, as in train/tiles.ts: each reads all activations. */
const TILES_A_WORKER = 2;

/** Bytes of a step that leave a core's own cache at least once, of all workers together. */
export function bytesMoved({ model, batch, window, workers }: Work): number {
  const { hidden, layers, embedding, vocabulary } = model;
  const gates = cells[model.cell].gates * hidden;
  const rows = batch * window;
  const parameters = parametersOf(model).reduce((sum, { length }) => sum + length, 0);
  const recurrent = layers * hidden * gates + (layers - 1) * hidden * gates + hidden * vocabulary;
  // Every worker reads panels, panels of the transpose, and P.
  const weights = workers * (2 * recurrent + (embedding > 0 ? vocabulary * gates : 0));
  // Gates and states are written forward, read and written backward.
  const activations = 3 * rows * layers * (gates + 3 * hidden) + 3 * rows * vocabulary;
  // GRADIENT: deltas once, the rows that they are multiplied with for each tile.
  const gradient = rows * (layers * gates + vocabulary) + TILES_A_WORKER * workers * rows * layers * hidden;
  return 4 * (weights + activations + gradient + UPDATE_FLOATS * parameters);
}
