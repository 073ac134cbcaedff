// The records of a table that is too large for memory: its parts are encoded one after another, and each row goes to its place in
// a store. A sequence then lies in one piece, however its rows were scattered.

import { UserError } from '../../errors.js';
import { padded } from '../../kernels/kernels.js';
import { type BatchSlot, NO_TARGET } from '../batches.js';
import { NO_LINE, type Stretches } from '../lines.js';
import type { LongTable } from '../tables/long-table.js';
import { type Arrangement, rowByRow } from './arrangement.js';
import { checkSameTargets } from './check-targets.js';
import { type Columns, columnsOf, featuresOf, isWhole, outputsOfColumns, tokensColumn } from './columns.js';
import { encode } from './encode.js';
import { copyRow, type Records, type Steps } from './records.js';
import { RowStore } from './row-store.js';

/** Steps are numbered with 32 bits. */
const MOST_STEPS = 2 ** 31 - 1;

/**
 * @param arrangement of the table's rows
 * @param targets whether the targets are read
 * @param limitBytes of what stays in memory
 * @throws UserError for values that the columns do not allow, and where they are
 */
export function encodeLong(
  table: LongTable,
  columns: Columns,
  arrangement: Arrangement,
  targets: boolean,
  limitBytes: number,
): Steps {
  const layout = layoutOf(columns, targets);
  if (targets && isWhole(columns) && !columns.cells) checkSameTargets(table, columns, arrangement);
  const store = new RowStore(table.name, layout.width, limitBytes);
  try {
    const filled = columns.cells
      ? fillCells(table, columns, layout, store, arrangement)
      : fillRows(table, columns, layout, store, arrangement);
    return storedSteps({ columns, layout, store, names: arrangement.names, ...filled });
  } catch (error) {
    store.close();
    throw error;
  }
}

/** What a row of the store has: what the model reads, then what it is to predict, if that is known. */
interface Layout {
  readonly features: number;
  readonly isTokens: boolean;
  /** A class in one word, or floats; the first says whether there is something to predict: NO_TARGET or NaN where there is not. */
  readonly isClass: boolean;
  readonly targets: number;
  readonly width: number;
}

function layoutOf(columns: Columns, known: boolean): Layout {
  const { output, outputs } = outputsOfColumns(rowColumns(columns));
  const isClass = output === 'softmax';
  const features = featuresOf(columns);
  const isTokens = tokensColumn(columns) !== undefined;
  const targets = known ? (isClass ? 1 : outputs) : 0;
  return { features, isTokens, isClass, targets, width: features + (isTokens ? 1 : 0) + targets };
}

/** A forecast's values ahead are those of the rows behind: each row stores its own alone. */
const rowColumns = (columns: Columns): Columns =>
  columns.task === 'forecast' ? { ...columns, task: 'tag', horizon: undefined } : columns;

interface Filled {
  readonly sequences: Stretches;
  /** The row of a step. */
  readonly rowOf: (step: number) => number;
  /** [count] 1 for the last step of each sequence; of forecasts alone. */
  readonly lasts: Uint8Array | undefined;
  readonly missing: number;
  readonly unknown: number;
}

function* encodedParts(table: LongTable, columns: Columns, { targets }: Layout): Generator<Records> {
  const named = [...columns.inputs.flatMap(columnsOf), ...(targets > 0 ? columns.targets.map(({ name }) => name) : [])];
  for (const part of table.parts([...new Set(named)]))
    yield encode(part, rowColumns(columns), rowByRow(part), targets > 0);
}

/** The place of a row that no sequence has. */
const LEFT_OUT = -1;

/** A row is a step. */
function fillRows(
  table: LongTable,
  columns: Columns,
  layout: Layout,
  store: RowStore,
  { order, sequences }: Arrangement,
): Filled {
  const counts = { missing: 0, unknown: 0 };
  const places = new Int32Array(table.rows).fill(LEFT_OUT);
  for (let step = 0; step < order.length; step++) places[order[step]] = step;
  const apart = sequences.from.length === order.length;
  const lasts = apart ? undefined : new Uint8Array(order.length);
  if (lasts) for (const end of sequences.to) lasts[end - 1] = 1;
  const answersAtEnd = isWhole(columns);
  store.reserve(order.length);
  let first = 0;
  for (const part of encodedParts(table, columns, layout)) {
    const predicts = (row: number): boolean =>
      part.predicts[row] === 1 && !(answersAtEnd && lasts?.[places[first + row]] === 0);
    const words = packed(part, layout, predicts);
    for (let row = 0; row < part.count; ) {
      const begin = row++;
      const place = places[first + begin];
      if (place === LEFT_OUT) continue;
      while (row < part.count && places[first + row] === place + row - begin) row++;
      store.write(place, words.subarray(begin * layout.width, row * layout.width));
    }
    first += part.count;
    counts.missing += part.missing;
    counts.unknown += part.unknown;
  }
  return { sequences, rowOf: (step) => order[step], lasts, ...counts };
}

/** A row is a sequence; they stay in the file's order. */
function fillCells(
  table: LongTable,
  columns: Columns,
  layout: Layout,
  store: RowStore,
  { order }: Arrangement,
): Filled {
  const counts = { missing: 0, unknown: 0 };
  const ends = new Int32Array(table.rows);
  let first = 0;
  for (const part of encodedParts(table, columns, layout)) {
    const { count } = store;
    if (count + part.count > MOST_STEPS)
      throw new UserError(`${table.name} has more than ${MOST_STEPS} time steps, which are the most; give fewer rows`);
    for (const [row, end] of part.sequences.to.entries()) ends[first + row] = count + end;
    store.write(
      count,
      packed(part, layout, (step) => part.predicts[step] === 1),
    );
    first += part.sequences.to.length;
    counts.missing += part.missing;
    counts.unknown += part.unknown;
  }
  const sequences = { from: order.map((row) => (row === 0 ? 0 : ends[row - 1])), to: order.map((row) => ends[row]) };
  return { sequences, rowOf: (step) => rowAt(ends, step), lasts: undefined, ...counts };
}

/** The first row that ends behind a step. */
function rowAt(ends: Int32Array, step: number): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ends[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The steps of a part as rows of the store. */
function packed(part: Records, layout: Layout, predicts: (step: number) => boolean): Float32Array {
  const { features, isTokens, isClass, targets, width } = layout;
  const floats = new Float32Array(part.count * width);
  const ints = new Int32Array(floats.buffer);
  for (let step = 0; step < part.count; step++) {
    let at = step * width;
    for (let i = 0; i < features; i++) floats[at++] = part.features[step * features + i];
    if (isTokens) ints[at++] = (part.tokens as Int32Array)[step];
    if (targets === 0) continue;
    const there = predicts(step);
    if (isClass) ints[at] = there ? (part.classes as Int32Array)[step] : NO_TARGET;
    else if (there) for (let k = 0; k < targets; k++) floats[at++] = part.outputs[step * targets + k];
    else floats[at] = Number.NaN;
  }
  return floats;
}

interface Stored extends Filled {
  readonly columns: Columns;
  readonly layout: Layout;
  readonly store: RowStore;
  readonly names: readonly string[];
}

function storedSteps(stored: Stored): Steps {
  const { columns, layout, store, names, sequences, rowOf, lasts, missing, unknown } = stored;
  const { features, isTokens, isClass } = layout;
  const wide = padded(features);
  const { predicts, outputOf, outputs } = columns.task === 'forecast' ? ahead(stored) : present(stored);
  const stride = padded(outputs);
  const targetAt = layout.width - layout.targets;
  const classOf = (step: number): number => store.ints[store.find(step) + targetAt];
  return {
    ...{ count: store.count, columns, sequences, names, missing, unknown, rowOf, predicts, classOf, outputOf },
    sizeBytes: store.sizeBytes + (lasts?.byteLength ?? 0) + sequences.from.byteLength + sequences.to.byteLength,
    read: (slot: BatchSlot, row, step) => {
      const at = step === NO_LINE ? 0 : store.find(step);
      if (isTokens) slot.inputs[row] = step === NO_LINE ? 0 : store.ints[at];
      else copyRow(slot.features as Float32Array, row * wide, wide, store.floats, at, step === NO_LINE ? 0 : features);
    },
    aim: (slot: BatchSlot, row, step) => {
      slot.targets[row] = step === NO_LINE ? NO_TARGET : isClass ? classOf(step) : 0;
      if (isClass) return;
      const into = slot.outputs as Float32Array;
      into.fill(0, row * stride, (row + 1) * stride);
      if (step !== NO_LINE) for (let k = 0; k < outputs; k++) into[row * stride + k] = outputOf(step, k);
    },
    close: () => store.close(),
  };
}

type Outlook = Pick<Steps, 'predicts' | 'outputOf'> & { readonly outputs: number };

/** What a step itself says that is to be predicted. */
function present({ layout, store, columns }: Stored): Outlook {
  const { isClass, targets, width } = layout;
  const at = (step: number): number => store.find(step) + width - targets;
  return {
    outputs: outputsOfColumns(columns).outputs,
    predicts: (step) =>
      targets > 0 && (isClass ? store.ints[at(step)] !== NO_TARGET : !Number.isNaN(store.floats[at(step)])),
    outputOf: (step, k) => store.floats[at(step) + k],
  };
}

/** What the steps behind one say, of its own sequence. */
function ahead({ layout, store, columns, lasts }: Stored): Outlook {
  const { targets, width } = layout;
  const { horizon = 1, targets: predicted } = columns;
  const at = (step: number): number => store.find(step) + width - targets;
  const ends = (step: number): boolean => lasts === undefined || lasts[step] === 1;
  return {
    outputs: predicted.length * horizon,
    predicts: (step) => {
      if (targets === 0) return false;
      for (let h = 0; h < horizon; h++)
        if (ends(step + h) || Number.isNaN(store.floats[at(step + h + 1)])) return false;
      return true;
    },
    outputOf: (step, k) => store.floats[at(step + 1 + (k % horizon)) + Math.floor(k / horizon)],
  };
}
