// A table as the records of a run: what is learned of it, and what is held out.

import type { Config } from '../config/config.js';
import type { Stretches } from '../data/lines.js';
import { type Arrangement, arrangeRows } from '../data/records/arrangement.js';
import { type Columns, isWhole } from '../data/records/columns.js';
import { encode } from '../data/records/encode.js';
import { cutsOf, holdOut, joined, type SplitWishes, sidesOf } from '../data/records/hold-out.js';
import { isCells, type Learned, learnColumns, type Wishes } from '../data/records/learn-columns.js';
import { encodeLong } from '../data/records/long-records.js';
import { type RecordPart, type Steps, stepsOf } from '../data/records/records.js';
import { type AnyTable, LongTable } from '../data/tables/long-table.js';
import { UserError } from '../errors.js';

/** What is learned, and what is held out: parts of the records. */
export interface Split {
  readonly records: Steps;
  readonly training: RecordPart;
  readonly heldOut: RecordPart;
  /** Steps, or where each has one target sequences, of both. */
  readonly learned: number;
  readonly held: number;
  readonly notices: readonly string[];
}

/** Steps that a series is read before its held-out part. */
const WARM_UP = 256;

/** @param memoryBytes of records that stay in memory, of a long table */
export function splitTable(table: AnyTable, wishes: Wishes, config: Config, memoryBytes: number): Split {
  const { group } = wishes;
  const { cell } = config;
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
  const encoded = (columns: Columns, kept: Arrangement): Steps => encodeTable(table, columns, kept, true, memoryBytes);
  const isOne = arranged.sequences.from.length === 1;
  if (isOne && !isWhole(wishes) && config.bidirectional)
    throw new UserError(
      '--bidirectional: it needs sequences that end, two or more, and the table is one; name the column whose rows are one with --group',
    );
  if (wishes.task === 'forecast' || (isOne && !isWhole(wishes)))
    return atEnds(table, wishes, arranged, config, encoded);
  const { arranged: moved, learned } = holdOut(arranged, sidesOf(table, arranged, splitWishes(config)));
  const rows = learned === 0 ? 0 : moved.sequences.to[learned - 1];
  const { columns, notices } = columnsToLearn(table, wishes, config, moved.order.subarray(0, rows));
  return { ...wholes(encoded(columns, moved), learned, cell === 'mlp'), notices };
}

/** @throws UserError for `--embedding` where nothing is read that could have one */
function columnsToLearn(table: AnyTable, wishes: Wishes, config: Config, rows: Int32Array): Learned {
  const learned = learnColumns(table, wishes, rows);
  const [input] = learned.columns.inputs;
  if (config.embedding > 0 && input.kind !== 'tokens')
    throw new UserError(`--embedding: it is for tokens, and "${input.name}" of ${table.name} has none; leave it out`);
  const notice = wordNotice(learned.columns, config);
  return notice === undefined ? learned : { ...learned, notices: [...learned.notices, notice] };
}

/** Said of what tells words apart where there are none. */
function wordNotice({ inputs: [input] }: Columns, { tokens, minCount, vocabularySize }: Config): string | undefined {
  if (input.kind === 'tokens' && input.split !== 'list') return undefined;
  const rare = input.kind !== 'tokens';
  const flags = [
    ...(tokens !== 'word' ? ['--tokens'] : []),
    ...(rare && minCount !== undefined ? ['--min-count'] : []),
    ...(rare && vocabularySize !== undefined ? ['--vocabulary-size'] : []),
  ];
  if (flags.length === 0) return undefined;
  return `${flags.join(' and ')} ${flags.length === 1 ? 'has' : 'have'} no effect: no text is read word by word`;
}

const splitWishes = ({ validation, seed, time, splitBy, splitColumn, splitTime }: Config): SplitWishes => ({
  ...{ validation, seed, time, splitBy, splitColumn, splitTime },
});

/** @param targets whether they are read. @param memoryBytes of records that stay in memory, of a long table */
export function encodeTable(
  table: AnyTable,
  columns: Columns,
  arrangement: Arrangement,
  targets: boolean,
  memoryBytes: number,
): Steps {
  return table instanceof LongTable
    ? encodeLong(table, columns, arrangement, targets, memoryBytes)
    : stepsOf(encode(table, columns, arrangement, targets));
}

/** Whole sequences are held out, the last ones as they lie now. */
function wholes(records: Steps, learned: number, byThemselves: boolean): Omit<Split, 'notices'> {
  const { from, to } = records.sequences;
  const training = { from: from.subarray(0, learned), to: to.subarray(0, learned) };
  const heldOut = { from: from.subarray(learned), to: to.subarray(learned) };
  const counted = (of: Stretches): number => (isWhole(records.columns) ? of.from.length : stepsIn(of));
  const cut = stepsIn(training);
  const part = (sequences: Stretches, base: number): RecordPart =>
    byThemselves ? { base, count: stepsIn(sequences) } : { sequences };
  return {
    records,
    training: part(training, 0),
    heldOut: part(heldOut, cut),
    learned: counted(training),
    held: counted(heldOut),
  };
}

const stepsIn = ({ from, to }: Stretches): number => from.reduce((sum, begin, i) => sum + to[i] - begin, 0);

const nothingHeld = (ahead: number): string =>
  ahead === 0
    ? 'nothing is held out, so nothing is evaluated: no series has a row in its held-out part'
    : `nothing is held out, so nothing is evaluated: no series has ${ahead + 1} rows in its held-out part, of which --horizon ${ahead} are predicted`;

/** The end of each sequence is held out. */
function atEnds(
  table: AnyTable,
  wishes: Wishes,
  arranged: Arrangement,
  config: Config,
  encoded: (columns: Columns, kept: Arrangement) => Steps,
): Split {
  const { from } = arranged.sequences;
  const { cuts, ends: to } = cutsOf(table, arranged, splitWishes(config));
  const { columns, notices } = columnsToLearn(table, wishes, config, joined(arranged.order, { from, to: cuts }));
  const ahead = columns.horizon ?? 0;
  // What a step predicts lies within its part.
  const ends = cuts.map((cut, i) => Math.max(from[i], cut - ahead));
  const kept = [...from.keys()].filter((i) => ends[i] > from[i]);
  const held = [...from.keys()].filter((i) => cuts[i] < to[i] - ahead && config.validation > 0);
  const pick = (of: readonly number[], values: Int32Array): Int32Array => Int32Array.from(of, (i) => values[i]);
  const begins = cuts.map((cut, i) => (ahead > 0 ? Math.max(from[i], cut - 1) : cut));
  if (kept.length === 0)
    throw new UserError(
      ahead === 0 || table.rows < 3
        ? `${table.name} has too few rows to learn from; give more, or --validation 0`
        : `--horizon: ${ahead} values ahead are more than any series of ${table.name} has in its part to learn, ${cuts.reduce((most, cut, i) => Math.max(most, cut - from[i] - 1), 0)} at most; give a smaller one`,
    );
  const isOne = from.length === 1;
  const total = (indices: readonly number[], first: Int32Array, last: Int32Array): number =>
    indices.reduce((sum, i) => sum + last[i] - first[i], 0);
  const warmedUp = begins.map((begin, i) => Math.max(from[i], begin - WARM_UP));
  return {
    records: encoded(columns, arranged),
    training: isOne ? { count: ends[0] } : { sequences: { from: pick(kept, from), to: pick(kept, ends) } },
    heldOut: {
      sequences: { from: pick(held, warmedUp), to: pick(held, to) },
      countsFrom: pick(held, begins),
    },
    learned: total(kept, from, ends),
    held: total(held, begins, to),
    notices: [...notices, ...(held.length === 0 && config.validation > 0 ? [nothingHeld(ahead)] : [])],
  };
}
