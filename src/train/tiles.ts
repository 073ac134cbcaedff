// How the work on the parameters is cut: tiles of the gradient, which any worker may compute, and pieces, by which square
// norms are summed and updates are made. Pieces depend on the model alone, neither on the workers nor on how long the plan's
// windows may be, so sums over pieces in index order have the same bits whatever these are.
import { PANEL } from '../kernels/kernels.js';
import type { PlacedParameter } from '../model/views.js';
import { dealByCost, dealInOrder, dealToOwners, type Queues, type Ticket, ticketsOf } from './tickets.js';

/** Elements [from, to) of a parameter: the unit of norms, updates and undo. */
export interface Piece {
  readonly parameter: number;
  readonly from: number;
  readonly to: number;
}

/** Panels (of a matrix) or columns (of a table or vector) [from, to) of a parameter's gradient; its pieces follow each other. */
export interface Tile {
  readonly parameter: number;
  readonly from: number;
  readonly to: number;
  readonly firstPiece: number;
  readonly lastPiece: number;
}

export interface Work {
  readonly pieces: readonly Piece[];
  /** In descending cost, so that the last ones to be claimed are small. Matrices and vectors carry their pieces, tables none. */
  readonly tiles: readonly Tile[];
  /** Pieces of the lookup table: a tile of a table is a stripe of columns, so their norms wait until all stripes are done. */
  readonly tablePieces: readonly number[];
  /** Pieces of biases whose sums come with the tiles of a matrix: their norms wait until all tiles are done. */
  readonly summedPieces: readonly number[];
  /** Whether the table has several stripes, or there are two tables. */
  readonly striped: boolean;
  /** Pieces, or whatever else is updated at most. */
  readonly updates: number;
  /** Who begins with what. */
  readonly queues: {
    /** Of `tiles`; behind them come the pieces of a table that is updated by rows. */
    readonly tiles: Queues;
    readonly tablePieces: Queues;
    /** Of `pieces`; behind them come the pieces of such a table. */
    readonly pieces: Queues;
    /** The same for a step that visits all of its rows: behind the pieces come blocks of rows. */
    readonly piecesAndBlocks: Queues;
    /** Chunks of entries of such a table. */
    readonly chunks: Queues;
    /** Blocks of lists of active rows, layer by layer; dealt without a cost, as they are all alike. */
    readonly listBlocks: Queues;
  };
}

/** Floats of a piece: weights, gradient, two states and undo slots fit the second-level cache many times over. */
export const PIECE = 4096;
/** Least floats of a ticket of updates, some 3 microseconds: their cache lines are another core's until they are fetched. */
const LEAST_UPDATES = 8192;
/** Columns of a stripe of a lookup table: with 100 rows, a stripe stays in the second-level cache. */
const STRIPE = 128;
/** Floats of a gradient's tile: while it stays in the second-level cache, so do 256 rows of activations for all its panels. */
const TILE = 128 * 1024;
/** Tiles of a matrix for each worker: few, so that activations are read seldom, and enough that the workers end together. */
const TILES_A_WORKER = 2;
/** Panels that the widest kernel takes at once. */
const PANELS_AT_ONCE = 2;
/** Least cost of a ticket of the gradient, multiply-adds: some 2 microseconds. Less is done before another worker has heard of it. */
const LEAST_MULTIPLY_ADDS = 1 << 17;
/** An addition that goes through memory takes as long as so many multiply-adds in registers. */
const ADDITION = 4;

/** What is cut besides tiles of gradients. */
export interface OtherWork {
  /** Blocks of lists of active rows, of all layers. */
  readonly listBlocks?: number;
  /** A table that is updated by rows. */
  readonly table?: {
    readonly parameter: number;
    readonly pieces: number;
    readonly blocks: number;
    readonly chunks: number;
    readonly places: number;
  };
}

/**
 * Pieces depend on the parameters alone. Tiles may be cut as it suits the workers: an element of a gradient has the same bits
 * in any tile.
 *
 * @param rows T * B of the longest window
 */
export function cutIntoTiles(
  parameters: readonly PlacedParameter[],
  rows: number,
  workers: number,
  { listBlocks = 0, table: byRows }: OtherWork = {},
): Work {
  const pieces: Piece[] = [];
  const tiles: { tile: Tile; cost: number }[] = [];
  const tablePieces: number[] = [];
  const summedPieces: number[] = [];
  /** Cuts elements [from, to) into pieces of at most `size`. */
  const cutPieces = (parameter: number, from: number, to: number, size: number): [number, number] => {
    const first = pieces.length;
    for (let at = from; at < to; at += size) pieces.push({ parameter, from: at, to: Math.min(to, at + size) });
    return [first, pieces.length];
  };
  parameters.forEach((p, parameter) => {
    if (p.storage === 'panels') {
      const panels = p.columns / PANEL;
      const perPanel = multiplyAdds(p, parameters, rows) / panels;
      const shared = Math.ceil(panels / (PANELS_AT_ONCE * TILES_A_WORKER * workers));
      const cached = Math.max(1, Math.floor(TILE / (p.depth * PANEL * PANELS_AT_ONCE)));
      const wide = PANELS_AT_ONCE * Math.min(shared, cached);
      for (let from = 0; from < panels; from += wide) {
        const to = Math.min(panels, from + wide);
        const firstPiece = pieces.length;
        for (let panel = from; panel < to; panel += PANELS_AT_ONCE) {
          const end = Math.min(to, panel + PANELS_AT_ONCE);
          cutPieces(parameter, panel * p.depth * PANEL, end * p.depth * PANEL, PIECE);
        }
        const tile = { parameter, from, to, firstPiece, lastPiece: pieces.length };
        tiles.push({ tile, cost: (to - from) * perPanel });
      }
      return;
    }
    if (p.summedWith) {
      const [first, last] = cutPieces(parameter, 0, p.columns, PIECE);
      for (let piece = first; piece < last; piece++) summedPieces.push(piece);
      return;
    }
    if (byRows?.parameter === parameter) return;
    const stripe = p.storage === 'rows' ? STRIPE : PIECE;
    if (p.storage === 'rows') {
      const wholeRows = Math.max(1, Math.floor(PIECE / p.columns)) * p.columns;
      const [first, last] = cutPieces(parameter, 0, p.length, wholeRows);
      for (let piece = first; piece < last; piece++) tablePieces.push(piece);
    }
    for (let from = 0; from < p.columns; from += stripe) {
      const to = Math.min(p.columns, from + stripe);
      const [firstPiece, lastPiece] = p.storage === 'vector' ? cutPieces(parameter, from, to, PIECE) : [0, 0];
      tiles.push({
        tile: { parameter, from, to, firstPiece, lastPiece },
        cost: ADDITION * (to - from) * (rows + p.depth),
      });
    }
  });
  tiles.sort((a, b) => b.cost - a.cost);
  const cut = { pieces, tiles: tiles.map(({ tile }) => tile), tablePieces, summedPieces };
  const [table, second] = parameters.filter(({ storage }) => storage === 'rows');
  const striped = !byRows && table !== undefined && (table.columns > STRIPE || second !== undefined);
  const floats = byRows ? (byRows.places * (table?.columns ?? 0)) / byRows.pieces : 0;
  const extra = { pieces: byRows?.pieces ?? 0, blocks: byRows?.blocks ?? 0, floats };
  const costs = [...tiles.map(({ cost }) => cost), ...new Array(extra.pieces).fill(ADDITION * floats)];
  return {
    ...cut,
    striped,
    updates: pieces.length + Math.max(extra.pieces, extra.blocks),
    queues: {
      ...deal(cut, extra, costs, tablePieceCost(parameters, rows), workers),
      listBlocks: dealInOrder(onePerTicket(listBlocks), workers),
      chunks: dealInOrder(onePerTicket(byRows?.chunks ?? 0), workers),
    },
  };
}

const onePerTicket = (count: number): Ticket[] => Array.from({ length: count }, (_, i): Ticket => [i, i + 1]);

/** A piece of the parameters is updated first by whom its gradient was dealt to. */
function deal(
  { pieces, tiles, tablePieces }: Pick<Work, 'pieces' | 'tiles' | 'tablePieces'>,
  byRows: { readonly pieces: number; readonly blocks: number; readonly floats: number },
  costs: readonly number[],
  tableCost: number,
  workers: number,
): Omit<Work['queues'], 'listBlocks' | 'chunks'> {
  const tileQueues = dealByCost(ticketsOf(costs, LEAST_MULTIPLY_ADDS, workers), costs, workers);
  const tableTickets = ticketsOf(new Array(tablePieces.length).fill(tableCost), LEAST_MULTIPLY_ADDS, workers);
  const tableQueues = dealInOrder(tableTickets, workers);
  const owners = new Int32Array(pieces.length + byRows.pieces);
  tileQueues.forEach((queue, worker) => {
    for (const [from, to] of queue) {
      for (const { firstPiece, lastPiece } of tiles.slice(from, to)) owners.fill(worker, firstPiece, lastPiece);
      for (let tile = Math.max(from, tiles.length); tile < to; tile++)
        owners[pieces.length + tile - tiles.length] = worker;
    }
  });
  tableQueues.forEach((queue, worker) => {
    for (const [from, to] of queue) for (const piece of tablePieces.slice(from, to)) owners[piece] = worker;
  });
  const lengths = pieces.map(({ from, to }) => to - from);
  const toOwners = (more: readonly number[], ownerOf: (index: number) => number): Queues => {
    const tickets = ticketsOf([...lengths, ...more], LEAST_UPDATES, workers, (i) => ownerOf(i) !== ownerOf(i - 1));
    return dealToOwners(tickets, ownerOf, workers);
  };
  const blockOwner = (index: number): number =>
    index < pieces.length ? owners[index] : Math.floor(((index - pieces.length) * workers) / byRows.blocks);
  return {
    tiles: tileQueues,
    tablePieces: tableQueues,
    pieces: toOwners(new Array(byRows.pieces).fill(byRows.floats), (index) => owners[index]),
    piecesAndBlocks: toOwners(new Array(byRows.blocks).fill(PIECE), blockOwner),
  };
}

/** Of the norm of one piece of the table, and of the product that makes it where the vocabulary is projected. */
function tablePieceCost(parameters: readonly PlacedParameter[], rows: number): number {
  const table = parameters.find(({ role }) => role === 'embedding');
  const weights = parameters.find(({ role, layer }) => role === 'input' && layer === 0);
  return table && weights && table.depth < rows ? PIECE * weights.columns : PIECE;
}

/** Of the gradient of a matrix; of the one behind an embedding that is projected only for the vocabulary, not for all rows. */
function multiplyAdds(p: PlacedParameter, parameters: readonly PlacedParameter[], rows: number): number {
  const table = parameters.find(({ role }) => role === 'embedding');
  const projected = p.role === 'input' && p.layer === 0 && table !== undefined && table.depth < rows;
  return projected ? p.columns * (table.depth * p.depth + rows) : p.columns * rows * p.depth;
}
