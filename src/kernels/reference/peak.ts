// The loops that show what a core can do at best, as formulas.

import { MultiplyAdd, PEAK_VALUES, Triad } from '../kernels.js';
import { type Arena, span } from './arena.js';

/** values[i] = values[i] * factor + factor, to - from times. */
export function multiplyAdd(arena: Arena, offset: number, from: number, to: number): void {
  const { floats } = arena;
  const f = arena.descriptor('multiplyAdd', offset, MultiplyAdd);
  const factor = f[MultiplyAdd.factor];
  const first = arena.float('multiplyAdd: values', f[MultiplyAdd.values], span(0, PEAK_VALUES));
  for (let i = first; i < first + PEAK_VALUES; i++) {
    for (let round = from; round < to; round++) floats[i] = floats[i] * factor + factor;
  }
}

/** a[i] = b[i] + scale c[i] for i in [from, to). */
export function triad(arena: Arena, offset: number, from: number, to: number): void {
  const { floats } = arena;
  const f = arena.descriptor('triad', offset, Triad);
  const view = (name: 'a' | 'b' | 'c'): number => arena.float(`triad: ${name}`, f[Triad[name]], span(from, to));
  const [a, b, c] = [view('a'), view('b'), view('c')];
  for (let i = from; i < to; i++) floats[a + i] = floats[b + i] + f[Triad.scale] * floats[c + i];
}
