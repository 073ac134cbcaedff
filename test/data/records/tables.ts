// Tables in memory, as a reader gives them.

import type { Column, Table } from '../../../src/data/tables/table.js';

/** Columns of numbers, texts or lists, by what their first value is; NaN and '' are missing. */
export function tableOf(columns: Readonly<Record<string, readonly (number | string | readonly string[])[]>>): Table {
  const all = Object.entries(columns).map(([name, values]): Column => {
    const [first] = values;
    if (typeof first === 'number') return { name, kind: 'number', values: Float64Array.from(values as number[]) };
    if (typeof first === 'string') return { name, kind: 'text', values: values as string[] };
    return { name, kind: 'list', values: values as string[][] };
  });
  const rows = all[0]?.values.length ?? 0;
  return { name: 't.csv', rows, columns: all, place: (row) => `t.csv:${row + 2}`, checksum: 1, notices: [] };
}
