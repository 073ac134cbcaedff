// Where a run's numbers begin: drawn from the seed, taken from another model, or those of a checkpoint.

import {
  checkpointFolder,
  loadCheckpoint,
  modelFile,
  readCheckpointHeader,
  verifyCheckpoint,
} from '../checkpoint/checkpoint.js';
import { matchNames, readModelHeader, readParameter } from '../checkpoint/model-file.js';
import { SafetensorsFile } from '../checkpoint/safetensors-file.js';
import type { Config } from '../config/config.js';
import { UserError } from '../errors.js';
import type { Arena } from '../memory/arena.js';
import { initialPieces } from '../model/initializers.js';
import { fromTorch, transposePanels } from '../model/parameters.js';
import { counted } from '../report/format.js';
import { writeClassWeights } from '../train/class-weights.js';
import { FIRST_PENALTY } from '../train/density-control.js';
import { densityControlOf, type RunLayout } from '../train/layout.js';
import type { OpenedData } from './data.js';
import type { Prepared } from './plan.js';
import { NEW_RUN, type RunProgress, savedProgress } from './progress.js';
import { checkSameArchitecture, checkSameData, checkSameInputs } from './same-data.js';

/**
 * Fills parameters, and for a resumed run optimizer and streams.
 *
 * @param notice hears of what will differ in a run that goes on
 * @returns how far the run is
 * @throws UserError for a checkpoint or a model that is not for these settings and this text
 */
export function start(
  { config, data, layout, choice }: Prepared,
  arena: Arena,
  notice: (message: string) => void = () => {},
): RunProgress {
  const progress = fill(config, data, arena, layout);
  for (const p of layout.parameters) {
    if (!p.transposedPanels) continue;
    transposePanels(p, arena.floatsAt(p.weights, p.length), arena.floatsAt(p.transposedPanels, p.length));
  }
  writeClassWeights(arena, layout);
  const { activationL1: given = 0 } = layout.shape;
  const penalty = given > 0 ? given : FIRST_PENALTY;
  densityControlOf(arena, layout)?.begin(progress.densityControl ?? { penalty, density: 0 });
  const { trainingTokens, checksum } = data;
  if (progress.kernels !== null && progress.kernels !== choice.name) {
    notice(
      `the run used ${progress.kernels} kernels up to step ${progress.step}; ${choice.name} kernels round otherwise, so the bits will differ`,
    );
  }
  return { ...progress, trainingTokens, checksum, kernels: choice.name };
}

function fill(config: Config, data: OpenedData, arena: Arena, layout: RunLayout): RunProgress {
  if (config.resume !== undefined) return resume(config, config.resume, data, arena, layout);
  if (config.initFrom !== undefined) startFrom(config.initFrom, data, arena, layout);
  else {
    const { init: kind, forgetBias, biasStart, seed } = config;
    for (const p of layout.parameters) {
      const weights = arena.floatsAt(p.weights, p.length);
      let row = 0;
      for (const piece of initialPieces(layout.shape.model, p, { kind, forgetBias, biasStart, seed })) {
        fromTorch(p, piece, weights, row);
        row += piece.length / (p.shape[1] ?? 1);
      }
    }
  }
  return NEW_RUN;
}

function startFrom(path: string, data: OpenedData, arena: Arena, layout: RunLayout): void {
  const file = SafetensorsFile.open(modelFile(path, '--init-from'));
  try {
    const isOurs = file.metadata.format === 'unroll';
    if (isOurs) checkSameInputs(`--init-from: ${path}`, readModelHeader(file), data);
    const names = matchNames(file, layout.shape.model);
    for (const p of layout.parameters)
      readParameter(file, names.get(p.name) as string, p, arena.floatsAt(p.weights, p.length));
  } finally {
    file.close();
  }
}

function resume(config: Config, path: string, data: OpenedData, arena: Arena, layout: RunLayout): RunProgress {
  const folder = checkpointFolder(path);
  verifyCheckpoint(folder);
  const progress = savedProgress(folder);
  checkLength(config, progress);
  checkSameData(path, progress, data);
  if (progress.stepInEpoch > (data.training.stepsPerEpoch ?? Number.POSITIVE_INFINITY))
    throw new UserError(`${folder}: it is damaged: it stands behind the end of an epoch; take another checkpoint`);
  const header = readCheckpointHeader(folder);
  checkSameArchitecture(folder, header.architecture, layout.shape.model);
  checkSameInputs(`--resume: ${folder}`, header, data);
  loadCheckpoint(folder, arena, layout);
  return progress;
}

/** @throws UserError for an end that the run has passed: nothing would be trained, and config.json would tell of a shorter run */
function checkLength({ steps, epochs }: Config, { step, epoch, stepInEpoch }: RunProgress): void {
  const refuse = (flag: string, given: number, done: string): never => {
    throw new UserError(`${flag}: ${given} is not allowed with --resume; the run has done ${done} already; give more`);
  };
  if (steps !== undefined && steps < step) refuse('--steps', steps, counted(step, 'step'));
  const isWithin = epochs === epoch && stepInEpoch > 0;
  if (epochs !== undefined && (epochs < epoch || isWithin))
    refuse('--epochs', epochs, isWithin ? `a part of epoch ${epoch + 1}` : counted(epoch, 'epoch'));
}
