// The reference kernels: the formulas as plain loops, in either precision. They are what the other implementations are
// tested against, and they run anywhere; they are not tuned.

import type { Kernels, PeakKernels } from '../kernels.js';
import { activeRows, activeUnits } from './active.js';
import { add } from './add.js';
import { Arena, type Precision } from './arena.js';
import { dropout } from './dropout.js';
import { map, squareNorm } from './functions.js';
import { gruBackward, gruForward } from './gru.js';
import { columnSums, gather, scatter } from './lookup.js';
import { sigmoidLoss, squaredLoss } from './losses.js';
import { lstmBackward, lstmForward } from './lstm.js';
import { normBackward, normForward } from './norm.js';
import { update } from './optimizers.js';
import { multiplyAdd, triad } from './peak.js';
import { gradient, product, sparseGradient, sparseProduct } from './product.js';
import { rnnBackward, rnnForward } from './rnn.js';
import { deal, lookup, rowGradient, rowUpdate } from './rows.js';
import { softmax } from './softmax.js';
import { winners } from './winners.js';

/** Kernels on an arena that holds floats of the given precision. */
export function createReferenceKernels(buffer: ArrayBufferLike, precision: Precision): Kernels & PeakKernels {
  const arena = new Arena(buffer, precision);
  return {
    name: 'reference',
    floatBytes: arena.floatBytes,
    product: (descriptor, fromGroup, toGroup) => product(arena, descriptor, fromGroup, toGroup),
    gradient: (descriptor, fromPanel, toPanel) => gradient(arena, descriptor, fromPanel, toPanel),
    activeUnits: (descriptor, fromGroup, toGroup) => activeUnits(arena, descriptor, fromGroup, toGroup),
    activeRows: (descriptor, fromBlock, toBlock) => activeRows(arena, descriptor, fromBlock, toBlock),
    winners: (descriptor, fromGroup, toGroup) => winners(arena, descriptor, fromGroup, toGroup),
    sparseProduct: (descriptor, fromGroup, toGroup) => sparseProduct(arena, descriptor, fromGroup, toGroup),
    sparseGradient: (descriptor, fromPanel, toPanel) => sparseGradient(arena, descriptor, fromPanel, toPanel),
    gather: (descriptor, fromGroup, toGroup) => gather(arena, descriptor, fromGroup, toGroup),
    scatter: (descriptor, fromColumn, toColumn) => scatter(arena, descriptor, fromColumn, toColumn),
    columnSums: (descriptor, fromColumn, toColumn) => columnSums(arena, descriptor, fromColumn, toColumn),
    deal: (descriptor, fromChunk, toChunk) => deal(arena, descriptor, fromChunk, toChunk),
    lookup: (descriptor, fromGroup, toGroup) => lookup(arena, descriptor, fromGroup, toGroup),
    rowGradient: (descriptor, fromPiece, toPiece) => rowGradient(arena, descriptor, fromPiece, toPiece),
    rowUpdate: (descriptor, from, to) => rowUpdate(arena, descriptor, from, to),
    rnnForward: (descriptor, t) => rnnForward(arena, descriptor, t),
    rnnBackward: (descriptor, t) => rnnBackward(arena, descriptor, t),
    lstmForward: (descriptor, t) => lstmForward(arena, descriptor, t),
    lstmBackward: (descriptor, t) => lstmBackward(arena, descriptor, t),
    gruForward: (descriptor, t) => gruForward(arena, descriptor, t),
    gruBackward: (descriptor, t) => gruBackward(arena, descriptor, t),
    softmax: (descriptor, fromGroup, toGroup) => softmax(arena, descriptor, fromGroup, toGroup),
    sigmoidLoss: (descriptor, fromGroup, toGroup) => sigmoidLoss(arena, descriptor, fromGroup, toGroup),
    squaredLoss: (descriptor, fromGroup, toGroup) => squaredLoss(arena, descriptor, fromGroup, toGroup),
    dropout: (descriptor, fromGroup, toGroup) => dropout(arena, descriptor, fromGroup, toGroup),
    add: (descriptor, fromGroup, toGroup) => add(arena, descriptor, fromGroup, toGroup),
    normForward: (descriptor, fromGroup, toGroup) => normForward(arena, descriptor, fromGroup, toGroup),
    normBackward: (descriptor, fromGroup, toGroup) => normBackward(arena, descriptor, fromGroup, toGroup),
    update: (descriptor, from, to) => update(arena, descriptor, from, to),
    squareNorm: (descriptor, from, to) => squareNorm(arena, descriptor, from, to),
    map: (descriptor, from, to) => map(arena, descriptor, from, to),
    multiplyAdd: (descriptor, from, to) => multiplyAdd(arena, descriptor, from, to),
    triad: (descriptor, from, to) => triad(arena, descriptor, from, to),
  };
}
