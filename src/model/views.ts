// Where a model's numbers lie in the arena: its parameters, and what one window of T steps of B streams needs.
import { LIST_ROWS, padded } from '../kernels/kernels.js';
import type { Part, PlanBuilder } from '../memory/plan.js';
import { type Architecture, directionsOf, headOutputs, headSteps } from './architecture.js';
import { cells } from './cells/cells.js';
import { outputsWidth } from './output-loss.js';
import { type Parameter, parametersOf } from './parameters.js';

/** A parameter with the byte offsets of its views; 0 for a view that was not asked for. */
export interface PlacedParameter extends Parameter {
  readonly weights: number;
  readonly transposedPanels: number;
  readonly gradient: number;
  readonly firstState: number;
  readonly secondState: number;
}

/** How rows of the table that are behind catch up: fields of the kernels' descriptors. */
export interface Behind {
  /** One of `CatchUp`. */
  readonly catchUp: number;
  /** int32 [V] */
  readonly touchedAt: number;
  /** float64 [period, 2] */
  readonly maps: number;
  readonly period: number;
}

/** What training keeps beside a weight. */
export interface TrainingState {
  readonly first: boolean;
  readonly second: boolean;
  /** Whether the table's gradient is of the rows alone that a step touches, and lies elsewhere. */
  readonly tableByRows: boolean;
}

/** @param training undefined: no gradients and no optimizer state, for a model that only runs */
export function placeParameters(
  plan: PlanBuilder,
  model: Architecture,
  training: TrainingState | undefined,
): readonly PlacedParameter[] {
  return parametersOf(model).map((p) => ({
    ...p,
    weights: plan.floats('parameters', p.length),
    transposedPanels: training && p.transposed ? plan.floats('transposed panels', p.length) : 0,
    gradient: training && !(training.tableByRows && p.storage === 'rows') ? plan.floats('gradients', p.length) : 0,
    firstState: training?.first ? plan.floats('optimizer state', p.length) : 0,
    secondState: training?.second ? plan.floats('optimizer state', p.length) : 0,
  }));
}

/** @throws Error for a name that the model does not have */
export function findParameter(parameters: readonly PlacedParameter[], name: string): PlacedParameter {
  const found = parameters.find((p) => p.name === name);
  if (!found) throw new Error(`the model has no parameter ${name}`);
  return found;
}

/** The matrix or table of a layer's `input` or `recurrent` part, of the head or the embedding. */
export function weightsOf(
  parameters: readonly PlacedParameter[],
  role: Parameter['role'],
  layer = 0,
  reverse = false,
): PlacedParameter {
  const found = parameters.find((p) => isPart(p, role, layer, reverse) && p.storage !== 'vector');
  if (!found) throw new Error(`layer ${layer} of the model has no ${role} weights`);
  return found;
}

/** The biases of the same. */
export const biasesOf = (
  parameters: readonly PlacedParameter[],
  role: Parameter['role'],
  layer = 0,
  reverse = false,
): readonly PlacedParameter[] => parameters.filter((p) => isPart(p, role, layer, reverse) && p.storage === 'vector');

const isPart = (p: Parameter, role: Parameter['role'], layer: number, reverse: boolean): boolean =>
  p.role === role && p.layer === layer && p.reverse === reverse;

/**
 * Activations of one layer; byte offsets, 0 where the cell or the purpose has no such view. H is the outputs of a layer: of two
 * directions those of the reverse one stand behind the others, and read their states before the first of their steps from
 * group T + 1 of h and c.
 */
export interface LayerViews {
  /** [T, B, gates H] */
  readonly z: number;
  /** [T, B, gates H], cells with a recurrent part of its own */
  readonly r: number;
  /** The same of the reverse direction. */
  readonly zReverse: number;
  readonly rReverse: number;
  /** [T + 1, B, H]; T + 2 groups of two directions, and one more of dh */
  readonly h: number;
  readonly c: number;
  /** [T, B, H] */
  readonly tanhC: number;
  readonly dh: number;
  /** [B, H] */
  readonly dc: number;
  /** [T, B, H]: h and what the layer has read, of a layer that adds it */
  readonly sums: number;
  /** [T, B, H]: what becomes of h or the sums where they are normalized, and its gradient. */
  readonly normed: number;
  readonly normedGradient: number;
  /** [T, B, H] and [T, B]: what backward needs of it, see LayerNorm. */
  readonly normal: number;
  readonly inverse: number;
  /** [T, B, H]: the outputs after dropout, what the layer above reads */
  readonly dropped: number;
  /** int32 [T + 1, B, H] and [T + 1, B]: the active units of h, where they are listed; see ActiveUnits. */
  readonly active: number;
  readonly activeCounts: number;
  /** The same by units, for the weight gradients; see ActiveRows. */
  readonly activeRows: number;
  readonly activeValues: number;
  readonly activeStarts: number;
}

export interface WindowViews {
  /** T: the longest window. */
  readonly steps: number;
  /** B */
  readonly streams: number;
  /** Floats between rows of z and r. */
  readonly ldz: number;
  /** Floats between rows of all that is as wide as a layer's outputs. */
  readonly ldh: number;
  /** Floats between rows of logits. */
  readonly ldl: number;
  readonly layers: readonly LayerViews[];
  /** [T, B, H]: the gradient of a layer's sums, which its cell is about to write over. */
  readonly pastCell: number;
  /** [V, gates H]: every token's part of z, projected once a window, and its gradient. */
  readonly projected: number;
  readonly projectedGradient: number;
  /** [rows, D]: embedded inputs where there are fewer rows than tokens in the vocabulary, and their gradient. */
  readonly embedded: number;
  readonly embeddedGradient: number;
  /** Of a model that pools. */
  readonly pooled: PooledViews | undefined;
  /** [T, B, K], overwritten by their gradients; T is 1 where the model pools, here and below */
  readonly logits: number;
  /** [T, B] */
  readonly losses: number;
  readonly hits: number;
  /** [2][L][B][H]: the streams' state at the window's start and at its end; h, then c; 0 where there is none. */
  readonly hiddenState: number;
  readonly cellState: number;
}

/** What the head reads of whole sequences, one row each; byte offsets. */
export interface PooledViews {
  /** [B, H] */
  readonly outputs: number;
  readonly gradient: number;
  /** int32 [B] and [B, K padded], what is to be predicted: of a sequence's last step. */
  readonly targets: number;
  readonly wanted: number;
}

/** The outputs of a layer as the next one reads them, or the head; dropout comes after. */
export interface Outputs {
  /** Byte offsets of [T, B, H]. */
  readonly outputs: number;
  readonly gradient: number;
  /** The layer whose lists hold what of it is not zero; undefined: none do. */
  readonly listed: number | undefined;
}

export function outputsOf({ layers, streams, ldh }: WindowViews, layer: number, floatBytes: number): Outputs {
  const { h, dh, sums, normed, normedGradient } = layers[layer];
  if (normed) return { outputs: normed, gradient: normedGradient, listed: undefined };
  if (sums) return { outputs: sums, gradient: dh, listed: undefined };
  return { outputs: h + streams * ldh * floatBytes, gradient: dh, listed: layer };
}

export interface WindowShape {
  readonly steps: number;
  readonly streams: number;
  /** Whether there is a backward pass. */
  readonly trains: boolean;
  readonly dropout: boolean;
  /** Whether there is room for lists of active units. */
  readonly lists?: boolean;
  /** Whether the vocabulary is never projected: rows of the table may be behind, or are to be told apart. */
  readonly unprojected?: boolean;
}

/** Rows a kibibyte apart fall into the same few sets of the first-level cache: one more line between them. */
export const leadingDimension = (width: number): number => (width % 128 === 0 ? width + 16 : width);

/**
 * Whether the tokens' part of z is projected for the whole vocabulary and then gathered (P = E W_x), rather than computed row by
 * row: where there are more rows than tokens, and the window's plan has a place for it. Decided from the rows that are there, so
 * a window's bits do not depend on the plan's longest one. Two directions would need two such tables: they have none.
 */
export const projects = (model: Architecture, rows: number, views?: WindowViews): boolean =>
  model.embedding > 0 && !model.bidirectional && model.vocabulary < rows && views?.projected !== 0;

/** Blocks of rows of h, of all T + 1 groups. */
export const listBlocks = (steps: number, streams: number): number => Math.ceil(((steps + 1) * streams) / LIST_ROWS);

export function placeWindow(plan: PlanBuilder, model: Architecture, shape: WindowShape, part: Part): WindowViews {
  const cell = cells[model.cell];
  const { steps, streams, trains } = shape;
  const width = padded(model.hidden);
  const ldz = leadingDimension(cell.gates * width);
  const directions = directionsOf(model);
  const ldh = leadingDimension(directions * width);
  const ldl = leadingDimension(padded(headOutputs(model)));
  const rows = steps * streams;
  const floats = (count: number, needed = true): number => (needed ? plan.floats(part, count) : 0);
  const ints = (count: number, needed: boolean): number => (needed ? plan.ints(part, count) : 0);
  const lists = shape.lists === true;
  const listedRows = listBlocks(steps, streams) * LIST_ROWS;
  const normalizes = model.layerNorm === true;
  const layers: LayerViews[] = [];
  for (let layer = 0; layer < model.layers; layer++) {
    layers.push({
      z: floats(rows * ldz),
      r: floats(rows * ldz, cell.separateRecurrent),
      zReverse: floats(rows * ldz, directions > 1),
      rReverse: floats(rows * ldz, directions > 1 && cell.separateRecurrent),
      h: floats((rows + directions * streams) * ldh),
      c: floats((rows + directions * streams) * ldh, cell.hasCellState),
      tanhC: floats(rows * ldh, cell.hasCellState),
      dh: floats((rows + (directions - 1) * streams) * ldh, trains),
      dc: floats(streams * ldh, trains && cell.hasCellState),
      sums: floats(rows * ldh, model.residual === true && layer > 0),
      normed: floats(rows * ldh, normalizes),
      normedGradient: floats(rows * ldh, normalizes && trains),
      normal: floats(rows * ldh, normalizes && trains),
      inverse: floats(rows, normalizes && trains),
      dropped: floats(rows * ldh, shape.dropout && layer < model.layers - 1),
      active: ints((rows + streams) * ldh, lists),
      activeCounts: ints(rows + streams, lists),
      activeRows: ints(listedRows * width, lists && trains),
      activeValues: floats(listedRows * width, lists && trains),
      activeStarts: ints((listedRows / LIST_ROWS) * (width + 1), lists && trains),
    });
  }
  const table = model.vocabulary * cell.gates * width;
  const mayProject = projects(model, rows) && !shape.unprojected;
  const mostRows = shape.unprojected || directions > 1 ? rows : Math.min(rows, model.vocabulary);
  const unprojectedRows = model.embedding > 0 ? mostRows : 0;
  const embeddedFloats = unprojectedRows * padded(model.embedding);
  const pooled = model.pooling && {
    outputs: floats(streams * ldh),
    gradient: floats(streams * ldh, trains),
    targets: ints(streams, true),
    wanted: floats(streams * outputsWidth(model), outputsWidth(model) > 0),
  };
  const answers = headSteps(model, steps) * streams;
  // Two directions read whole sequences, each window from the zero state.
  const stateFloats = cell.isRecurrent && directions === 1 ? 2 * model.layers * streams * width : 0;
  return {
    steps,
    streams,
    ldz,
    ldh,
    ldl,
    layers,
    pastCell: floats(rows * ldh, trains && model.residual === true && model.layers > 1),
    projected: floats(table, mayProject),
    projectedGradient: floats(table, mayProject && trains),
    embedded: floats(embeddedFloats, embeddedFloats > 0),
    embeddedGradient: floats(embeddedFloats, embeddedFloats > 0 && trains),
    pooled,
    logits: floats(answers * ldl),
    losses: floats(answers),
    hits: floats(answers),
    hiddenState: floats(stateFloats, stateFloats > 0),
    cellState: floats(stateFloats, stateFloats > 0 && cell.hasCellState),
  };
}
