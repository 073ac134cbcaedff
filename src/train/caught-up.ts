// A copy of a table as it would be if all of its rows caught up now: what evaluation sees, and what a model's file holds. Nothing is
// written back, so that neither changes a bit of the run.
import { CatchUp } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import type { PlacedParameter } from '../model/views.js';
import type { RunLayout } from './layout.js';

/** The table whose rows may be behind; undefined where none is. */
export const tableBehind = ({ table, parameters }: RunLayout): PlacedParameter | undefined =>
  table?.behind.period ? parameters[table.parameter] : undefined;

/** @returns the parameter's numbers as they are stored: a copy for the table, a view for others */
export function caughtUp(arena: Arena, layout: RunLayout, p: PlacedParameter): Float32Array | Float64Array {
  const stored = arena.floatsAt(p.weights, p.length);
  if (layout.table === undefined || tableBehind(layout) !== p) return stored;
  const values = stored.slice();
  const { behind } = layout.table;
  const touchedAt = arena.intsAt(behind.touchedAt, p.depth);
  const maps = arena.doublesAt(behind.maps, 2 * behind.period);
  const isMomentum = behind.catchUp === CatchUp.momentum;
  const momentum = isMomentum ? arena.floatsAt(p.firstState, p.length) : values;
  for (let row = 0; row < p.depth; row++) {
    const [d, b] = [maps[2 * touchedAt[row]], maps[2 * touchedAt[row] + 1]];
    if (d === 0 && b === 0) continue;
    for (let i = row * p.columns; i < (row + 1) * p.columns; i++) {
      const w = values[i];
      values[i] = isMomentum ? w - b * momentum[i] : Math.sign(w) * Math.max(0, (1 - d) * Math.abs(w) - b);
    }
  }
  return values;
}
