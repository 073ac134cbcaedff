// Which part of what runs through time is a worker's. Workers are dealt to groups, streams to groups; where a group has several
// workers they share the columns of every time step, and wait for each other after it.
import { PANEL, padded } from '../kernels/kernels.js';
import type { Architecture } from './architecture.js';
import { cells } from './cells/cells.js';

export interface Share {
  /** The group's streams: [firstRow, firstRow + rows). */
  readonly firstRow: number;
  readonly rows: number;
  /** This worker's place among the members of its group. */
  readonly member: number;
  readonly members: number;
  /** Waits until all members have come as far. Nothing to wait for where there is one. */
  readonly sync: () => void;
}

/** The share of one who does everything alone. */
export const allOf = (streams: number): Share => ({
  firstRow: 0,
  rows: streams,
  member: 0,
  members: 1,
  sync: () => {},
});

/** A member's part [from, to) of `count` things that follow each other; parts differ by one at most. */
export function partOf({ member, members }: Share, count: number): readonly [from: number, to: number] {
  return [Math.floor((count * member) / members), Math.floor((count * (member + 1)) / members)];
}

/** Of a group's streams those whose state and sums are this member's. */
export function ownRows(share: Share): readonly [first: number, count: number] {
  const [from, to] = partOf(share, share.rows);
  return [share.firstRow + from, to - from];
}

/** Rows below which a tile of the product has too few accumulators to hide the latency of a multiply-add. */
const FEWEST_ROWS = 12;
/** Multiply-adds of a member in a time step below which the wait for the others costs more than columns bring. */
const FEWEST_SHARED = 1 << 20;

/** A group of workers and its place among the streams. */
export type Place = Omit<Share, 'sync'> & { readonly group: number };

/** Multiply-adds of a worker in a time step below which calling a kernel costs more than its work: fewer workers take part then. */
const FEWEST_OF_A_WORKER = 1 << 13;

/** Of a time step. */
const multiplyAddsOf = (model: Architecture, streams: number): number =>
  streams * cells[model.cell].gates * model.hidden ** 2;

/** The workers that have rows: what runs through time is read by them alone. */
export const activeWorkers = (model: Architecture, streams: number, workers: number): number =>
  Math.max(1, Math.min(workers, Math.floor(multiplyAddsOf(model, streams) / FEWEST_OF_A_WORKER)));

/**
 * How `streams` are dealt to `workers`: to groups of as many as it takes to have 12 rows in each, of one worker each where there
 * are enough streams. Workers that would have next to nothing to do have no rows.
 */
export function placeOf(model: Architecture, streams: number, workers: number, worker: number): Place {
  const multiplyAdds = multiplyAddsOf(model, streams);
  const active = activeWorkers(model, streams, workers);
  if (worker >= active) return { group: worker, firstRow: streams, rows: 0, member: 0, members: 1 };
  const blocks = padded(model.hidden) / PANEL;
  const shared = Math.min(active, blocks, Math.ceil((FEWEST_ROWS * active) / Math.max(1, streams)));
  // Directions run one after the other on whole rows.
  const members = model.bidirectional ? 1 : shared;
  const groups = multiplyAdds / active >= FEWEST_SHARED ? Math.floor(active / members) : active;
  const cut = (count: number, index: number): number => Math.floor((count * index) / groups);
  const group = Math.floor(((worker + 1) * groups - 1) / active);
  const [first, end] = [cut(active, group), cut(active, group + 1)];
  const firstRow = cut(streams, group);
  return { group, firstRow, rows: cut(streams, group + 1) - firstRow, member: worker - first, members: end - first };
}
