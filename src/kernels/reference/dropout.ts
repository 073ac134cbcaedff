// Dropout between layers. The mask is a function of (key, stream, time, unit), so no worker has to draw in any order.

import { Dropout } from '../kernels.js';
import { type Arena, grouped, matrix } from './arena.js';

/** Chris Wellons' lowbias32: 32 bits in, 32 well mixed bits out. */
export function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** 2^32 over the golden ratio: neighbouring units get inputs that lie far apart. */
const GOLDEN = 0x9e3779b9;

/** The 32 random bits of a unit. */
export function dropoutBits(key: number, stream: number, time: number, unit: number): number {
  const rowKey = mix(mix(key ^ stream) ^ time);
  return mix(rowKey + Math.imul(unit, GOLDEN));
}

/** out[g][r][j] = in[g][r][j] scale, or 0 where the unit's bits lie below the threshold. */
export function dropout(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats } = arena;
  const f = arena.descriptor('dropout', offset, Dropout);
  const [rows, columns, ld, stride] = [f[Dropout.rows], f[Dropout.columns], f[Dropout.ld], f[Dropout.group]];
  const extent = grouped(fromGroup, toGroup, stride, matrix(rows, ld, columns));
  const source = arena.float('dropout: in', f[Dropout.in], extent);
  const out = arena.float('dropout: out', f[Dropout.out], extent);

  for (let group = fromGroup; group < toGroup; group++) {
    for (let row = 0; row < rows; row++) {
      const at = group * stride + row * ld;
      for (let j = 0; j < columns; j++) {
        const dropped = dropoutBits(f[Dropout.key], f[Dropout.firstStream] + row, group, j) < f[Dropout.threshold];
        floats[out + at + j] = dropped ? 0 : floats[source + at + j] * f[Dropout.scale];
      }
    }
  }
}
