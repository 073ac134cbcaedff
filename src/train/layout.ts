// The whole memory plan of a run: parameters, windows for training and evaluation, the ring of prepared batches, the undo
// slots, the control words. A pure function of its shape: the coordinator and every worker compute the same one.
import { GRADIENT_SCRATCH, type Optimizer, Product, padded } from '../kernels/kernels.js';
import type { Arena } from '../memory/arena.js';
import { PlanBuilder } from '../memory/plan.js';
import { type Architecture, directionsOf, readsWholes } from '../model/architecture.js';
import { outputsWidth } from '../model/output-loss.js';
import { timesNumbers } from '../model/phases.js';
import type { Crossover } from '../model/sparsity.js';
import {
  listBlocks,
  type PlacedParameter,
  placeParameters,
  placeWindow,
  type TrainingState,
  type WindowViews,
} from '../model/views.js';
import { CONTROL_NUMBERS, DensityControl } from './density-control.js';
import { catchUpOf, type RowRule } from './row-rule.js';
import { placeTable, type TableViews, updatesByRows } from './table-views.js';
import { cutIntoTiles, type Work } from './tiles.js';

export type OptimizerName = keyof typeof Optimizer | 'sparse-adam';

export interface RunShape {
  readonly model: Architecture;
  readonly optimizer: OptimizerName;
  readonly streams: number;
  /** Longest window, T. */
  readonly steps: number;
  readonly dropout: number;
  readonly seed: number;
  /** Streams and window of the evaluation; 0 streams: nothing is held out. */
  readonly evaluationStreams: number;
  readonly evaluationSteps: number;
  readonly workers: number;
  readonly floatBytes: 4 | 8;
  /** What the kernels keep of the memory's start. */
  readonly reservedBytes: number;
  /** int32 words of the step protocol. */
  readonly controlWords: number;
  /** Whether the workers' times are kept, phase by phase. */
  readonly profile?: boolean;
  /** Whether products may leave out zeros, and where it pays; undefined: no. */
  readonly sparse?: Crossover;
  /** What a step does to rows of the table that it does not touch; dense unless it is said. */
  readonly rowRule?: RowRule;
  /** Most entries of a batch, of training or evaluation; of models that read sparse features. */
  readonly entries?: number;
  /** L1 penalty on the outputs of ReLU layers, for each prediction that counts; 0 unless it is said. */
  readonly activationL1?: number;
  /** The share of active units to which that penalty is steered; undefined: it stays. */
  readonly densityTarget?: number;
  /** [V] what the loss of a prediction is multiplied by, by its target; undefined: nothing. */
  readonly classWeights?: readonly number[];
  /** The share of a target that is spread over all classes; 0 unless it is said. */
  readonly labelSmoothing?: number;
}

/** One prepared batch in the ring; byte offsets. Evaluation uses the same slots. */
export interface SlotViews {
  /** int32 [T, B] */
  readonly inputs: number;
  readonly targets: number;
  /** [T, B, I padded]; 0 where the model reads others. */
  readonly features: number;
  /** int32 [T B + 1], int32 and floats [entries]; 0 where the model reads no sparse features. */
  readonly entryStarts: number;
  readonly entryFeatures: number;
  readonly entryValues: number;
  /** [T, B, K padded]: what to predict; 0 where targets are classes. */
  readonly outputs: number;
  /** int32 [B] */
  readonly reset: number;
  readonly carry: number;
  /** int32 [B]; 0 where the model reads no whole sequences. */
  readonly lengths: number;
}

export interface RunLayout {
  readonly shape: RunShape;
  readonly parameters: readonly PlacedParameter[];
  readonly training: WindowViews;
  readonly evaluation: WindowViews | undefined;
  /** Undefined where there is no table, or its gradient is computed as a whole. */
  readonly table: TableViews | undefined;
  readonly work: Work;
  readonly slots: readonly SlotViews[];
  /** float64: sum of squares of each piece of the gradient. */
  readonly pieceNorms: number;
  /** float64 [B]: sum of a stream's losses; count of its hits. One line a stream would be wasteful: a worker's lie together. */
  readonly streamLosses: number;
  readonly streamHits: number;
  /** float64 [L][B]: units of a ReLU layer that were not zero at the window's last step. */
  readonly streamActive: number;
  /** float64 [L]: the share of a layer's units that the last training step found active; 0 before the first. */
  readonly densities: number;
  /** float64 [CONTROL_NUMBERS]: what the penalty of the next step stands on, where there is a target. */
  readonly densityControl: number;
  /** [V]; 0 where classes weigh the same. */
  readonly classWeights: number;
  /**
   * int32, one a piece: the number of the update that wrote it last; of what is done together for the first one alone. ~p of
   * pieces of a table that a lost worker has done up to row or place p.
   */
  readonly pieceDone: number;
  /** float64 [CONTROL_NUMBERS] and, where rows may be behind, their maps: as they were before the step, see coordinator/kept.ts. */
  readonly keptControl: number;
  readonly keptMaps: number;
  /** Undo slot of each worker: [3][longest piece] floats. */
  readonly undo: readonly number[];
  readonly undoFloats: number;
  /** int32 of each worker, one a row of its undo slot: since when the row was behind. Empty where none may be. */
  readonly undoMarks: readonly number[];
  /** Scratch of each worker for the weight gradient. */
  readonly scratch: readonly number[];
  /** Stretch of each worker's descriptors. */
  readonly descriptors: readonly number[];
  /** float64, of each worker: where its time goes, see model/phases.ts. Empty where nobody asks. */
  readonly times: readonly number[];
  /** int32 control words, see coordinator/protocol.ts. */
  readonly control: number;
  /** float64 rings of records and results. */
  readonly records: number;
  readonly results: number;
  readonly bytes: number;
  readonly parts: ReadonlyMap<string, number>;
}

/** float64s for one worker's descriptors: some 20 calls a layer of up to 19 numbers, 19 a parameter, 19 a unit of PROJECT. */
export const descriptorNumbers = (model: Architecture): number =>
  1024 + 512 * model.layers * directionsOf(model) + Product.size * 2 * Math.ceil(model.hidden / 8);

/** float64s of a record and of a result. */
export const RECORD_NUMBERS = 16;

/** The coordinator prepares batches this far ahead: more than it can sleep through, in as little memory as that takes. */
export const RING = 256;
const RING_BYTES = 8 << 20;
const FEWEST_SLOTS = 4;

export const STATES: Readonly<Record<OptimizerName, { first: boolean; second: boolean }>> = {
  sgd: { first: false, second: false },
  momentum: { first: true, second: false },
  nesterov: { first: true, second: false },
  adagrad: { first: false, second: true },
  rmsprop: { first: false, second: true },
  adam: { first: true, second: true },
  adamw: { first: true, second: true },
  'sparse-adam': { first: true, second: true },
};

export const trainingState = (shape: RunShape): TrainingState => ({
  ...STATES[shape.optimizer],
  tableByRows: updatesByRows(shape),
});

/** Whether rows of the table may be behind, or whether tokens that a window does not read must have no gradient. */
const isUnprojected = (shape: RunShape): boolean =>
  updatesByRows(shape) && (shape.optimizer === 'sparse-adam' || catchUpOf(shape.rowRule ?? 'dense') > 0);

/** Room in a window besides what its model needs. */
export const trainingWindow = (shape: RunShape) => ({
  ...{ steps: shape.steps, streams: shape.streams, trains: true, dropout: shape.dropout > 0 },
  ...{ lists: shape.sparse !== undefined, unprojected: isUnprojected(shape) },
});
/** Rows of a slot: those of the longest window of training or of evaluation. */
export const slotRows = ({ steps, streams, evaluationSteps, evaluationStreams }: RunShape): number =>
  Math.max(steps * streams, evaluationSteps * evaluationStreams);

export function layOut(shape: RunShape): RunLayout {
  const plan = new PlanBuilder(shape.floatBytes, shape.reservedBytes);
  const control = plan.ints('control', shape.controlWords);
  const each = (take: () => number): number[] => Array.from({ length: shape.workers }, take);
  const parameters = placeParameters(plan, shape.model, trainingState(shape));
  const lists = shape.sparse !== undefined;
  const training = placeWindow(plan, shape.model, trainingWindow(shape), 'activations');
  const { evaluationSteps, evaluationStreams } = shape;
  const evaluation =
    evaluationStreams > 0
      ? placeWindow(
          plan,
          shape.model,
          {
            ...{ steps: evaluationSteps, streams: evaluationStreams, trains: false, dropout: false, lists },
            unprojected: isUnprojected(shape),
          },
          'evaluation',
        )
      : undefined;
  const blocks = lists ? shape.model.layers * listBlocks(shape.steps, shape.streams) : 0;
  const table = updatesByRows(shape) ? placeTable(plan, shape, parameters, training) : undefined;
  const work = cutIntoTiles(parameters, shape.steps * shape.streams, shape.workers, { listBlocks: blocks, table });
  const mostStreams = Math.max(shape.streams, evaluationStreams);
  const tokens = slotRows(shape);
  const features = tokens * padded(shape.model.features ?? 0);
  const outputs = tokens * outputsWidth(shape.model);
  const { entries = 0 } = shape;
  const named = shape.model.sparseFeatures !== undefined;
  const slotBytes =
    8 * (tokens + mostStreams) + shape.floatBytes * (features + outputs) + (4 + shape.floatBytes) * entries;
  const slotCount = Math.max(FEWEST_SLOTS, Math.min(RING, Math.floor(RING_BYTES / slotBytes)));
  const slots = Array.from({ length: slotCount }, () => ({
    inputs: plan.ints('batches', tokens),
    targets: plan.ints('batches', tokens),
    features: features > 0 ? plan.floats('batches', features) : 0,
    entryStarts: named ? plan.ints('batches', tokens + 1) : 0,
    entryFeatures: named ? plan.ints('batches', entries) : 0,
    entryValues: named ? plan.floats('batches', entries) : 0,
    outputs: outputs > 0 ? plan.floats('batches', outputs) : 0,
    reset: plan.ints('batches', mostStreams),
    carry: plan.ints('batches', mostStreams),
    lengths: readsWholes(shape.model) ? plan.ints('batches', mostStreams) : 0,
  }));
  // Not by Math.max(...): a large model has more pieces than a call takes arguments.
  const rowFloats = table ? table.blockRows * parameters[table.parameter].columns : 0;
  const undoFloats = work.pieces.reduce((most, { from, to }) => Math.max(most, to - from), rowFloats);
  const scratchFloats = Math.max(GRADIENT_SCRATCH, rowFloats);
  return {
    shape,
    parameters,
    training,
    evaluation,
    table,
    work,
    slots,
    pieceNorms: plan.doubles('control', work.pieces.length),
    streamLosses: plan.doubles('control', mostStreams),
    streamHits: plan.doubles('control', mostStreams),
    streamActive: plan.doubles('control', shape.model.layers * shape.streams),
    densities: plan.doubles('control', shape.model.layers),
    densityControl: plan.doubles('control', CONTROL_NUMBERS),
    classWeights: shape.classWeights ? plan.floats('control', shape.classWeights.length) : 0,
    pieceDone: plan.ints('control', work.updates),
    keptControl: plan.doubles('control', CONTROL_NUMBERS),
    keptMaps: table?.behind.period ? plan.doubles('control', 2 * table.behind.period) : 0,
    undo: each(() => plan.floats('undo slots', 3 * undoFloats)),
    undoFloats,
    undoMarks: table?.behind.period ? each(() => plan.ints('undo slots', table.blockRows)) : [],
    scratch: each(() => plan.floats('control', scratchFloats)),
    descriptors: each(() => plan.doubles('control', descriptorNumbers(shape.model))),
    times: shape.profile ? each(() => plan.doubles('profile', timesNumbers(shape.workers))) : [],
    control,
    records: plan.doubles('control', slotCount * RECORD_NUMBERS),
    results: plan.doubles('control', slotCount * RECORD_NUMBERS),
    bytes: plan.bytes,
    parts: plan.parts,
  };
}

/** What steers the penalty of a run that has a target. */
export function densityControlOf(arena: Arena, { densityControl, shape }: RunLayout): DensityControl | undefined {
  if (shape.densityTarget === undefined) return undefined;
  return new DensityControl(arena.doublesAt(densityControl, CONTROL_NUMBERS), shape.densityTarget);
}

/** Arrays of the parameters' size that a checkpoint holds beside them. */
export function statesOf({ shape }: RunLayout): number {
  const { first, second } = STATES[shape.optimizer];
  return Number(first) + Number(second);
}
