// UPDATE as one worker does it: tickets of pieces, each written in place. Before a piece is written over, the worker's undo slot is
// made ready and the piece marked open; then it is done. Whoever finds a piece open puts it back (recovery.ts), and what is not
// done is done again.
import type { Arena } from '../memory/arena.js';
import { Phase, type Phases } from '../model/phases.js';
import type { RunLayout } from '../train/layout.js';
import type { TableRows } from '../train/table-rows.js';
import { visitsAll } from '../train/table-views.js';
import type { Ticket } from '../train/tickets.js';
import { UndoSlot } from '../train/undo.js';
import type { Updates } from '../train/updates.js';
import type { Claims } from './claims.js';
import { OPEN_ROWS, openPieceWord, Word } from './protocol.js';

export interface UpdateParts {
  readonly updates: Updates;
  readonly table: TableRows | undefined;
  readonly claims: Claims;
  readonly phases: Phases;
}

export class UpdatePhase {
  readonly #words: Int32Array;
  readonly #layout: RunLayout;
  readonly #parts: UpdateParts;
  readonly #undo: UndoSlot;
  readonly #open: number;
  /** Word of the first piece's `pieceDone`. */
  readonly #done: number;
  readonly #rowFloats: number;
  #number = 0;
  /** Whether this update visits all rows of the table. */
  #visitsAll = false;

  constructor(arena: Arena, layout: RunLayout, worker: number, parts: UpdateParts) {
    this.#words = arena.ints.subarray(layout.control / 4);
    this.#layout = layout;
    this.#parts = parts;
    this.#undo = new UndoSlot(arena, layout, worker);
    this.#open = openPieceWord(worker);
    this.#done = (layout.pieceDone - layout.control) / 4;
    this.#rowFloats = layout.table ? layout.parameters[layout.table.parameter].columns : 0;
  }

  run(rate: number, clipFactor: number): void {
    const { updates, table, claims } = this.#parts;
    const { queues } = this.#layout.work;
    const n = Atomics.load(this.#words, Word.updates) + 1;
    updates.begin(rate, clipFactor, n);
    table?.beginUpdate(rate, clipFactor, n);
    this.#number = n;
    this.#visitsAll = this.#layout.table !== undefined && visitsAll(this.#layout.table, n);
    claims.run(this.#visitsAll ? queues.piecesAndBlocks : queues.pieces, this.#doPieces);
  }

  readonly #doPieces = ([from, to]: Ticket): void => {
    const words = this.#words;
    const { pieces } = this.#layout.work;
    for (let i = from; i < to && i < pieces.length; i++) {
      // Done before a worker was lost.
      if (Atomics.load(words, this.#done + i) === this.#number) continue;
      const piece = pieces[i];
      this.#undo.clear(piece.to - piece.from);
      Atomics.store(words, this.#open, i + 1);
      this.#parts.updates.piece(piece);
      Atomics.store(words, this.#done + i, this.#number);
      Atomics.store(words, this.#open, 0);
    }
    const first = Math.max(from, pieces.length);
    if (first < to) this.#doRows(first, to);
  };

  /** Pieces of the table, or blocks of its rows, together: each piece has few rows. */
  #doRows(first: number, to: number): void {
    const { table, phases } = this.#parts;
    if (!table) return;
    const words = this.#words;
    const done = Atomics.load(words, this.#done + first);
    if (done === this.#number) return;
    phases.enter(Phase.table);
    const pieces = this.#layout.work.pieces.length;
    const start = done < 0 ? ~done : table.boundary(first - pieces);
    Atomics.store(words, this.#open + OPEN_ROWS, ~start);
    Atomics.store(words, this.#open, first + 1);
    this.#doBlocks(table, start, table.boundary(to - pieces));
    Atomics.store(words, this.#done + first, this.#number);
    Atomics.store(words, this.#open, 0);
    phases.enter(Phase.update);
  }

  #doBlocks(table: TableRows, start: number, end: number): void {
    const words = this.#words;
    const rows = this.#open + OPEN_ROWS;
    const blockRows = this.#layout.table?.blockRows ?? 1;
    for (let from = start; from < end; from += blockRows) {
      const to = Math.min(end, from + blockRows);
      Atomics.store(words, rows, ~from);
      Atomics.store(words, rows + 1, to);
      this.#undo.clear((to - from) * this.#rowFloats);
      this.#undo.keepMarks(from, to, this.#visitsAll);
      Atomics.store(words, rows, from);
      table.updateRows(from, to);
    }
  }
}
