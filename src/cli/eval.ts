// unroll eval: how well a model predicts a text, the targets of a table, or the labels of examples.

import { DATASET_NAMES, DATASETS, type DatasetName } from '../config/datasets.js';
import { datasetPath } from '../data/dataset.js';
import { UNKNOWN_WORD } from '../data/words.js';
import { UserError } from '../errors.js';
import { count, counted, decimal, percent, table } from '../report/format.js';
import { type EvalData, type Evaluation, loadModel } from '../run/model.js';
import type { Command, Given } from './command.js';
import { addKernels, addModel, kernelsOf } from './model-flags.js';
import { textOption } from './options.js';
import { addTableMemory, addTables, tableData, tableMemory } from './tables.js';

export const evaluate: Command = {
  build(yargs, listing) {
    addTableMemory(addTables(addModel(yargs), 'the rows to measure on, with what is right'))
      .option('text', { type: 'string', describe: 'FILE: the text to measure on' })
      .option('dataset', {
        type: 'string',
        describe: `NAME: data that are fetched or made once and kept, of ${DATASET_NAMES.join(', ')}`,
      })
      .option('svmlight', { type: 'string', describe: 'FILE: the sparse examples to measure on' })
      .option('zero-based', { type: 'boolean', describe: 'the indices of --svmlight begin with 0' })
      .option('skip-unknown', {
        type: 'boolean',
        describe: 'leave out symbols that the model does not know, and count them',
      })
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 eval runs/book-lstm256 --text other.txt', 'the whole of another text')
      .example('$0 eval runs/news-linear --svmlight test.svm', 'examples, for a model that learned such')
      .example('$0 eval runs/book-lstm256/best --text other.txt --json', 'the best checkpoint, for machines');
    return addKernels(yargs, listing);
  },

  async run(given, { stdout }) {
    const data = await evalData(given);
    const model = await loadModel(String(given.model), { kernels: kernelsOf(given) });
    const options = {
      ...{ skipUnknown: given.skipUnknown === true, zeroBased: given.zeroBased === true },
      tableMemory: tableMemory(given),
    };
    const result = await model.eval(data, options);
    stdout.write(`${given.json === true ? JSON.stringify({ event: 'eval', ...result }) : inWords(result)}\n`);
    return 0;
  },
};

async function evalData(given: Given): Promise<EvalData> {
  const rows = tableData(given);
  const [text, dataset, svmlight] = ['text', 'dataset', 'svmlight'].map((name) => textOption(given, name));
  const several = [text, dataset, svmlight, rows].filter((source) => source !== undefined).length > 1;
  if (several)
    throw new UserError(
      '--text, --csv, --jsonl, --parquet, --dataset and --svmlight: several are given; give one of them',
    );
  if (rows !== undefined) return rows;
  if (svmlight !== undefined) return { svmlight };
  if (dataset !== undefined) {
    const path = await datasetPath(dataset);
    const { format } = DATASETS[dataset as DatasetName];
    return { [format === 'text' ? 'file' : format]: path };
  }
  if (text === undefined)
    throw new UserError(
      '--text: it is missing; give --text FILE, --csv FILE, --jsonl FILE, --parquet FILE, --svmlight FILE or --dataset NAME',
    );
  return { file: text };
}

function inWords(result: Evaluation): string {
  const { loss, bitsPerCharacter, perplexity, accuracy, tokens, skipped, unknown = 0, figures } = result;
  const isText = perplexity !== null;
  const areWords = isText && bitsPerCharacter === null;
  const rows = [['loss', decimal(loss, 4)]];
  if (isText && !areWords) rows.push(['bits per character', decimal(bitsPerCharacter, 4)]);
  if (isText) rows.push(['perplexity', decimal(perplexity, 3)]);
  if (figures)
    rows.push(
      ...Object.entries(figures).map(([name, value]) => [inSpaces(name), value === null ? 'none' : shortNumber(value)]),
    );
  else if (accuracy !== null) rows.push(['accuracy', percent(accuracy)]);
  else rows.push(['root of it', decimal(Math.sqrt(loss), 4)]);
  rows.push([areWords ? 'words' : isText ? 'tokens' : 'examples', count(tokens)]);
  if (unknown > 0) rows.push(['unknown', `${counted(unknown, 'word')} read as ${UNKNOWN_WORD}`]);
  if (skipped > 0) {
    const [one, several] = isText
      ? ['unknown symbol', 'unknown symbols']
      : figures
        ? ['token', 'tokens']
        : ['entry', 'entries'];
    const what = `${count(skipped)} ${skipped === 1 ? one : several}`;
    rows.push([
      'skipped',
      isText ? what : figures ? `${what} that the model does not know` : `${what} of unknown features`,
    ]);
  }
  return table(rows);
}

/** "baselineAccuracy" -> "baseline accuracy". */
const inSpaces = (name: string): string =>
  name.replace(/^\w+/, (figure) => figure.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));

const shortNumber = (value: number): string => String(Number(value.toPrecision(4)));
