// What the columns of a table hold, found in one pass over it.

import { type AnyTable, partsOf } from '../data/tables/long-table.js';
import type { Column, Kind } from '../data/tables/table.js';

export interface ColumnFacts {
  readonly name: string;
  readonly kind: Kind;
  /** Different values, a missing one among them; no more than MOST_COUNTED are told apart. Infinity for lists. */
  readonly different: number;
  /** All values are whole numbers, and none is missing. */
  readonly areWhole: boolean;
}

/** So many different values are held of a column. */
export const MOST_COUNTED = 1 << 20;

/** Goes through the table once. */
export function columnFacts(table: AnyTable): readonly ColumnFacts[] {
  const found = table.columns.map(({ name, kind }) => new Facts(name, kind));
  const names = found.map(({ name }) => name);
  for (const { columns } of partsOf(table, names)) for (const [i, column] of columns.entries()) found[i].add(column);
  return found;
}

class Facts implements ColumnFacts {
  readonly name: string;
  readonly kind: Kind;
  areWhole: boolean;
  readonly #values = new Set<number | string>();

  constructor(name: string, kind: Kind) {
    this.name = name;
    this.kind = kind;
    this.areWhole = kind === 'number';
  }

  get different(): number {
    return this.kind === 'list' ? Number.POSITIVE_INFINITY : this.#values.size;
  }

  add(column: Column): void {
    if (column.kind === 'list') return;
    for (const value of column.values) {
      if (this.#values.size < MOST_COUNTED) this.#values.add(value);
      if (this.areWhole) this.areWhole = Number.isInteger(value);
    }
  }
}
