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
import type { Lines, Stretches } from '../data/lines.js';
import { type Arrangement, arrangeRows, holdOutSequences } from '../data/records/arrangement.js';
import { type Columns, isWhole, outputsOfColumns } from '../data/records/columns.js';
import { encode } from '../data/records/encode.js';
import { isCells, learnColumns, type Wishes } from '../data/records/learn-columns.js';
import { classCounts, type RecordPart, type Records, recordLines, vocabularyOf } from '../data/records/records.js';
import { columnNamed } from '../data/records/table-columns.js';
import { readTable } from '../data/tables/read-table.js';
import type { Kind, Table } from '../data/tables/table.js';
import { Vocabulary } from '../data/vocabulary.js';
import { wordRule } from '../data/word-text.js';
import { UserError } from '../errors.js';
import type { Architecture } from '../model/architecture.js';
import type { ClassCounts, OpenedData } from './data.js';

/** What is learned, and what is held out: parts of the records. */
interface Split {
  readonly records: Records;
  readonly training: RecordPart;
  readonly heldOut: RecordPart;
  /** Steps, or where each has one target sequences, of both. */
  readonly learned: number;
  readonly held: number;
}

/** Steps that a series is read before its held-out part. */
const WARM_UP = 256;

/** @throws UserError for a table that cannot be read, or whose columns do not allow the task */
export async function ofRecords(config: Config): Promise<OpenedData> {
  const format = tableOf(config) as 'csv' | 'jsonl' | 'parquet';
  const path = config.dataset === undefined ? (config[format] as string) : await datasetPath(config.dataset);
  const wishes = wishesOf(config);
  const table = await readTable(path, format, {
    ...{ columns: namedColumns(wishes), as: kindsAsked(wishes), writing: wishes.writing },
  });
  for (const name of Object.keys(wishes.kinds)) columnNamed(table, name, '--columns');
  if (table.rows === 0) throw new UserError(`--${format}: ${path} has no rows; a model needs some to learn from`);
  const split = splitTable(table, wishes, config);
  const { columns } = split.records;
  const name = `the training set (${path})`;
  const training = dealer(recordLines(split.records, split.training), config, name);
  const evaluation =
    split.held > 0 ? evaluationOf(columns, recordLines(split.records, split.heldOut), config) : undefined;
  return {
    vocabulary: Vocabulary.ofNumbers(vocabularyOf(columns)),
    predicted: predictedOf(columns),
    classes: classesOf(split),
    columns,
    notices: [...table.notices, ...(table.odd?.values() ?? []), ...noticesOf(split.records)],
    training,
    evaluation,
    trainingTokens: split.learned,
    validationTokens: split.held,
    checksum: table.checksum,
    sizeBytes: bytesOf(split.records),
    close: async () => {},
  };
}

function classesOf({ records, training }: Split): ClassCounts | undefined {
  const [target] = records.columns.targets;
  return target.kind === 'class' ? { names: target.values, counts: classCounts(records, training) } : undefined;
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
}: Config): Wishes {
  return {
    task: task as Wishes['task'],
    target: target as readonly string[],
    ...{ features, group, time, horizon, scaling, multilabel: labels === 'multilabel', feedforward: cell === 'mlp' },
    tokens: tokens === 'char' ? 'char' : 'word',
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

/** As what columns are read, where that is said. */
const kindsAsked = ({ kinds }: Wishes): Readonly<Record<string, Kind>> =>
  Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, kind === 'category' ? 'text' : kind]));

/** The columns to read; undefined: all. */
function namedColumns({ features, target, group, time }: Wishes): readonly string[] | undefined {
  if (features === undefined) return undefined;
  return [...new Set([...features, ...target, ...(group ? [group] : []), ...(time ? [time] : [])])];
}

function splitTable(table: Table, wishes: Wishes, config: Config): Split {
  const { group } = wishes;
  const { cell, validation, seed } = config;
  const cells = isCells(table, wishes);
  const apart = cells || (cell === 'mlp' && group === undefined);
  if (cells && cell === 'mlp')
    throw new UserError('--cell: mlp has no memory, and each row is a sequence; take rnn, lstm or gru');
  if (!apart && isWhole(wishes) && group === undefined)
    throw new UserError(
      `--cell: ${cell} needs sequences; name the column whose rows are one with --group, or take --cell mlp, for which each row stands by itself` +
        (table.columns.some(({ kind }) => kind === 'text')
          ? '; texts are read word by word where all features are such'
          : ''),
    );
  const arranged = arrangeRows(table, wishes, apart);
  const isOne = arranged.sequences.from.length === 1;
  if (wishes.task === 'forecast' || (isOne && !isWhole(wishes))) return atEnds(table, wishes, arranged, validation);
  const { arranged: moved, learned } = holdOutSequences(arranged, validation, seed);
  const rows = learned === 0 ? 0 : moved.sequences.to[learned - 1];
  const columns = learnColumns(table, wishes, moved.order.subarray(0, rows));
  const records = encode(table, columns, moved, true);
  return wholes(records, learned, cell === 'mlp');
}

/** Whole sequences are held out, the last ones as they lie now. */
function wholes(records: Records, learned: number, byThemselves: boolean): Split {
  const { from, to } = records.sequences;
  const cut = learned === 0 ? 0 : to[learned - 1];
  const counted = (of: Stretches, steps: number): number => (isWhole(records.columns) ? of.from.length : steps);
  const training = { from: from.subarray(0, learned), to: to.subarray(0, learned) };
  const heldOut = { from: from.subarray(learned), to: to.subarray(learned) };
  const part = (sequences: Stretches, base: number, count: number): RecordPart =>
    byThemselves ? { base, count } : { sequences };
  return {
    records,
    training: part(training, 0, cut),
    heldOut: part(heldOut, cut, records.count - cut),
    learned: counted(training, cut),
    held: counted(heldOut, records.count - cut),
  };
}

/** The end of each sequence is held out. */
function atEnds(table: Table, wishes: Wishes, arranged: Arrangement, validation: number): Split {
  const { from, to } = arranged.sequences;
  const cuts = from.map((begin, i) => begin + Math.floor((to[i] - begin) * (1 - validation)));
  const learnedRows = Int32Array.from([...from].flatMap((begin, i) => [...arranged.order.subarray(begin, cuts[i])]));
  const columns = learnColumns(table, wishes, learnedRows);
  const records = encode(table, columns, arranged, true);
  const ahead = columns.horizon ?? 0;
  // What a step predicts lies within its part.
  const ends = cuts.map((cut, i) => Math.max(from[i], cut - ahead));
  const kept = [...from.keys()].filter((i) => ends[i] > from[i]);
  const held = [...from.keys()].filter((i) => cuts[i] < to[i] - ahead && validation > 0);
  const pick = (of: readonly number[], values: Int32Array): Int32Array => Int32Array.from(of, (i) => values[i]);
  const begins = cuts.map((cut) => (ahead > 0 ? cut - 1 : cut));
  if (kept.length === 0)
    throw new UserError(
      ahead === 0 || table.rows < 3
        ? `${table.name} has too few rows to learn from; give more, or --validation 0`
        : `--horizon: ${ahead} values ahead are more than any series of ${table.name} has in its part to learn, ${cuts.reduce((most, cut, i) => Math.max(most, cut - from[i]), 0)} at most; give a smaller one`,
    );
  const isOne = from.length === 1;
  const total = (indices: readonly number[], first: Int32Array, last: Int32Array): number =>
    indices.reduce((sum, i) => sum + last[i] - first[i], 0);
  return {
    records,
    training: isOne ? { count: ends[0] } : { sequences: { from: pick(kept, from), to: pick(kept, ends) } },
    heldOut: {
      sequences: {
        from: pick(
          held,
          begins.map((begin, i) => Math.max(from[i], begin - WARM_UP)),
        ),
        to: pick(held, to),
      },
      countsFrom: pick(held, begins),
    },
    learned: total(kept, from, ends),
    held: total(held, begins, to),
  };
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

function noticesOf({ missing, unknown }: Records): readonly string[] {
  const notices: string[] = [];
  if (missing > 0)
    notices.push(`${missing} missing ${missing === 1 ? 'value is' : 'values are'} read as the mean, and marked`);
  if (unknown > 0)
    notices.push(
      `${unknown} ${unknown === 1 ? 'token is' : 'tokens are'} rare or unknown, and read as one and the same`,
    );
  return notices;
}

function bytesOf({ features, outputs, tokens, classes, rows, predicts }: Records): number {
  const arrays = [features, outputs, rows, predicts, tokens, classes];
  return arrays.reduce((sum, array) => sum + (array?.byteLength ?? 0), 0);
}
