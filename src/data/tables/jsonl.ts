// Reads JSON lines into columns: one object a line, of which each key is a column. Lines may leave keys out.

import { UserError } from '../../errors.js';
import { Growing } from '../growing.js';
import { duplicateKey } from '../json-keys.js';
import { markNotice } from './csv.js';
import { faultOf } from './json-fault.js';
import { type LineParser, passLines } from './lines.js';
import { type AnyTable, type PartStore, tableWith } from './long-table.js';
import type { Source } from './source.js';
import { type Column, checkAsked, kindAsked, leaveOutEmpty, shown, type Table, type TableOptions } from './table.js';
import { type Value, ValueColumn } from './value-column.js';

const NEWLINE = 10;
const SPACE = 0x20;
const QUOTE = 0x22;
/** Data in the place of keys would make a column of each line otherwise. */
const MAX_KEYS = 1 << 12;
const EXAMPLE = 'a line is one object, such as {"load": 3.5, "day": "2024-03-09"}';

/** @param store takes what is more than memory should hold */
export async function readJsonl(source: Source, options: TableOptions, store: PartStore): Promise<AnyTable> {
  const reader = new JsonlReader(source, options, store);
  const passed = await passLines(source, reader);
  const { columns, odd, notices } = reader.finish();
  const last = {
    name: source.name,
    rows: reader.rows,
    columns,
    place: reader.place,
    checksum: passed.checksum,
    odd,
    notices: [...markNotice(source, passed), ...notices],
  };
  return tableWith(last, store, options.writing);
}

class JsonlReader implements LineParser {
  line = 1;
  readonly place: (row: number) => string;
  readonly #source: Source;
  readonly #options: TableOptions;
  /** By row: its line. */
  readonly #lines: Growing<Int32Array>;
  /** By key; undefined: it is not asked for. */
  readonly #columns = new Map<string, ValueColumn | undefined>();
  readonly #store: PartStore;
  /** About how many bytes are held since the last part was stored. */
  #held = 0;

  constructor(source: Source, options: TableOptions, store: PartStore) {
    this.#source = source;
    this.#options = options;
    this.#store = store;
    this.#lines = new Growing((length) => new Int32Array(length), source.title);
    this.place = (row) => `${source.name}:${this.#lines.taken()[row]}`;
  }

  get rows(): number {
    return this.#lines.length;
  }

  parse(bytes: Buffer, from: number, end: number): number {
    for (let at = from; at < end; this.line++) {
      const newline = bytes.indexOf(NEWLINE, at);
      const stop = newline < 0 || newline >= end ? end : newline;
      this.#parseLine(bytes.toString('utf8', at, stop));
      this.#storePart(this.#store, stop - at);
      at = stop + 1;
    }
    return end;
  }

  #storePart(store: PartStore, lineBytes: number): void {
    // A line of 30 one-digit numbers has 60 bytes, and its values 240.
    this.#held += lineBytes + this.#columns.size * Float64Array.BYTES_PER_ELEMENT;
    if (this.#held < store.limitBytes || this.rows === 0) return;
    for (const [key, column] of this.#columns) if (column) store.put(key, store.ends.length, column.take(this.rows));
    store.ends.push(this.rows);
    this.#held = 0;
  }

  #parseLine(text: string): void {
    if (text.trim() === '') return;
    const row = this.#lines.length;
    const object = this.#objectIn(text);
    this.#lines.push(this.line);
    for (const key of Object.keys(object)) {
      const value = object[key];
      const column = this.#columns.has(key) ? this.#columns.get(key) : this.#addColumn(key);
      if (column !== undefined && value !== null) column.add(row, this.#valueOf(value, key));
    }
  }

  #objectIn(text: string): Record<string, unknown> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const at = faultOf(text);
      const found =
        at >= text.trimEnd().length
          ? 'the line ends inside of its object'
          : `${shown(text.slice(at))} is not JSON here`;
      throw this.#error(`${found}; ${EXAMPLE}`, [...text.slice(0, at)].length + 1);
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      this.#refuseTwice(text, Object.keys(value).length);
      return value as Record<string, unknown>;
    }
    throw this.#error(`${shown(text.trim())} is no object; ${EXAMPLE}`);
  }

  /** JSON.parse takes the last of a key's values. @param keys of the parsed object */
  #refuseTwice(text: string, keys: number): void {
    // Behind each key's quote comes a colon: only where there are more of these is it worth a second look.
    let colons = 0;
    for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) {
      const before = text.charCodeAt(at - 1);
      if (before === QUOTE || before <= SPACE) colons++;
    }
    if (colons === keys) return;
    const key = duplicateKey(text);
    if (key !== undefined) throw this.#error(`${shown(key)} is given twice; a key has one value`);
  }

  #addColumn(key: string): ValueColumn | undefined {
    if (key.trim() === '') throw this.#error('a key is empty; each is the name of a column');
    if (this.#columns.size === MAX_KEYS) {
      throw this.#error(
        `${shown(key)} is one key too many; ${MAX_KEYS} different ones are allowed, as each is a column`,
      );
    }
    const asked = this.#options.columns?.includes(key) !== false;
    const column = asked
      ? new ValueColumn(key, {
          ...{ table: this.#source.name, place: this.place },
          ...{ as: kindAsked(this.#options, key), writing: this.#options.writing },
        })
      : undefined;
    // Parts that are stored have nothing of it.
    column?.take(this.#store.ends.at(-1) ?? 0);
    this.#columns.set(key, column);
    return column;
  }

  #valueOf(value: unknown, key: string): Value {
    if (typeof value === 'number' || typeof value === 'string') return value;
    if (typeof value === 'boolean') return String(value);
    if (!Array.isArray(value)) throw this.#nested(key);
    return value.map((one: unknown, i) => {
      if (typeof one === 'object' && one !== null) throw this.#nested(`${key}[${i}]`);
      return one === null ? '' : String(one);
    });
  }

  #nested(path: string): UserError {
    return this.#error(
      `${shown(path)} is an object or a list inside of another; values are numbers, texts, booleans or lists of those`,
    );
  }

  #error(message: string, column?: number): UserError {
    const place = column === undefined ? this.line : `${this.line}:${column}`;
    return new UserError(`${this.#source.name}:${place}: ${message}`);
  }

  finish(): Pick<Table, 'columns' | 'odd' | 'notices'> {
    const { name, title } = this.#source;
    if (this.rows === 0) throw new UserError(`${title} has no rows; ${EXAMPLE}`);
    checkAsked(name, this.#options, new Set(this.#columns.keys()));
    const columns: Column[] = [];
    const empty: string[] = [];
    const odd = new Map<string, string>();
    for (const [key, column] of this.#columns) {
      const finished = column?.finish(this.rows);
      if (finished?.kind === 'text' && column?.odd !== undefined) odd.set(key, column.odd);
      if (finished !== undefined) columns.push(finished);
      else if (column !== undefined) empty.push(key);
    }
    return { columns, odd, notices: leaveOutEmpty(name, this.#options, empty) };
  }
}
