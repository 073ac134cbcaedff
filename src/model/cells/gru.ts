// The GRU (Cho et al. 2014), reset gate behind the product as in PyTorch: n = tanh(W_n x + b_n + r (U_n h + c_n)),
// h(t) = (1 - z) n + z h(t-1). The recurrent weights of n see the delta r dn, so the recurrent part stands by itself.
import type { Cell } from './cell.js';

export const gru: Cell = {
  gates: 3,
  isRecurrent: true,
  hasCellState: false,
  separateRecurrent: true,
  forward: (kernels, descriptor, t) => kernels.gruForward(descriptor, t),
  backward: (kernels, descriptor, t) => kernels.gruBackward(descriptor, t),
};
