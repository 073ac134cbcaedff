// From a table and what is asked of it: which columns a model reads and predicts, and how they become numbers.

import { shortened, UserError } from '../../errors.js';
import type { AnyTable, Head } from '../tables/long-table.js';
import { readingAs } from '../tables/odd-values.js';
import type { Column } from '../tables/table.js';
import type { Writing } from '../tables/values.js';
import { frequentWords, type WordRule } from '../word-text.js';
import {
  type Columns,
  type InputColumn,
  isWhole,
  type RecordTask,
  type Scaling,
  type TargetColumn,
} from './columns.js';
import {
  columnNamed,
  distinct,
  distinctIn,
  eachPart,
  eachPartOf,
  firstRounded,
  type ListColumn,
  numbersIn,
  oddOf,
  textsOf,
} from './table-columns.js';
import { tokensOfRow, wordsOf } from './tokens.js';

/** What is asked of a table. */
export interface Wishes {
  readonly task: RecordTask;
  /** Default: every column that is nothing else; of a forecast the targets as well. */
  readonly features?: readonly string[];
  readonly target: readonly string[];
  readonly group?: string;
  readonly time?: string;
  readonly horizon?: number;
  /** Of the numbers that are read; those that are predicted are always in standard deviations. */
  readonly scaling: 'standard' | 'range' | 'none';
  /** What a token of a text is. */
  readonly tokens: 'char' | 'word';
  /** Which tokens are told apart; a column whose tokens are all rare keeps them. */
  readonly words: WordRule;
  /** Whether a target names any number of labels. */
  readonly multilabel: boolean;
  /** What columns hold, where that is said. */
  readonly kinds: Readonly<Record<string, 'number' | 'date' | 'category' | 'text'>>;
  /** How the file writes numbers and dates, where that is not as usual. */
  readonly writing?: Writing;
  /** Whether each row stands by itself (mlp): a text is then a category. */
  readonly feedforward: boolean;
  /** Columns that say what is held out: no model reads them unless it is asked to. */
  readonly splitNames: readonly string[];
}

/** More different texts than this are no categories. */
const MOST_CATEGORIES = 1000;

export interface Learned {
  readonly columns: Columns;
  /** For who asked, of columns that say nothing. */
  readonly notices: readonly string[];
}

/**
 * @param rows of the table that are learned from: means and scales are theirs, and the tokens
 * @throws UserError for columns that the task cannot use
 */
export function learnColumns(table: AnyTable, wishes: Wishes, rows: Int32Array): Learned {
  const { task, group, time, horizon, writing } = wishes;
  const columns = featureColumns(table, wishes);
  const cells = isCells(table, wishes);
  if (cells && group !== undefined)
    throw new UserError(
      `--group: "${group}" is not allowed where a row is a whole sequence ("${columns[0].name}"); leave it out`,
    );
  const found = cells ? cellInputs(table, columns, wishes, rows) : columns.map((c) => rowInput(table, c, rows, wishes));
  const { inputs, notices } = withoutConstant(table.name, found, wishes.features === undefined && !cells);
  const targets = wishes.target.map((name) => targetOf(table, columnNamed(table, name, '--target'), wishes, rows));
  const learned = {
    ...{ task, cells, inputs, targets },
    ...(group === undefined ? {} : { group }),
    ...(time === undefined ? {} : { time }),
    ...(task === 'forecast' ? { horizon: horizon ?? 1 } : {}),
    ...(writing === undefined ? {} : { writing }),
  };
  return { columns: learned, notices };
}

/** An input, and whether it says nothing: it is the same in all rows. */
interface Found {
  readonly input: InputColumn;
  readonly saysNothing: boolean;
}

/** What other values of a constant column mean cannot be learned: its weights would stay as they were drawn, and predict from them. */
function withoutConstant(
  table: string,
  found: readonly Found[],
  mayLeaveOut: boolean,
): { readonly inputs: readonly InputColumn[]; readonly notices: readonly string[] } {
  const leavesOut = mayLeaveOut && !found.every(({ saysNothing }) => saysNothing);
  const then = leavesOut
    ? 'and is left out'
    : 'so what other values mean is not; where some will come, leave it out with --features';
  const silent = found.filter(({ saysNothing }) => saysNothing);
  const kept = leavesOut ? found.filter(({ saysNothing }) => !saysNothing) : found;
  return {
    inputs: kept.map(({ input }) => input),
    notices: silent.map(
      ({ input }) => `column "${input.name}" of ${table} is the same in all rows that are learned, ${then}`,
    ),
  };
}

function featureColumns(table: AnyTable, { features, target, group, time, task, splitNames }: Wishes): readonly Head[] {
  if (features) return features.map((name) => columnNamed(table, name, '--features'));
  const taken = new Set([group, ...splitNames, ...(task === 'forecast' ? [] : [...target, time])]);
  const columns = table.columns.filter(({ name }) => !taken.has(name));
  if (columns.length > 0) return columns;
  throw new UserError(`--features: ${table.name} has no columns but the target; a model needs something to read`);
}

/** Whether a row is a whole sequence: its features are lists, or texts that are read token by token. */
export function isCells(table: AnyTable, wishes: Wishes): boolean {
  const { feedforward, group, kinds, task } = wishes;
  const columns = featureColumns(table, wishes);
  const lists = columns.filter(({ kind }) => kind === 'list');
  if (lists.length === columns.length) return true;
  if (lists.length > 0)
    throw new UserError(
      `--features: column "${lists[0].name}" holds lists and others do not; give lists alone, or single values alone`,
    );
  const canRead = !feedforward && group === undefined && isWhole({ task });
  const other = columns.find(({ name, kind }) => kind !== 'text' || kinds[name] === 'category');
  const asked = columns.find(({ name }) => kinds[name] === 'text');
  if (asked !== undefined && !(canRead && other === undefined)) {
    const why = canRead
      ? `all features are texts then, and "${other?.name}" is none; name them with --features`
      : 'that is for --task classify and regress, --cell rnn, lstm or gru, without --group';
    throw new UserError(
      `--columns: "${asked.name}" cannot be read word by word: ${why}, or take ${asked.name}:category`,
    );
  }
  return canRead && other === undefined;
}

function cellInputs(
  table: AnyTable,
  columns: readonly Head[],
  { tokens, words, scaling }: Wishes,
  rows: Int32Array,
): readonly Found[] {
  const [first, ...others] = columns;
  const learned = new Uint8Array(table.rows);
  for (const row of rows) learned[row] = 1;
  const isNumeric = (column: Head): boolean => column.kind === 'list' && holdsNumbers(table, column, learned);
  if (first.kind === 'text' || (others.length === 0 && !isNumeric(first))) {
    const split = first.kind === 'list' ? 'list' : tokens;
    const more = others.map(({ name }) => name);
    const known = tokensIn(table, columns, split, words, learned);
    const input = {
      name: first.name,
      kind: 'tokens',
      split,
      tokens: known,
      ...(more.length > 0 ? { more } : {}),
    } as const;
    return [{ input, saysNothing: false }];
  }
  return columns.map((column) => {
    const { name } = column;
    if (!isNumeric(column))
      throw new UserError(
        `--features: column "${name}" of ${table.name} holds texts; several lists side by side must hold numbers`,
      );
    const values: Values = (visit) =>
      eachList(table, column, learned, (list) => {
        for (const value of list) visit(value === '' ? Number.NaN : Number(value));
      });
    return numberInput(name, values, scaling);
  });
}

function numberInput(name: string, values: Values, scaling: Wishes['scaling']): Found {
  const summary = summaryOf(values);
  const input = { name, kind: 'number', flagged: summary.missing > 0, ...scalingOf(values, summary, scaling) } as const;
  return { input, saysNothing: isConstant(summary) && summary.missing === 0 };
}

/** The tokens of the rows that are learned that are to be told apart. */
function tokensIn(
  table: AnyTable,
  heads: readonly Head[],
  split: 'list' | 'word' | 'char',
  words: WordRule,
  learned: Uint8Array,
): readonly string[] {
  const counts = new Map<string, number>();
  eachPartOf(table, heads, (columns, start, { rows }) => {
    for (let row = 0; row < rows; row++) {
      if (learned[start + row] === 0) continue;
      for (const token of tokensOfRow(columns, split, row))
        if (token !== '') counts.set(token, (counts.get(token) ?? 0) + 1);
    }
  });
  const known = frequentWords(counts, words);
  const all = known.length > 0 ? known : frequentWords(counts, { ...words, minCount: 1 });
  if (all.length === 0) throw new UserError(`--features: column "${heads[0].name}" of ${table.name} has no tokens`);
  return distinct(all);
}

function eachList(table: AnyTable, head: Head, learned: Uint8Array, visit: (list: readonly string[]) => void): void {
  eachPart(table, head, (column, first) => {
    for (const [row, list] of (column as ListColumn).values.entries()) if (learned[first + row] === 1) visit(list);
  });
}

function holdsNumbers(table: AnyTable, head: Head, learned: Uint8Array): boolean {
  let [all, some] = [true, false];
  eachList(table, head, learned, (list) => {
    all &&= list.every((value) => value === '' || (value.trim() !== '' && Number.isFinite(Number(value))));
    some ||= list.some((value) => value !== '');
  });
  return all && some;
}

function rowInput(table: AnyTable, column: Head, rows: Int32Array, { scaling }: Wishes): Found {
  const { name } = column;
  if (column.kind === 'number') return numberInput(name, valuesOf(table, column, rows), scaling);
  if (column.kind === 'date') {
    const summary = summaryOf(valuesOf(table, column, rows));
    return { input: { name, kind: 'date' }, saysNothing: isConstant(summary) && summary.missing === 0 };
  }
  const values = distinctIn(table, column, '--features', textsOf);
  if (values.length > MOST_CATEGORIES)
    throw new UserError(
      `--features: column "${name}" of ${table.name} has ${values.length} different texts; ${MOST_CATEGORIES} can be told ` +
        `apart; leave it out, or name the columns to read with --features${oddOf(table, name)}`,
    );
  return { input: { name, kind: 'category', values }, saysNothing: false };
}

function targetOf(table: AnyTable, column: Head, wishes: Wishes, rows: Int32Array): TargetColumn {
  const { name } = column;
  const { task, target, multilabel } = wishes;
  if (task === 'regress' || task === 'forecast') {
    if (column.kind !== 'number')
      throw new UserError(
        `--target: column "${name}" of ${table.name} holds ${column.kind === 'list' ? 'lists' : `${column.kind}s`}; --task ${task} predicts numbers${oddOf(table, name)}`,
      );
    const values = valuesOf(table, column, rows);
    const summary = summaryOf(values);
    if (isConstant(summary))
      throw new UserError(`--target: column "${name}" of ${table.name} is always the same; there is nothing to learn`);
    return { name, kind: 'number', ...scalingOf(values, summary, 'standard') };
  }
  if (target.length > 1)
    throw new UserError(
      `--target: ${target.join(',')} is not allowed; --task ${task} predicts one column, with --labels multilabel any number of its labels`,
    );
  const labels = multilabel || (column.kind === 'list' && task === 'classify');
  const cells = (part: Column): readonly string[] => (part.kind === 'list' ? part.values.flat() : textsOf(part));
  const values = distinctIn(table, column, '--target', (part) =>
    labels ? cells(part).flatMap(labelsIn) : cells(part),
  );
  const rounded = column.kind === 'number' ? firstRounded(values.map(Number)) : undefined;
  if (rounded !== undefined)
    throw new UserError(
      `--target: column "${name}" of ${table.name} has ${rounded}, beyond 2^53, from where on not each whole number is there; ` +
        `if such are names, ${readingAs(name, 'category')} reads them as they are written`,
    );
  if (values.length < (labels ? 1 : 2))
    throw new UserError(
      `--target: column "${name}" of ${table.name} has ${values.length === 1 ? `one value ("${shortened(values[0])}")` : 'no value'}; a model needs two or more to tell apart`,
    );
  if (column.kind === 'number' && values.length > 2 && values.length > table.rows / 2)
    throw new UserError(
      `--target: column "${name}" of ${table.name} has ${values.length} different numbers in ${table.rows} rows, which would be a class each; ` +
        '--task regress predicts numbers',
    );
  return { name, kind: labels ? 'labels' : 'class', values };
}

/** "red;round" or "red|round": the labels of a text. */
export const labelsIn = (text: string): readonly string[] => wordsOf(text, /[;|]/);

/** Goes through values that are learned from, the same ones each time; NaN: missing. */
type Values = (visit: (value: number) => void) => void;

function valuesOf(table: AnyTable, head: Head, rows: Int32Array): Values {
  const values = numbersIn(table, head);
  return (visit) => {
    for (const row of rows) visit(values[row]);
  };
}

interface Summary {
  readonly missing: number;
  /** Values that are there. */
  readonly count: number;
  readonly least: number;
  readonly most: number;
}

function summaryOf(values: Values): Summary {
  let [missing, count, least, most] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  values((value) => {
    if (Number.isNaN(value)) {
      missing++;
      return;
    }
    count++;
    least = Math.min(least, value);
    most = Math.max(most, value);
  });
  return { missing, count, least, most };
}

/** Whether there are several values, and all are the same, besides missing ones. */
const isConstant = ({ count, least, most }: Summary): boolean => count > 1 && least === most;

/** Of what is there: mean and standard deviation, or least and range. A column that is always the same is scaled by 1. */
function scalingOf(values: Values, { count, least, most }: Summary, scaling: Wishes['scaling']): Scaling {
  if (count === 0 || scaling === 'none') return { mean: 0, scale: 1 };
  if (least === most) return { mean: least, scale: 1 };
  if (scaling === 'range') return { mean: least, scale: most - least };
  const there: Values = (visit) =>
    values((value) => {
      if (!Number.isNaN(value)) visit(value);
    });
  let mean = 0;
  there((value) => {
    mean += value / count;
  });
  const largest = Math.max(Math.abs(most - mean), Math.abs(least - mean));
  // In parts of the largest: squares of large numbers would not be finite.
  let variance = 0;
  there((value) => {
    variance += ((value - mean) / largest) ** 2 / count;
  });
  return { mean, scale: largest * Math.sqrt(variance) || 1 };
}
