// Random problems for the point-wise part of the cells: the arrays of a few time steps, with all strides and padding.
import fc from 'fast-check';
import { Activation, Cell, type Kernels, PANEL, padded } from '../../src/kernels/kernels.js';
import type { BenchArena, Block } from './bench-arena.js';
import { type Prepared, paddedFill, rows, slack, width } from './parity.js';

export const STEPS = 3;

type Method = 'rnnForward' | 'rnnBackward' | 'lstmForward' | 'lstmBackward' | 'gruForward' | 'gruBackward';

export interface CellKind {
  readonly name: string;
  readonly gates: number;
  readonly forward: Method & keyof Kernels;
  readonly backward: Method & keyof Kernels;
  readonly activation: number;
}

const rnn = { gates: 1, forward: 'rnnForward', backward: 'rnnBackward' } as const;

export const CELLS: readonly CellKind[] = [
  { name: 'rnn with tanh', ...rnn, activation: Activation.tanh },
  { name: 'rnn with sigmoid', ...rnn, activation: Activation.sigmoid },
  { name: 'rnn with ReLU', ...rnn, activation: Activation.relu },
  { name: 'lstm', gates: 4, forward: 'lstmForward', backward: 'lstmBackward', activation: 0 },
  { name: 'gru', gates: 3, forward: 'gruForward', backward: 'gruBackward', activation: 0 },
];

export interface CellCase {
  readonly rows: number;
  readonly units: number;
  readonly slack: number;
  readonly t: number;
  /** Size of the pre-activations: from nearly linear to saturated. */
  readonly size: number;
  /** Where the call's blocks begin and how many there are, as far as there are such. */
  readonly first: number;
  readonly blocks: number;
  /** On active ReLUs; 0 unless it is said. */
  readonly penalty?: number;
  /** Whether the step follows step t + 1. */
  readonly reversed?: boolean;
}

export const cellCase = fc.record({
  rows,
  units: width,
  slack,
  t: fc.nat(STEPS - 1),
  size: fc.constantFrom(0.01, 1, 5, 100),
  first: fc.nat(2),
  blocks: fc.oneof(fc.constant(8), fc.nat(8)),
  penalty: fc.constantFrom(0, 0.25),
  reversed: fc.boolean(),
});

/** The blocks of a cell's arrays, and the descriptor of a call on all rows and some units. */
export interface CellArrays extends Record<'z' | 'r' | 'h' | 'c' | 'tanhC' | 'dh' | 'dc', Block> {
  readonly descriptor: number;
  readonly firstUnit: number;
  readonly unitCount: number;
}

/**
 * Arrays as a forward pass leaves them before step t, or as a backward pass finds them: then z holds the gates' values,
 * and tanhC the tanh of c(t).
 */
export function cellArrays(arena: BenchArena, kind: CellKind, given: CellCase, backward: boolean): CellArrays {
  const columns = padded(given.units);
  const ldh = columns + given.slack;
  const hGroup = given.rows * ldh + given.slack;
  const rowsOf = { rows: given.rows, columns, ld: ldh, group: hGroup };
  const inUnit = (size: number) => paddedFill(given.units, () => arena.uniform(size));
  const ldz = columns * kind.gates + given.slack;
  const gateRows = { groups: STEPS, rows: given.rows, columns: columns * kind.gates, ld: ldz, group: given.rows * ldz };
  // The tanh gates: the third of an LSTM and of a GRU; an RNN's backward does not read z.
  const gateValue = (column: number) =>
    Math.floor(column / PANEL) % kind.gates === 2 ? arena.uniform() : (arena.uniform() + 1) / 2;
  const z = arena.floats(gateRows, backward ? gateValue : () => arena.uniform(given.size));
  const r = arena.floats(gateRows, () => arena.uniform(given.size));
  // Values of any activation: positive, negative, and zero as ReLU makes it.
  const h = arena.floats({ ...rowsOf, groups: STEPS + 1 }, (column) =>
    column < given.units ? arena.integer(0, 4) && arena.uniform() : 0,
  );
  const c = arena.floats({ ...rowsOf, groups: STEPS + 1 }, inUnit(2));
  const tanhC = arena.floats({ ...rowsOf, groups: STEPS }, inUnit(1));
  // A reversed GRU adds to what lies behind the last step.
  const dh = arena.floats({ ...rowsOf, groups: given.reversed ? STEPS + 1 : STEPS }, inUnit(1));
  const dc = arena.floats(rowsOf, inUnit(1));
  const firstBlock = Math.min(given.first, columns / PANEL);
  const blocks = Math.min(given.blocks, columns / PANEL - firstBlock);
  const descriptor = arena.descriptor(Cell, {
    ...{ z, ldz, zGroup: z.group, r, h, ldh, hGroup, c, tanhC, dh, dc },
    ...{
      rows: given.rows,
      units: given.units,
      firstBlock,
      blocks,
      activation: kind.activation,
      reversed: given.reversed ? 1 : 0,
      penalty: given.penalty ?? 0,
    },
  });
  return { z, r, h, c, tanhC, dh, dc, descriptor, firstUnit: firstBlock * PANEL, unitCount: blocks * PANEL };
}

type Call = Prepared & { readonly descriptor: number };

/** What the forward call of step t writes. Of the RNN's z and of gates behind the last unit, only the place is fixed. */
export function forwardProblem(arena: BenchArena, kind: CellKind, given: CellCase): Call {
  const arrays = cellArrays(arena, kind, given, false);
  const { z, state } = parts(arena, kind, given, arrays);
  const { descriptor } = arrays;
  const after = given.reversed ? given.t : given.t + 1;
  const h = state(arrays.h, after);
  if (kind.gates === 1) {
    return { descriptor, outputs: { h }, ignored: [z], call: () => arena.kernels[kind.forward](descriptor, given.t) };
  }
  const ofCell: Record<string, Block> =
    kind.gates === 4 ? { c: state(arrays.c, after), tanhC: state(arrays.tanhC, given.t) } : {};
  const call = () => {
    arena.kernels[kind.forward](descriptor, given.t);
    const live = (index: number) => liveGate(index % z.columns, arrays.firstUnit, kind.gates, given.units);
    arena.write(
      z,
      arena.read(z).map((value, index) => (live(index) ? value : 0)),
    );
  };
  return { descriptor, outputs: { z, h, ...ofCell }, call };
}

function liveGate(column: number, firstUnit: number, gates: number, units: number): boolean {
  const block = Math.floor(column / (gates * PANEL));
  return firstUnit + block * PANEL + (column % PANEL) < units;
}

/** What the backward call of step t writes. */
export function backwardProblem(arena: BenchArena, kind: CellKind, given: CellCase): Call {
  const arrays = cellArrays(arena, kind, given, true);
  const { z, r, state } = parts(arena, kind, given, arrays);
  const { descriptor } = arrays;
  const outputs: Record<string, Block> = { z };
  if (kind.gates === 4) outputs.dc = state(arrays.dc, 0);
  if (kind.gates === 3) outputs.r = r;
  const before = given.reversed ? given.t + 1 : given.t - 1;
  if (kind.gates === 3 && before >= 0) outputs.dhBefore = state(arrays.dh, before);
  return { descriptor, outputs, call: () => arena.kernels[kind.backward](descriptor, given.t) };
}

function parts(arena: BenchArena, kind: CellKind, given: CellCase, arrays: CellArrays) {
  const gates = { column: arrays.firstUnit * kind.gates, columns: arrays.unitCount * kind.gates };
  const units = { column: arrays.firstUnit, columns: arrays.unitCount };
  return {
    z: arena.part(arrays.z, { ...gates, group: given.t, groups: 1 }),
    r: arena.part(arrays.r, { ...gates, group: given.t, groups: 1 }),
    state: (block: Block, time: number) => arena.part(block, { ...units, group: time, groups: 1 }),
  };
}
