// A copy of a table as it would be if all of its rows caught up now: what evaluation sees, and what a model's file holds. Nothing is
// written back, so that neither changes a bit of the run.
import { CatchUp } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import type { PlacedParameter } from '../model/views.js';
import type { RunLayout } from './layout.js';

/** Whether rows of this parameter may be behind. */
export const mayBeBehind = ({ table, parameters }: RunLayout, p: PlacedParameter): boolean =>
  table !== undefined && table.behind.period > 0 && parameters[table.parameter] === p;

/** @returns [V, columns], as the table is stored */
export function caughtUp(arena: Arena, layout: RunLayout, p: PlacedParameter): Float32Array | Float64Array {
  const values = arena.floatsAt(p.weights, p.length).slice();
  if (!layout.table || !mayBeBehind(layout, p)) return values;
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
