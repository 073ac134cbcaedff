// How far a run is: what a checkpoint remembers beside the arrays.

import { readProgress } from '../checkpoint/checkpoint.js';
import { UserError } from '../errors.js';
import type { KernelName } from '../kernels/choose.js';
import type { ControlState } from '../train/density-control.js';
import type { PlateauState } from '../train/schedule.js';

export interface RunProgress {
  /** Steps done. */
  readonly step: number;
  /** Where the next batch is taken from: passes over the data that are complete, and batches of the present one. */
  readonly epoch: number;
  readonly stepInEpoch: number;
  /** Updates made: without the steps that were skipped. */
  readonly updates: number;
  /** Steps in a row, up to now, that were skipped. */
  readonly badInARow: number;
  readonly plateau: PlateauState;
  /** The best evaluation, and whether the checkpoint of that step stands only because it was the best. */
  readonly best: { readonly step: number; readonly loss: number; readonly only: boolean } | null;
  /** Evaluations since the best one. */
  readonly worse: number;
  /** The step of the last evaluation that counted for schedule and patience. */
  readonly evaluatedAt: number;
  /** The step of the last evaluation, whether it counted or only told how the run ended. */
  readonly measuredAt: number;
  /** Tokens that are learned: another text can't be gone on with. */
  readonly trainingTokens: number;
  readonly checksum: number | null;
  readonly kernels: KernelName | null;
  /** Per layer, the share of units that the last step found active; empty in models that have no zeros. */
  readonly densities: readonly number[];
  /** What the penalty of a run with a target density stands on. */
  readonly densityControl: ControlState | null;
}

export const NEW_RUN: RunProgress = {
  step: 0,
  epoch: 0,
  stepInEpoch: 0,
  updates: 0,
  badInARow: 0,
  plateau: { factor: 1, best: null, badEvaluations: 0 },
  best: null,
  worse: 0,
  evaluatedAt: 0,
  measuredAt: 0,
  trainingTokens: 0,
  checksum: null,
  kernels: null,
  densities: [],
  densityControl: null,
};

/** Steps and what is counted of them are 32-bit numbers where workers share them. */
const MOST_STEPS = 2 ** 31 - 1;

const isCount = (value: unknown, most = MOST_STEPS): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isFiniteOrNull = (value: unknown): boolean => value === null || Number.isFinite(value);

/** What each field may be: names of folders and places in the data are made of them. */
const ALLOWED: Readonly<Record<keyof RunProgress, (value: unknown) => boolean>> = {
  step: isCount,
  epoch: isCount,
  stepInEpoch: isCount,
  updates: isCount,
  badInARow: isCount,
  plateau: (value) =>
    isObject(value) && Number.isFinite(value.factor) && isFiniteOrNull(value.best) && isCount(value.badEvaluations),
  best: (value) =>
    value === null ||
    (isObject(value) && isCount(value.step) && Number.isFinite(value.loss) && typeof value.only === 'boolean'),
  worse: isCount,
  evaluatedAt: isCount,
  measuredAt: isCount,
  trainingTokens: (value) => isCount(value, Number.MAX_SAFE_INTEGER),
  checksum: (value) => value === null || isCount(value, 2 ** 32 - 1),
  kernels: (value) => [null, 'native', 'wasm', 'reference'].includes(value as KernelName | null),
  densities: (value) => Array.isArray(value) && value.every(Number.isFinite),
  densityControl: (value) =>
    value === null || (isObject(value) && Number.isFinite(value.penalty) && Number.isFinite(value.density)),
};

/**
 * How far the run was that wrote a checkpoint; what an older one does not tell is as in a new run.
 *
 * @throws UserError where its file is damaged
 */
export function savedProgress(checkpoint: string): RunProgress {
  const progress = { ...NEW_RUN, ...readProgress<RunProgress>(checkpoint) };
  const wrong = (Object.keys(ALLOWED) as (keyof RunProgress)[]).find((field) => !ALLOWED[field](progress[field]));
  if (wrong === undefined) return progress;
  throw new UserError(
    `${checkpoint}: it is damaged: "${wrong}" of where the run stood is not possible; take another checkpoint`,
  );
}

/** The same for whoever needs the model alone: undefined where the file beside it is damaged. */
export function progressOf(checkpoint: string): RunProgress | undefined {
  try {
    return savedProgress(checkpoint);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}
