// The simple RNN (Elman 1990): h(t) = f(W_x x(t) + b_x + W_h h(t-1) + b_h), f one of sigmoid, tanh, ReLU.
import type { Cell } from './cell.js';

export const rnn: Cell = {
  gates: 1,
  isRecurrent: true,
  hasCellState: false,
  separateRecurrent: false,
  forward: (kernels, descriptor, t) => kernels.rnnForward(descriptor, t),
  backward: (kernels, descriptor, t) => kernels.rnnBackward(descriptor, t),
};
