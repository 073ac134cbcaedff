// The simple RNN's point-wise part: z [T, B, H] in, h [T + 1, B, H] out.

import type { Arena } from './arena.js';
import { CellStep } from './cells.js';
import { activate, activateBackward } from './functions.js';

/** h(t) = f(z(t)) */
export function rnnForward(arena: Arena, offset: number, t: number): void {
  const step = new CellStep(arena, 'rnnForward', offset, 1, t);
  const { floats, activation } = step;
  const z = step.gateRows('z');
  const h = step.rowsAfter('h');
  step.eachUnit(
    (gate, state) => {
      floats[h + state] = activate(activation, floats[z + gate]);
    },
    (_, state) => {
      floats[h + state] = 0;
    },
  );
}

/** dz(t) = dh(t) f'(z(t)), from h(t), with the penalty added to dh where a ReLU is active; z is overwritten by its delta. */
export function rnnBackward(arena: Arena, offset: number, t: number): void {
  const step = new CellStep(arena, 'rnnBackward', offset, 1, t);
  const { floats, activation, penalty } = step;
  const z = step.gateRows('z');
  const h = step.rowsAfter('h');
  const dh = step.stateRows('dh', t);
  step.eachUnit(
    (gate, state) => {
      floats[z + gate] = activateBackward(activation, floats[h + state], floats[dh + state] + penalty);
    },
    (gate) => {
      floats[z + gate] = 0;
    },
  );
}
