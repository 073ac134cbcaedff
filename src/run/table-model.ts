// A model of a table at work: rows in, predictions or figures out.

import { Readable } from 'node:stream';
import { arrangeRows, rowByRow } from '../data/records/arrangement.js';
import { type Columns, columnsOf, isWhole } from '../data/records/columns.js';
import { encode } from '../data/records/encode.js';
import { type Steps, stepsOf } from '../data/records/records.js';
import { RowStore } from '../data/records/row-store.js';
import { type AnyTable, LongTable } from '../data/tables/long-table.js';
import { readTable, readTableFrom } from '../data/tables/read-table.js';
import { type Format, type Kind, shown } from '../data/tables/table.js';
import { UserError } from '../errors.js';
import type { Architecture } from '../model/architecture.js';
import type { Inference, Room } from './inference.js';
import type { Measured } from './measured.js';
import type { Figures } from './measures.js';
import { ForecastErrors, measure, type Prediction, predictionOf, type Visit, visitOutputs } from './predictions.js';
import { encodeTable } from './split-table.js';
import { partBytesOf } from './table-memory.js';

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

/** What a model makes of tables. */
export interface TableSource {
  readonly columns: Columns;
  readonly architecture: Architecture;
  /** Of a table, and of what is said of it, that stays in memory. */
  readonly memoryBytes: number;
}

/** What a model of a table is made of. */
export interface TableModel extends TableSource {
  /** The model with room for such windows. */
  readonly inferenceOf: (room: Room) => Inference;
}

const FORMATS = ['csv', 'jsonl', 'parquet'] as const satisfies readonly Format[];

/**
 * One prediction for each row, or for each sequence where the task has one target for it; in the order of the rows. A table that is
 * larger than memory is gone through a part at a time.
 *
 * @param level of a forecast's intervals: the share of what comes that is to lie within
 * @throws UserError for rows that the model cannot read, and where they are
 */
export async function* predictTable(
  model: TableModel,
  data: TableData,
  level: number,
): AsyncGenerator<TablePrediction> {
  const { columns } = model;
  const isForecast = columns.task === 'forecast';
  const table = await open(data, model, isForecast);
  try {
    if (table instanceof LongTable && isApart(model)) {
      let first = 0;
      for (const part of table.parts(columns.inputs.flatMap(columnsOf))) {
        const steps = stepsOf(encode(part, columns, rowByRow(part), false));
        for await (const one of predictSteps(model, steps, level)) yield { ...one, row: first + one.row };
        first += part.rows;
      }
    } else yield* predictSteps(model, recordsOf(table, model, isForecast), level);
  } finally {
    if (table instanceof LongTable) table.close();
  }
}

async function* predictSteps(model: TableModel, steps: Steps, level: number): AsyncGenerator<TablePrediction> {
  const { columns, architecture, inferenceOf, memoryBytes } = model;
  const { sequences, names } = steps;
  const errors = columns.task === 'forecast' ? new ForecastErrors(steps) : undefined;
  const { reported, placeOf } = reportedSteps(steps);
  const width = outputsOf(columns);
  const said = new RowStore('predictions', width, memoryBytes);
  try {
    said.reserve(reported.length);
    const kept = new Float32Array(width);
    await visitOutputs(inferenceOf, steps, architecture, (step, outputs, at) => {
      errors?.add(step, outputs, at);
      if (placeOf[step] < 0) return;
      for (let k = 0; k < width; k++) kept[k] = outputs[at + k];
      said.write(placeOf[step], kept);
    });
    const widths = errors?.within(level);
    const sequenceOf = sequenceNumbers(steps);
    for (const [i, step] of reported.entries()) {
      const sequence = sequenceOf[step];
      yield {
        row: steps.rowOf(step) + 1,
        sequence: names.length === sequences.from.length ? names[sequence] : null,
        step: step - sequences.from[sequence] + 1,
        prediction: predictionOf(columns, said.floats, said.find(i), widths),
      };
    }
  } finally {
    said.close();
    steps.close();
  }
}

/** The steps that something is said of, in the order of their rows, and the place of each step among them; -1: it is not. */
function reportedSteps({ count, columns, sequences, rowOf }: Steps): {
  readonly reported: Int32Array;
  readonly placeOf: Int32Array;
} {
  const oneEach = isWhole(columns) || columns.task === 'forecast';
  const isReported = new Uint8Array(count).fill(oneEach ? 0 : 1);
  if (oneEach) for (const end of sequences.to) isReported[end - 1] = 1;
  const inOrder = new Int32Array(count);
  // Steps of a row's lists follow each other; other rows are one step each.
  for (let step = 0; step < count; step++) inOrder[columns.cells ? step : rowOf(step)] = step;
  const reported = inOrder.filter((step) => isReported[step] === 1);
  const placeOf = new Int32Array(count).fill(-1);
  for (let place = 0; place < reported.length; place++) placeOf[reported[place]] = place;
  return { reported, placeOf };
}

/** How right the model is about rows whose targets are known. */
export async function evaluateTable(
  model: TableModel,
  data: TableData,
): Promise<Measured & { readonly tokens: number; readonly skipped: number; readonly figures: Figures }> {
  const table = await open(data, model, true);
  try {
    const records = recordsOf(table, model, true);
    return await measured(table.name, records, model).finally(() => records.close());
  } finally {
    if (table instanceof LongTable) table.close();
  }
}

async function measured(name: string, records: Steps, model: TableModel): ReturnType<typeof evaluateTable> {
  const visits = (visit: Visit) => visitOutputs(model.inferenceOf, records, model.architecture, visit);
  const { count, loss, figures } = await measure(records, visits);
  if (count === 0) throw new UserError(`${name}: no row has something to predict`);
  const accuracy = figures.accuracy ?? null;
  return { loss, bitsPerCharacter: null, perplexity: null, accuracy, tokens: count, skipped: records.unknown, figures };
}

function outputsOf({ targets, horizon = 1 }: Columns): number {
  const [target] = targets;
  return target.kind === 'number' ? targets.length * horizon : target.values.length;
}

/** [count] the sequence that each step is of. */
function sequenceNumbers({ count, sequences: { from, to } }: Steps): Int32Array {
  const numbers = new Int32Array(count);
  for (const [i, begin] of from.entries()) numbers.fill(i, begin, to[i]);
  return numbers;
}

/** Whether each row stands by itself, or is a sequence. */
const isApart = ({ columns: { cells, group }, architecture: { cell } }: TableSource): boolean =>
  cells || (cell === 'mlp' && group === undefined);

/**
 * The steps of rows with their targets, for who reads them in another way; to be closed.
 *
 * @param checksum of the table that it must be; null: any
 */
export async function readSteps(model: TableSource, data: TableData, checksum: number | null = null): Promise<Steps> {
  const table = await open(data, model, true);
  try {
    if (checksum !== null && table.checksum !== checksum)
      throw new UserError(`${table.name} is not what the model learned any more; name it to go through it as it is`);
    return recordsOf(table, model, true);
  } finally {
    if (table instanceof LongTable) table.close();
  }
}

function recordsOf(table: AnyTable, model: TableSource, targets: boolean): Steps {
  if (table.rows === 0) throw new UserError(`${table.name} has no rows`);
  const { columns, memoryBytes } = model;
  const missing = columns.targets.find(({ name }) => !table.columns.some((column) => column.name === name));
  if (targets && missing && columns.task !== 'forecast')
    throw new UserError(`${table.name} has no column "${missing.name}", which says what is right`);
  const arranged = arrangeRows(table, columns, isApart(model));
  return encodeTable(table, columns, arranged, targets && !missing, memoryBytes);
}

async function open(data: TableData, model: TableSource, targets: boolean): Promise<AnyTable> {
  const { columns, memoryBytes } = model;
  const given = [...FORMATS, 'rows', 'stream'].filter((key) => data[key as keyof TableData] !== undefined);
  if (given.length !== 1)
    throw new UserError(
      `--csv: ${given.length === 0 ? 'it is missing' : `${given.join(' and ')} are given`}; give one of --csv, --jsonl and --parquet`,
    );
  const options = { columns: namesOf(columns, targets), as: kindsOf(columns), writing: columns.writing };
  const partBytes = partBytesOf(memoryBytes);
  const { rows, stream } = data;
  if (rows) return readTableFrom(Readable.from(linesOf(rows)), 'rows', 'jsonl', options, partBytes);
  if (stream) return readTableFrom(stream.from, stream.name, stream.format, options, partBytes);
  const format = given[0] as Format;
  return readTable(data[format] as string, format, options, partBytes);
}

/** Rows in memory as a file would have them: what is checked there is checked here. */
function* linesOf(rows: readonly unknown[]): Generator<Buffer> {
  for (const [i, row] of rows.entries()) {
    const line = JSON.stringify(row, (key, value) => {
      // JSON would say null of it.
      if (typeof value === 'number' && !Number.isFinite(value))
        throw new UserError(
          `rows:${i + 1}: ${value} is not allowed in ${shown(key)}; it is a finite number, or null where it is missing`,
        );
      return value;
    });
    yield Buffer.from(`${line}\n`);
  }
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
