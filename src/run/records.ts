// The tables of a run: read, cut into what is learned and what is held out, turned into records and dealt.

import type { Config } from '../config/config.js';
import { tableOf } from '../config/record-checks.js';
import { DEFAULT_WINDOW } from '../config/settings.js';
import type { Batches } from '../data/batches.js';
import { BucketBatches } from '../data/bucket-batches.js';
import { datasetPath } from '../data/dataset.js';
import { EVALUATION } from '../data/eval-segments.js';
import { ExampleBatches } from '../data/example-batches.js';
import { ExampleSequences, longestOf } from '../data/example-sequences.js';
import type { Lines } from '../data/lines.js';
import { type Columns, columnsOf, isWhole, outputsOfColumns } from '../data/records/columns.js';
import type { Wishes } from '../data/records/learn-columns.js';
import { classCounts, recordLines, type Steps, vocabularyOf } from '../data/records/records.js';
import { columnNamed } from '../data/records/table-columns.js';
import { type AnyTable, LongTable } from '../data/tables/long-table.js';
import { readTable } from '../data/tables/read-table.js';
import type { Kind } from '../data/tables/table.js';
import { Vocabulary } from '../data/vocabulary.js';
import { wordRule } from '../data/word-text.js';
import { UserError } from '../errors.js';
import type { Architecture } from '../model/architecture.js';
import type { ClassCounts, OpenedData } from './data.js';
import { type Split, splitTable } from './split-table.js';
import { memoryBytesOf, partBytesOf } from './table-memory.js';

/** @throws UserError for a table that cannot be read, or whose columns do not allow the task */
export async function ofRecords(config: Config): Promise<OpenedData> {
  const format = tableOf(config) as 'csv' | 'jsonl' | 'parquet';
  const path = config.dataset === undefined ? (config[format] as string) : await datasetPath(config.dataset);
  const wishes = wishesOf(config);
  const memoryBytes = memoryBytesOf(config.tableMemory);
  const options = {
    columns: namedColumns(wishes),
    as: kindsAsked({ ...wishes, splitBy: config.splitBy }),
    writing: wishes.writing,
  };
  const table = await readTable(path, format, options, partBytesOf(memoryBytes));
  try {
    for (const name of Object.keys(wishes.kinds)) {
      if (options.columns?.includes(name) === false)
        throw new UserError(
          `--columns: "${name}" is not read; it is not among what --features, --target and others name`,
        );
      columnNamed(table, name, '--columns');
    }
    if (table.rows === 0) throw new UserError(`--${format}: ${path} has no rows; a model needs some to learn from`);
    const split = splitTable(table, wishes, config, memoryBytes);
    return openedData(config, path, table, split);
  } finally {
    if (table instanceof LongTable) table.close();
  }
}

function openedData(
  config: Config,
  path: string,
  table: Pick<AnyTable, 'notices' | 'odd' | 'checksum' | 'columns'>,
  split: Split,
): OpenedData {
  const { records, training, heldOut } = split;
  const { columns } = records;
  try {
    const classes = classesOf(split);
    const constantLoss = constantLossOf(columns, classes);
    const inTime = config.cell !== 'mlp' && !config.bidirectional;
    return {
      vocabulary: Vocabulary.ofNumbers(vocabularyOf(columns)),
      predicted: predictedOf(columns),
      classes,
      ...(inTime && constantLoss !== undefined && { sequences: { steps: records, constantLoss } }),
      columns,
      notices: [...table.notices, ...oddNotices(table, columns), ...split.notices, ...noticesOf(records)],
      training: dealer(recordLines(records, training), config, `the training set (${path})`),
      evaluation: split.held > 0 ? evaluationOf(columns, recordLines(records, heldOut), config) : undefined,
      trainingTokens: split.learned,
      validationTokens: split.held,
      checksum: table.checksum,
      sizeBytes: records.sizeBytes,
      close: async () => records.close(),
    };
  } catch (error) {
    records.close();
    throw error;
  }
}

function classesOf({ records, training }: Split): ClassCounts | undefined {
  const [target] = records.columns.targets;
  return target.kind === 'class' ? { names: target.values, counts: classCounts(records, training) } : undefined;
}

/** Of what is read. Labels that are texts, and names of groups, are meant as they are, whatever they look like. */
function oddNotices(
  { odd, columns: heads }: Pick<AnyTable, 'odd' | 'columns'>,
  { inputs, targets }: Columns,
): readonly string[] {
  const numbers = targets.filter(({ name }) => heads.some((head) => head.name === name && head.kind === 'number'));
  return [...inputs.flatMap(columnsOf), ...numbers.map(({ name }) => name)].flatMap((name) => odd?.get(name) ?? []);
}

/** Of what says the mean, or how often each class is. Unknown of labels. */
function constantLossOf({ targets: [target] }: Columns, classes: ClassCounts | undefined): number | undefined {
  if (classes === undefined) return target.kind === 'number' ? 1 : undefined;
  const total = classes.counts.reduce((sum, count) => sum + count, 0);
  return classes.counts.reduce(
    (sum, count) => (count === 0 ? sum : sum - (count / total) * Math.log(count / total)),
    0,
  );
}

const predictedOf = (columns: Columns): 'classes' | 'multilabel' | 'numbers' =>
  (({ softmax: 'classes', multilabel: 'multilabel', linear: 'numbers' }) as const)[outputsOfColumns(columns).output];

function wishesOf({
  task,
  target,
  features,
  group,
  time,
  horizon,
  scaling = 'standard',
  columns = {},
  decimal,
  dates,
  tokens,
  minCount,
  vocabularySize,
  labels,
  cell,
  splitBy,
  splitColumn,
}: Config): Wishes {
  return {
    task: task as Wishes['task'],
    target: target as readonly string[],
    ...{ features, group, time, horizon, scaling, multilabel: labels === 'multilabel', feedforward: cell === 'mlp' },
    tokens: tokens === 'char' ? 'char' : 'word',
    splitNames: [splitBy, splitColumn].filter((name) => name !== undefined),
    words: wordRule({ minCount, vocabularySize }),
    kinds: columns,
    ...writingOf(decimal, dates),
  };
}

const writingOf = (decimal: Config['decimal'], dates: Config['dates']): Pick<Wishes, 'writing'> => ({
  ...((decimal === ',' || (dates ?? 'iso') !== 'iso') && {
    writing: { ...(decimal === ',' && { decimal }), ...(dates !== undefined && dates !== 'iso' && { dates }) },
  }),
});

/** As what columns are read, where that is said. Names of groups are told apart as they are written, as predict does: 007 is not 7. */
function kindsAsked({ kinds, group, splitBy, time }: Wishes & Pick<Config, 'splitBy'>): Readonly<Record<string, Kind>> {
  const names = [group, splitBy].filter((name) => name !== undefined && name !== time);
  const said = Object.entries(kinds).map(([name, kind]) => [name, kind === 'category' ? 'text' : kind]);
  return Object.fromEntries([...names.map((name) => [name, 'text']), ...said]);
}

/** The columns to read; undefined: all. */
function namedColumns({ features, target, group, time, splitNames }: Wishes): readonly string[] | undefined {
  if (features === undefined) return undefined;
  return [...new Set([...features, ...target, ...splitNames, ...(group ? [group] : []), ...(time ? [time] : [])])];
}

type Dealer = Batches & { readonly maxEntries: number };

function dealer(lines: Lines, config: Config, name: string): Dealer {
  const { cell, window, stride, batch, seed } = config;
  if (cell === 'mlp')
    return new ExampleBatches(lines, { batch: Math.min(batch, lines.count), shuffle: true, seed }, name);
  if (lines.sequences && window === 'full') {
    const sequences = lines.sequences.from.length;
    return new BucketBatches(lines, { batch: Math.min(batch, sequences), shuffle: true, seed }, name);
  }
  const longest = lines.sequences ? longestOf(lines.sequences) : lines.count;
  const steps = Math.min(window === 'full' ? DEFAULT_WINDOW : window, longest);
  // A short series has fewer windows than a batch has streams.
  const streams = lines.sequences ? Math.min(batch, lines.sequences.from.length) : Math.floor(lines.count / steps);
  return new ExampleSequences(
    lines,
    {
      batch: Math.max(1, Math.min(batch, streams)),
      window: steps,
      stride: stride === 'full' ? steps : Math.min(stride, steps),
      shuffle: true,
      seed,
    },
    name,
  );
}

/** Steps as they are measured on, each once. */
export function evaluationOf(
  columns: Columns,
  lines: Lines,
  { cell, bidirectional = false }: Pick<Architecture, 'cell' | 'bidirectional'>,
): Dealer {
  const name = 'the rows to measure on';
  if (cell === 'mlp') return new ExampleBatches(lines, { batch: Math.min(lines.count, 256), shuffle: false }, name);
  const sequences = lines.sequences?.from.length ?? 1;
  const batch = Math.min(sequences, EVALUATION.streams);
  if (isWhole(columns) || bidirectional) return new BucketBatches(lines, { batch, shuffle: false }, name);
  const longest = lines.sequences ? longestOf(lines.sequences) : lines.count;
  const window = Math.min(EVALUATION.window, longest);
  return new ExampleSequences(lines, { batch, window, stride: window, shuffle: false }, name);
}

function noticesOf({ missing, unknown }: Steps): readonly string[] {
  const notices: string[] = [];
  if (missing > 0)
    notices.push(`${missing} missing ${missing === 1 ? 'value is' : 'values are'} read as the mean, and marked`);
  if (unknown > 0)
    notices.push(
      `${unknown} ${unknown === 1 ? 'token is' : 'tokens are'} rare or unknown, and read as one and the same`,
    );
  return notices;
}
