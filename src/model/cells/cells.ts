// The table of cells: a new cell is a file beside this one and a line here.
import type { Cell } from './cell.js';
import { gru } from './gru.js';
import { lstm } from './lstm.js';
import { mlp } from './mlp.js';
import { rnn } from './rnn.js';

export const cells: Readonly<Record<'rnn' | 'lstm' | 'gru' | 'mlp', Cell>> = { rnn, lstm, gru, mlp };
