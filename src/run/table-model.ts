// A model of a table at work: rows in, predictions or figures out.

import { Readable } from 'node:stream';
import { arrangeRows } from '../data/records/arrangement.js';
import { type Columns, columnsOf, isWhole } from '../data/records/columns.js';
import { encode } from '../data/records/encode.js';
import type { Records } from '../data/records/records.js';
import { readTable, readTableFrom } from '../data/tables/read-table.js';
import type { Format, Kind, Table } from '../data/tables/table.js';
import { UserError } from '../errors.js';
import type { Architecture } from '../model/architecture.js';
import type { Inference, Room } from './inference.js';
import type { Measured } from './measured.js';
import type { Figures } from './measures.js';
import { ForecastErrors, measure, type Prediction, predictionOf, type Visit, visitOutputs } from './predictions.js';

/** Rows for a model of a table: one of these. */
export interface TableData {
  /** Path of a file. */
  readonly csv?: string;
  readonly jsonl?: string;
  readonly parquet?: string;
  /** Rows in memory, a value for each column. */
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
  /** What is being read, of one of the first two formats. */
  readonly stream?: { readonly from: Readable; readonly name: string; readonly format: 'csv' | 'jsonl' };
}

export interface TablePrediction {
  /** The row that it is about, from 1 on; of a sequence its last one. */
  readonly row: number;
  /** The value of the group's column; null where there are no groups. */
  readonly sequence: string | null;
  /** The step within its sequence, from 1 on. */
  readonly step: number;
  readonly prediction: Prediction;
}

/** What a model of a table is made of. */
export interface TableModel {
  readonly columns: Columns;
  readonly architecture: Architecture;
  /** The model with room for such windows. */
  readonly inferenceOf: (room: Room) => Inference;
}

const FORMATS = ['csv', 'jsonl', 'parquet'] as const satisfies readonly Format[];

/**
 * One prediction for each row, or for each sequence where the task has one target for it; in the order of the rows.
 *
 * @param level of a forecast's intervals: the share of what comes that is to lie within
 * @throws UserError for rows that the model cannot read, and where they are
 */
export async function predictTable(
  model: TableModel,
  data: TableData,
  level: number,
): Promise<readonly TablePrediction[]> {
  const { columns, architecture, inferenceOf } = model;
  const isForecast = columns.task === 'forecast';
  const table = await open(data, columns, isForecast);
  const records = recordsOf(table, model, isForecast);
  const { sequences, names, rows } = records;
  const errors = isForecast ? new ForecastErrors(records) : undefined;
  const { length } = sequences.from;
  const lastSteps = new Map(Array.from(sequences.to, (end, i) => [end - 1, i]));
  const oneEach = isWhole(columns) || isForecast;
  const kept: { readonly step: number; readonly outputs: Float32Array }[] = [];
  await visitOutputs(inferenceOf, records, architecture, (step, outputs, at) => {
    errors?.add(step, outputs, at);
    if (!oneEach || lastSteps.has(step)) kept.push({ step, outputs: Float32Array.from(slice(outputs, at, columns)) });
  });
  const widths = errors?.within(level);
  const sequenceOf = sequenceNumbers(records);
  const predictions = kept.map(({ step, outputs }) => ({
    row: rows[step] + 1,
    sequence: names.length === length ? names[sequenceOf[step]] : null,
    step: step - sequences.from[sequenceOf[step]] + 1,
    prediction: predictionOf(columns, outputs, 0, widths),
  }));
  return predictions.sort((a, b) => a.row - b.row || a.step - b.step);
}

/** How right the model is about rows whose targets are known. */
export async function evaluateTable(
  model: TableModel,
  data: TableData,
): Promise<Measured & { readonly tokens: number; readonly skipped: number; readonly figures: Figures }> {
  const table = await open(data, model.columns, true);
  const records = recordsOf(table, model, true);
  const visits = (visit: Visit) => visitOutputs(model.inferenceOf, records, model.architecture, visit);
  const { count, loss, figures } = await measure(records, visits);
  if (count === 0) throw new UserError(`${table.name}: no row has something to predict`);
  const accuracy = figures.accuracy ?? null;
  return { loss, bitsPerCharacter: null, perplexity: null, accuracy, tokens: count, skipped: records.unknown, figures };
}

function slice(outputs: ArrayLike<number>, at: number, { targets, horizon = 1 }: Columns): number[] {
  const [target] = targets;
  const count = target.kind === 'number' ? targets.length * horizon : target.values.length;
  return Array.from({ length: count }, (_, k) => outputs[at + k]);
}

/** [count] the sequence that each step is of. */
function sequenceNumbers({ count, sequences: { from, to } }: Records): Int32Array {
  const numbers = new Int32Array(count);
  for (const [i, begin] of from.entries()) numbers.fill(i, begin, to[i]);
  return numbers;
}

function recordsOf(table: Table, { columns, architecture: { cell } }: TableModel, targets: boolean): Records {
  if (table.rows === 0) throw new UserError(`${table.name} has no rows`);
  const { cells, group } = columns;
  const apart = cells || (cell === 'mlp' && group === undefined);
  const known = targets && columns.targets.every(({ name }) => table.columns.some((column) => column.name === name));
  if (targets && !known && columns.task !== 'forecast') {
    const missing = columns.targets.find(({ name }) => !table.columns.some((column) => column.name === name));
    throw new UserError(`${table.name} has no column "${missing?.name}", which says what is right`);
  }
  return encode(table, columns, arrangeRows(table, columns, apart), known);
}

async function open(data: TableData, columns: Columns, targets: boolean): Promise<Table> {
  const given = [...FORMATS, 'rows', 'stream'].filter((key) => data[key as keyof TableData] !== undefined);
  if (given.length !== 1)
    throw new UserError(
      `--csv: ${given.length === 0 ? 'it is missing' : `${given.join(' and ')} are given`}; give one of --csv, --jsonl and --parquet`,
    );
  const options = { columns: namesOf(columns, targets), as: kindsOf(columns), writing: columns.writing };
  if (data.rows) return readTableFrom(Readable.from(linesOf(data.rows)), 'rows', 'jsonl', options);
  if (data.stream) return readTableFrom(data.stream.from, data.stream.name, data.stream.format, options);
  const format = given[0] as Format;
  return readTable(data[format] as string, format, options);
}

/** Rows in memory as a file would have them: what is checked there is checked here. */
function* linesOf(rows: readonly unknown[]): Generator<Buffer> {
  for (const row of rows) yield Buffer.from(`${JSON.stringify(row)}\n`);
}

function namesOf({ inputs, targets, group, time }: Columns, withTargets: boolean): readonly string[] {
  const named = [...inputs.flatMap(columnsOf), ...(withTargets ? targets.map(({ name }) => name) : [])];
  return [...new Set([...named, ...(group === undefined ? [] : [group]), ...(time === undefined ? [] : [time])])];
}

/** As what the model learned its columns. */
function kindsOf({ inputs, targets, group, cells, task }: Columns): Readonly<Record<string, Kind>> {
  const kinds = new Map<string, Kind>();
  for (const target of targets) {
    if (target.kind === 'labels') continue;
    const single = target.kind === 'class' ? 'text' : 'number';
    kinds.set(target.name, cells && task === 'tag' ? 'list' : single);
  }
  for (const input of inputs) {
    if (input.kind === 'tokens')
      for (const name of columnsOf(input)) kinds.set(name, input.split === 'list' ? 'list' : 'text');
    else if (input.kind === 'number') kinds.set(input.name, cells ? 'list' : 'number');
    else kinds.set(input.name, input.kind === 'date' ? 'date' : 'text');
  }
  if (group !== undefined) kinds.set(group, 'text');
  return Object.fromEntries(kinds);
}
