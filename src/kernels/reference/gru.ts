// The GRU's point-wise part (Cho et al. 2014; reset after the product, as in PyTorch), gates r, z, n.
// Its recurrent part W_h h + b_h stands apart in R [T, B, 3H], for the reset gate multiplies the candidate's share of it.

import { PANEL } from '../kernels.js';
import type { Arena } from './arena.js';
import { CellStep } from './cells.js';
import { sigmoid } from './functions.js';

const GATES = 3;
const [RESET, KEEP, CANDIDATE] = [0, PANEL, 2 * PANEL];

/** z [B, 3H] becomes the gates' values; R stays; h(t-1) is read, h(t) written. */
export function gruForward(arena: Arena, offset: number, t: number): void {
  const step = new CellStep(arena, 'gruForward', offset, GATES, t);
  const { floats } = step;
  const [input, recurrent] = [step.gateRows('z'), step.gateRows('r')];
  const [hBefore, h] = [step.rowsBefore('h'), step.rowsAfter('h')];
  step.eachUnit(
    (gate, state) => {
      const [at, rAt] = [input + gate, recurrent + gate];
      // r = s(z_r + R_r);  z = s(z_z + R_z);  n = tanh(z_n + r R_n);  h(t) = (1 - z) n + z h(t-1)
      const r = sigmoid(floats[at + RESET] + floats[rAt + RESET]);
      const z = sigmoid(floats[at + KEEP] + floats[rAt + KEEP]);
      const n = Math.tanh(floats[at + CANDIDATE] + r * floats[rAt + CANDIDATE]);
      floats[at + RESET] = r;
      floats[at + KEEP] = z;
      floats[at + CANDIDATE] = n;
      floats[h + state] = (1 - z) * n + z * floats[hBefore + state];
    },
    (gate, state) => {
      for (const k of [RESET, KEEP, CANDIDATE]) floats[input + gate + k] = 0;
      floats[h + state] = 0;
    },
  );
}

/** The gates' values in z and R become their deltas; z dh(t) is added to dh(t-1) where there is a step before. */
export function gruBackward(arena: Arena, offset: number, t: number): void {
  const step = new CellStep(arena, 'gruBackward', offset, GATES, t);
  const { floats } = step;
  const [input, recurrent] = [step.gateRows('z'), step.gateRows('r')];
  const hBefore = step.rowsBefore('h');
  const dh = step.stateRows('dh', t);
  const dhBefore = step.dhBefore();
  step.eachUnit(
    (gate, state) => {
      const [at, rAt] = [input + gate, recurrent + gate];
      const [r, z, n] = [floats[at + RESET], floats[at + KEEP], floats[at + CANDIDATE]];
      const dhHere = floats[dh + state];
      // dn = dh (1 - z);  dz = dh (h(t-1) - n);  dr = dn' R_n, dn' behind the tanh
      const dn = dhHere * (1 - z) * (1 - n * n);
      const dz = dhHere * (floats[hBefore + state] - n) * z * (1 - z);
      const dr = dn * floats[rAt + CANDIDATE] * r * (1 - r);
      floats[at + RESET] = dr;
      floats[at + KEEP] = dz;
      floats[at + CANDIDATE] = dn;
      floats[rAt + RESET] = dr;
      floats[rAt + KEEP] = dz;
      floats[rAt + CANDIDATE] = dn * r;
      if (dhBefore !== undefined) floats[dhBefore + state] += z * dhHere;
    },
    (gate) => {
      for (const rows of [input, recurrent]) {
        for (const k of [RESET, KEEP, CANDIDATE]) floats[rows + gate + k] = 0;
      }
    },
  );
}
