import type { Source } from './source.js';
import type { Table, TableOptions } from './table.js';
export async function readParquet(source: Source, options: TableOptions): Promise<Table> {
  throw new Error(source.name + options.flag);
}
