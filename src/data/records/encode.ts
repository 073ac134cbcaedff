// Fills records from a table, as the description of its columns says.

import { excerpt, shortened, UserError } from '../../errors.js';
import type { Column, Table } from '../tables/table.js';
import type { Arrangement } from './arrangement.js';
import { checkSameTargets } from './check-targets.js';
import {
  type Columns,
  columnsOf,
  DATE_CYCLES_MS,
  featuresOf,
  type InputColumn,
  isWhole,
  type TargetColumn,
} from './columns.js';
import { labelsIn } from './learn-columns.js';
import { emptyRecords, type Records } from './records.js';
import { columnNamed, textsOf } from './table-columns.js';
import { tokensOfRow } from './tokens.js';

/** Fills what a step reads or predicts from place `within` of a cell, of a list; 0 of a single value. */
type Fill = (step: number, row: number, within: number) => void;

interface Filling {
  readonly table: Table;
  readonly columns: Columns;
  readonly records: ReturnType<typeof emptyRecords>;
  readonly counts: { missing: number; unknown: number };
}

/**
 * @param arrangement of the table's rows
 * @param targets whether the targets are read, which a table to predict from need not have
 * @throws UserError for values that the columns do not allow, and where they are
 */
export function encode(table: Table, columns: Columns, arrangement: Arrangement, targets: boolean): Records {
  const { order } = arrangement;
  const lengths = columns.cells ? cellLengths(table, columns, order) : undefined;
  const placed = lengths ? stepsOf(arrangement, lengths) : arrangement;
  const count = lengths ? lengths.reduce((sum, length) => sum + length, 0) : order.length;
  const records = emptyRecords(columns, placed, count);
  const counts = { missing: 0, unknown: 0 };
  const filling: Filling = { table, columns, records, counts };
  const fills = inputFills(filling);
  let step = 0;
  for (const [i, row] of order.entries()) {
    for (let within = 0; within < (lengths?.[i] ?? 1); within++, step++) {
      records.rows[step] = row;
      for (const fill of fills) fill(step, row, within);
    }
  }
  if (targets) fillTargets(filling);
  return { ...records, ...counts };
}

/** Steps of each row's lists. @throws UserError where lists of a row differ, or are empty */
function cellLengths(table: Table, { inputs }: Columns, order: Int32Array): Int32Array {
  const cells = inputs.map((input) => cellsOf(table, input));
  return order.map((row) => {
    const lengths = cells.map((partsOf) => partsOf(row).length);
    const [first] = lengths;
    const other = lengths.findIndex((length) => length !== first);
    if (other >= 0)
      throw new UserError(
        `${table.place(row)}: "${inputs[other].name}" has ${lengths[other]} values and "${inputs[0].name}" ${first}; lists of a row are equally long`,
      );
    if (first === 0)
      throw new UserError(`${table.place(row)}: "${inputs[0].name}" is empty; a sequence has one step or more`);
    return first;
  });
}

/** The steps of a row's cell, as texts. */
function cellsOf(table: Table, input: InputColumn): (row: number) => readonly string[] {
  const columns = columnsOf(input).map((name) => columnNamed(table, name, '--features'));
  const split = input.kind === 'tokens' ? input.split : 'list';
  return (row) => tokensOfRow(columns, split, row);
}

/** Each row's steps are a sequence. */
function stepsOf({ names }: Arrangement, lengths: Int32Array): Omit<Arrangement, 'order'> {
  const to = new Int32Array(lengths.length);
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    at += length;
    to[i] = at;
  }
  return { sequences: { from: to.map((end, i) => end - lengths[i]), to }, names };
}

function inputFills(filling: Filling): readonly Fill[] {
  const { table, columns } = filling;
  let at = 0;
  const width = featuresOf(columns);
  return columns.inputs.map((input) => {
    const column = columnNamed(table, input.name, '--features');
    const first = at;
    if (input.kind === 'tokens') return tokenFill(filling, input);
    if (input.kind === 'number') {
      at += input.flagged ? 2 : 1;
      return numberFill(filling, input, column, (step) => step * width + first);
    }
    if (input.kind === 'date') {
      at += 2 * DATE_CYCLES_MS.length;
      return dateFill(filling, column, (step) => step * width + first);
    }
    at += input.values.length;
    return categoryFill(filling, input, column, (step) => step * width + first);
  });
}

type At = (step: number) => number;

function tokenFill({ table, records, counts }: Filling, input: Extract<InputColumn, { kind: 'tokens' }>): Fill {
  const partsOf = cellsOf(table, input);
  const numbers = new Map(input.tokens.map((token, i) => [token, i + 1]));
  const tokens = records.tokens as Int32Array;
  let [lastRow, parts]: [number, readonly string[]] = [-1, []];
  return (step, row, within) => {
    if (row !== lastRow) [lastRow, parts] = [row, partsOf(row)];
    const number = numbers.get(parts[within]);
    if (number === undefined) counts.unknown++;
    tokens[step] = number ?? 0;
  };
}

function numberFill(
  { table, records: { features }, counts }: Filling,
  { name, mean, scale, flagged }: Extract<InputColumn, { kind: 'number' }>,
  column: Column,
  at: At,
): Fill {
  const numberAt = numbersOf(table, column, name, '--features');
  return (step, row, within) => {
    const value = numberAt(row, within);
    const isMissing = Number.isNaN(value);
    if (isMissing) counts.missing++;
    // What is missing is the mean, so that it moves nothing.
    features[at(step)] = isMissing ? 0 : inRange((value - mean) / scale, table, row, name);
    if (flagged) features[at(step) + 1] = isMissing ? 1 : 0;
  };
}

/** @throws UserError for what float32 has no number for */
function inRange(scaled: number, table: Table, row: number, name: string): number {
  if (Math.abs(scaled) < 3e38) return scaled;
  throw new UserError(`${table.place(row)}: the number in column "${name}" is too large to compute with`);
}

/** A number of a cell, NaN where it is missing. */
function numbersOf(table: Table, column: Column, name: string, flag: string): (row: number, within: number) => number {
  if (column.kind === 'number') return (row) => column.values[row];
  if (column.kind !== 'list')
    throw new UserError(`${flag}: column "${name}" of ${table.name} holds ${column.kind}s; it must hold numbers`);
  return (row, within) => {
    const text = column.values[row][within];
    const value = text === '' ? Number.NaN : Number(text);
    if (text === '' || Number.isFinite(value)) return value;
    throw new UserError(`${table.place(row)}: ${excerpt(text)} in the list "${name}" is no number`);
  };
}

function dateFill({ records: { features }, counts }: Filling, column: Column, at: At): Fill {
  if (column.kind !== 'date') throw new UserError(`--features: column "${column.name}" holds no dates`);
  return (step, row) => {
    const time = column.values[row];
    if (Number.isNaN(time)) counts.missing++;
    for (const [i, cycle] of DATE_CYCLES_MS.entries()) {
      const angle = (2 * Math.PI * time) / cycle;
      features[at(step) + 2 * i] = Number.isNaN(time) ? 0 : Math.sin(angle);
      features[at(step) + 2 * i + 1] = Number.isNaN(time) ? 0 : Math.cos(angle);
    }
  };
}

function categoryFill(
  { table, records: { features }, counts }: Filling,
  { name, values }: Extract<InputColumn, { kind: 'category' }>,
  column: Column,
  at: At,
): Fill {
  const numberOf = placesOf(values);
  const texts = textsOf(column);
  return (step, row) => {
    const text = texts[row];
    const number = numberOf(text);
    if (text === '') counts.missing++;
    else if (number === undefined)
      throw new UserError(
        `${table.place(row)}: ${excerpt(text)} in column "${name}" does not occur in what the model learned, which has ${listed(values)}`,
      );
    if (number !== undefined) features[at(step) + number] = 1;
  };
}

function fillTargets(filling: Filling): void {
  const { table, columns, records } = filling;
  const fills = columns.targets.map((target, k) => targetFill(filling, target, k));
  const { rows, sequences } = records;
  const { from, to } = sequences;
  if (isWhole(columns) && !columns.cells) checkSameTargets(table, columns, { order: rows, sequences });
  for (let i = 0; i < from.length; i++) {
    if (isWhole(columns)) {
      const last = to[i] - 1;
      if (!fills.every((fill) => fill(last, records.rows[last], 0, to[i])))
        throw new UserError(
          `${table.place(records.rows[last])}: column "${columns.targets[0].name}" is empty; give a value or leave the row out`,
        );
      records.predicts[last] = 1;
      continue;
    }
    for (let step = from[i]; step < to[i]; step++) {
      const within = columns.cells ? step - from[i] : 0;
      const there = fills.map((fill) => fill(step, records.rows[step], within, to[i])).every(Boolean);
      records.predicts[step] = there ? 1 : 0;
    }
  }
}

/** Fills what a step predicts. @returns whether there is something */
type FillTarget = (step: number, row: number, within: number, end: number) => boolean;

function targetFill(filling: Filling, target: TargetColumn, k: number): FillTarget {
  const column = columnNamed(filling.table, target.name, '--target');
  if (target.kind === 'number') return numberTarget(filling, target, column, k);
  const { table, records, columns } = filling;
  const texts = column.kind === 'list' ? undefined : textsOf(column);
  const placeOf = placesOf(target.values);
  const numberOf = (label: string, row: number): number => {
    const number = placeOf(label);
    if (number !== undefined) return number;
    throw new UserError(
      `${table.place(row)}: label ${excerpt(label)} in column "${target.name}" does not occur in what the model learned, which has ${listed(target.values)}`,
    );
  };
  const partsOf = cellsOf(table, columns.inputs[0]);
  const cellOf = (row: number, within: number): string => {
    if (column.kind !== 'list') return texts?.[row] ?? '';
    const list = column.values[row];
    const steps = partsOf(row).length;
    if (within === 0 && list.length !== steps)
      throw new UserError(
        `${table.place(row)}: "${target.name}" has ${list.length} values for ${steps} steps of "${columns.inputs[0].name}"; it needs one for each`,
      );
    return list[within];
  };
  if (target.kind === 'class') {
    const classes = records.classes as Int32Array;
    return (step, row, within) => {
      const text = cellOf(row, within);
      if (text !== '') classes[step] = numberOf(text, row);
      return text !== '';
    };
  }
  const { length } = target.values;
  return (step, row, within) => {
    const isList = column.kind === 'list' && isWhole(columns);
    const labels = isList ? column.values[row] : labelsIn(cellOf(row, within));
    for (const label of labels) if (label !== '') records.outputs[step * length + numberOf(label, row)] = 1;
    return true;
  };
}

function numberTarget(
  { table, columns, records }: Filling,
  { name, mean, scale }: Extract<TargetColumn, { kind: 'number' }>,
  column: Column,
  k: number,
): FillTarget {
  const numberAt = numbersOf(table, column, name, '--target');
  const { targets, horizon, task } = columns;
  if (task !== 'forecast') {
    return (step, row, within) => {
      const value = numberAt(row, within);
      records.outputs[step * targets.length + k] = Number.isNaN(value) ? 0 : (value - mean) / scale;
      return !Number.isNaN(value);
    };
  }
  const ahead = horizon as number;
  return (step, _row, _within, end) => {
    if (step + ahead >= end) return false;
    let there = true;
    for (let h = 0; h < ahead; h++) {
      const value = numberAt(records.rows[step + 1 + h], 0);
      if (Number.isNaN(value)) there = false;
      records.outputs[(step * targets.length + k) * ahead + h] = Number.isNaN(value) ? 0 : (value - mean) / scale;
    }
    return there;
  };
}

/** Where a value stands among others. Numbers that were learned as such may be written in another way: 1.0 is 1. */
function placesOf(values: readonly string[]): (text: string) => number | undefined {
  const places = new Map(values.map((value, i) => [value, i]));
  if (!values.every((value) => value === String(Number(value)))) return (text) => places.get(text);
  return (text) => places.get(text) ?? (text.trim() === '' ? undefined : places.get(String(Number(text))));
}

const SHOWN = 12;

function listed(values: readonly string[]): string {
  const shown = values.slice(0, SHOWN).map(shortened).join(', ');
  return values.length > SHOWN ? `${shown} and ${values.length - SHOWN} more` : shown;
}
