// Lookup tables: rows gathered by token, gradients scattered back by token, and the sums over rows that biases need.

import { ColumnSums, Gather, Scatter } from '../kernels.js';
import { type Arena, grouped, matrix, span } from './arena.js';

function checkedToken(name: string, token: number, vocabulary: number): number {
  if (token >= 0 && token < vocabulary) return token;
  throw new RangeError(`${name}: token ${token} in a vocabulary of ${vocabulary}`);
}

/** out[g][r] = table[token[g][r]] + bias + bias2; table [vocabulary, columns], out[g] [rows, columns]. */
export function gather(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('gather', offset, Gather);
  const [rows, columns, vocabulary] = [f[Gather.rows], f[Gather.columns], f[Gather.vocabulary]];
  const [ldt, ldo, outGroup, tokenGroup] = [f[Gather.ldt], f[Gather.ldo], f[Gather.outGroup], f[Gather.tokenGroup]];
  const busy = toGroup > fromGroup && rows > 0;
  const table = arena.float('gather: table', f[Gather.table], matrix(busy ? vocabulary : 0, ldt, columns));
  const out = arena.float(
    'gather: out',
    f[Gather.out],
    grouped(fromGroup, toGroup, outGroup, matrix(rows, ldo, columns)),
  );
  const tokens = arena.integer(
    'gather: tokens',
    f[Gather.tokens],
    grouped(fromGroup, toGroup, tokenGroup, span(0, rows)),
  );
  const [hasBias, hasBias2] = [f[Gather.bias] !== 0, f[Gather.bias2] !== 0];
  const bias = arena.float('gather: bias', f[Gather.bias], span(0, busy && hasBias ? columns : 0));
  const bias2 = arena.float('gather: bias2', f[Gather.bias2], span(0, busy && hasBias2 ? columns : 0));

  for (let group = fromGroup; group < toGroup; group++) {
    for (let row = 0; row < rows; row++) {
      const token = checkedToken('gather', integers[tokens + group * tokenGroup + row], vocabulary);
      const outRow = out + group * outGroup + row * ldo;
      for (let j = 0; j < columns; j++) {
        // out[j] = table[token, j] + bias[j] + bias2[j]
        let value = floats[table + token * ldt + j];
        if (hasBias) value += floats[bias + j];
        if (hasBias2) value += floats[bias2 + j];
        floats[outRow + j] = value;
      }
    }
  }
}

/** Columns [from, to) of the table: zero, then table[token[r]] += D[r] for all rows in order. */
export function scatter(arena: Arena, offset: number, fromColumn: number, toColumn: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('scatter', offset, Scatter);
  const [rows, vocabulary, ldd, ldt] = [f[Scatter.rows], f[Scatter.vocabulary], f[Scatter.ldd], f[Scatter.ldt]];
  const columns = span(fromColumn, toColumn);
  const busy = columns.end > columns.lowest;
  const d = arena.float('scatter: d', f[Scatter.d], grouped(0, rows, ldd, columns));
  const tokens = arena.integer('scatter: tokens', f[Scatter.tokens], span(0, busy ? rows : 0));
  const table = arena.float('scatter: table', f[Scatter.table], grouped(0, vocabulary, ldt, columns));

  for (let token = 0; token < vocabulary; token++) {
    for (let j = fromColumn; j < toColumn; j++) floats[table + token * ldt + j] = 0;
  }
  for (let row = 0; row < rows; row++) {
    const tableRow = table + checkedToken('scatter', integers[tokens + row], vocabulary) * ldt;
    for (let j = fromColumn; j < toColumn; j++) floats[tableRow + j] += floats[d + row * ldd + j];
  }
}

/** out[j] = sum over r of D[r, j] for columns [from, to), rows in order. */
export function columnSums(arena: Arena, offset: number, fromColumn: number, toColumn: number): void {
  const { floats } = arena;
  const f = arena.descriptor('columnSums', offset, ColumnSums);
  const [rows, ldd, hasCopy] = [f[ColumnSums.rows], f[ColumnSums.ldd], f[ColumnSums.out2] !== 0];
  const columns = span(fromColumn, toColumn);
  const d = arena.float('columnSums: d', f[ColumnSums.d], grouped(0, rows, ldd, columns));
  const out = arena.float('columnSums: out', f[ColumnSums.out], columns);
  const out2 = arena.float('columnSums: out2', f[ColumnSums.out2], hasCopy ? columns : span(0, 0));

  for (let j = fromColumn; j < toColumn; j++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += floats[d + row * ldd + j];
    floats[out + j] = sum;
    if (hasCopy) floats[out2 + j] = sum;
  }
}
