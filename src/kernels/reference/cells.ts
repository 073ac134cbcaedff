// What the cells have in common: where the numbers of one time step lie, and the walk over its rows and units.

import { Activation, Cell, PANEL } from '../kernels.js';
import { type Arena, areCounts, type Extent, grouped, matrix } from './arena.js';

/**
 * One time step of a cell. Everything but the functions is an index into the floats, for row 0 and unit 0:
 * of state rows [B, H] and of gate rows [B, H/16, gates, 16]; gate k of a unit lies k * PANEL behind its gate 0.
 */
export class CellStep {
  readonly floats: Float32Array | Float64Array;
  readonly activation: number;
  /** 0 where units are never exactly zero. */
  readonly penalty: number;
  readonly #arena: Arena;
  readonly #fields: Float64Array;
  readonly #name: string;
  readonly #gates: number;
  readonly #t: number;

  constructor(arena: Arena, name: string, offset: number, gates: number, t: number) {
    this.#arena = arena;
    this.#fields = arena.descriptor(name, offset, Cell);
    this.#name = name;
    this.#gates = gates;
    this.#t = t;
    this.floats = arena.floats;
    this.activation = this.#fields[Cell.activation];
    this.penalty = this.activation === Activation.relu ? this.#fields[Cell.penalty] : 0;
  }

  /** Gate 0 of the step's rows in `z` or `r`. */
  gateRows(field: 'z' | 'r'): number {
    const f = this.#fields;
    const extent = grouped(this.#t, this.#t + 1, f[Cell.zGroup], this.#rowsOf(f[Cell.ldz], this.#gates));
    return this.#arena.float(`${this.#name}: ${field}`, f[Cell[field]], extent) + this.#t * f[Cell.zGroup];
  }

  /** The rows of `h` or `c` that the step reads. */
  rowsBefore(field: 'h' | 'c'): number {
    return this.stateRows(field, this.#reversed ? this.#t + 1 : this.#t);
  }

  /** Those that it writes. */
  rowsAfter(field: 'h' | 'c'): number {
    return this.stateRows(field, this.#reversed ? this.#t : this.#t + 1);
  }

  /** The rows of `dh` of the step before; undefined where there is none. */
  dhBefore(): number | undefined {
    if (this.#reversed) return this.stateRows('dh', this.#t + 1);
    return this.#t > 0 ? this.stateRows('dh', this.#t - 1) : undefined;
  }

  get #reversed(): boolean {
    return this.#fields[Cell.reversed] > 0;
  }

  /** The rows of `h`, `c`, `tanhC` or `dh` at index `time`; `dc` has no time: its index is 0. */
  stateRows(field: 'h' | 'c' | 'tanhC' | 'dh' | 'dc', time: number): number {
    const f = this.#fields;
    const extent = grouped(time, time + 1, f[Cell.hGroup], this.#rowsOf(f[Cell.ldh], 1));
    return this.#arena.float(`${this.#name}: ${field}`, f[Cell[field]], extent) + time * f[Cell.hGroup];
  }

  /**
   * Calls `live` for every unit of the call's blocks, and `padding` for what lies behind the last unit, with the
   * distance of its gate 0 from the start of the gate rows and its distance from the start of the state rows.
   */
  eachUnit(live: (gate: number, state: number) => void, padding: (gate: number, state: number) => void): void {
    const f = this.#fields;
    const { rows, first, units } = this.#range();
    for (let row = 0; row < rows; row++) {
      for (let unit = first; unit < first + units; unit++) {
        const lane = unit % PANEL;
        const gate = row * f[Cell.ldz] + (unit - lane) * this.#gates + lane;
        const state = row * f[Cell.ldh] + unit;
        if (unit < f[Cell.units]) live(gate, state);
        else padding(gate, state);
      }
    }
  }

  /** The rows of a step as far as the call's last unit. */
  #rowsOf(stride: number, gates: number): Extent {
    const { rows, first, units } = this.#range();
    const width = areCounts(first / PANEL, units / PANEL) ? gates * (first + units) : Number.NaN;
    return matrix(units === 0 ? 0 : rows, stride, width);
  }

  #range(): { rows: number; first: number; units: number } {
    const f = this.#fields;
    return { rows: f[Cell.rows], first: f[Cell.firstBlock] * PANEL, units: f[Cell.blocks] * PANEL };
  }
}
