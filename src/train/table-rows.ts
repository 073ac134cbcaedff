// A lookup table that is updated by rows: the entries of a batch dealt to pieces of the table, the gradients of the rows that they
// name, and these rows' steps. Chunks of entries, pieces and blocks of rows may be done by any worker; what has to be done once
// is called by the last one at a barrier.
import { Deal, type Kernels, RowGradient, RowUpdate } from '../kernels/kernels.js';
import type { Arena, Descriptors } from '../memory/arena.js';
import type { RunLayout } from './layout.js';
import { fixedFields, type OptimizerSettings, setStep } from './optimizer.js';
import { composeMaps, PERIOD } from './row-rule.js';
import type { StepInput } from './step-input.js';
import { type TableViews, visitsAll } from './table-views.js';

export class TableRows {
  readonly #kernels: Kernels;
  readonly #descriptors: Descriptors;
  readonly #arena: Arena;
  readonly #layout: RunLayout;
  readonly #table: TableViews;
  readonly #optimizer: OptimizerSettings;
  readonly #deal: number;
  readonly #gradient: number;
  readonly #update: number;
  /** Whether this update visits all rows. */
  #all = false;

  /** @param worker whose undo slot and scratch are used */
  constructor(
    kernels: Kernels,
    descriptors: Descriptors,
    layout: RunLayout,
    table: TableViews,
    optimizer: OptimizerSettings,
    worker: number,
  ) {
    this.#kernels = kernels;
    this.#descriptors = descriptors;
    this.#arena = descriptors.arena;
    this.#layout = layout;
    this.#table = table;
    this.#optimizer = optimizer;
    const p = layout.parameters[table.parameter];
    const { pieces, pieceRows, dealtFeatures, dealtRows, dealtValues, bins, g, touched, norms, slots } = table;
    const dealt = { dealtFeatures, dealtRows, dealtValues, bins, pieces, vocabulary: p.depth };
    this.#deal = descriptors.add(Deal, {
      ...{ starts: 0, features: 0, values: 0, rows: 0, chunkRows: table.chunkRows, pieceRows },
      ...dealt,
    });
    this.#gradient = descriptors.add(RowGradient, {
      ...{ d: table.d.at, ldd: table.d.ld, rows: 0, columns: p.columns, chunks: 0 },
      ...{ ...dealt, bases: table.bases, g, touched, norms, slots },
      ...{ hash: table.hashes[worker], hashSize: table.hashSize },
    });
    this.#update = descriptors.add(RowUpdate, {
      ...fixedFields(optimizer),
      ...{ w: p.weights, m: p.firstState, v: p.secondState, columns: p.columns, vocabulary: p.depth },
      ...{ places: 0, g, touched, slots, undo: layout.undo[worker], scratch: layout.scratch[worker] },
      ...{ all: 0, now: 0, ...table.behind },
    });
  }

  /** @param n which update the step would be */
  begin(input: StepInput, n: number): void {
    const { model } = this.#layout.shape;
    this.#descriptors.set(this.#gradient, RowGradient.slots, visitsAll(this.#table, n) ? this.#table.slots : 0);
    const rows = input.steps * this.#layout.training.streams;
    const named = model.sparseFeatures !== undefined;
    this.#descriptors.set(this.#deal, Deal.starts, named ? input.entryStarts : 0);
    this.#descriptors.set(this.#deal, Deal.features, named ? input.entryFeatures : input.tokens);
    this.#descriptors.set(this.#deal, Deal.values, named ? input.entryValues : 0);
    this.#descriptors.set(this.#deal, Deal.rows, rows);
    this.#descriptors.set(this.#gradient, RowGradient.rows, rows);
    this.#descriptors.set(this.#gradient, RowGradient.chunks, Math.ceil(rows / this.#table.chunkRows));
  }

  /** Sorts a chunk of entries by pieces; chunks behind the end of the window are empty. */
  deal(chunk: number): void {
    this.#kernels.deal(this.#deal, chunk, chunk + 1);
  }

  /** Once all chunks are dealt: gives each piece places for as many rows as it has entries. */
  place(): void {
    const { bins, bases, pieces } = this.#table;
    const { ints } = this.#arena;
    const chunks = this.#arena.doubles[this.#gradient / 8 + RowGradient.chunks];
    let place = 0;
    for (let piece = 0; piece < pieces; piece++) {
      ints[bases / 4 + piece] = place;
      for (let chunk = 0; chunk < chunks; chunk++) {
        const at = bins / 4 + chunk * (pieces + 1) + piece;
        place += ints[at + 1] - ints[at];
      }
    }
    ints[bases / 4 + pieces] = place;
  }

  /** Of pieces [from, to). */
  gradient(from: number, to: number): void {
    this.#kernels.rowGradient(this.#gradient, from, to);
  }

  /** The sum of squares of all pieces, in their order. */
  squareNorm(): number {
    let sum = 0;
    for (let piece = 0; piece < this.#table.pieces; piece++) sum += this.#arena.doubles[this.#table.norms / 8 + piece];
    return sum;
  }

  /** @param n which update this is, from 1 on */
  beginUpdate(rate: number, clipFactor: number, n: number): void {
    const { name, epsilon, beta2 } = this.#optimizer;
    this.#all = visitsAll(this.#table, n);
    setStep(this.#descriptors, this.#update, RowUpdate, this.#optimizer, rate, clipFactor, n);
    // PyTorch's SparseAdam adds epsilon to sqrt(v) before it corrects the bias, where Adam does after.
    if (name === 'sparse-adam')
      this.#descriptors.set(this.#update, RowUpdate.epsilon, epsilon / Math.sqrt(1 - beta2 ** n));
    this.#descriptors.set(this.#update, RowUpdate.all, this.#all ? 1 : 0);
    this.#descriptors.set(this.#update, RowUpdate.now, n % PERIOD);
    this.#descriptors.set(this.#update, RowUpdate.places, this.#baseOf(this.#table.pieces));
  }

  /** Where the rows of the update's piece or block begin: a place, or a row where all are visited. */
  boundary(index: number): number {
    if (!this.#all) return this.#baseOf(index);
    const { blockRows, parameter } = this.#table;
    return Math.min(this.#layout.parameters[parameter].depth, index * blockRows);
  }

  /** The steps of rows or places [from, to), some blockRows at most. */
  updateRows(from: number, to: number): void {
    this.#kernels.rowUpdate(this.#update, from, to);
  }

  /** The first place of a piece; behind the last one the places that are used. */
  #baseOf(piece: number): number {
    return this.#arena.ints[this.#table.bases / 4 + piece];
  }

  /** Once update n is made: what it has done to the rows that it left out. */
  commit(rate: number, n: number): void {
    if (!this.#isBehind) return;
    composeMaps(this.#arena.doublesAt(this.#table.behind.maps, 2 * PERIOD), (n - 1) % PERIOD, this.#optimizer, rate);
  }

  get #isBehind(): boolean {
    return this.#table.behind.period > 0;
  }
}
