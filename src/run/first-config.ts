// A first config for a file of data, after a look at it: what is most likely meant, with what else there is in comments.

import { extname } from 'node:path';
import { withFile } from '../data/open-file.js';
import { LongTable } from '../data/tables/long-table.js';
import { readTable } from '../data/tables/read-table.js';
import type { Format } from '../data/tables/table.js';
import { lookAtText } from '../data/text-file.js';
import { printable, UserError } from '../errors.js';
import { bytes } from '../report/format.js';
import { type ColumnFacts, columnFacts, MOST_COUNTED } from './column-facts.js';
import { memoryBytesOf, partBytesOf } from './table-memory.js';

const TABLES: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.parquet': 'parquet',
};
const SVMLIGHT = new Set(['.svm', '.svmlight', '.libsvm']);

const TARGET_NAMES = /^(label|target|class|category|tag|tags|y|outcome)s?$/i;
const GROUP_NAMES = /(^|[_\W])(id|group|series|machine|device|user|session|patient|store|sequence)$/i;
/** More different numbers than this are amounts, not names of classes. */
const MOST_CLASSES = 20;

/** What messages call the file. */
const FLAG = 'DATA';

/** @throws UserError for a file that cannot be read, or from which nothing could be learned */
export async function firstConfig(path: string): Promise<string> {
  const ending = extname(path).toLowerCase();
  const format = TABLES[ending];
  if (format) {
    const table = await readTable(path, format, { flag: FLAG }, partBytesOf(memoryBytesOf()));
    try {
      return tableConfig(columnFacts(table), table.rows, format, path);
    } finally {
      if (table instanceof LongTable) table.close();
    }
  }
  return inYaml(SVMLIGHT.has(ending) ? examplesConfig(path) : textConfig(path), COMMON);
}

function examplesConfig(path: string): readonly string[] {
  const isEmpty = withFile(path, FLAG, ({ sizeBytes }) => sizeBytes === 0, 'a file of examples');
  if (isEmpty) throw new UserError(`${FLAG}: ${path} is empty; it has a line for each example`);
  return [
    `svmlight: ${JSON.stringify(path)}`,
    'labels: classes        # or multilabel, numbers',
    'cell: mlp',
    'layers: 0              # a linear model; 1 or more: feedforward layers',
  ];
}

function textConfig(path: string): readonly string[] {
  const { tokens, sizeBytes } = lookAtText(path, FLAG);
  return [
    `# ${bytes(sizeBytes)}${tokens === 'byte' ? ', no UTF-8: each byte is a token' : ''}`,
    `text: ${JSON.stringify(path)}`,
    tokens === 'byte' ? 'tokens: byte' : 'tokens: char           # or word, or byte',
    'cell: lstm             # or gru, rnn',
    'hidden: 256',
  ];
}

const COMMON = [
  'epochs: 10',
  '# lr: 0.001             # unroll tune looks for a better one',
  '# schedule: cosine      # the rate falls to zero by the end',
  '# validation: 0.1       # the share that is held out',
  '# patience: 3           # ends after so many evaluations without a better one',
];

function tableConfig(columns: readonly ColumnFacts[], rows: number, format: Format, path: string): string {
  const time = columns.find(({ kind }) => kind === 'date');
  const named = columns.find((column) => GROUP_NAMES.test(column.name) && isRepeated(column, rows));
  const others = columns.filter((column) => column !== time && column !== named);
  const target = others.find(({ name }) => TARGET_NAMES.test(name)) ?? others.at(-1) ?? columns[0];
  const all = others.filter((column) => column !== target);
  // A row of lists is a sequence by itself, and has no place for single values.
  const lists = all.filter(({ kind }) => kind === 'list');
  const features = lists.length > 0 ? lists : all;
  const group = lists.length > 0 ? undefined : named;
  const isChoice = features.length < columns.filter((column) => column !== target && column !== group).length;
  const task = taskOf(target, features, time);
  const isSequence =
    group !== undefined || task === 'forecast' || features.some(({ kind }) => kind === 'list') || task === 'tag';
  const isWhole = task === 'classify' || task === 'regress';
  const isText = isWhole && features.length === 1 && features[0].kind === 'text' && group === undefined;
  const recurrent = isSequence || isText;
  return inYaml(
    [
      ...[`# ${rows} rows of:`, ...columns.map((column) => `#   ${printable(column.name)}: ${described(column)}`)],
      `${format}: ${JSON.stringify(path)}`,
      `task: ${task.padEnd(16)} # ${MEANINGS[task]}`,
      `target: [${JSON.stringify(target.name)}]`,
      `${isChoice && lists.length > 0 ? '' : '# '}features: [${features.map(({ name }) => JSON.stringify(name)).join(', ')}]   # default: all others`,
      group
        ? `group: ${JSON.stringify(group.name)}`
        : '# group: NAME            # the column that names the sequence of a row',
      time && lists.length === 0
        ? `time: ${JSON.stringify(time.name)}`
        : '# time: NAME             # the column by which rows are sorted',
      ...(task === 'forecast'
        ? [`horizon: ${String(horizonFor(rows / (group?.different ?? 1))).padEnd(14)} # values ahead`, 'clipNorm: 1']
        : []),
      recurrent ? 'cell: gru              # or lstm, rnn' : 'cell: mlp              # each row by itself',
      ...(recurrent ? [] : ['activation: relu', 'layers: 2']),
      'hidden: 64',
      ...(isText ? ['embedding: 32          # of a word'] : []),
    ],
    COMMON,
  );
}

/** A day of hours, or of a short series no more than half of what is held out of it. */
const horizonFor = (rows: number): number => Math.max(1, Math.min(24, Math.floor(rows / 20)));

type Task = 'classify' | 'tag' | 'regress' | 'forecast';

const MEANINGS: Readonly<Record<Task, string>> = {
  classify: 'one label of a sequence or row; others: tag, regress, forecast',
  tag: 'a label of each step; others: classify, regress, forecast',
  regress: 'a number of a sequence or row; others: classify, tag, forecast',
  forecast: 'the next values of a series; others: classify, tag, regress',
};

function taskOf(target: ColumnFacts, features: readonly ColumnFacts[], time: ColumnFacts | undefined): Task {
  // Beside single values a list is one of labels that all apply.
  if (target.kind === 'list') return features.some(({ kind }) => kind === 'list') ? 'tag' : 'classify';
  if (target.kind !== 'number') return 'classify';
  if (time !== undefined && features.every(({ kind }) => kind === 'number')) return 'forecast';
  return target.different > MOST_CLASSES || !target.areWhole ? 'regress' : 'classify';
}

/** Whether most values come again: each names several rows. Of what was not counted to its end nobody knows. */
const isRepeated = ({ different }: ColumnFacts, rows: number): boolean =>
  different < MOST_COUNTED && different <= rows / 2;

function described({ kind, different }: ColumnFacts): string {
  if (kind === 'list') return 'lists';
  return `${kind}s, ${different >= MOST_COUNTED ? `${MOST_COUNTED} or more` : different} different`;
}

const inYaml = (own: readonly string[], common: readonly string[]): string =>
  [
    '# yaml-language-server: $schema=./unroll.schema.json',
    '# unroll train THIS_FILE; unroll schema > unroll.schema.json lets editors complete it',
    ...own,
    ...common,
  ]
    .map((line) => `${line}\n`)
    .join('');
