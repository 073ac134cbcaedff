// A table that is too large for memory. Its columns are cut into parts, all at the same rows, and lie in a temporary file; the last
// part stays in memory. It is gone through a part at a time, or a column of numbers at a time.

import { deserialize, serialize } from 'node:v8';
import { TemporaryFile } from '../temporary-file.js';
import type { Column, Kind, Table } from './table.js';
import { dateIn, type Writing } from './values.js';

/** Values of a column in a part; undefined where all of them are missing. */
export type Values = Float64Array | readonly string[] | readonly (readonly string[])[];

/** Where a piece of a column lies in the file. */
interface Piece {
  readonly at: number;
  readonly sizeBytes: number;
  /** The bytes are float64 numbers as they lie in memory. */
  readonly isNumbers: boolean;
}

/** Takes what is read of a table, a part at a time. */
export class PartStore {
  /** About so many bytes of values are held before they are stored. */
  readonly limitBytes: number;
  /** By part: the row behind its last one. */
  readonly ends: number[] = [];
  readonly #name: string;
  readonly #pieces = new Map<string, (Piece | undefined)[]>();
  #file: TemporaryFile | undefined;

  /** @param name of the table */
  constructor(name: string, limitBytes: number) {
    this.#name = name;
    this.limitBytes = limitBytes;
  }

  put(column: string, part: number, values: Values | undefined): void {
    const pieces = this.#pieces.get(column) ?? [];
    this.#pieces.set(column, pieces);
    pieces[part] = values && this.#write(values);
  }

  #write(values: Values): Piece {
    this.#file ??= new TemporaryFile(this.#name);
    const isNumbers = values instanceof Float64Array;
    const bytes = isNumbers ? bytesOf(values) : serialize(values);
    return { at: this.#file.append(bytes), sizeBytes: bytes.length, isNumbers };
  }

  get(column: string, part: number): Values | undefined {
    const piece = this.#pieces.get(column)?.[part];
    if (piece === undefined || this.#file === undefined) return undefined;
    const bytes = Buffer.from(new ArrayBuffer(piece.sizeBytes));
    this.#file.read(bytes, piece.at);
    return piece.isNumbers ? new Float64Array(bytes.buffer) : (deserialize(bytes) as Values);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A column without its values. */
export interface Head {
  readonly name: string;
  readonly kind: Kind;
}

export class LongTable implements Omit<Table, 'columns'> {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly Head[];
  readonly checksum: number;
  readonly odd: Table['odd'];
  readonly notices: readonly string[];
  readonly place: (row: number) => string;
  readonly #last: ReadonlyMap<string, Column>;
  readonly #store: PartStore;
  readonly #writing: Writing;

  /**
   * @param table its last part, and all there is to say of the whole
   * @param store takes the parts before
   * @param writing how it writes dates
   */
  constructor(table: Table, store: PartStore, writing: Writing) {
    const { name, rows, columns, checksum, odd, notices, place } = table;
    this.name = name;
    this.rows = rows;
    this.columns = columns.map((column) => ({ name: column.name, kind: column.kind }));
    this.checksum = checksum;
    this.odd = odd;
    this.notices = notices;
    this.place = place;
    this.#last = new Map(columns.map((column) => [column.name, column]));
    this.#store = store;
    this.#writing = writing;
  }

  /** Tables of some of the columns, whose rows follow each other. Each is good until the next. */
  *parts(columns: readonly string[]): Generator<Table> {
    const { name, checksum, notices } = this;
    const ends = [...this.#store.ends, this.rows];
    for (const [part, end] of ends.entries()) {
      const first = ends[part - 1] ?? 0;
      if (end === first) continue;
      const rows = end - first;
      const place = (row: number): string => this.place(first + row);
      const values = columns.map((column) => this.#columnOf(column, part, rows));
      yield { name, rows, columns: values, place, checksum, notices };
    }
  }

  #columnOf(name: string, part: number, rows: number): Column {
    const last = this.#last.get(name) as Column;
    if (part === this.#store.ends.length) return last;
    const values = this.#store.get(name, part) ?? missing(last.kind, rows);
    const isText = last.kind === 'date' && !(values instanceof Float64Array);
    return {
      name,
      kind: last.kind,
      values: isText ? datesOf(values as readonly string[], this.#writing) : values,
    } as Column;
  }

  close(): void {
    this.#store.close();
  }
}

function missing(kind: Kind, rows: number): Values {
  if (kind === 'text') return new Array<string>(rows).fill('');
  if (kind === 'list') return new Array<readonly string[]>(rows).fill([]);
  return new Float64Array(rows).fill(Number.NaN);
}

/** Texts of which the last one showed that all are dates. */
export const datesOf = (texts: readonly string[], { dates }: Writing): Float64Array =>
  Float64Array.from(texts, (text) => (text === '' ? Number.NaN : dateIn(text, dates)));

/** A table of either size. */
export type AnyTable = Table | LongTable;

/** The parts of a table; one that is in memory is a part itself. */
export function partsOf(table: AnyTable, columns: readonly string[]): Iterable<Table> {
  return table instanceof LongTable ? table.parts(columns) : [table];
}

/** @returns the table, of which `store` has the parts before the last one, if there are any */
export function tableWith(last: Table, store: PartStore, writing: Writing = {}): AnyTable {
  return store.ends.length === 0 ? last : new LongTable(last, store, writing);
}
