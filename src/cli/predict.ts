// unroll predict: what a model of a table says of other rows, as CSV or as a JSON object a line.

import { once } from 'node:events';
import { UserError } from '../errors.js';
import { loadModel } from '../run/model.js';
import type { Prediction } from '../run/predictions.js';
import type { TablePrediction } from '../run/table-model.js';
import type { Command, Context } from './command.js';
import { addKernels, addModel, kernelsOf } from './model-flags.js';
import { numberOption, textOption } from './options.js';
import { addTableMemory, addTables, tableData, tableMemory } from './tables.js';

const INTERVAL = {
  name: 'interval',
  about: "the share of what comes that is to lie within a forecast's interval",
  allowed: 'above 0 and below 1',
  fallback: 0.9,
  allows: (value: number) => value > 0 && value < 1,
};

export const predict: Command = {
  build(yargs, listing) {
    addTableMemory(
      addTables(addModel(yargs), 'the rows to predict from; for CSV and JSON lines - is what comes on stdin'),
    )
      .option('interval', {
        type: 'string',
        describe: `${INTERVAL.about}, ${INTERVAL.allowed}`,
        defaultDescription: `${INTERVAL.fallback}`,
      })
      .option('json', { type: 'boolean', describe: 'print a JSON object a line, with all probabilities' })
      .example('$0 predict runs/sensors-lstm256 --csv new.csv', 'CSV in, CSV out')
      .example('cat new.jsonl | $0 predict runs/reviews-gru128 --jsonl - --json', 'in a pipe');
    return addKernels(yargs, listing);
  },

  async run(given, { stdout, gone }) {
    const data = tableData(given);
    if (data === undefined) throw new UserError('--csv: it is missing; give one of --csv, --jsonl and --parquet');
    const model = await loadModel(String(given.model), { kernels: kernelsOf(given) });
    const { columns } = model;
    if (textOption(given, INTERVAL.name) !== undefined && columns !== undefined && columns.task !== 'forecast')
      throw new UserError(
        `--interval: it is for forecasts, and the model has learned to ${columns.task}; leave it out`,
      );
    const predictions = model.predictions(data, {
      interval: numberOption(given, INTERVAL),
      tableMemory: tableMemory(given),
    });
    const isStepped = columns?.cells === true && columns.task === 'tag';
    const lines = given.json === true ? jsonLines(predictions) : csvLines(predictions, isStepped);
    await write(lines, stdout, gone);
    return 0;
  },
};

type Predictions = AsyncIterable<TablePrediction>;

/** Lines are written some at a time: each write costs more than a line does. */
const PIECE_LENGTH = 1 << 16;

/** Waits where the reader is slower; ends early where there is none any more. */
async function write(lines: AsyncIterable<string>, stdout: Context['stdout'], gone: AbortSignal): Promise<void> {
  let piece = '';
  for await (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < PIECE_LENGTH) continue;
    if (!stdout.write(piece)) await once(stdout, 'drain', { signal: gone }).catch(() => {});
    if (gone.aborted) return;
    piece = '';
  }
  stdout.write(piece);
}

async function* jsonLines(predictions: Predictions): AsyncGenerator<string> {
  for await (const one of predictions) yield JSON.stringify(one);
}

/** @param isStepped whether a row has several predictions */
async function* csvLines(predictions: Predictions, isStepped: boolean): AsyncGenerator<string> {
  let isFirst = true;
  for await (const { row, sequence, step, prediction } of predictions) {
    const named = sequence === null ? [] : ['sequence'];
    if (isFirst) yield ['row', ...named, ...(isStepped ? ['step'] : []), ...headerOf(prediction)].join(',');
    isFirst = false;
    const place = [String(row), ...(sequence === null ? [] : [quoted(sequence)]), ...(isStepped ? [String(step)] : [])];
    for (const cells of cellsOf(prediction)) yield [...place, ...cells].join(',');
  }
}

function headerOf(prediction: Prediction): readonly string[] {
  if (prediction.kind === 'class') return ['prediction', 'probability'];
  if (prediction.kind === 'labels') return ['prediction'];
  if (prediction.kind === 'numbers') return Object.keys(prediction.values).map(quoted);
  return ['target', 'ahead', 'value', 'lower', 'upper'];
}

/** Lines of one prediction: a forecast has one for each value ahead. */
function cellsOf(prediction: Prediction): readonly (readonly string[])[] {
  if (prediction.kind === 'class')
    return [[quoted(prediction.label), short(prediction.probabilities[prediction.label])]];
  if (prediction.kind === 'labels') return [[quoted(prediction.labels.join(';'))]];
  if (prediction.kind === 'numbers') return [Object.values(prediction.values).map(short)];
  return Object.entries(prediction.values).flatMap(([target, values]) =>
    values.map(({ value, lower, upper }, h) => [
      quoted(target),
      String(h + 1),
      short(value),
      lower === null ? '' : short(lower),
      upper === null ? '' : short(upper),
    ]),
  );
}

/** Outputs are float32, of numbers around a mean that may be large. */
const short = (value: number): string => String(Number(value.toPrecision(10)));

/** A cell as RFC 4180 has it. */
const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
