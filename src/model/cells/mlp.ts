// A feedforward layer: h = f(W x + b), f one of sigmoid, tanh, ReLU; a simple RNN whose time steps do not see each other.
import type { Cell } from './cell.js';
import { rnn } from './rnn.js';

export const mlp: Cell = { ...rnn, isRecurrent: false };
