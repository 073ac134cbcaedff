// The public API of unroll.

export type { ConfigInput as Settings } from './config/config.js';
export type { Columns } from './data/records/columns.js';
export type { Sequence, SequenceSource, Sequences } from './data/sequences.js';
export { RunError, UserError } from './errors.js';
export type { Architecture } from './model/architecture.js';
export type {
  CheckpointEvent,
  DoneEvent,
  EvalEvent,
  PlanEvent,
  ProfileEvent,
  StepEvent,
  TrainEvent,
} from './report/events.js';
export {
  type Compared,
  type ComparedMarkov,
  type ComparedRecurrent,
  type CompareOptions,
  compareMarkov,
  type MarkovComparison,
} from './run/compare-markov.js';
export type { TrainingData } from './run/data.js';
export { type DiagnoseOptions, type Diagnosis, diagnose } from './run/diagnose.js';
export {
  type EvalData,
  type EvalOptions,
  type Evaluation,
  type LoadOptions,
  loadModel,
  type Model,
  type ParameterInfo,
  type PredictOptions,
  type SampleOptions,
} from './run/model.js';
export type { Ahead, Prediction } from './run/predictions.js';
export type { LayerReach, Verdict } from './run/reach.js';
export type { RowStream, Value } from './run/row-stream.js';
export type { TableData, TablePrediction } from './run/table-model.js';
export type { TrainOutcome } from './run/train.js';
export { type Training, type TrainOptions, train } from './run/train-api.js';
