// Lists of what is not zero: the active units of a row, and the rows in which a unit is active.

import { ActiveRows, ActiveUnits, LIST_ROWS, PANEL } from '../kernels.js';
import { type Arena, areCounts, grouped, matrix, OUTSIDE, span } from './arena.js';

/** Which fields of a descriptor say where the lists of rows lie; of one group where none is for groups. */
type ListFields = Readonly<Record<'active' | 'ldActive' | 'counts', number>> &
  Readonly<Partial<Record<'activeGroup' | 'countGroup', number>>>;

/** The shape of what is listed: rows of `columns` in groups [from, to). */
interface Shape {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly columns: number;
}

/** @returns where a row's list begins and where its length stands, among the arena's integers */
export function placeOfLists(
  arena: Arena,
  kernel: string,
  fields: Float64Array,
  layout: ListFields,
  { from, to, rows, columns }: Shape,
) {
  const read = (field: number | undefined): number => (field === undefined ? 0 : fields[field]);
  const [ld, group, countGroup] = [layout.ldActive, layout.activeGroup, layout.countGroup].map(read);
  const lists = grouped(from, to, group, matrix(rows, ld, columns));
  const active = arena.integer(`${kernel}: active`, fields[layout.active], lists);
  const counts = arena.integer(
    `${kernel}: counts`,
    fields[layout.counts],
    grouped(from, to, countGroup, span(0, rows)),
  );
  return {
    listAt: (g: number, row: number) => active + g * group + row * ld,
    countAt: (g: number, row: number) => counts + g * countGroup + row,
  };
}

/** A row's list. @throws RangeError when it is longer than a row, or has an index that no row has */
export function checkedList(arena: Arena, kernel: string, at: number, count: number, columns: number): Int32Array {
  if (count < 0 || count > columns) throw new RangeError(`${kernel}: a list of ${count} of ${columns} units`);
  const list = arena.integers.subarray(at, at + count);
  for (const k of list)
    if (k < 0 || k >= columns) throw new RangeError(`${kernel}: unit ${k} in a list of ${columns} units`);
  return list;
}

/** Of each row of A[g] [rows, columns] the columns that are not zero. @returns how many there are in all */
export function activeUnits(arena: Arena, offset: number, fromGroup: number, toGroup: number): number {
  const { floats, integers } = arena;
  const f = arena.descriptor('activeUnits', offset, ActiveUnits);
  const [rows, columns, lda, aGroup] = [
    f[ActiveUnits.rows],
    f[ActiveUnits.columns],
    f[ActiveUnits.lda],
    f[ActiveUnits.aGroup],
  ];
  const shape = columns % PANEL === 0 ? matrix(rows, lda, columns) : OUTSIDE;
  const a = arena.float('activeUnits: a', f[ActiveUnits.a], grouped(fromGroup, toGroup, aGroup, shape));
  const listed = { from: fromGroup, to: toGroup, rows, columns };
  const { listAt, countAt } = placeOfLists(arena, 'activeUnits', f, ActiveUnits, listed);

  let total = 0;
  for (let group = fromGroup; group < toGroup; group++) {
    for (let row = 0; row < rows; row++) {
      const [first, list] = [a + group * aGroup + row * lda, listAt(group, row)];
      let count = 0;
      for (let k = 0; k < columns; k++) if (floats[first + k] !== 0) integers[list + count++] = k;
      integers[countAt(group, row)] = count;
      total += count;
    }
  }
  return total;
}

/** For blocks [from, to) of LIST_ROWS rows: of each column of A [rows, columns] the rows that are not zero, and their values. */
export function activeRows(arena: Arena, offset: number, fromBlock: number, toBlock: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('activeRows', offset, ActiveRows);
  const [rows, columns, lda] = [f[ActiveRows.rows], f[ActiveRows.columns], f[ActiveRows.lda]];
  const a = arena.float('activeRows: a', f[ActiveRows.a], matrix(rows, lda, columns));
  const { listAt, countAt } = placeOfLists(arena, 'activeRows', f, ActiveRows, { from: 0, to: 1, rows, columns });
  const { indices, values, starts } = placeOfRows(arena, 'activeRows', f, ActiveRows, toBlock, columns);

  for (let block = fromBlock; block < toBlock; block++) {
    const rowsOf: number[][] = Array.from({ length: columns }, () => []);
    const end = Math.min(rows, (block + 1) * LIST_ROWS);
    for (let row = block * LIST_ROWS; row < end; row++) {
      const list = checkedList(arena, 'activeRows', listAt(0, row), integers[countAt(0, row)], columns);
      for (const k of list) rowsOf[k].push(row);
    }
    let at = 0;
    for (const [k, list] of rowsOf.entries()) {
      integers[starts + block * (columns + 1) + k] = at;
      for (const row of list) {
        const entry = block * columns * LIST_ROWS + at++;
        integers[indices + entry] = row - block * LIST_ROWS;
        floats[values + entry] = floats[a + row * lda + k];
      }
    }
    integers[starts + block * (columns + 1) + columns] = at;
  }
}

/** Where the lists of columns lie, for blocks [0, blocks). */
export function placeOfRows(
  arena: Arena,
  kernel: string,
  fields: Float64Array,
  layout: Readonly<Record<'indices' | 'values' | 'starts', number>>,
  blocks: number,
  columns: number,
) {
  const lists = areCounts(blocks, columns) ? span(0, blocks * (columns + 1)) : OUTSIDE;
  const elements = areCounts(blocks, columns) ? span(0, blocks * columns * LIST_ROWS) : OUTSIDE;
  return {
    indices: arena.integer(`${kernel}: indices`, fields[layout.indices], elements),
    values: arena.float(`${kernel}: values`, fields[layout.values], elements),
    starts: arena.integer(`${kernel}: starts`, fields[layout.starts], lists),
  };
}
