// How weights start. Every parameter is drawn from a counter of its own, keyed by seed and name, so that a start does not
// depend on the order in which parameters are filled. Values are in PyTorch's layout.
import { type Architecture, directionsOf } from './architecture.js';
import { cells } from './cells/cells.js';
import { Counter } from './counter.js';
import { elementsOf, type Parameter, rowPieces } from './parameters.js';
import { isReLU } from './sparsity.js';

export interface Initialization {
  readonly kind: 'default' | 'identity' | 'orthogonal';
  /** Added to the forget gate's input bias of an LSTM (Gers et al. 2000; Jozefowicz et al. 2015). */
  readonly forgetBias: number | undefined;
  /** Added to the input biases of ReLU layers; 0 unless it is said. */
  readonly biasStart?: number;
  readonly seed: number;
}

/** The start of one parameter, in PyTorch's layout. */
export function initialValues(model: Architecture, p: Parameter, init: Initialization): Float32Array {
  const values = new Float32Array(elementsOf(p));
  let at = 0;
  for (const piece of initialPieces(model, p, init)) {
    values.set(piece, at);
    at += piece.length;
  }
  return values;
}

/** The same in pieces of whole rows, made as they are asked for: a large parameter is never held twice. */
export function* initialPieces(model: Architecture, p: Parameter, init: Initialization): Generator<Float32Array> {
  const random = new Counter(init.seed, p.name);
  if (init.kind === 'orthogonal' && p.role === 'recurrent' && p.storage !== 'vector') {
    for (let gate = 0; gate < p.gates; gate++) yield orthogonalMatrix(model.hidden, random);
    return;
  }
  const draw = drawOf(model, p, init, random);
  const [, second = 1] = p.shape;
  for (const [from, to] of rowPieces(p)) {
    const values = new Float32Array((to - from) * second);
    if (draw === undefined) random.fillUniform(values, boundOf(model, p));
    else for (let i = 0; i < values.length; i++) values[i] = draw(from * second + i);
    yield values;
  }
}

/**
 * PyTorch: U(-k, k) with k = 1 / sqrt(H) in recurrent layers, 1 / sqrt(inputs) in linear ones; the head's inputs are H of each
 * direction.
 */
function boundOf(model: Architecture, p: Parameter): number {
  const { hidden, layers, cell, embedding, vocabulary, features, sparseFeatures } = model;
  const reads = sparseFeatures ?? features ?? (embedding || vocabulary);
  const readsInputs = p.role === 'head' ? layers === 0 : cell === 'mlp' && p.layer === 0;
  const width = p.role === 'head' ? directionsOf(model) * hidden : hidden;
  return 1 / Math.sqrt(readsInputs ? reads : width);
}

type Draw = (index: number) => number;

/** What is called for each element in turn, with its index; undefined where all are U(-k, k). */
function drawOf(model: Architecture, p: Parameter, init: Initialization, random: Counter): Draw | undefined {
  if (p.role === 'embedding') return () => random.normal();
  if (p.role === 'gain') return () => 1;
  if (p.role === 'shift') return () => 0;
  const { hidden } = model;
  const isBias = p.role === 'input' && p.storage === 'vector';
  const added = isBias ? addedBias(model, init) : undefined;
  const isIdentity = init.kind === 'identity' && cells[model.cell].isRecurrent && p.role !== 'head';
  if (!isIdentity && added === undefined) return undefined;
  const bound = boundOf(model, p);
  const own = isIdentity ? identityDraw(p, hidden, random) : () => (2 * random.uniform() - 1) * bound;
  return added === undefined ? own : (index) => Math.fround(own(index)) + added(index);
}

/** What is added to each of a layer's input biases; undefined for nothing. */
function addedBias(model: Architecture, init: Initialization): Draw | undefined {
  const { cell, hidden } = model;
  const { forgetBias, biasStart = 0 } = init;
  if (cell === 'lstm' && forgetBias !== undefined)
    return (index) => (Math.floor(index / hidden) === FORGET_GATE ? forgetBias : 0);
  return isReLU(model) && biasStart !== 0 ? () => biasStart : undefined;
}

/** Of i, f, g, o. */
const FORGET_GATE = 1;

/** Recurrent weights the identity (for each gate), biases zero, input weights N(0, 0.001): Le, Jaitly & Hinton 2015. */
function identityDraw(p: Parameter, hidden: number, random: Counter): (index: number) => number {
  if (p.storage === 'vector') return () => 0;
  if (p.role === 'input') return () => 0.001 * random.normal();
  return (index) => (Math.floor(index / hidden) % hidden === index % hidden ? 1 : 0);
}

/** A random orthogonal matrix [H, H] (Saxe, McClelland & Ganguli 2014), by Gram-Schmidt done twice. */
function orthogonalMatrix(hidden: number, random: Counter): Float32Array {
  const values = new Float32Array(hidden * hidden);
  const rows: Float64Array[] = [];
  for (let i = 0; i < hidden; i++) {
    const row = Float64Array.from({ length: hidden }, () => random.normal());
    for (let pass = 0; pass < 2; pass++) for (const other of rows) subtractProjection(row, other);
    const norm = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    rows.push(row.map((x) => x / norm));
    values.set(rows[i], i * hidden);
  }
  return values;
}

/** row -= (row . unit) unit */
function subtractProjection(row: Float64Array, unit: Float64Array): void {
  let dot = 0;
  for (let i = 0; i < row.length; i++) dot += row[i] * unit[i];
  for (let i = 0; i < row.length; i++) row[i] -= dot * unit[i];
}
