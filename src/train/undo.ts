// The undo slots: a worker's copy of what it is writing over in UPDATE. A thread can be ended within a kernel of WebAssembly or
// TypeScript, so a slot also says how far it was filled: the kernels keep each element before they write over it.
import type { Arena } from '../memory/arena.js';
import type { PlacedParameter } from '../model/views.js';
import type { RunLayout } from './layout.js';
import type { Piece } from './tiles.js';

/** The bits of an element that is not kept: a NaN that no arithmetic makes. */
const NOT_KEPT = 0xffa5_5a5a | 0;

export class UndoSlot {
  readonly #arena: Arena;
  readonly #slot: number;
  readonly #marks: number | undefined;
  readonly #layout: RunLayout;

  constructor(arena: Arena, layout: RunLayout, worker: number) {
    this.#arena = arena;
    this.#layout = layout;
    this.#slot = layout.undo[worker];
    this.#marks = layout.undoMarks[worker];
  }

  /** Makes it ready for so many elements of a parameter. Those of its state are kept together with them. */
  clear(floats: number): void {
    const { ints, floatBytes } = this.#arena;
    ints.fill(NOT_KEPT, this.#slot / 4, (this.#slot + floats * floatBytes) / 4);
  }

  /** Keeps since when rows or places [from, to) of the table were behind, where they may be. */
  keepMarks(from: number, to: number, areRows: boolean): void {
    const { table } = this.#layout;
    if (this.#marks === undefined || table === undefined) return;
    const { ints } = this.#arena;
    for (let i = from; i < to; i++) {
      const row = areRows ? i : ints[table.touched / 4 + i];
      if (row >= 0) ints[this.#marks / 4 + i - from] = ints[table.behind.touchedAt / 4 + row];
    }
  }
}

/** Puts back what a lost worker has written of a piece. */
export function restorePiece(arena: Arena, layout: RunLayout, worker: number, { parameter, from, to }: Piece): void {
  restoreElements(arena, layout, worker, layout.parameters[parameter], {
    at: from,
    kept: 0,
    count: to - from,
    of: to - from,
  });
}

/** Puts back what a lost worker has written of rows or places [from, to) of the table. */
export function restoreRows(
  arena: Arena,
  layout: RunLayout,
  worker: number,
  [from, to]: readonly [number, number],
  areRows: boolean,
): void {
  const { table, undoMarks } = layout;
  if (table === undefined) return;
  const p = layout.parameters[table.parameter];
  const { ints } = arena;
  for (let i = from; i < to; i++) {
    const row = areRows ? i : ints[table.touched / 4 + i];
    if (row < 0) continue;
    const kept = (i - from) * p.columns;
    restoreElements(arena, layout, worker, p, {
      at: row * p.columns,
      kept,
      count: p.columns,
      of: (to - from) * p.columns,
    });
    const marks = undoMarks[worker];
    if (marks !== undefined) ints[table.behind.touchedAt / 4 + row] = ints[marks / 4 + i - from];
  }
}

/** Elements from `at` on, which stand from `kept` on in a slot of three times `of`. */
function restoreElements(
  { ints, floats, floatBytes }: Arena,
  { undo }: RunLayout,
  worker: number,
  p: PlacedParameter,
  { at, kept, count, of }: { readonly at: number; readonly kept: number; readonly count: number; readonly of: number },
): void {
  const slot = undo[worker] / floatBytes;
  for (let i = 0; i < count; i++) {
    // The last word of the element, whatever its size.
    if (ints[((slot + kept + i + 1) * floatBytes) / 4 - 1] === NOT_KEPT) continue;
    [p.weights, p.firstState, p.secondState].forEach((view, part) => {
      if (view > 0) floats[view / floatBytes + at + i] = floats[slot + part * of + kept + i];
    });
  }
}
