// Tables that are read and updated by rows: entries dealt to the pieces of the table, sums of rows, gradients of the rows that are
// named, and the optimizer's step on them, before which rows catch up with what they have missed.

import { CatchUp, Deal, Lookup, MOST_PIECE_ROWS, MOST_PIECES, RowGradient, RowUpdate } from '../kernels.js';
import { type Arena, areCounts, grouped, matrix, OUTSIDE, span } from './arena.js';
import { ruleOf, stepAt, undoSlots } from './optimizers.js';

const isPowerOfTwo = (count: number): boolean => count >= 1 && Number.isInteger(Math.log2(count));
const isPieces = (pieces: number): boolean => isPowerOfTwo(pieces) && pieces <= MOST_PIECES;

function checked(name: string, what: string, value: number, end: number): number {
  if (value >= 0 && value < end) return value;
  throw new RangeError(`${name}: ${what} ${value} of ${end}`);
}

/** Where the entries of rows begin: at `starts`, or one a row. */
function entriesOf(arena: Arena, name: string, starts: number, from: number, to: number): (row: number) => number {
  if (starts === 0) return (row) => row;
  const first = arena.integer(`${name}: starts`, starts, span(from, to > from ? to + 1 : from));
  const { integers } = arena;
  for (let row = from; row < to; row++) {
    const [begin, end] = [integers[first + row], integers[first + row + 1]];
    if (begin < 0 || begin > end) throw new RangeError(`${name}: row ${row} begins at ${begin} and ends at ${end}`);
  }
  return (row) => integers[first + row];
}

/** The entries of chunks [from, to), sorted by the piece that they read; in a piece in order. */
export function deal(arena: Arena, offset: number, fromChunk: number, toChunk: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('deal', offset, Deal);
  const [rows, chunkRows, vocabulary, pieces] = [f[Deal.rows], f[Deal.chunkRows], f[Deal.vocabulary], f[Deal.pieces]];
  const pieceRows = f[Deal.pieceRows];
  const isCut = isPieces(pieces) && isPowerOfTwo(pieceRows) && pieceRows <= MOST_PIECE_ROWS;
  const valid = areCounts(rows, chunkRows, vocabulary) && chunkRows > 0 && isCut;
  const bins = arena.integer(
    'deal: bins',
    f[Deal.bins],
    valid ? grouped(fromChunk, toChunk, pieces + 1, span(0, pieces + 1)) : OUTSIDE,
  );
  const rowAt = (chunk: number): number => Math.min(rows, chunk * chunkRows);
  const [first, last] = [rowAt(fromChunk), rowAt(toChunk)];
  const entries = entriesOf(arena, 'deal', f[Deal.starts], first, last);
  const range = span(last > first ? entries(first) : 0, last > first ? entries(last) : 0);
  const hasValues = f[Deal.values] !== 0;
  const valueRange = hasValues ? range : span(0, 0);
  const features = arena.integer('deal: features', f[Deal.features], range);
  const values = arena.float('deal: values', f[Deal.values], valueRange);
  const dealtFeatures = arena.integer('deal: dealtFeatures', f[Deal.dealtFeatures], range);
  const dealtRows = arena.integer('deal: dealtRows', f[Deal.dealtRows], range);
  const dealtValues = arena.float('deal: dealtValues', f[Deal.dealtValues], valueRange);

  for (let chunk = fromChunk; chunk < toChunk; chunk++) {
    const bin = bins + chunk * (pieces + 1);
    let at = entries(rowAt(chunk));
    for (let piece = 0; piece < pieces; piece++) {
      integers[bin + piece] = at;
      for (let row = rowAt(chunk); row < rowAt(chunk + 1); row++) {
        for (let entry = entries(row); entry < entries(row + 1); entry++) {
          const feature = checked('deal', 'feature', integers[features + entry], vocabulary);
          if (Math.floor(feature / pieceRows) % pieces !== piece) continue;
          integers[dealtFeatures + at] = feature;
          integers[dealtRows + at] = row;
          if (hasValues) floats[dealtValues + at] = floats[values + entry];
          at++;
        }
      }
    }
    integers[bin + pieces] = at;
  }
}

/** How rows that are behind catch up. */
function catchUpOf(arena: Arena, name: string, f: Float64Array, layout: typeof Lookup | typeof RowUpdate) {
  const [kind, period, vocabulary] = [f[layout.catchUp], f[layout.period], f[layout.vocabulary]];
  if (kind === CatchUp.none) return undefined;
  if (!areCounts(period)) throw new RangeError(`${name}: a period of ${period} updates`);
  const touchedAt = arena.integer(`${name}: touchedAt`, f[layout.touchedAt], span(0, vocabulary));
  const maps = arena.descriptor(`${name}: maps`, f[layout.maps], { size: 2 * period });
  const mapOf = (row: number): number => 2 * checked(name, 'update', arena.integers[touchedAt + row], period);
  return {
    touchedAt,
    /** The row's element w, and m beside it, as they are now. */
    current: (row: number, w: number, m: number): readonly [w: number, m: number] => {
      const [a, b] = [1 - maps[mapOf(row)], maps[mapOf(row) + 1]];
      if (kind === CatchUp.momentum) return [w - b * m, a * m];
      return [Math.sign(w) * Math.max(0, a * Math.abs(w) - b), m];
    },
  };
}

/** out[g][r] = bias + bias2 + sum over the row's entries of value * table[feature]. */
export function lookup(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('lookup', offset, Lookup);
  const [rows, columns, vocabulary, ldt] = [f[Lookup.rows], f[Lookup.columns], f[Lookup.vocabulary], f[Lookup.ldt]];
  const [ldo, outGroup, rowGroup] = [f[Lookup.ldo], f[Lookup.outGroup], f[Lookup.rowGroup]];
  const out = arena.float(
    'lookup: out',
    f[Lookup.out],
    grouped(fromGroup, toGroup, outGroup, matrix(rows, ldo, columns)),
  );
  const allRows = grouped(fromGroup, toGroup, rowGroup, span(0, rows));
  const busy = toGroup > fromGroup && rows > 0;
  if (!busy) return;
  const table = arena.float('lookup: table', f[Lookup.table], matrix(vocabulary, ldt, columns));
  const hasMomentum = f[Lookup.catchUp] === CatchUp.momentum;
  const m = arena.float('lookup: m', f[Lookup.m], hasMomentum ? matrix(vocabulary, ldt, columns) : span(0, 0));
  if (f[Lookup.starts] !== 0) arena.integer('lookup: starts', f[Lookup.starts], { ...allRows, end: allRows.end + 1 });
  const [hasValues, hasBias, hasBias2] = [f[Lookup.values] !== 0, f[Lookup.bias] !== 0, f[Lookup.bias2] !== 0];
  const bias = arena.float('lookup: bias', f[Lookup.bias], span(0, hasBias ? columns : 0));
  const bias2 = arena.float('lookup: bias2', f[Lookup.bias2], span(0, hasBias2 ? columns : 0));
  const catchUp = catchUpOf(arena, 'lookup', f, Lookup);
  const [features, values] = [f[Lookup.features] / 4, f[Lookup.values] / arena.floatBytes];
  const entries = entriesOf(arena, 'lookup', f[Lookup.starts], fromGroup * rowGroup, (toGroup - 1) * rowGroup + rows);
  for (let group = fromGroup; group < toGroup; group++) {
    const own = grouped(group, group + 1, rowGroup, span(0, rows));
    const range = f[Lookup.starts] === 0 ? own : span(entries(own.lowest), entries(own.end));
    arena.integer('lookup: features', f[Lookup.features], range);
    arena.float('lookup: values', f[Lookup.values], hasValues ? range : span(0, 0));
  }

  for (let group = fromGroup; group < toGroup; group++) {
    const firstRow = group * rowGroup;
    for (let row = 0; row < rows; row++) {
      const outRow = out + group * outGroup + row * ldo;
      for (let j = 0; j < columns; j++) {
        let sum = (hasBias ? floats[bias + j] : 0) + (hasBias2 ? floats[bias2 + j] : 0);
        for (let entry = entries(firstRow + row); entry < entries(firstRow + row + 1); entry++) {
          const feature = checked('lookup', 'feature', integers[features + entry], vocabulary);
          const at = feature * ldt + j;
          const w = catchUp ? catchUp.current(feature, floats[table + at], floats[m + at])[0] : floats[table + at];
          sum += (hasValues ? floats[values + entry] : 1) * w;
        }
        floats[outRow + j] = sum;
      }
    }
  }
}

/** Gradients of the rows that the entries of pieces [from, to) name, and the sum of squares of each piece. */
export function rowGradient(arena: Arena, offset: number, fromPiece: number, toPiece: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('rowGradient', offset, RowGradient);
  const [rows, columns, ldd, vocabulary] = [
    f[RowGradient.rows],
    f[RowGradient.columns],
    f[RowGradient.ldd],
    f[RowGradient.vocabulary],
  ];
  const [chunks, pieces] = [f[RowGradient.chunks], f[RowGradient.pieces]];
  const valid = areCounts(chunks, pieces, vocabulary) && isPieces(pieces) && toPiece <= pieces;
  const bins = arena.integer(
    'rowGradient: bins',
    f[RowGradient.bins],
    valid ? span(0, chunks * (pieces + 1)) : OUTSIDE,
  );
  const d = arena.float('rowGradient: d', f[RowGradient.d], matrix(rows, ldd, columns));
  const bases = arena.integer('rowGradient: bases', f[RowGradient.bases], span(fromPiece, toPiece + 1));
  const norms = arena.descriptor('rowGradient: norms', f[RowGradient.norms], { size: toPiece });
  const hasSlots = f[RowGradient.slots] !== 0;
  const slots = arena.integer('rowGradient: slots', f[RowGradient.slots], span(0, hasSlots ? vocabulary : 0));
  const hashSize = f[RowGradient.hashSize];
  arena.integer('rowGradient: hash', f[RowGradient.hash], areCounts(hashSize) ? span(0, hashSize) : OUTSIDE);
  const hasValues = f[RowGradient.dealtValues] !== 0;
  for (let piece = fromPiece; piece < toPiece; piece++) {
    const [base, end] = [integers[bases + piece], integers[bases + piece + 1]];
    const places = base <= end && base >= 0 ? span(base, end) : OUTSIDE;
    const g = arena.float('rowGradient: g', f[RowGradient.g], grouped(base, end, columns, span(0, columns)));
    const touched = arena.integer('rowGradient: touched', f[RowGradient.touched], places);
    if (end > base && hashSize < 2 * (end - base)) throw new RangeError(`rowGradient: a hash of ${hashSize}`);
    const placeOf = new Map<number, number>();
    let next = base;
    for (let chunk = 0; chunk < chunks; chunk++) {
      const bin = bins + chunk * (pieces + 1) + piece;
      const range = span(integers[bin], integers[bin + 1]);
      const features = arena.integer('rowGradient: dealtFeatures', f[RowGradient.dealtFeatures], range);
      const dealtRows = arena.integer('rowGradient: dealtRows', f[RowGradient.dealtRows], range);
      const values = arena.float(
        'rowGradient: dealtValues',
        f[RowGradient.dealtValues],
        hasValues ? range : span(0, 0),
      );
      for (let entry = integers[bin]; entry < integers[bin + 1]; entry++) {
        const feature = checked('rowGradient', 'feature', integers[features + entry], vocabulary);
        const row = checked('rowGradient', 'row', integers[dealtRows + entry], rows);
        const place = placeOf.get(feature) ?? checked('rowGradient', 'place', next, end);
        if (place === next) {
          placeOf.set(feature, place);
          integers[touched + place] = feature;
          floats.fill(0, g + place * columns, g + (place + 1) * columns);
          next++;
          if (hasSlots) integers[slots + feature] = next;
        }
        const value = hasValues ? floats[values + entry] : 1;
        for (let j = 0; j < columns; j++) floats[g + place * columns + j] += value * floats[d + row * ldd + j];
      }
    }
    integers.fill(-1, touched + next, touched + end);
    norms[piece] = 0;
    for (let i = g + base * columns; i < g + next * columns; i++) norms[piece] += floats[i] * floats[i];
  }
}

/** The optimizer's step on the rows at places [from, to), or on rows [from, to) whether they have a place or not. */
export function rowUpdate(arena: Arena, offset: number, from: number, to: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('rowUpdate', offset, RowUpdate);
  const [columns, vocabulary, places] = [f[RowUpdate.columns], f[RowUpdate.vocabulary], f[RowUpdate.places]];
  const rule = ruleOf(f, RowUpdate);
  const all = f[RowUpdate.all] !== 0;
  const [hasM, hasV] = [f[RowUpdate.m] !== 0, f[RowUpdate.v] !== 0];
  const table = matrix(vocabulary, columns, columns);
  const none = span(0, 0);
  const w = arena.float('rowUpdate: w', f[RowUpdate.w], table);
  const m = arena.float('rowUpdate: m', f[RowUpdate.m], hasM ? table : none);
  const v = arena.float('rowUpdate: v', f[RowUpdate.v], hasV ? table : none);
  const g = arena.float('rowUpdate: g', f[RowUpdate.g], matrix(places, columns, columns));
  const slots = arena.integer('rowUpdate: slots', f[RowUpdate.slots], all ? span(0, vocabulary) : none);
  const touched = arena.integer('rowUpdate: touched', f[RowUpdate.touched], span(0, places));
  const count = (to - from) * columns;
  const valid = areCounts(from, to) && to >= from && to <= (all ? vocabulary : places);
  const undo = arena.float(
    'rowUpdate: undo',
    f[RowUpdate.undo],
    valid ? span(0, undoSlots(hasM, hasV) * count) : OUTSIDE,
  );
  arena.float('rowUpdate: scratch', f[RowUpdate.scratch], all ? span(0, count) : none);
  const catchUp = catchUpOf(arena, 'rowUpdate', f, RowUpdate);
  /** -1 where what the row's slot holds is of an earlier step. */
  const placeOf = (row: number): number => {
    const place = integers[slots + row] - 1;
    return place >= 0 && place < places && integers[touched + place] === row ? place : -1;
  };

  for (let i = from; i < to; i++) {
    if (!all && integers[touched + i] === -1) continue;
    const row = all ? i : checked('rowUpdate', 'row', integers[touched + i], vocabulary);
    const place = all ? placeOf(row) : i;
    for (let j = 0; j < columns; j++) {
      const [at, kept] = [row * columns + j, undo + (i - from) * columns + j];
      floats[kept] = floats[w + at];
      if (hasM) floats[kept + count] = floats[m + at];
      if (hasV) floats[kept + 2 * count] = floats[v + at];
      if (catchUp) {
        const [current, velocity] = catchUp.current(row, floats[w + at], hasM ? floats[m + at] : 0);
        floats[w + at] = current;
        if (hasM) floats[m + at] = velocity;
      }
      stepAt(floats, rule, w + at, place >= 0 ? floats[g + place * columns + j] : 0, m + at, v + at);
    }
    if (catchUp) integers[catchUp.touchedAt + row] = f[RowUpdate.now];
  }
}
