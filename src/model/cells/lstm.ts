// The LSTM with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000): gates i, f, g, o in PyTorch's order,
// c(t) = f c(t-1) + i g, h(t) = o tanh c(t).
import type { Cell } from './cell.js';

export const lstm: Cell = {
  gates: 4,
  isRecurrent: true,
  hasCellState: true,
  separateRecurrent: false,
  forward: (kernels, descriptor, t) => kernels.lstmForward(descriptor, t),
  backward: (kernels, descriptor, t) => kernels.lstmBackward(descriptor, t),
};
