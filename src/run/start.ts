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
import type { Vocabulary } from '../data/vocabulary.js';
import { UserError } from '../errors.js';
import type { Arena } from '../memory/arena.js';
import type { Architecture } from '../model/architecture.js';
import { initialPieces } from '../model/initializers.js';
import { fromTorch, transposePanels } from '../model/parameters.js';
import { FIRST_PENALTY } from '../train/density-control.js';
import { densityControlOf, type RunLayout } from '../train/layout.js';
import type { OpenedData } from './data.js';
import type { Prepared } from './plan.js';
import { NEW_RUN, progressOf, type RunProgress } from './progress.js';

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
  const progress = fill(config, data.vocabulary, arena, layout);
  for (const p of layout.parameters) {
    if (!p.transposedPanels) continue;
    transposePanels(p, arena.floatsAt(p.weights, p.length), arena.floatsAt(p.transposedPanels, p.length));
  }
  const { activationL1: given = 0 } = layout.shape;
  const penalty = given > 0 ? given : FIRST_PENALTY;
  densityControlOf(arena, layout)?.begin(progress.densityControl ?? { penalty, density: 0 });
  const { trainingTokens, checksum } = data;
  if (config.resume !== undefined) checkText(config.resume, progress, data);
  if (progress.kernels !== null && progress.kernels !== choice.name) {
    notice(
      `the run used ${progress.kernels} kernels up to step ${progress.step}; ${choice.name} kernels round otherwise, so the bits will differ`,
    );
  }
  return { ...progress, trainingTokens, checksum, kernels: choice.name };
}

function fill(config: Config, vocabulary: Vocabulary, arena: Arena, layout: RunLayout): RunProgress {
  if (config.resume !== undefined) return resume(config.resume, vocabulary, arena, layout);
  if (config.initFrom !== undefined) startFrom(config.initFrom, vocabulary, arena, layout);
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

function startFrom(path: string, vocabulary: Vocabulary, arena: Arena, layout: RunLayout): void {
  const file = SafetensorsFile.open(modelFile(path, '--init-from'));
  try {
    const isOurs = file.metadata.format === 'unroll';
    if (isOurs) checkVocabulary(`--init-from: ${path}`, readModelHeader(file).vocabulary, vocabulary);
    const names = matchNames(file, layout.shape.model);
    for (const p of layout.parameters)
      readParameter(file, names.get(p.name) as string, p, arena.floatsAt(p.weights, p.length));
  } finally {
    file.close();
  }
}

function resume(path: string, vocabulary: Vocabulary, arena: Arena, layout: RunLayout): RunProgress {
  const folder = checkpointFolder(path);
  verifyCheckpoint(folder);
  const header = readCheckpointHeader(folder);
  checkArchitecture(folder, header.architecture, layout.shape.model);
  checkVocabulary(`--resume: ${folder}`, header.vocabulary, vocabulary);
  const progress = progressOf(folder);
  loadCheckpoint(folder, arena, layout);
  return progress;
}

function checkText(resumed: string, learned: RunProgress, { trainingTokens, checksum }: OpenedData): void {
  const sameLength = learned.trainingTokens === trainingTokens;
  if (sameLength && learned.checksum === checksum) return;
  const other = sameLength
    ? `another text: ${trainingTokens} tokens as well, but not the same ones`
    : `${learned.trainingTokens} tokens, the text has ${trainingTokens} now`;
  throw new UserError(
    `--resume: ${resumed} learned ${other}; give the text that it had, or begin a new run with --init-from`,
  );
}

function checkArchitecture(folder: string, saved: Architecture, wanted: Architecture): void {
  for (const key of Object.keys(wanted) as (keyof Architecture)[]) {
    if (saved[key] === wanted[key]) continue;
    if (key === 'vocabulary')
      throw new UserError(
        `--resume: ${folder} learned a text of ${saved.vocabulary} different symbols, the text has ${wanted.vocabulary} now; give the text that it had, or begin a new run`,
      );
    throw new UserError(
      `--resume: ${folder}: its ${key} is ${saved[key]}, that of the run's config.json is ${wanted[key]}`,
    );
  }
}

function checkVocabulary(what: string, saved: Vocabulary, wanted: Vocabulary): void {
  if (JSON.stringify(saved) === JSON.stringify(wanted)) return;
  const kinds = `${saved.mode}, ${saved.size} symbols, against ${wanted.mode}, ${wanted.size}`;
  throw new UserError(`${what}: the model's vocabulary is not that of the text (${kinds}); both must be the same`);
}
