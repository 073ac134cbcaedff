// Sums of rows: what a layer says and what it has read.

import { Add } from '../kernels.js';
import { type Arena, grouped, matrix } from './arena.js';

/** out[g][r][j] = a[g][r][j] + b[g][r][j] */
export function add(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats } = arena;
  const f = arena.descriptor('add', offset, Add);
  const [rows, columns, ld, stride] = [f[Add.rows], f[Add.columns], f[Add.ld], f[Add.group]];
  const extent = grouped(fromGroup, toGroup, stride, matrix(rows, ld, columns));
  const a = arena.float('add: a', f[Add.a], extent);
  const b = arena.float('add: b', f[Add.b], extent);
  const out = arena.float('add: out', f[Add.out], extent);

  for (let group = fromGroup; group < toGroup; group++) {
    for (let row = 0; row < rows; row++) {
      const at = group * stride + row * ld;
      for (let j = 0; j < columns; j++) floats[out + at + j] = floats[a + at + j] + floats[b + at + j];
    }
  }
}
