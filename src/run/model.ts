// A trained model, loaded from its file: evaluates, generates, and steps.

import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { modelFile, TRAINER } from '../checkpoint/checkpoint.js';
import { checkParameters, type ModelHeader, readModelHeader, readParameter } from '../checkpoint/model-file.js';
import { SafetensorsFile } from '../checkpoint/safetensors-file.js';
import type { Batches } from '../data/batches.js';
import { EVALUATION, EvalBatches } from '../data/eval-segments.js';
import { type Columns, columnsFromJson, featuresOf, isWhole, outputsOfColumns } from '../data/records/columns.js';
import { vocabularyOf } from '../data/records/records.js';
import { type Sequence, SequenceBatches } from '../data/sequences.js';
import { type KnownExamples, readSvmlightFor } from '../data/svmlight.js';
import { type OpenedText, openTextFor } from '../data/text-file.js';
import { textInMemoryFor } from '../data/text-memory.js';
import type { Vocabulary } from '../data/vocabulary.js';
import { excerpt, UserError } from '../errors.js';
import { chooseKernels, type KernelName, type KernelRequest } from '../kernels/choose.js';
import { type Architecture, headOutputs } from '../model/architecture.js';
import { Counter } from '../model/counter.js';
import { elementsOf } from '../model/parameters.js';
import { evaluationOf } from './data.js';
import { type Cursor, Inference, type Room } from './inference.js';
import { checkKeys } from './keys.js';
import { type Measured, predictedOf } from './measured.js';
import type { Figures } from './measures.js';
import { progressOf, type RunProgress } from './progress.js';
import { RowStream } from './row-stream.js';
import { SAMPLE_SETTINGS, sampleNumbers } from './sample-settings.js';
import { Sampler, type Sampling } from './sampling.js';
import { softmax } from './softmax.js';
import { memoryBytesOf } from './table-memory.js';
import { evaluateTable, predictTable, type TableData, type TableModel, type TablePrediction } from './table-model.js';

const TABLE_KEYS = ['csv', 'jsonl', 'parquet', 'rows', 'stream'] as const satisfies readonly (keyof TableData)[];

/** What else may be evaluated on, and what messages call it. */
const OTHER_NAMES = { file: '--text', text: 'text', sequences: 'sequences', svmlight: '--svmlight' } as const;
const OTHER_KEYS = Object.keys(OTHER_NAMES) as readonly (keyof typeof OTHER_NAMES)[];

const tableIn = (data: EvalData): TableData =>
  Object.fromEntries(TABLE_KEYS.filter((key) => data[key] !== undefined).map((key) => [key, data[key]]));

export interface LoadOptions {
  /** Default: auto. */
  readonly kernels?: KernelRequest;
}

/** What to evaluate on: one of them. A table is for a model that learned one. */
export interface EvalData extends TableData {
  /** Path of a text file. */
  readonly file?: string;
  /** A text in memory. */
  readonly text?: string | Uint8Array;
  /** Token numbers, for a model that learned such. */
  readonly sequences?: readonly Sequence[];
  /** Path of a file of sparse examples, for a model that learned such. */
  readonly svmlight?: string;
}

export interface EvalOptions {
  /** The indices of `svmlight` begin with 0. */
  readonly zeroBased?: boolean;
  /** Leaves symbols out that the model does not know, and counts them; otherwise they are an error. */
  readonly skipUnknown?: boolean;
  /** Megabytes of a table that stay in memory. Default: 256. */
  readonly tableMemory?: number;
}

export interface Evaluation extends Measured {
  /** Tokens or examples that were predicted. */
  readonly tokens: number;
  /** Unknown symbols, or entries of unknown features, that were left out. */
  readonly skipped: number;
  /** Of a model of words: unknown ones that are read as <unk>, and counted as right where that is predicted. */
  readonly unknown?: number;
  /** Of a model of a table: precision, recall, F1, AUC, or errors in the data's own units, by name. */
  readonly figures?: Figures;
}

export interface PredictOptions {
  /** Of a forecast: the share of what comes that is to lie within its interval. Default: 0.9. */
  readonly interval?: number;
  /** Megabytes of the table, and of what is said of it, that stay in memory. Default: 256. */
  readonly tableMemory?: number;
}

export interface SampleOptions extends Partial<Sampling> {
  /** What the model reads first. Default: nothing. */
  readonly prompt?: string;
  /** Tokens to generate. Default: 400. */
  readonly length?: number;
  /** Default: 0. */
  readonly seed?: number;
}

export interface ParameterInfo {
  /** As in PyTorch's state_dict. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Loads the model that `path` means: a run folder (its latest checkpoint), a checkpoint folder or a .safetensors file. */
export async function loadModel(path: string, { kernels = 'auto' }: LoadOptions = {}): Promise<Model> {
  if (typeof path !== 'string') throw new UserError(`loadModel: ${excerpt(path)} is not allowed; it is a path`);
  return new Model(loadParts(modelFile(path), kernels));
}

/** What a model's file holds, with the weights in their place. */
export interface ModelParts extends Omit<ModelHeader, 'columns'> {
  /** Of a model of a table: what it knows of its columns. */
  readonly columns?: Columns;
  readonly inference: Inference;
  readonly kernelName: KernelName;
  readonly training: RunProgress | undefined;
}

/** @param name of the model's file */
export function loadParts(name: string, kernels: KernelRequest): ModelParts {
  const file = SafetensorsFile.open(name);
  try {
    const header = readModelHeader(file);
    checkParameters(file, header.architecture);
    const kernelName = chooseKernels(kernels).name;
    const inference = new Inference(header.architecture, kernelName);
    for (const p of inference.parameters) readParameter(file, p.name, p, inference.arena.floatsAt(p.weights, p.length));
    return { ...header, columns: columnsOf(name, header), inference, kernelName, training: trainingOf(name) };
  } finally {
    file.close();
  }
}

/** Of a model of a table. @throws UserError where the columns are not those of the architecture */
export function columnsOf(path: string, { columns: json, architecture }: ModelHeader): Columns | undefined {
  if (json === undefined) return undefined;
  const columns = columnsFromJson(path, json);
  const { output, outputs } = outputsOfColumns(columns);
  const { features = 0, vocabulary, output: own = 'softmax', pooling } = architecture;
  const isSame =
    featuresOf(columns) === features &&
    vocabularyOf(columns) === vocabulary &&
    output === own &&
    outputs === headOutputs(architecture) &&
    (isWhole(columns) || pooling === undefined);
  if (isSame) return columns;
  throw new UserError(`${path}: it is damaged: its columns are not those of its architecture`);
}

/** How far the training was that wrote the file, where its folder says so. */
function trainingOf(model: string): RunProgress | undefined {
  const folder = dirname(model);
  return statSync(join(folder, TRAINER), { throwIfNoEntry: false }) ? progressOf(folder) : undefined;
}

export function tooShort(name: string, tokens: number, skipped: number): UserError {
  const left = skipped > 0 ? ` without the ${skipped} unknown ${skipped === 1 ? 'symbol' : 'symbols'}` : '';
  return new UserError(
    `${name} has ${tokens === 0 ? 'no token' : 'one token'}${left}; evaluation needs two or more, one to read and the next to predict`,
  );
}

export class Model {
  readonly architecture: Architecture;
  readonly vocabulary: Vocabulary;
  /** How far its training was, where that is known. */
  readonly training: RunProgress | undefined;
  /** The index in its files of each feature that it reads, and what its labels are; of a model of sparse examples. */
  readonly examples: KnownExamples | undefined;
  /** Which columns it reads and predicts, of a model of a table. */
  readonly columns: Columns | undefined;
  readonly parameters: readonly ParameterInfo[];
  readonly #inference: Inference;
  readonly #cursor: Cursor;
  readonly #kernelName: KernelName;

  constructor({ architecture, vocabulary, training, examples, columns, inference, kernelName }: ModelParts) {
    this.architecture = architecture;
    this.vocabulary = vocabulary;
    this.training = training;
    this.examples = examples;
    this.columns = columns;
    this.#inference = inference;
    this.#kernelName = kernelName;
    this.#cursor = inference.cursor();
    this.parameters = inference.parameters.map((p) => ({ name: p.name, shape: p.shape, bytes: 4 * elementsOf(p) }));
  }

  /**
   * Loss and accuracy on a text: every token but the first is predicted once, in 32 segments, each warmed up on the 256 tokens
   * before it. Sequences start from the zero state each.
   *
   * @throws UserError for data that cannot be read, or with symbols that the model does not know
   */
  async eval(
    data: EvalData,
    { skipUnknown = false, zeroBased = false, tableMemory }: EvalOptions = {},
  ): Promise<Evaluation> {
    checkKeys('eval', data, [...OTHER_KEYS, ...TABLE_KEYS]);
    const given = [...OTHER_KEYS, ...TABLE_KEYS].filter((key) => data[key] !== undefined);
    if (given.length > 1) throw new UserError(`eval: ${given.join(' and ')} are given; give one of them`);
    const table = this.#tableModel(tableMemory);
    if (table) {
      const other = OTHER_KEYS.find((key) => data[key] !== undefined);
      if (other)
        throw new UserError(
          `${OTHER_NAMES[other]}: the model learned a table; give rows with --csv, --jsonl or --parquet`,
        );
      return evaluateTable(table, tableIn(data));
    }
    const named = TABLE_KEYS.find((key) => data[key] !== undefined);
    if (named) throw new UserError(`--${named}: the model learned no table; give it what it learned`);
    if (this.examples) return this.#evalExamples(this.examples, data.svmlight, zeroBased);
    if (data.svmlight !== undefined)
      throw new UserError('--svmlight: the model reads tokens, not sparse examples; give --text FILE');
    if (data.sequences !== undefined) {
      const { streams, window } = EVALUATION;
      const options = { batch: streams, window, stride: window, vocabularySize: this.vocabulary.size };
      return { ...(await this.#evaluate(new SequenceBatches(data.sequences, options))), skipped: 0 };
    }
    const { source, skipped, unknown } = this.#open(data, skipUnknown);
    try {
      if (source.length < 2)
        throw tooShort(data.file === undefined ? 'text' : `--text: ${data.file}`, source.length, skipped);
      return { ...(await this.#evaluate(new EvalBatches(source, 0, source.length, EVALUATION))), skipped, unknown };
    } finally {
      source.close();
    }
  }

  async #evalExamples(known: KnownExamples, path: string | undefined, zeroBased: boolean): Promise<Evaluation> {
    if (path === undefined) throw new UserError('--svmlight: it is missing; the model reads sparse examples, no text');
    const examples = readSvmlightFor(path, known, { zeroBased });
    const batches = evaluationOf(this.architecture.cell !== 'mlp', examples);
    const room = { window: batches.maxWindow, streams: batches.streams, entries: batches.maxEntries };
    return { ...(await this.#inferenceOf(room).evaluate(batches, known.labels.kind)), skipped: examples.skipped };
  }

  /**
   * What the model says of the rows of a table: one prediction for each row, or for each sequence where the task has one for it.
   *
   * @throws UserError for a model of something else, and for rows that it cannot read
   */
  async predict(data: TableData, options: PredictOptions = {}): Promise<readonly TablePrediction[]> {
    const all: TablePrediction[] = [];
    for await (const one of this.predictions(data, options)) all.push(one);
    return all;
  }

  /** The same one by one: neither the table nor what is said of it need fit into memory. */
  predictions(data: TableData, { interval = 0.9, tableMemory }: PredictOptions = {}): AsyncGenerator<TablePrediction> {
    checkKeys('predict', data, TABLE_KEYS);
    const table = this.#tableModel(tableMemory);
    if (!table) throw new UserError('predict: the model learned no table; use sample, step or eval');
    if (!(interval > 0 && interval < 1))
      throw new UserError(`interval: ${interval} is not allowed; it is a share, above 0 and below 1`);
    return predictTable(table, data, interval);
  }

  /**
   * A stream of rows that are read one at a time, in a state that is carried from one to the next.
   *
   * @throws UserError for a model that reads no rows of a table, or whose rows are whole sequences
   */
  stream(): RowStream {
    const { columns } = this;
    if (this.architecture.bidirectional)
      throw new UserError('stream: the model reads sequences from both ends; use predict');
    if (!columns || columns.cells)
      throw new UserError(
        `stream: the model reads ${columns ? 'whole sequences; use predict' : 'no rows of a table; use step'}`,
      );
    return new RowStream(columns, this.#inference.cursor());
  }

  #tableModel(tableMemory?: number): TableModel | undefined {
    const { columns, architecture } = this;
    const memoryBytes = memoryBytesOf(tableMemory);
    return columns && { columns, architecture, memoryBytes, inferenceOf: (room) => this.#inferenceOf(room) };
  }

  /** The model with other room. */
  #inferenceOf(room: Room): Inference {
    const inference = new Inference(this.architecture, this.#kernelName, room);
    for (const [i, p] of inference.parameters.entries()) {
      const own = this.#inference.parameters[i];
      inference.arena.floatsAt(p.weights, p.length).set(this.#inference.arena.floatsAt(own.weights, p.length));
    }
    return inference;
  }

  #open({ file, text }: EvalData, skipUnknown: boolean): OpenedText {
    if (file !== undefined) return openTextFor(file, this.vocabulary, { skipUnknown });
    if (text !== undefined) return textInMemoryFor(text, this.vocabulary, { skipUnknown });
    throw new UserError('eval: there is nothing to evaluate on; give file, text or sequences');
  }

  #evaluate(batches: Batches): Promise<Measured & { readonly tokens: number }> {
    return this.#inference.evaluate(batches, predictedOf(this.vocabulary));
  }

  /** The text that follows the prompt. @throws UserError for a number out of bounds, or symbols that the model does not know */
  sample(options: SampleOptions = {}): string {
    return [...this.generate(options)].join('');
  }

  /** The same in pieces, as they come. */
  *generate(options: SampleOptions = {}): Generator<string> {
    this.#refuseExamples('sample');
    checkKeys('sample', options, ['prompt', ...Object.keys(SAMPLE_SETTINGS)]);
    const { prompt = '', ...given } = options;
    if (typeof prompt !== 'string')
      throw new UserError('prompt: it is no string; token numbers are written with spaces between them, "3 17 4"');
    const { length, seed, ...sampling } = sampleNumbers(given);
    const { tokens } = this.vocabulary.encode(prompt, { origin: 'prompt' });
    const { unknown, size } = this.vocabulary;
    const decoder = this.vocabulary.decoderAfter(prompt, tokens);
    const random = new Counter(seed, 'sample');
    const sampler = new Sampler(size, sampling, random);
    // <unk> is no word to write.
    const known = unknown === undefined ? 0 : unknown + 1;
    const cursor = this.#inference.cursor();
    let logits: Float32Array | undefined;
    for (const token of tokens) logits = cursor.step(token);
    for (let n = 0; n < length; n++) {
      logits?.fill(Number.NEGATIVE_INFINITY, 0, known);
      // Without a prompt nothing is known of the first token: any is as good as another.
      const token =
        logits === undefined ? known + Math.floor(random.uniform() * (size - known)) : sampler.choose(logits);
      yield decoder.write(token);
      if (n < length - 1) logits = cursor.step(token);
    }
    yield decoder.end();
  }

  /**
   * Reads one token in the state that the steps before left behind.
   *
   * @param symbol a token number, or its symbol as text
   * @returns [V] probabilities of the next token
   */
  step(symbol: number | string): Float64Array {
    this.#refuseExamples('step');
    const isText = typeof symbol === 'string';
    const tokens = isText ? this.vocabulary.encode(symbol, { origin: 'step' }).tokens : [symbol];
    const [token] = tokens;
    if (tokens.length !== 1 || !(Number.isInteger(token) && token >= 0 && token < this.vocabulary.size)) {
      throw new UserError(
        `step: ${excerpt(symbol)} is not allowed; it is one symbol or a token number, 0 to ${this.vocabulary.size - 1}`,
      );
    }
    return softmax(this.#cursor.step(token), 0, new Float64Array(this.vocabulary.size));
  }

  /** @throws UserError for a model that predicts no tokens */
  #refuseExamples(what: string): void {
    if (this.examples) throw new UserError(`${what}: the model tells examples apart, it writes no text; use eval`);
    if (this.columns) throw new UserError(`${what}: the model learned a table, it writes no text; use predict`);
  }

  /** Sets the state that `step` carries back to zero. */
  reset(): void {
    this.#cursor.reset();
  }
}
