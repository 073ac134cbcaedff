// A recurrent model beside Markov models: all learn the same part of a text, and predict the same tokens in the same contexts.

import { dirname } from 'node:path';
import { modelFile } from '../checkpoint/checkpoint.js';
import { EVALUATION, EvalBatches } from '../data/eval-segments.js';
import { splitText } from '../data/split.js';
import { type LearnedText, openText, openTextFor } from '../data/text-file.js';
import { type TokenArray, type TokenSource, tokenArray } from '../data/tokens.js';
import type { Vocabulary } from '../data/vocabulary.js';
import { UserError } from '../errors.js';
import type { KernelName, KernelRequest } from '../kernels/choose.js';
import { evaluateNgrams } from '../markov/evaluation.js';
import { NgramModel } from '../markov/ngram-model.js';
import { countingBytes, MAX_ORDER } from '../markov/ngrams.js';
import type { Architecture } from '../model/architecture.js';
import { elementsOf } from '../model/parameters.js';
import { bytes } from '../report/format.js';
import { checkKeys } from './keys.js';
import { isSameText, type LearnedFrom, learnedFrom, trainingSeconds } from './learned-from.js';
import { type Measured, measured, predictedOf } from './measured.js';
import { loadParts, type ModelParts, tooShort } from './model.js';
import { machineBytes } from './plan.js';

export interface CompareOptions {
  /** Lengths n of the n-grams, 1 to 10: order n sees the n - 1 tokens before. Default: 1 to 6. */
  readonly orders?: readonly number[];
  /** Path of a text to predict. Default: what the model's run held out. */
  readonly file?: string;
  /** Leaves symbols of `file` out that the model does not know, and counts them; otherwise they are an error. */
  readonly skipUnknown?: boolean;
  /** Of the recurrent model. Default: auto. */
  readonly kernels?: KernelRequest;
}

/** How well a model predicts, and what it takes. */
export interface Compared extends Measured {
  readonly bytes: number;
  /** Null where it is not known: of a run that was resumed, or is not over. */
  readonly trainSeconds: number | null;
  /** On one core. */
  readonly evalSeconds: number;
}

export interface ComparedMarkov extends Compared {
  readonly order: number;
  /** n-grams of all lengths up to the order. */
  readonly ngrams: number;
  readonly trainSeconds: number;
}

export interface ComparedRecurrent extends Compared {
  readonly architecture: Architecture;
  readonly kernels: KernelName;
  /** Numbers that are learned. */
  readonly parameters: number;
}

export interface MarkovComparison {
  /** Path of the text that all of them learned a part of. */
  readonly text: string;
  readonly trainingTokens: number;
  /** Path of the text that is predicted; null for the held-out part of the one above. */
  readonly file: string | null;
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** Unknown symbols that were left out. */
  readonly skipped: number;
  /** By order. */
  readonly markov: readonly ComparedMarkov[];
  readonly recurrent: ComparedRecurrent;
}

/**
 * Trains Markov models on what a run's model learned, and measures all of them on what was held out, or on another text.
 *
 * @param path a run folder, or one of its checkpoints
 * @throws UserError for a model that learned no text from a file, or a text that is not the one that it learned
 */
export async function compareMarkov(path: string, options: CompareOptions = {}): Promise<MarkovComparison> {
  checkKeys('compareMarkov', options, ['orders', 'file', 'skipUnknown', 'kernels']);
  const { file, skipUnknown = false, kernels = 'auto' } = options;
  const orders = checkOrders(options.orders ?? DEFAULT_ORDERS);
  const name = modelFile(path);
  const parts = loadParts(name, kernels);
  const from = await learnedFrom(path, name, parts);
  const learned = openText(from.text, from.tokens, from.origin);
  try {
    checkLearned(path, from, parts, learned);
    const { whole, cut, training } = splitText(learned.source, from.validation);
    checkFits(training.length, parts.vocabulary.size, Math.max(...orders), whole.sizeBytes);
    const part = file === undefined ? heldOut(path, whole, cut) : otherText(file, parts.vocabulary, skipUnknown);
    try {
      const markov = markovRows(allTokens(training, parts.vocabulary.size), parts.vocabulary, orders, part);
      const recurrent = await recurrentRow(parts, await trainingSeconds(dirname(from.config)), part);
      const tokens = part.source.length - Math.max(1, part.from);
      const { skipped } = part;
      return { text: from.text, trainingTokens: cut, file: file ?? null, tokens, skipped, markov, recurrent };
    } finally {
      part.close();
    }
  } finally {
    learned.source.close();
  }
}

export const DEFAULT_ORDERS: readonly number[] = [1, 2, 3, 4, 5, 6];
export const ORDERS_ALLOWED = `the orders of the Markov models, whole numbers, 1 to ${MAX_ORDER}`;

export const isOrder = (order: number): boolean => Number.isInteger(order) && order >= 1 && order <= MAX_ORDER;

/** @returns each once, growing */
function checkOrders(orders: readonly number[]): readonly number[] {
  const wrong = Array.isArray(orders) ? orders.find((order) => !isOrder(order)) : orders;
  if (wrong !== undefined || orders.length === 0)
    throw new UserError(`orders: ${wrong ?? 'an empty list'} is not allowed; it is ${ORDERS_ALLOWED}`);
  return [...new Set(orders)].sort((a, b) => a - b);
}

/** @throws UserError where the text is not the one that the model learned */
function checkLearned(
  path: string,
  { text, config }: LearnedFrom,
  { vocabulary, training }: ModelParts,
  found: LearnedText,
): void {
  if (isSameText(found, vocabulary, training?.checksum ?? null)) return;
  throw new UserError(
    `MODEL: ${path} learned another text than ${text} holds now, which ${config} names; Markov models must learn the same one`,
  );
}

/** n-grams have 32-bit numbers. */
const MAX_TOKENS = 2 ** 31 - 1;

function checkFits(length: number, vocabulary: number, order: number, textBytes: number): void {
  const needed = countingBytes(length, vocabulary, order) + textBytes;
  const available = machineBytes();
  if (length > MAX_TOKENS)
    throw new UserError(`MODEL: it learned ${length} tokens; Markov models learn ${MAX_TOKENS} at most`);
  if (needed > available)
    throw new UserError(
      `--orders: a Markov model of order ${order} may need ${bytes(needed)} and this machine has ${bytes(available)}; give lower orders`,
    );
}

/** What is predicted: the tokens of [from, end) that have one before them. */
interface Part {
  readonly source: TokenSource;
  readonly from: number;
  readonly skipped: number;
  close(): void;
}

function heldOut(path: string, whole: TokenSource, cut: number): Part {
  if (cut === whole.length)
    throw new UserError(`--text: it is missing; the run of ${path} held nothing out, so give --text FILE to predict`);
  return { source: whole, from: cut, skipped: 0, close: () => {} };
}

function otherText(file: string, vocabulary: Vocabulary, skipUnknown: boolean): Part {
  const { source, skipped } = openTextFor(file, vocabulary, { skipUnknown });
  const close = (): void => source.close();
  if (source.length >= 2) return { source, from: 0, skipped, close };
  close();
  throw tooShort(`--text: ${file}`, source.length, skipped);
}

const READ_TOKENS = 1 << 16;

function allTokens(source: TokenSource, vocabulary: number): TokenArray {
  const tokens = tokenArray(vocabulary, source.length);
  const chunk = new Int32Array(READ_TOKENS);
  for (let start = 0; start < source.length; start += READ_TOKENS) {
    const count = Math.min(READ_TOKENS, source.length - start);
    source.read(start, count, chunk, 0);
    tokens.set(chunk.subarray(0, count), start);
  }
  return tokens;
}

function markovRows(
  tokens: TokenArray,
  vocabulary: Vocabulary,
  orders: readonly number[],
  part: Part,
): ComparedMarkov[] {
  const predicted = predictedOf(vocabulary);
  return orders.map((order) => {
    const [model, trainSeconds] = timed(() => new NgramModel(tokens, vocabulary.size, order));
    const [{ lossSum, hits, counted }, evalSeconds] = timed(() => evaluateNgrams(model, part.source, part.from));
    const { ngrams, sizeBytes } = model;
    return {
      order,
      ...measured(predicted, lossSum, hits, counted),
      ngrams,
      bytes: sizeBytes,
      trainSeconds,
      evalSeconds,
    };
  });
}

async function recurrentRow(
  { architecture, vocabulary, inference, kernelName }: ModelParts,
  trainSeconds: number | null,
  { source, from }: Part,
): Promise<ComparedRecurrent> {
  const start = performance.now();
  const batches = new EvalBatches(source, from, source.length, EVALUATION);
  const { tokens: _, ...figures } = await inference.evaluate(batches, predictedOf(vocabulary));
  const evalSeconds = (performance.now() - start) / 1000;
  const parameters = inference.parameters.reduce((sum, p) => sum + elementsOf(p), 0);
  const takes = { parameters, bytes: 4 * parameters, trainSeconds, evalSeconds };
  return { architecture, kernels: kernelName, ...figures, ...takes };
}

function timed<T>(work: () => T): [T, number] {
  const start = performance.now();
  const result = work();
  return [result, (performance.now() - start) / 1000];
}
