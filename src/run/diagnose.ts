// Whether a model's gradients vanish or explode: its own backpropagation through a window of a text, measured step by step.

import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { modelFile } from '../checkpoint/checkpoint.js';
import { type ModelHeader, readModelHeader, readParameter } from '../checkpoint/model-file.js';
import { SafetensorsFile } from '../checkpoint/safetensors-file.js';
import { readConfigFile } from '../config/config-file.js';
import { datasetPath } from '../data/dataset.js';
import { EVAL_SEGMENTS, EVAL_WARMUP } from '../data/eval-segments.js';
import { openTextFor } from '../data/text-file.js';
import { textInMemoryFor } from '../data/text-memory.js';
import type { TokenSource } from '../data/tokens.js';
import type { Vocabulary } from '../data/vocabulary.js';
import { UserError } from '../errors.js';
import { chooseKernels, type KernelRequest } from '../kernels/choose.js';
import type { Architecture } from '../model/architecture.js';
import { GradientProbe } from './gradient-probe.js';
import { adviceFor, type LayerReach, reachOf, type Verdict, verdictOf } from './reach.js';
import { CONFIG_FILE } from './run-folder.js';
import { refused, whole } from './sample-settings.js';

export interface DiagnoseOptions {
  /** Path of the text to go back through. Default: what the run's config.json names. */
  readonly file?: string;
  /** A text in memory, in place of a file. */
  readonly text?: string | Uint8Array;
  /** Steps to go back through. Default: 64. */
  readonly window?: number;
  /** Default: auto. */
  readonly kernels?: KernelRequest;
}

export interface Diagnosis {
  readonly architecture: Architecture;
  readonly window: number;
  /** Places in the text that the norms are means over. */
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
 * places of a text, each read on from up to 256 tokens before the window.
 *
 * @param path a run folder, a checkpoint folder or a .safetensors file
 * @throws UserError for a model or a text that this cannot be done with
 */
export async function diagnose(path: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { window = DIAGNOSED_WINDOW.fallback, kernels = 'auto' } = options;
  if (!DIAGNOSED_WINDOW.allows(window)) throw refused('window', String(window), DIAGNOSED_WINDOW);
  const name = modelFile(path);
  const file = SafetensorsFile.open(name);
  try {
    const header = readModelHeader(file);
    refuseTimeless(header);
    const rows = await textRows(name, header.vocabulary, window, options);
    const { architecture } = header;
    const streams = rows.length;
    const probe = new GradientProbe(architecture, { kernels: chooseKernels(kernels).name, window, streams });
    for (const p of probe.parameters) readParameter(file, p.name, p, probe.arena.floatsAt(p.weights, p.length));
    probe.transpose();
    const layers = probe.norms(rows).map(reachOf);
    const verdict = verdictOf(layers);
    return { architecture, window, streams, layers, verdict, advice: adviceFor(verdict, architecture) ?? null };
  } finally {
    file.close();
  }
}

function refuseTimeless({ architecture, examples }: ModelHeader): void {
  if (architecture.cell === 'mlp')
    throw new UserError('MODEL: it is a feedforward net without steps in time; diagnose takes --cell rnn, lstm or gru');
  if (examples !== undefined)
    throw new UserError('MODEL: it reads sparse examples; diagnose takes models that learned a text');
}

async function textRows(
  model: string,
  vocabulary: Vocabulary,
  window: number,
  { file, text }: DiagnoseOptions,
): Promise<readonly Int32Array[]> {
  const path = text === undefined ? (file ?? (await learnedText(model))) : undefined;
  const { source } = path === undefined ? textInMemoryFor(text ?? '', vocabulary) : openTextFor(path, vocabulary);
  try {
    return rowsOf(source, window, path === undefined ? 'text: it' : `--text: ${path}`);
  } finally {
    source.close();
  }
}

/** The text that the run's config names. A checkpoint stands in RUN/checkpoints. */
async function learnedText(model: string): Promise<string> {
  const config = join(dirname(dirname(dirname(realpathSync(model)))), CONFIG_FILE);
  if (existsSync(config)) {
    const { text, dataset } = readConfigFile(config).values;
    if (typeof text === 'string') return text;
    if (typeof dataset === 'string') return datasetPath(dataset);
  }
  throw new UserError(
    `--text: it is missing, and no ${CONFIG_FILE} of a run says what ${model} learned; give --text FILE`,
  );
}

/** Windows that end at places all over the text, as many as there are of them up to 32, with what is read before each. */
function rowsOf(source: TokenSource, window: number, name: string): readonly Int32Array[] {
  const windows = Math.floor((source.length - 1) / window);
  if (windows < 1)
    throw new UserError(
      `${name} has ${source.length === 1 ? 'one token' : `${source.length} tokens`}; a --window of ${window} needs ${window + 1} or more`,
    );
  const read = window * Math.min(windows, 1 + Math.ceil(EVAL_WARMUP / window));
  const places = source.length - read;
  const streams = Math.min(EVAL_SEGMENTS, places);
  return Array.from({ length: streams }, (_, b) => {
    const row = new Int32Array(read + 1);
    source.read(Math.floor(((b + 0.5) * places) / streams), read + 1, row, 0);
    return row;
  });
}
