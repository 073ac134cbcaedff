// What a recurrent cell is to the stack that runs it: how many gates it has, which state it carries, and its point-wise
// part forward and backward. The products around it are the same for all cells.
import type { Kernels } from '../../kernels/kernels.js';

export interface Cell {
  /** Rows of PyTorch's weights are `gates` times H; the columns of z as well. */
  readonly gates: number;
  /** Whether a time step reads the one before it. */
  readonly isRecurrent: boolean;
  /** Whether a cell state c is carried beside h. */
  readonly hasCellState: boolean;
  /**
   * Whether the recurrent part W_h h + b_h stands by itself and has a delta of its own; otherwise it is added to the input's
   * part, and both weights see the same delta.
   */
  readonly separateRecurrent: boolean;
  /** @param descriptor a `Cell` of kernels.ts */
  forward(kernels: Kernels, descriptor: number, t: number): void;
  backward(kernels: Kernels, descriptor: number, t: number): void;
}
