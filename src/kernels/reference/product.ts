// The matrix products: C = A W for a group of rows after the other, and the weight gradient dW = X' D of a whole window.
// Sums are kept in double precision and rounded when they are stored.

import { Gradient, Init, LIST_ROWS, PANEL, Product } from '../kernels.js';
import { checkedList, placeOfLists, placeOfRows } from './active.js';
import { type Arena, areCounts, grouped, matrix, panels, span } from './arena.js';

/** Visits the indices of a row's terms in ascending order. */
type Terms = (group: number, row: number, visit: (k: number) => void) => void;

/** C[g] = init + A[g] W; A[g] [rows, depth], W [depth, 16 panelCount] in panels, C[g] [rows, 16 panelCount]. */
export function product(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const f = arena.descriptor('product', offset, Product);
  const depth = f[Product.depth];
  productOf(arena, offset, fromGroup, toGroup, (_, __, visit) => {
    for (let k = 0; k < depth; k++) visit(k);
  });
}

/** The same without the terms that the lists of A's rows leave out. */
export function sparseProduct(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const f = arena.descriptor('sparseProduct', offset, Product);
  const [rows, depth] = [f[Product.rows], f[Product.depth]];
  const listed = { from: fromGroup, to: toGroup, rows, columns: depth };
  const { listAt, countAt } = placeOfLists(arena, 'sparseProduct', f, Product, listed);
  productOf(arena, offset, fromGroup, toGroup, (group, row, visit) => {
    const count = arena.integers[countAt(group, row)];
    for (const k of checkedList(arena, 'sparseProduct', listAt(group, row), count, depth)) visit(k);
  });
}

function productOf(arena: Arena, offset: number, fromGroup: number, toGroup: number, terms: Terms): void {
  const { floats } = arena;
  const f = arena.descriptor('product', offset, Product);
  const [rows, depth, panelCount, panelStride] = [
    f[Product.rows],
    f[Product.depth],
    f[Product.panelCount],
    f[Product.panelStride],
  ];
  const [lda, aGroup, ldc, cGroup] = [f[Product.lda], f[Product.aGroup], f[Product.ldc], f[Product.cGroup]];
  const columns = panelCount * PANEL;
  const busy = toGroup > fromGroup && rows > 0;
  const a = arena.float('product: a', f[Product.a], grouped(fromGroup, toGroup, aGroup, matrix(rows, lda, depth)));
  const c = arena.float('product: c', f[Product.c], grouped(fromGroup, toGroup, cGroup, matrix(rows, ldc, columns)));
  const w = arena.float('product: panels', f[Product.panels], panels(busy ? panelCount : 0, panelStride, depth));
  const biased = f[Product.init] === Init.bias;
  const bias = arena.float('product: bias', f[Product.bias], span(0, biased && busy ? columns : 0));
  const twice = biased && f[Product.bias2] !== 0;
  const bias2 = arena.float('product: bias2', f[Product.bias2], span(0, twice && busy ? columns : 0));

  const start = (column: number, at: number): number => {
    if (f[Product.init] === Init.accumulate) return floats[at];
    if (!biased) return 0;
    return floats[bias + column] + (twice ? floats[bias2 + column] : 0);
  };

  for (let group = fromGroup; group < toGroup; group++) {
    for (let row = 0; row < rows; row++) {
      const aRow = a + group * aGroup + row * lda;
      const cRow = c + group * cGroup + row * ldc;
      for (let column = 0; column < columns; column++) {
        const lane = column % PANEL;
        const panel = w + ((column - lane) / PANEL) * panelStride + lane;
        // c[j] = init[j] + sum over k of a[k] w[k, j]; + 0 turns -0 into +0
        let sum = start(column, cRow + column);
        terms(group, row, (k) => {
          sum += floats[aRow + k] * floats[panel + k * PANEL];
        });
        floats[cRow + column] = sum + 0;
      }
    }
  }
}

/** Panels [from, to) of dW = X' D; X [rows, depth], D [rows, ...], dW [depth, ...] in panels. */
export function gradient(arena: Arena, offset: number, fromPanel: number, toPanel: number): void {
  const { floats } = arena;
  const f = arena.descriptor('gradient', offset, Gradient);
  const [rows, ldx, x] = [f[Gradient.rows], f[Gradient.ldx], f[Gradient.x] / arena.floatBytes];
  gradientOf(arena, offset, fromPanel, toPanel, (k, visit) => {
    for (let row = 0; row < rows; row++) visit(row, floats[x + row * ldx + k]);
  });
}

/** The same without the terms that the lists of X's columns leave out. */
export function sparseGradient(arena: Arena, offset: number, fromPanel: number, toPanel: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('sparseGradient', offset, Gradient);
  const [rows, depth, firstRow] = [f[Gradient.rows], f[Gradient.depth], f[Gradient.firstRow]];
  if (!areCounts(rows, firstRow)) throw new RangeError('sparseGradient: rows and firstRow are whole numbers from 0 on');
  const firstBlock = Math.floor(firstRow / LIST_ROWS);
  const blocks = Math.max(firstBlock + 1, Math.ceil((firstRow + rows) / LIST_ROWS));
  const { indices, values, starts } = placeOfRows(arena, 'sparseGradient', f, Gradient, blocks, depth);
  for (let block = firstBlock; block < blocks; block++) {
    const start = integers.subarray(starts + block * (depth + 1), starts + (block + 1) * (depth + 1));
    const ascends = start.every((at, k) => at >= (start[k - 1] ?? 0));
    if (!ascends || start[depth] > depth * LIST_ROWS)
      throw new RangeError(`sparseGradient: the lists of block ${block} do not follow each other`);
  }
  gradientOf(arena, offset, fromPanel, toPanel, (k, visit) => {
    for (let block = firstBlock; block < blocks; block++) {
      const start = starts + block * (depth + 1) + k;
      for (let i = integers[start]; i < integers[start + 1]; i++) {
        const entry = block * depth * LIST_ROWS + i;
        const row = block * LIST_ROWS + integers[indices + entry] - firstRow;
        if (row >= 0 && row < rows) visit(row, floats[values + entry]);
      }
    }
  });
}

function gradientOf(
  arena: Arena,
  offset: number,
  fromPanel: number,
  toPanel: number,
  terms: (k: number, visit: (row: number, x: number) => void) => void,
): void {
  const { floats } = arena;
  const f = arena.descriptor('gradient', offset, Gradient);
  const [rows, depth, ldx, ldd] = [f[Gradient.rows], f[Gradient.depth], f[Gradient.ldx], f[Gradient.ldd]];
  const busy = toPanel > fromPanel;
  const read = depth > 0 || f[Gradient.sums] !== 0;
  arena.float('gradient: x', f[Gradient.x], matrix(busy ? rows : 0, ldx, depth));
  const d = arena.float(
    'gradient: d',
    f[Gradient.d],
    grouped(fromPanel, toPanel, PANEL, matrix(read ? rows : 0, ldd, PANEL)),
  );
  const dw = arena.float('gradient: dw', f[Gradient.dw], span(fromPanel * depth * PANEL, toPanel * depth * PANEL));
  const columns = span(fromPanel * PANEL, toPanel * PANEL);
  const outputs = [Gradient.sums, Gradient.sums2].filter((field) => f[field] !== 0);
  const sums = outputs.map((field) => arena.float('gradient: sums', f[field], columns));

  for (let panel = fromPanel; panel < toPanel; panel++) {
    for (let k = 0; k < depth; k++) {
      for (let lane = 0; lane < PANEL; lane++) {
        const column = d + panel * PANEL + lane;
        // dw[k, j] = sum over r of x[r, k] d[r, j]
        let sum = 0;
        terms(k, (row, value) => {
          sum += value * floats[column + row * ldd];
        });
        floats[dw + (panel * depth + k) * PANEL + lane] = sum + 0;
      }
    }
    for (let j = panel * PANEL; j < (panel + 1) * PANEL && sums.length > 0; j++) {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += floats[d + row * ldd + j];
      for (const out of sums) floats[out + j] = sum;
    }
  }
}
