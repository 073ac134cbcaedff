// The models that are timed, and the arithmetic of one step of theirs.
import type { Architecture } from '../src/model/architecture.js';
import { cells } from '../src/model/cells/cells.js';
import { projects } from '../src/model/views.js';

/** A simple RNN is named by its activation. */
export const CELLS = ['lstm', 'gru', 'tanh', 'relu'] as const;
export type CellName = (typeof CELLS)[number];

export interface ModelShape {
  readonly cell: CellName;
  readonly hidden: number;
  readonly layers: number;
  readonly vocabulary: number;
  /** 0: one-hot rows; undefined: as wide as the layers. */
  readonly embedding?: number;
  /** Real-valued numbers of a time step in place of tokens. */
  readonly features?: number;
}

export function modelOf({ cell, embedding, ...shape }: ModelShape): Architecture {
  const own = { ...shape, embedding: shape.features ? 0 : (embedding ?? shape.hidden) };
  return cell === 'tanh' || cell === 'relu'
    ? { ...own, cell: 'rnn', activation: cell }
    : { ...own, cell, activation: 'tanh' };
}

/**
 * Multiply-adds of the products that a training step of T = window steps and B = batch streams really does: what a projected
 * vocabulary saves is not counted, nor is point-wise work and what pads a width to whole panels.
 */
export function multiplyAdds(model: Architecture, batch: number, window: number): number {
  const rows = batch * window;
  const { hidden, layers, embedding, vocabulary, features = 0 } = model;
  const gates = cells[model.cell].gates * hidden;
  // Forward T steps, backward T - 1 (the first step's delta goes nowhere), and the weight gradient of all rows.
  const recurrent = layers * hidden * gates * (rows + (rows - batch) + rows);
  const between = (layers - 1) * hidden * gates * 3 * rows;
  // P = E W_x, dE = dP W_x', dW_x = E' dP for the vocabulary's rows; or the same three for all rows. One-hot rows are gathered.
  // Features have no gradient.
  const input = features * gates * 2 * rows + embedding * gates * 3 * (projects(model, rows) ? vocabulary : rows);
  return recurrent + between + input + hidden * vocabulary * 3 * rows;
}
