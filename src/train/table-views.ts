// Where a lookup table is updated by rows, and what that needs in the arena besides the table.
import { MOST_PIECE_ROWS, MOST_PIECES, PANEL } from '../kernels/kernels.js';
import type { PlanBuilder } from '../memory/plan.js';
import type { Behind, PlacedParameter, WindowViews } from '../model/views.js';
import type { RunShape } from './layout.js';
import { catchUpOf, PERIOD, type RowRule } from './row-rule.js';
import { PIECE } from './tiles.js';

/**
 * Whether the table is updated by rows: where a step can't touch all of them, and where rows that are not touched have to be told
 * apart. With more rows in a window than tokens in the vocabulary, nearly all are touched: then it is one of the matrices.
 */
export function updatesByRows({ model, optimizer, steps, streams }: RunShape): boolean {
  if (model.features !== undefined) return false;
  // One-hot rows of two directions are two tables.
  if (model.bidirectional && model.embedding === 0) return false;
  return model.sparseFeatures !== undefined || optimizer === 'sparse-adam' || model.vocabulary >= steps * streams;
}

/** What a lookup table needs that is updated by rows; byte offsets, kernels.ts says what stands there. */
export interface TableViews {
  /** Which of the parameters it is. */
  readonly parameter: number;
  /** Deltas of the rows that read it. */
  readonly d: { readonly at: number; readonly ld: number };
  readonly rule: RowRule;
  readonly pieces: number;
  /** Rows that are neighbours in a piece. */
  readonly pieceRows: number;
  readonly chunks: number;
  readonly chunkRows: number;
  /** Rows or places of one call of the update. */
  readonly blockRows: number;
  readonly blocks: number;
  readonly dealtFeatures: number;
  readonly dealtRows: number;
  readonly dealtValues: number;
  readonly bins: number;
  readonly bases: number;
  /** Rows of `g`: as many as a batch has entries. */
  readonly places: number;
  readonly g: number;
  readonly touched: number;
  /** Only read where a step visits all rows. */
  readonly slots: number;
  /** Of each worker. */
  readonly hashes: readonly number[];
  readonly hashSize: number;
  /** float64 [P]: sum of squares of each piece's gradient. */
  readonly norms: number;
  readonly behind: Behind;
}

/** Whether update n, from 1 on, visits all rows: as each does, or because rows that are behind catch up at the end of a period. */
export const visitsAll = ({ rule, behind }: TableViews, n: number): boolean =>
  rule === 'dense' || (behind.period > 0 && n % PERIOD === 0);

/** Entries of a chunk, or rows where each has one: some ten microseconds of sorting, in the first-level cache. */
const CHUNK = 2048;

/** Entries of a piece, so that what a piece costs by itself is little beside them. */
const PIECE_ENTRIES = 32;

/** The next one, 1 at least. */
const powerOfTwo = (x: number): number => 2 ** Math.max(0, Math.ceil(Math.log2(x)));

export function placeTable(
  plan: PlanBuilder,
  shape: RunShape,
  parameters: readonly PlacedParameter[],
  training: WindowViews,
): TableViews {
  const { model, rowRule: rule = 'dense' } = shape;
  const parameter = parameters.findIndex(({ storage }) => storage === 'rows');
  const p = parameters[parameter];
  const rows = shape.steps * shape.streams;
  const named = model.sparseFeatures !== undefined;
  const places = named ? (shape.entries ?? 0) : rows;
  const chunkRows = Math.max(1, Math.ceil((CHUNK * rows) / Math.max(CHUNK, places)));
  const chunks = Math.ceil(rows / chunkRows);
  const pieceRows = p.columns < PANEL ? MOST_PIECE_ROWS : 1;
  // Of tokens by the vocabulary alone: a window's bits do not depend on the plan's longest one.
  const worth = named ? powerOfTwo(places / PIECE_ENTRIES) : MOST_PIECES;
  const pieces = Math.min(MOST_PIECES, powerOfTwo(p.depth), worth);
  const blockRows = Math.max(1, Math.floor(PIECE / p.columns));
  const catchUp = catchUpOf(rule);
  // A piece may have all entries.
  const hashSize = powerOfTwo(2 * places);
  const period = catchUp > 0 ? PERIOD : 0;
  const { embeddedGradient, layers, ldz, logits, ldl } = training;
  const deltas = {
    embedding: { at: embeddedGradient, ld: p.columns },
    input: { at: layers[0]?.z ?? 0, ld: ldz },
    head: { at: logits, ld: ldl },
  } as const;
  return {
    ...{ parameter, rule, pieces, pieceRows, chunks, chunkRows, blockRows, places },
    d: deltas[p.role as keyof typeof deltas],
    blocks: Math.ceil(p.depth / blockRows),
    dealtFeatures: plan.ints('gradients', places),
    dealtRows: plan.ints('gradients', places),
    dealtValues: named ? plan.floats('gradients', places) : 0,
    bins: plan.ints('gradients', chunks * (pieces + 1)),
    bases: plan.ints('gradients', pieces + 1),
    g: plan.floats('gradients', places * p.columns),
    touched: plan.ints('gradients', places),
    slots: plan.ints('gradients', p.depth),
    hashes: Array.from({ length: shape.workers }, () => plan.ints('control', hashSize)),
    hashSize,
    norms: plan.doubles('control', pieces),
    behind: {
      ...{ catchUp, period },
      touchedAt: period > 0 ? plan.ints('optimizer state', p.depth) : 0,
      maps: period > 0 ? plan.doubles('optimizer state', 2 * PERIOD) : 0,
    },
  };
}
