// Reads CSV (RFC 4180) into columns: a line of names, then rows with as many fields.

import { RunError, UserError } from '../../errors.js';
import { Growing } from '../growing.js';
import { CsvColumn } from './csv-column.js';
import { COMMA, CsvSplitter, SEMICOLON, TAB } from './csv-splitter.js';
import { type LineParser, type Passed, passLines } from './lines.js';
import { type AnyTable, type PartStore, tableWith } from './long-table.js';
import type { Source } from './source.js';
import { type Column, checkAsked, kindAsked, leaveOutEmpty, MAX_COLUMNS, shown, type TableOptions } from './table.js';

const NEWLINE = 10;
const QUOTE = 34;
const SEPARATOR_NAMES: Readonly<Record<number, string>> = { [SEMICOLON]: 'semicolons', [TAB]: 'tabs' };

/** @param store takes what is more than memory should hold */
export async function readCsv(source: Source, options: TableOptions, store: PartStore): Promise<AnyTable> {
  const reader = new CsvReader(source, options, store);
  const passed = await passLines(source, reader);
  reader.checkNotEmpty();
  const { columns, again, odd, notices } = reader.finish();
  if (again.length > 0) {
    columns.push(...(await readAgain(source, again, passed.checksum, store)));
    const order = new Map(reader.names.map((name, field) => [name, field]));
    columns.sort((a, b) => order.get(a.name)! - order.get(b.name)!);
  }
  const lines = reader.lines.taken();
  const last = {
    name: source.name,
    rows: lines.length,
    columns,
    place: (row: number) => `${source.name}:${lines[row]}`,
    checksum: passed.checksum,
    odd,
    notices: [...markNotice(source, passed), ...notices],
  };
  return tableWith(last, store, options.writing);
}

export function markNotice({ name }: Source, { marked }: Passed): readonly string[] {
  return marked ? [`${name}: the byte order mark at its start was skipped`] : [];
}

/** Reads columns whose numbers and texts are mixed: all of it is text. */
async function readAgain(
  source: Source,
  names: readonly string[],
  checksum: number,
  store: PartStore,
): Promise<readonly Column[]> {
  const as = Object.fromEntries(names.map((name) => [name, 'text'] as const));
  const reader = new CsvReader(source, { columns: names, as }, store, store.ends);
  const passed = await passLines(source, reader);
  if (passed.checksum !== checksum) throw new RunError(`${source.title} was changed while it was read`);
  return reader.finish().columns;
}

class CsvReader implements LineParser {
  /** The names in the header; none before it was read. */
  names: readonly string[] = [];
  /** By row: the line that it begins in. */
  readonly lines: Growing<Int32Array>;
  readonly #source: Source;
  readonly #options: TableOptions;
  readonly #splitter: CsvSplitter;
  readonly #columns: CsvColumn[] = [];
  /** By column: its field. */
  readonly #fields: number[] = [];
  #blank = 0;
  readonly #store: PartStore;
  /** Where parts end, if the table was read before. */
  readonly #ends: readonly number[] | undefined;
  /** Parts that were stored, and about how many bytes are held since. */
  #parts = 0;
  #held = 0;

  constructor(source: Source, options: TableOptions, store: PartStore, ends?: readonly number[]) {
    this.#ends = ends;
    this.#source = source;
    this.#options = options;
    this.#store = store;
    this.#splitter = new CsvSplitter(source.name);
    this.lines = new Growing((length) => new Int32Array(length), source.title);
  }

  get line(): number {
    return this.#splitter.nextLine;
  }

  parse(bytes: Buffer, from: number, end: number, last: boolean): number {
    let whole = end;
    if (last && bytes[end - 1] !== NEWLINE) bytes[whole++] = NEWLINE;
    const splitter = this.#splitter;
    splitter.take(bytes, from, whole, last);
    if (this.names.length === 0) {
      splitter.separator = separatorOf(bytes, from, whole);
      if (!splitter.next()) return 0;
      this.#readHeader();
    }
    const columns = this.#columns;
    const fields = this.#fields;
    while (splitter.next()) {
      if (splitter.count !== this.names.length || splitter.blank) {
        this.#checkBlank();
        continue;
      }
      this.lines.push(splitter.line);
      for (let i = 0; i < columns.length; i++) columns[i].add(splitter, fields[i]);
      this.#storePart(this.#store);
    }
    return Math.min(splitter.at, end);
  }

  #storePart(store: PartStore): void {
    this.#held += this.#columns.length * Float64Array.BYTES_PER_ELEMENT + this.#splitter.rowBytes;
    const rows = this.lines.length;
    if (this.#ends ? rows !== this.#ends[this.#parts] : this.#held < store.limitBytes) return;
    for (const column of this.#columns) store.put(column.name, this.#parts, column.take());
    if (!this.#ends) store.ends.push(rows);
    this.#parts++;
    this.#held = 0;
  }

  #readHeader(): void {
    const splitter = this.#splitter;
    const { count } = splitter;
    const { name } = this.#source;
    if (count > MAX_COLUMNS)
      throw new UserError(`${name}:1: ${count} columns are too many; ${MAX_COLUMNS} are the most`);
    const names = new Set<string>();
    for (let field = 0; field < count; field++) {
      const text = splitter.text(field);
      const bad =
        text.trim() === '' ? 'a column has no name' : names.has(text) ? 'two columns have the name' : undefined;
      if (bad !== undefined) {
        const found = text.trim() === '' ? bad : `${bad} ${shown(text)}`;
        throw splitter.errorAt(
          splitter.starts[field],
          `${found}; the first line names each column, and each otherwise`,
        );
      }
      names.add(text);
    }
    checkAsked(name, this.#options, names);
    this.names = [...names];
    this.names.forEach((column, field) => {
      if (this.#options.columns?.includes(column) === false) return;
      const as = kindAsked(this.#options, column);
      if (as === 'list') {
        throw new UserError(
          `${name}: the column ${shown(column)} must be one of lists, which CSV has not; take JSON lines`,
        );
      }
      this.#columns.push(new CsvColumn(column, name, as, this.#options.writing ?? {}));
      this.#fields.push(field);
    });
  }

  /** Leaves out a blank line, and refuses a row with too many or few fields. */
  #checkBlank(): void {
    const { blank, count, line } = this.#splitter;
    if (!blank) {
      const fields = count === 1 ? '1 field' : `${count} fields`;
      throw new UserError(
        `${this.#source.name}:${line}: the row has ${fields}, and the header has ${this.names.length}`,
      );
    }
    this.#blank++;
  }

  checkNotEmpty(): void {
    if (this.lines.length > 0) return;
    const found = this.names.length > 0 ? 'has a line of names and no row' : 'is empty';
    throw new UserError(
      `${this.#source.title} ${found}; the first line names the columns, and each other line is a row`,
    );
  }

  /** @returns the columns with values, and the names of those that are to be read again */
  finish(): {
    readonly columns: Column[];
    readonly again: readonly string[];
    readonly odd: ReadonlyMap<string, string>;
    readonly notices: readonly string[];
  } {
    const { name } = this.#source;
    const notices: string[] = [];
    const separator = SEPARATOR_NAMES[this.#splitter.separator];
    if (separator !== undefined) notices.push(`${name}: ${separator} separate the columns`);
    if (this.#blank > 0)
      notices.push(`${name}: ${this.#blank === 1 ? '1 blank line was' : `${this.#blank} blank lines were`} left out`);
    if (this.names.every((one) => Number.isFinite(Number(one)))) {
      notices.push(`${name}: the first line is taken for names, and all of them are numbers`);
    }
    const columns: Column[] = [];
    const again: string[] = [];
    const empty: string[] = [];
    const odd = new Map<string, string>();
    for (const column of this.#columns) {
      const outcome = column.finish();
      if (column.odd !== undefined) odd.set(column.name, column.odd);
      if (outcome === 'empty') empty.push(column.name);
      else if (outcome === 'read again as text') again.push(column.name);
      else columns.push(outcome);
    }
    notices.push(...leaveOutEmpty(name, this.#options, empty));
    return { columns, again, odd, notices };
  }
}

/** What separates the names in the header: commas, or semicolons or tabs where it has no comma outside of quotes. */
function separatorOf(bytes: Buffer, from: number, end: number): number {
  const found = new Set<number>();
  let quoted = false;
  for (let at = from; at < end && (quoted || bytes[at] !== NEWLINE); at++) {
    if (bytes[at] === QUOTE) quoted = !quoted;
    else if (!quoted) found.add(bytes[at]);
  }
  return [COMMA, SEMICOLON, TAB].find((separator) => found.has(separator)) ?? COMMA;
}
