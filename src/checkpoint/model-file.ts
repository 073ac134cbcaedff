// model.safetensors: a model that stands alone. Parameters by PyTorch's names, in its layouts; architecture and vocabulary in
// the metadata, and nothing about times, paths, workers or kernels: equal weights give equal bytes.

import type { LabelSpace } from '../data/sparse-examples.js';
import type { KnownExamples } from '../data/svmlight.js';
import { Vocabulary } from '../data/vocabulary.js';
import { excerpt, NotFinite, UserError } from '../errors.js';
import type { Architecture } from '../model/architecture.js';
import { fromTorch, type Parameter, parametersOf, rowPieces, rowsToTorch } from '../model/parameters.js';
import { writeFileAtomicWith } from './atomic.js';
import { type TensorToWrite, writeSafetensors } from './safetensors.js';
import type { SafetensorsFile } from './safetensors-file.js';

const FORMAT = 'unroll';
const CELLS = ['rnn', 'lstm', 'gru', 'mlp'];
const ACTIVATIONS = ['sigmoid', 'tanh', 'relu'];
/** Whole numbers, from the least to the most. */
const BOUNDS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  hidden: [1, 65536],
  layers: [0, 8],
  embedding: [0, 65536],
  vocabulary: [0, 2 ** 24],
  features: [1, 65536],
  outputs: [1, 2 ** 24],
  sparseFeatures: [1, 2 ** 31 - 1],
};
const OPTIONAL: ReadonlySet<string> = new Set(['features', 'outputs', 'sparseFeatures']);

/** A parameter and where its floats stand. */
interface Placed extends Parameter {
  readonly weights: number;
}

export interface ModelHeader {
  readonly architecture: Architecture;
  readonly vocabulary: Vocabulary;
  /** Of a model that reads sparse features: which ones, and what the labels are. */
  readonly examples?: KnownExamples;
  /** Of a model with `features` or `outputs`: what its inputs and targets are. JSON, which is for others to understand. */
  readonly columns?: unknown;
}

/** Whether a model's file needs to say more of inputs and targets than a vocabulary does. */
const hasColumns = ({ features, outputs }: Architecture): boolean => features !== undefined || outputs !== undefined;

/** The tensor of a model's features: the index of each in the files that it learned. */
const FEATURES = 'features.index';

/**
 * The tensors of a file, made one by one as they are written.
 * @param valuesOf a parameter's numbers as they are stored, asked for in turn
 */
export function modelTensors(
  parameters: readonly Placed[],
  valuesOf: (p: Placed) => Values,
  prefix = '',
): Map<string, TensorToWrite> {
  return new Map(
    parameters.map((p) => {
      const name = `${prefix}${p.name}`;
      return [name, { dtype: 'F32', shape: p.shape, data: piecesOf(name, p, valuesOf) }];
    }),
  );
}

type Values = Float32Array | Float64Array;

/** Made as they are written, in one array: a large parameter is never held twice. */
function* piecesOf(name: string, p: Placed, valuesOf: (p: Placed) => Values): Generator<ArrayBufferView> {
  const stored = valuesOf(p);
  const [, second = 1] = p.shape;
  let values = new Float32Array(0);
  for (const [from, to] of rowPieces(p)) {
    if (values.length === 0) values = new Float32Array((to - from) * second);
    rowsToTorch(p, stored, from, to, values);
    yield finite(name, values.subarray(0, (to - from) * second));
  }
}

/** @throws NotFinite for numbers of which a checkpoint would be of no use */
export function finite(name: string, values: Float32Array): Float32Array {
  let zero = 0;
  // NaN times zero, and infinity, is NaN.
  for (let i = 0; i < values.length; i++) zero += values[i] * 0;
  if (zero === 0) return values;
  throw new NotFinite(`"${name}" has numbers that are not finite; a lower --lr or --clip-norm may help`);
}

/** @throws Error for a model with features or outputs of which the header does not say what they are */
export function writeModel(
  path: string,
  parameters: readonly Placed[],
  valuesOf: (p: Placed) => Values,
  header: ModelHeader,
): void {
  if (hasColumns(header.architecture) !== (header.columns !== undefined))
    throw new Error('the columns of a model are stored where it has features or outputs, and nowhere else');
  const metadata = {
    format: FORMAT,
    architecture: JSON.stringify(header.architecture),
    vocabulary: JSON.stringify(header.vocabulary),
    ...(header.examples && { labels: labelsToJson(header.examples.labels) }),
    ...(header.columns !== undefined && { columns: JSON.stringify(header.columns) }),
  };
  const tensors = modelTensors(parameters, valuesOf);
  const { indices } = header.examples ?? {};
  if (indices) tensors.set(FEATURES, { dtype: 'I32', shape: [indices.length], data: indices });
  writeFileAtomicWith(path, (fd) => writeSafetensors(fd, tensors, metadata));
}

/** @throws UserError when the file is not a model of ours */
export function readModelHeader(file: SafetensorsFile): ModelHeader {
  const architecture = file.metadata.architecture;
  const vocabulary = file.metadata.vocabulary;
  if (file.metadata.format !== FORMAT || architecture === undefined || vocabulary === undefined) {
    throw new UserError(
      `${file.path}: it is no model of unroll (its metadata names no architecture); --init-from takes PyTorch's weights`,
    );
  }
  const model = parseJson(file.path, 'architecture', architecture) as Architecture;
  checkArchitecture(file.path, model);
  const words = Vocabulary.fromJSON(parseJson(file.path, 'vocabulary', vocabulary), file.path);
  if (words.size !== model.vocabulary) {
    throw new UserError(
      `${file.path}: it is damaged: ${words.size} symbols in its vocabulary, ${model.vocabulary} in its architecture`,
    );
  }
  const header = { architecture: model, vocabulary: words };
  if (hasColumns(model)) return { ...header, columns: readColumns(file) };
  return model.sparseFeatures === undefined ? header : { ...header, examples: readExamples(file, model) };
}

function readColumns({ path, metadata }: SafetensorsFile): unknown {
  if (metadata.columns === undefined)
    throw new UserError(`${path}: it is damaged: its metadata does not say what its columns are`);
  return parseJson(path, 'columns', metadata.columns);
}

function labelsToJson(labels: LabelSpace): string {
  const { kind } = labels;
  return JSON.stringify(kind === 'numbers' ? { kind, outputs: labels.outputs } : { kind, names: [...labels.names] });
}

/** What labels a model of each kind of output tells. */
const LABEL_KINDS = { softmax: 'classes', multilabel: 'multilabel', linear: 'numbers' } as const;

function readExamples(
  file: SafetensorsFile,
  { output = 'softmax', vocabulary, sparseFeatures }: Architecture,
): KnownExamples {
  const indices = new Int32Array(file.readExactly(FEATURES, 'I32'));
  const isGrowing = indices.every((index, i) => index >= 0 && (i === 0 || index > indices[i - 1]));
  if (indices.length !== sparseFeatures || !isGrowing)
    throw new UserError(`${file.path}: it is damaged: tensor "${FEATURES}" does not hold its features`);
  const { kind, names, outputs } = (parseJson(file.path, 'labels', file.metadata.labels ?? 'null') ?? {}) as {
    readonly kind?: unknown;
    readonly names?: unknown;
    readonly outputs?: unknown;
  };
  const bad = new UserError(`${file.path}: it is damaged: its labels are not those of its architecture`);
  if (kind !== LABEL_KINDS[output]) throw bad;
  if (kind === 'numbers') {
    if (outputs !== vocabulary) throw bad;
    return { indices, labels: { kind, outputs } };
  }
  const areNames = Array.isArray(names) && names.length === vocabulary && names.every(Number.isFinite);
  if (!areNames || names.some((name, i) => i > 0 && name <= names[i - 1])) throw bad;
  return {
    indices,
    labels: { kind: LABEL_KINDS[output as 'softmax' | 'multilabel'], names: Float64Array.from(names) },
  };
}

function parseJson(path: string, name: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new UserError(`${path}: it is damaged: its ${name} is not JSON`);
  }
}

function checkArchitecture(path: string, model: Partial<Architecture> | null): void {
  const bad = (field: string): UserError =>
    new UserError(`${path}: it is damaged: ${field} of its architecture is not possible`);
  if (typeof model !== 'object' || model === null) throw bad('the whole');
  if (!CELLS.includes(model.cell as string)) throw bad('cell');
  if (!ACTIVATIONS.includes(model.activation as string)) throw bad('activation');
  if (model.output !== undefined && !Object.keys(LABEL_KINDS).includes(model.output)) throw bad('output');
  // Before numbers are compared: what is none may be anything.
  for (const [name, [least, most]] of Object.entries(BOUNDS)) {
    const value = model[name as keyof Architecture];
    if (value === undefined && OPTIONAL.has(name)) continue;
    if (!(Number.isInteger(value) && (value as number) >= least && (value as number) <= most)) throw bad(name);
  }
  const field = wrongInput(model) ?? wrongDirections(model) ?? wrongPooling(model) ?? wrongBetween(model);
  if (field !== undefined) throw bad(field);
  if (model.layers === 0 && model.cell !== 'mlp') throw bad('layers');
  const { winners, hidden = 0 } = model;
  if (winners === undefined) return;
  const isReLU = (model.cell === 'rnn' || model.cell === 'mlp') && model.activation === 'relu';
  if (!(isReLU && Number.isInteger(winners) && winners >= 1 && winners <= hidden)) throw bad('winners');
}

/** Two directions are of recurrent layers, over inputs that are no sparse rows, and of a model that does not write what it reads. */
function wrongDirections(model: Partial<Architecture>): string | undefined {
  const { bidirectional, cell, sparseFeatures, winners, outputs } = model;
  if (bidirectional === undefined) return undefined;
  const isRecurrent = cell !== 'mlp' && sparseFeatures === undefined && winners === undefined;
  return bidirectional === true && isRecurrent && outputs !== undefined ? undefined : 'bidirectional';
}

/** Layers that add what they read have another one below them. */
function wrongBetween({ residual, layerNorm, layers = 0 }: Partial<Architecture>): string | undefined {
  if (residual !== undefined && !(residual === true && layers > 1)) return 'residual';
  return layerNorm === undefined || (layerNorm === true && layers > 0) ? undefined : 'layerNorm';
}

/** Pooled are sequences of recurrent layers whose outputs are not what they read; where directions end only those of two. */
function wrongPooling({
  pooling,
  bidirectional,
  cell,
  sparseFeatures,
  outputs,
}: Partial<Architecture>): string | undefined {
  if (pooling === undefined) return undefined;
  const isKnown = pooling === 'mean' || (pooling === 'last' && bidirectional === true);
  const isWhole = cell !== 'mlp' && sparseFeatures === undefined && outputs !== undefined;
  return isKnown && isWhole ? undefined : 'pooling';
}

/** Which field does not go with what the model reads: tokens, features or sparse features. */
function wrongInput(model: Partial<Architecture>): string | undefined {
  const { cell, embedding, vocabulary = 0, features, sparseFeatures, output, outputs } = model;
  const isSparse = sparseFeatures !== undefined;
  const readsTokens = !isSparse && features === undefined;
  if (readsTokens && (cell === 'mlp' || (output !== undefined && outputs === undefined))) return 'sparseFeatures';
  if (isSparse && features !== undefined) return 'features';
  // The labels of sparse examples are their vocabulary.
  if (isSparse ? outputs !== undefined : features !== undefined && outputs === undefined) return 'outputs';
  if (!readsTokens && embedding !== 0) return 'embedding';
  return (features === undefined) === vocabulary > 0 ? undefined : 'vocabulary';
}

/** Names that a message lists. */
const MOST_LISTED = 10;

/** The names under which a file holds the model's parameters: ours, or those of a PyTorch module (see matchNames). */
export type Names = ReadonlyMap<string, string>;

/**
 * Finds each parameter of the model in a file that may come from PyTorch, where a module's attributes give the first part of a
 * name: `lstm.weight_hh_l0` is found by its last part, embedding and head by their shapes.
 *
 * @throws UserError that names the parameter that is missing, doubtful or of another shape
 */
export function matchNames(file: SafetensorsFile, model: Architecture): Names {
  const names = new Map<string, string>();
  const free = new Set(file.tensors.keys());
  for (const p of parametersOf(model)) {
    const last = p.name.slice(p.name.indexOf('.') + 1);
    const recurrent = p.name.startsWith('rnn.');
    const candidates = [...free].filter((name) =>
      free.has(p.name)
        ? name === p.name
        : recurrent
          ? name === last || name.endsWith(`.${last}`)
          : !/_l\d+(_reverse)?$/.test(name) && sameShape(file.info(name).shape, p.shape),
    );
    if (candidates.length === 0)
      throw new UserError(`${file.path}: it has no tensor for ${p.name} [${p.shape.join(', ')}]`);
    if (candidates.length > 1)
      throw new UserError(
        `${file.path}: ${p.name} may be any of ${candidates.slice(0, MOST_LISTED).map(excerpt).join(', ')}; name one so`,
      );
    const { shape } = file.info(candidates[0]);
    if (!sameShape(shape, p.shape)) {
      throw new UserError(
        `${file.path}: tensor "${candidates[0]}" has shape [${shape.join(', ')}]; the model needs [${p.shape.join(', ')}]`,
      );
    }
    names.set(p.name, candidates[0]);
    free.delete(candidates[0]);
  }
  return names;
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** Before memory is taken for a model as large as a file says that it is. @throws UserError where the file does not hold it */
export function checkParameters(file: SafetensorsFile, model: Architecture): void {
  for (const p of parametersOf(model)) checkShape(file, p.name, p);
}

function checkShape(file: SafetensorsFile, name: string, p: Parameter): void {
  const { shape } = file.info(name);
  if (sameShape(shape, p.shape)) return;
  throw new UserError(
    `${file.path}: tensor "${name}" has shape [${shape.join(', ')}]; the model needs [${p.shape.join(', ')}]`,
  );
}

/** Reads one parameter into the arena's layout. @throws UserError where a number is not finite: nothing would come of it */
export function readParameter(
  file: SafetensorsFile,
  name: string,
  p: Parameter,
  stored: Float32Array | Float64Array,
): void {
  checkShape(file, name, p);
  const [, second = 1] = p.shape;
  for (const [from, to] of rowPieces(p)) {
    const values = file.readFloat32(name, from * second, to * second);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw notFinite(file.path, name, from * second + bad, values[bad]);
    fromTorch(p, values, stored, from);
  }
}

/** @param index of the number in the tensor */
const notFinite = (path: string, name: string, index: number, value: number): UserError =>
  new UserError(
    `${path}: number ${index} of tensor "${name}" is ${value}; the file is damaged, or of a training that failed`,
  );
