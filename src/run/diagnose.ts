// Whether a model's gradients vanish or explode: its own backpropagation through a window of a text or of a table's sequences, measured
// step by step.

import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { modelFile } from '../checkpoint/checkpoint.js';
import { checkParameters, type ModelHeader, readModelHeader, readParameter } from '../checkpoint/model-file.js';
import { SafetensorsFile } from '../checkpoint/safetensors-file.js';
import { resolveConfig } from '../config/config.js';
import { readConfigFile } from '../config/config-file.js';
import { DATASET_NAMES, DATASETS } from '../config/datasets.js';
import { datasetPath } from '../data/dataset.js';
import type { Columns } from '../data/records/columns.js';
import { type LearnedText, openText, openTextFor } from '../data/text-file.js';
import { textInMemoryFor } from '../data/text-memory.js';
import type { Vocabulary } from '../data/vocabulary.js';
import { UserError } from '../errors.js';
import { chooseKernels, type KernelRequest } from '../kernels/choose.js';
import type { Architecture } from '../model/architecture.js';
import { tokenRule } from './data.js';
import { type Places, placesInSteps, placesInText } from './diagnosed-rows.js';
import { GradientProbe } from './gradient-probe.js';
import { checkKeys } from './keys.js';
import { isSameText } from './learned-from.js';
import { columnsOf } from './model.js';
import { progressOf } from './progress.js';
import { adviceFor, type LayerReach, reachOf, type Verdict, verdictOf } from './reach.js';
import { CONFIG_FILE } from './run-folder.js';
import { refused, whole } from './sample-settings.js';
import { memoryBytesOf } from './table-memory.js';
import { readSteps, type TableData } from './table-model.js';

export interface DiagnoseOptions {
  /** Path of the text to go back through. Default: what the run's config.json names. */
  readonly file?: string;
  /** A text in memory, in place of a file. */
  readonly text?: string | Uint8Array;
  /** Rows to go back through, of a model of a table. Default: those of the run. */
  readonly table?: TableData;
  /** Steps to go back through. Default: 64, of a table its longest sequence where that is shorter. */
  readonly window?: number;
  /** Leaves symbols of `file` or `text` out that the model does not know; otherwise they are an error. */
  readonly skipUnknown?: boolean;
  /** Default: auto. */
  readonly kernels?: KernelRequest;
}

export interface Diagnosis {
  readonly architecture: Architecture;
  readonly window: number;
  /** Places in the text or table that the norms are means over. */
  readonly streams: number;
  /** From the first layer to the last. */
  readonly layers: readonly LayerReach[];
  readonly verdict: Verdict;
  /** What to try, in words; null where nothing has to be. */
  readonly advice: string | null;
}

export const DIAGNOSED_WINDOW = whole('the number of steps to go back through', 2, 1024, 64);

/**
 * The norms of dLoss/dh(t) by steps back, where only the prediction after the last step of a window counts: means over up to 32
 * places of a text or a table, each read on from up to 256 steps before the window.
 *
 * @param path a run folder, a checkpoint folder or a .safetensors file
 * @throws UserError for a model or a text that this cannot be done with
 */
export async function diagnose(path: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  checkKeys('diagnose', options, ['file', 'text', 'table', 'window', 'skipUnknown', 'kernels']);
  const { window, kernels = 'auto' } = options;
  if (window !== undefined && !DIAGNOSED_WINDOW.allows(window))
    throw refused('window', String(window), DIAGNOSED_WINDOW);
  const name = modelFile(path);
  const file = SafetensorsFile.open(name);
  try {
    const header = readModelHeader(file);
    refuseTimeless(header);
    checkParameters(file, header.architecture);
    const { architecture } = header;
    const measured = (places: Places): Diagnosis => {
      const { window, streams, probed } = places;
      const probe = new GradientProbe(architecture, { kernels: chooseKernels(kernels).name, window, streams });
      for (const p of probe.parameters) readParameter(file, p.name, p, probe.arena.floatsAt(p.weights, p.length));
      probe.transpose();
      const layers = probe.norms(probed).map(reachOf);
      const verdict = verdictOf(layers);
      return { architecture, window, streams, layers, verdict, advice: adviceFor(verdict, architecture) ?? null };
    };
    return header.columns === undefined
      ? await inText(name, header, options, measured)
      : await inTable(name, header, options, measured);
  } finally {
    file.close();
  }
}

function refuseTimeless({ architecture, examples }: ModelHeader): void {
  if (architecture.cell === 'mlp')
    throw new UserError('MODEL: it is a feedforward net without steps in time; diagnose takes --cell rnn, lstm or gru');
  if (examples !== undefined)
    throw new UserError('MODEL: it reads sparse examples; diagnose takes models that learned a text or a table');
  if (architecture.bidirectional)
    throw new UserError(
      'MODEL: it reads from both ends, so that no step is far from its answer; diagnose takes models of one direction',
    );
}

type Measure = (places: Places) => Diagnosis;

async function inText(
  model: string,
  header: ModelHeader,
  options: DiagnoseOptions,
  measured: Measure,
): Promise<Diagnosis> {
  const { file, text, table, window = DIAGNOSED_WINDOW.fallback, skipUnknown } = options;
  const { vocabulary } = header;
  if (table !== undefined) throw new UserError('MODEL: it learned a text; give that with --text');
  const path = text === undefined ? (file ?? (await learnedText(model))) : undefined;
  const { source } =
    path === undefined
      ? textInMemoryFor(text ?? '', vocabulary, { skipUnknown })
      : file === undefined
        ? openLearned(model, path, vocabulary)
        : openTextFor(path, vocabulary, { skipUnknown });
  try {
    return measured(placesInText(source, window, path === undefined ? 'text: it' : `--text: ${path}`));
  } finally {
    source.close();
  }
}

async function inTable(
  model: string,
  header: ModelHeader,
  { file, text, table, window }: DiagnoseOptions,
  measured: Measure,
): Promise<Diagnosis> {
  if (file !== undefined || text !== undefined)
    throw new UserError('MODEL: it learned a table; give rows with --csv, --jsonl or --parquet');
  const { architecture } = header;
  const columns = columnsOf(model, header) as Columns;
  const source = { columns, architecture, memoryBytes: memoryBytesOf() };
  const steps = await readSteps(source, table ?? (await learnedTable(model)), table ? null : checksumOf(model));
  try {
    return measured(placesInSteps(steps, window, DIAGNOSED_WINDOW.fallback, 'the table'));
  } finally {
    steps.close();
  }
}

/** The text of the model's run. @throws UserError where it is another one by now */
function openLearned(model: string, path: string, vocabulary: Vocabulary): LearnedText {
  const learned = openText(path, tokenRule(resolveConfig(configOf(model))));
  if (isSameText(learned, vocabulary, checksumOf(model))) return learned;
  learned.source.close();
  throw new UserError(
    `--text: ${path} is not what the model learned any more; name it with --text to go through it as it is`,
  );
}

/** Of what the model's run learned, where its folder says so. */
const checksumOf = (model: string): number | null => progressOf(dirname(model))?.checksum ?? null;

/** What the run's config says. A checkpoint stands in RUN/checkpoints. */
function configOf(model: string): ReturnType<typeof readConfigFile>['values'] {
  const config = join(dirname(dirname(dirname(realpathSync(model)))), CONFIG_FILE);
  return existsSync(config) ? readConfigFile(config).values : {};
}

async function learnedText(model: string): Promise<string> {
  const { text, dataset } = configOf(model);
  if (typeof text === 'string') return text;
  if (typeof dataset === 'string') return datasetPath(dataset);
  throw missing('--text', model, '--text FILE');
}

async function learnedTable(model: string): Promise<TableData> {
  const config = configOf(model);
  for (const format of ['csv', 'jsonl', 'parquet'] as const)
    if (typeof config[format] === 'string') return { [format]: config[format] };
  const set = DATASET_NAMES.find((name) => name === config.dataset);
  if (set !== undefined) return { [DATASETS[set].format]: await datasetPath(set) };
  throw missing('--csv', model, 'rows with --csv, --jsonl or --parquet');
}

const missing = (flag: string, model: string, what: string): UserError =>
  new UserError(`${flag}: it is missing, and no ${CONFIG_FILE} of a run says what ${model} learned; give ${what}`);
