// A trained model, loaded from its file: evaluates, generates, and steps.

import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { modelFile, TRAINER } from '../checkpoint/checkpoint.js';
import { type ModelHeader, readModelHeader, readParameter } from '../checkpoint/model-file.js';
import { SafetensorsFile } from '../checkpoint/safetensors-file.js';
import type { Batches } from '../data/batches.js';
import { EVALUATION, EvalBatches } from '../data/eval-segments.js';
import { type Sequence, SequenceBatches } from '../data/sequences.js';
import { type KnownExamples, readSvmlightFor } from '../data/svmlight.js';
import { type OpenedText, openTextFor } from '../data/text-file.js';
import { textInMemoryFor } from '../data/text-memory.js';
import type { Vocabulary } from '../data/vocabulary.js';
import { UserError } from '../errors.js';
import { chooseKernels, type KernelName, type KernelRequest } from '../kernels/choose.js';
import type { Architecture } from '../model/architecture.js';
import { Counter } from '../model/counter.js';
import { elementsOf } from '../model/parameters.js';
import { evaluationOf } from './data.js';
import { type Cursor, Inference } from './inference.js';
import { checkKeys } from './keys.js';
import type { Measured } from './measured.js';
import { progressOf, type RunProgress } from './progress.js';
import { SAMPLE_SETTINGS, sampleNumbers } from './sample-settings.js';
import { Sampler, type Sampling, softmax } from './sampling.js';

export interface LoadOptions {
  /** Default: auto. */
  readonly kernels?: KernelRequest;
}

/** What to evaluate on: one of them. */
export interface EvalData {
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
}

export interface Evaluation extends Measured {
  /** Tokens or examples that were predicted. */
  readonly tokens: number;
  /** Unknown symbols, or entries of unknown features, that were left out. */
  readonly skipped: number;
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
  const { architecture, vocabulary, examples, inference, kernelName, training } = loadParts(modelFile(path), kernels);
  const known = examples && { ...examples, kernelName };
  return new Model(architecture, vocabulary, inference, training, known);
}

/** What a model's file holds, with the weights in their place. */
export interface ModelParts extends ModelHeader {
  readonly inference: Inference;
  readonly kernelName: KernelName;
  readonly training: RunProgress | undefined;
}

/** @param name of the model's file */
export function loadParts(name: string, kernels: KernelRequest): ModelParts {
  const file = SafetensorsFile.open(name);
  try {
    const header = readModelHeader(file);
    const kernelName = chooseKernels(kernels).name;
    const inference = new Inference(header.architecture, kernelName);
    for (const p of inference.parameters) readParameter(file, p.name, p, inference.arena.floatsAt(p.weights, p.length));
    return { ...header, inference, kernelName, training: trainingOf(name) };
  } finally {
    file.close();
  }
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

/** What a model of sparse examples knows of them, and with which kernels it computes. */
interface LearnedExamples extends KnownExamples {
  readonly kernelName: KernelName;
}

export class Model {
  readonly parameters: readonly ParameterInfo[];
  readonly #inference: Inference;
  readonly #cursor: Cursor;
  readonly #examples: LearnedExamples | undefined;

  /** @param training how far its training was, where that is known */
  constructor(
    readonly architecture: Architecture,
    readonly vocabulary: Vocabulary,
    inference: Inference,
    readonly training: RunProgress | undefined,
    examples?: LearnedExamples,
  ) {
    this.#examples = examples;
    this.#inference = inference;
    this.#cursor = inference.cursor();
    this.parameters = inference.parameters.map((p) => ({ name: p.name, shape: p.shape, bytes: 4 * elementsOf(p) }));
  }

  /**
   * Loss and accuracy on a text: every token but the first is predicted once, in 32 segments, each warmed up on the 256 tokens
   * before it. Sequences start from the zero state each.
   *
   * @throws UserError for data that cannot be read, or with symbols that the model does not know
   */
  async eval(data: EvalData, { skipUnknown = false, zeroBased = false }: EvalOptions = {}): Promise<Evaluation> {
    checkKeys('eval', data, ['file', 'text', 'sequences', 'svmlight']);
    if (this.#examples) return this.#evalExamples(this.#examples, data.svmlight, zeroBased);
    if (data.svmlight !== undefined)
      throw new UserError('--svmlight: the model reads tokens, not sparse examples; give --text FILE');
    if (data.sequences !== undefined) {
      const { streams, window } = EVALUATION;
      const options = { batch: streams, window, stride: window, vocabularySize: this.vocabulary.size };
      return { ...(await this.#evaluate(new SequenceBatches(data.sequences, options))), skipped: 0 };
    }
    const { source, skipped } = this.#open(data, skipUnknown);
    try {
      if (source.length < 2)
        throw tooShort(data.file === undefined ? 'text' : `--text: ${data.file}`, source.length, skipped);
      return { ...(await this.#evaluate(new EvalBatches(source, 0, source.length, EVALUATION))), skipped };
    } finally {
      source.close();
    }
  }

  async #evalExamples(known: LearnedExamples, path: string | undefined, zeroBased: boolean): Promise<Evaluation> {
    if (path === undefined) throw new UserError('--svmlight: it is missing; the model reads sparse examples, no text');
    const examples = readSvmlightFor(path, known, { zeroBased });
    const batches = evaluationOf(this.architecture.cell !== 'mlp', examples);
    const room = { window: batches.maxWindow, streams: batches.streams, entries: batches.maxEntries };
    const inference = new Inference(this.architecture, known.kernelName, room);
    for (const [i, p] of inference.parameters.entries()) {
      const own = this.#inference.parameters[i];
      inference.arena.floatsAt(p.weights, p.length).set(this.#inference.arena.floatsAt(own.weights, p.length));
    }
    return { ...(await inference.evaluate(batches, known.labels.kind)), skipped: examples.skipped };
  }

  /** The index in its files of each feature that it reads, and what its labels are; undefined for a model of tokens. */
  get examples(): KnownExamples | undefined {
    return this.#examples && { indices: this.#examples.indices, labels: this.#examples.labels };
  }

  #open({ file, text }: EvalData, skipUnknown: boolean): OpenedText {
    if (file !== undefined) return openTextFor(file, this.vocabulary, { skipUnknown });
    if (text !== undefined) return textInMemoryFor(text, this.vocabulary, { skipUnknown });
    throw new UserError('eval: there is nothing to evaluate on; give file, text or sequences');
  }

  #evaluate(batches: Batches): Promise<Measured & { readonly tokens: number }> {
    return this.#inference.evaluate(batches);
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
    const decoder = this.vocabulary.decoder();
    const random = new Counter(seed, 'sample');
    const sampler = new Sampler(this.vocabulary.size, sampling, random);
    const cursor = this.#inference.cursor();
    let logits: Float32Array | undefined;
    for (const token of tokens) logits = cursor.step(token);
    for (let n = 0; n < length; n++) {
      // Without a prompt nothing is known of the first token: any is as good as another.
      const token = logits === undefined ? Math.floor(random.uniform() * this.vocabulary.size) : sampler.choose(logits);
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
        `step: ${JSON.stringify(symbol)} is not allowed; it is one symbol or a token number, 0 to ${this.vocabulary.size - 1}`,
      );
    }
    return softmax(this.#cursor.step(token), 1, new Float64Array(this.vocabulary.size));
  }

  /** @throws UserError for a model that predicts no tokens */
  #refuseExamples(what: string): void {
    if (this.#examples) throw new UserError(`${what}: the model tells examples apart, it writes no text; use eval`);
  }

  /** Sets the state that `step` carries back to zero. */
  reset(): void {
    this.#cursor.reset();
  }
}
