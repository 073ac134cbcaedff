// After workers were lost and all others have come out: makes the arena one from which new workers go on. What the lost ones had
// open is put back; the step is done again from its start, or from UPDATE on where its gradient was complete.
import type { Arena } from '../memory/arena.js';
import type { RunLayout } from '../train/layout.js';
import { visitsAll } from '../train/table-views.js';
import { restorePiece, restoreRows } from '../train/undo.js';
import { Kept } from './kept.js';
import { beginsAt, CLEARED, fateOf, OPEN_ROWS, openPieceWord, Word } from './protocol.js';

/** No worker may be running. @returns whether the model is as the last completed step left it */
export function recover(arena: Arena, layout: RunLayout): boolean {
  const words = arena.ints.subarray(layout.control / 4);
  const completed = Atomics.load(words, Word.completed);
  new Kept(arena, layout).restore(completed);
  for (let worker = 0; worker < layout.shape.workers; worker++) restoreOpen(arena, layout, worker);
  for (const word of [Word.arrived, Word.opened + 1, Word.published + 1]) Atomics.store(words, word, 0);
  words.fill(0, CLEARED.from, CLEARED.to);
  Atomics.store(words, Word.abort, 0);
  return beginsAt(completed, Atomics.load(words, Word.judged)) === 'start' || Atomics.load(words, Word.applies) === 0;
}

function restoreOpen(arena: Arena, layout: RunLayout, worker: number): void {
  const words = arena.ints.subarray(layout.control / 4);
  const open = openPieceWord(worker);
  const marked = Atomics.load(words, open);
  const piece = marked - 1;
  Atomics.store(words, open, 0);
  const update = Atomics.load(words, Word.updates) + 1;
  const done = (layout.pieceDone - layout.control) / 4 + piece;
  if (fateOf(marked, Atomics.load(words, done), update) !== 'restored') return;
  const { pieces } = layout.work;
  if (piece < pieces.length) {
    restorePiece(arena, layout, worker, pieces[piece]);
    return;
  }
  const from = Atomics.load(words, open + OPEN_ROWS);
  const areRows = layout.table !== undefined && visitsAll(layout.table, update);
  if (from >= 0) restoreRows(arena, layout, worker, [from, Atomics.load(words, open + OPEN_ROWS + 1)], areRows);
  Atomics.store(words, done, from >= 0 ? ~from : from);
}
