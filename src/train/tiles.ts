// How the work on the parameters is cut: tiles of the gradient, which any worker may compute, and pieces, by which square
// norms are summed and updates are made. Pieces depend on the model alone, neither on the workers nor on how long the plan's
// windows may be, so sums over pieces in index order have the same bits whatever these are.
import { PANEL } from '../kernels/kernels.js';
import type { PlacedParameter } from '../model/views.js';

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
  /** Pieces of lookup tables: a tile of a table is a stripe of columns, so their norms wait until all stripes are done. */
  readonly tablePieces: readonly number[];
}

/** Floats of a piece: weights, gradient, two states and undo slots fit the second-level cache many times over. */
const PIECE = 4096;
/** Columns of a stripe of a lookup table: with 100 rows, a stripe stays in the second-level cache. */
const STRIPE = 128;
/** Floats of a gradient's tile: while it stays in the second-level cache, so do 256 rows of activations for all its panels. */
const TILE = 128 * 1024;
/** Tiles of a matrix for each worker: few, so that activations are read seldom, and enough that the workers end together. */
const TILES_A_WORKER = 2;
/** Panels that the widest kernel takes at once. */
const PANELS_AT_ONCE = 2;

/**
 * Pieces depend on the parameters alone. Tiles may be cut as it suits the workers: an element of a gradient has the same bits
 * in any tile.
 *
 * @param rows T * B of the longest window
 */
export function cutIntoTiles(parameters: readonly PlacedParameter[], rows: number, workers: number): Work {
  const pieces: Piece[] = [];
  const tiles: { tile: Tile; cost: number }[] = [];
  const tablePieces: number[] = [];
  /** Cuts elements [from, to) into pieces of at most `size`. */
  const cut = (parameter: number, from: number, to: number, size: number): [number, number] => {
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
          cut(parameter, panel * p.depth * PANEL, end * p.depth * PANEL, PIECE);
        }
        const tile = { parameter, from, to, firstPiece, lastPiece: pieces.length };
        tiles.push({ tile, cost: (to - from) * perPanel });
      }
      return;
    }
    const stripe = p.storage === 'rows' ? STRIPE : PIECE;
    if (p.storage === 'rows') {
      const wholeRows = Math.max(1, Math.floor(PIECE / p.columns)) * p.columns;
      const [first, last] = cut(parameter, 0, p.length, wholeRows);
      for (let piece = first; piece < last; piece++) tablePieces.push(piece);
    }
    for (let from = 0; from < p.columns; from += stripe) {
      const to = Math.min(p.columns, from + stripe);
      const [firstPiece, lastPiece] = p.storage === 'vector' ? cut(parameter, from, to, PIECE) : [0, 0];
      tiles.push({ tile: { parameter, from, to, firstPiece, lastPiece }, cost: (to - from) * (rows + p.depth) });
    }
  });
  tiles.sort((a, b) => b.cost - a.cost);
  return { pieces, tiles: tiles.map(({ tile }) => tile), tablePieces };
}

/** Of the gradient of a matrix; of the one behind an embedding that is projected only for the vocabulary, not for all rows. */
function multiplyAdds(p: PlacedParameter, parameters: readonly PlacedParameter[], rows: number): number {
  const table = parameters.find(({ name }) => name === 'embedding.weight');
  const projected = p.name === 'rnn.weight_ih_l0' && table !== undefined && table.depth < rows;
  return projected ? p.columns * (table.depth * p.depth + rows) : p.columns * rows * p.depth;
}
