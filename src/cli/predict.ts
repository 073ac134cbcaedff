// unroll predict: what a model of a table says of other rows, as CSV or as a JSON object a line.

import { UserError } from '../errors.js';
import { loadModel } from '../run/model.js';
import type { Prediction } from '../run/predictions.js';
import type { TablePrediction } from '../run/table-model.js';
import type { Command } from './command.js';
import { addKernels, addModel, kernelsOf } from './model-flags.js';
import { numberOption } from './options.js';
import { addTables, tableData } from './tables.js';

const INTERVAL = {
  name: 'interval',
  about: "the share of what comes that is to lie within a forecast's interval",
  allowed: 'above 0 and below 1',
  fallback: 0.9,
  allows: (value: number) => value > 0 && value < 1,
};

export const predict: Command = {
  build(yargs, listing) {
    addTables(addModel(yargs), 'the rows to predict from; - is what comes on stdin')
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

  async run(given, { stdout }) {
    const data = tableData(given);
    if (data === undefined) throw new UserError('--csv: it is missing; give one of --csv, --jsonl and --parquet');
    const model = await loadModel(String(given.model), { kernels: kernelsOf(given) });
    const predictions = await model.predict(data, { interval: numberOption(given, INTERVAL) });
    const lines = given.json === true ? predictions.map((one) => JSON.stringify(one)) : csvLines(predictions);
    for (const line of lines) stdout.write(`${line}\n`);
    return 0;
  },
};

function csvLines(predictions: readonly TablePrediction[]): readonly string[] {
  const [first] = predictions;
  if (first === undefined) return [];
  const named = first.sequence === null ? [] : ['sequence'];
  const stepped = predictions.some(({ row }, i) => i > 0 && row === predictions[i - 1].row) ? ['step'] : [];
  const header = ['row', ...named, ...stepped, ...headerOf(first.prediction)];
  const lines = predictions.flatMap(({ row, sequence, step, prediction }) =>
    cellsOf(prediction).map((cells) => [
      String(row),
      ...(sequence === null ? [] : [quoted(sequence)]),
      ...(stepped.length > 0 ? [String(step)] : []),
      ...cells,
    ]),
  );
  return [header, ...lines].map((cells) => cells.join(','));
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
