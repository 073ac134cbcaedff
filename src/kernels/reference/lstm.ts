// The LSTM's point-wise part (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000), gates i, f, g, o.

import { PANEL } from '../kernels.js';
import type { Arena } from './arena.js';
import { CellStep } from './cells.js';
import { sigmoid } from './functions.js';

const GATES = 4;
const [I, F, G, O] = [0, PANEL, 2 * PANEL, 3 * PANEL];

/** z [B, 4H] becomes the gates' values; c(t-1) [B, H] is read, c(t), tanh c(t) and h(t) are written. */
export function lstmForward(arena: Arena, offset: number, t: number): void {
  const step = new CellStep(arena, 'lstmForward', offset, GATES, t);
  const { floats } = step;
  const z = step.gateRows('z');
  const [cBefore, c] = [step.rowsBefore('c'), step.rowsAfter('c')];
  const tanhC = step.stateRows('tanhC', t);
  const h = step.rowsAfter('h');
  step.eachUnit(
    (gate, state) => {
      const at = z + gate;
      const [i, f, o] = [sigmoid(floats[at + I]), sigmoid(floats[at + F]), sigmoid(floats[at + O])];
      const g = Math.tanh(floats[at + G]);
      // c(t) = f c(t-1) + i g;  h(t) = o tanh c(t)
      const cell = f * floats[cBefore + state] + i * g;
      const squashed = Math.tanh(cell);
      floats[at + I] = i;
      floats[at + F] = f;
      floats[at + G] = g;
      floats[at + O] = o;
      floats[c + state] = cell;
      floats[tanhC + state] = squashed;
      floats[h + state] = o * squashed;
    },
    (gate, state) => {
      for (const k of [I, F, G, O]) floats[z + gate + k] = 0;
      for (const rows of [c, tanhC, h]) floats[rows + state] = 0;
    },
  );
}

/** The gates' values in z become their deltas; dc, dLoss/dc(t) on entry, becomes dLoss/dc(t-1). */
export function lstmBackward(arena: Arena, offset: number, t: number): void {
  const step = new CellStep(arena, 'lstmBackward', offset, GATES, t);
  const { floats } = step;
  const z = step.gateRows('z');
  const cBefore = step.rowsBefore('c');
  const tanhC = step.stateRows('tanhC', t);
  const dh = step.stateRows('dh', t);
  const dc = step.stateRows('dc', 0);
  step.eachUnit(
    (gate, state) => {
      const at = z + gate;
      const [i, f, g, o] = [floats[at + I], floats[at + F], floats[at + G], floats[at + O]];
      const [squashed, dhHere] = [floats[tanhC + state], floats[dh + state]];
      // dc += dh o (1 - tanh² c);  di = dc g;  df = dc c(t-1);  dg = dc i;  do = dh tanh c;  dc(t-1) = dc f
      const dcHere = floats[dc + state] + dhHere * o * (1 - squashed * squashed);
      floats[at + I] = dcHere * g * i * (1 - i);
      floats[at + F] = dcHere * floats[cBefore + state] * f * (1 - f);
      floats[at + G] = dcHere * i * (1 - g * g);
      floats[at + O] = dhHere * squashed * o * (1 - o);
      floats[dc + state] = dcHere * f;
    },
    (gate, state) => {
      for (const k of [I, F, G, O]) floats[z + gate + k] = 0;
      floats[dc + state] = 0;
    },
  );
}
