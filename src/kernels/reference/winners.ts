// K winners take all: of each row the largest values stay, the others become zero.

import { PANEL, Winners } from '../kernels.js';
import { type Arena, areCounts, grouped, matrix, OUTSIDE } from './arena.js';

/** Of each row of A[g] [rows, columns] the `keep` largest values above zero, in place; of equal ones those in lower columns. */
export function winners(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats } = arena;
  const f = arena.descriptor('winners', offset, Winners);
  const [rows, columns, lda, aGroup] = [f[Winners.rows], f[Winners.columns], f[Winners.lda], f[Winners.aGroup]];
  const keep = f[Winners.keep];
  const shape = columns % PANEL === 0 && areCounts(keep) ? matrix(rows, lda, columns) : OUTSIDE;
  const a = arena.float('winners: a', f[Winners.a], grouped(fromGroup, toGroup, aGroup, shape));

  for (let group = fromGroup; group < toGroup; group++) {
    for (let row = 0; row < rows; row++) {
      const first = a + group * aGroup + row * lda;
      keepLargest(floats.subarray(first, first + columns), keep);
    }
  }
}

function keepLargest(row: Float32Array | Float64Array, keep: number): void {
  const above = Array.from(row.keys()).filter((column) => row[column] > 0);
  // Two infinities have no difference; the column decides between them as between all that are equal.
  above.sort((i, j) => row[j] - row[i] || i - j);
  const stays = new Set(above.slice(0, keep));
  for (let column = 0; column < row.length; column++)
    if (!stays.has(column) && !Number.isNaN(row[column])) row[column] = 0;
}
