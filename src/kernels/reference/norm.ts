// Layer normalization (Ba, Kiros & Hinton 2016, arXiv 1607.06450), forward and backward, row by row.

import { LayerNorm, padded } from '../kernels.js';
import { type Arena, areCounts, grouped, matrix, span } from './arena.js';

/** What both passes read of a descriptor, once it is checked; a view that is 0 is not asked for. */
interface Norm {
  readonly f: Float64Array;
  /** Index in the floats of a view of rows. */
  readonly view: (field: number) => number;
  readonly gain: number;
  readonly bias: number;
  readonly inverse: number;
  /** Calls back for each row: where it begins in all views of rows, and in those of a number a row. */
  readonly eachRow: (visit: (at: number, index: number) => void) => void;
  /** Calls back for each number of a row: where it stands in it, and whether it is no padding. */
  readonly each: (visit: (j: number, live: boolean) => void) => void;
  /** Sum over a row's numbers, divided by how many there are. */
  readonly mean: (term: (j: number) => number) => number;
}

function normOf(arena: Arena, name: string, offset: number, fromGroup: number, toGroup: number): Norm {
  const f = arena.descriptor(name, offset, LayerNorm);
  const [rows, units, parts] = [f[LayerNorm.rows], f[LayerNorm.units], f[LayerNorm.parts]];
  const [ld, group, inverseGroup] = [f[LayerNorm.ld], f[LayerNorm.group], f[LayerNorm.inverseGroup]];
  const width = areCounts(units) ? padded(units) : units;
  const all = grouped(fromGroup, toGroup, group, matrix(rows, ld, parts * width));
  const perRow = grouped(fromGroup, toGroup, inverseGroup, span(0, rows));
  const hasInverse = f[LayerNorm.inverse] !== 0;
  const busy = toGroup > fromGroup && rows > 0;
  const row = busy ? matrix(parts, width, width) : span(0, 0);
  const each: Norm['each'] = (visit) => {
    for (let part = 0; part < parts; part++) for (let j = 0; j < width; j++) visit(part * width + j, j < units);
  };
  return {
    f,
    view: (field) => arena.float(name, f[field], all),
    gain: arena.float(`${name}: gain`, f[LayerNorm.gain], row),
    bias: arena.float(`${name}: bias`, f[LayerNorm.bias], row),
    inverse: arena.float(`${name}: inverse`, f[LayerNorm.inverse], hasInverse ? perRow : span(0, 0)),
    eachRow: (visit) => {
      for (let g = fromGroup; g < toGroup; g++)
        for (let r = 0; r < rows && parts * units > 0; r++) visit(g * group + r * ld, g * inverseGroup + r);
    },
    each,
    mean: (term) => {
      let sum = 0;
      each((j, live) => {
        if (live) sum += term(j);
      });
      return sum / (parts * units);
    },
  };
}

/** out = gain n + bias, n = (in - mean) / sqrt(variance + epsilon) */
export function normForward(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats } = arena;
  const norm = normOf(arena, 'normForward', offset, fromGroup, toGroup);
  const { f, gain, bias, inverse } = norm;
  const [source, out] = [norm.view(LayerNorm.in), norm.view(LayerNorm.out)];
  const normal = f[LayerNorm.normal] === 0 ? undefined : norm.view(LayerNorm.normal);

  norm.eachRow((at, index) => {
    const mean = norm.mean((j) => floats[source + at + j]);
    const variance = norm.mean((j) => (floats[source + at + j] - mean) ** 2);
    const scale = 1 / Math.sqrt(variance + f[LayerNorm.epsilon]);
    if (f[LayerNorm.inverse] !== 0) floats[inverse + index] = scale;
    norm.each((j, live) => {
      const n = live ? (floats[source + at + j] - mean) * scale : 0;
      if (normal !== undefined) floats[normal + at + j] = n;
      floats[out + at + j] = live ? floats[gain + j] * n + floats[bias + j] : 0;
    });
  });
}

/** dIn = (g - mean(g) - n mean(g n)) / deviation, g = dOut gain; n becomes dOut n. */
export function normBackward(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats } = arena;
  const norm = normOf(arena, 'normBackward', offset, fromGroup, toGroup);
  const { gain, inverse } = norm;
  const [dOut, dIn] = [norm.view(LayerNorm.dOut), norm.view(LayerNorm.dIn)];
  const normal = norm.view(LayerNorm.normal);

  norm.eachRow((at, index) => {
    const g = (j: number): number => floats[dOut + at + j] * floats[gain + j];
    const [mean, along] = [norm.mean(g), norm.mean((j) => g(j) * floats[normal + at + j])];
    norm.each((j, live) => {
      const [d, n] = [floats[dOut + at + j], floats[normal + at + j]];
      const slope = (g(j) - mean - n * along) * floats[inverse + index];
      floats[dIn + at + j] = live ? slope : 0;
      floats[normal + at + j] = live ? d * n : 0;
    });
  });
}
