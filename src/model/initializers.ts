// How weights start. Every parameter is drawn from a counter of its own, keyed by seed and name, so that a start does not
// depend on the order in which parameters are filled. Values are in PyTorch's layout.
import type { Architecture } from './architecture.js';
import { Counter } from './counter.js';
import { elementsOf, type Parameter } from './parameters.js';

export interface Initialization {
  readonly kind: 'default' | 'identity' | 'orthogonal';
  /** Added to the forget gate's input bias of an LSTM (Gers et al. 2000; Jozefowicz et al. 2015). */
  readonly forgetBias: number | undefined;
  readonly seed: number;
}

/** The start of one parameter, in PyTorch's layout. */
export function initialValues(model: Architecture, p: Parameter, init: Initialization): Float32Array {
  const random = new Counter(init.seed, p.name);
  const values = new Float32Array(elementsOf(p));
  const recurrent = p.name.includes('weight_hh');
  if (p.name === 'embedding.weight') fill(values, () => random.normal());
  else if (init.kind === 'identity' && p.name.startsWith('rnn.')) identityStart(values, p, model, random);
  else if (init.kind === 'orthogonal' && recurrent) orthogonalStart(values, model.hidden, random);
  else {
    // PyTorch: U(-k, k) with k = 1 / sqrt(H) in recurrent layers, 1 / sqrt(inputs) in linear ones; the head's inputs are H.
    const bound = 1 / Math.sqrt(model.hidden);
    fill(values, () => (2 * random.uniform() - 1) * bound);
  }
  if (model.cell === 'lstm' && init.forgetBias !== undefined && p.name.includes('bias_ih')) {
    for (let unit = model.hidden; unit < 2 * model.hidden; unit++) values[unit] += init.forgetBias;
  }
  return values;
}

function fill(values: Float32Array, draw: () => number): void {
  for (let i = 0; i < values.length; i++) values[i] = draw();
}

/** Recurrent weights the identity (for each gate), biases zero, input weights N(0, 0.001): Le, Jaitly & Hinton 2015. */
function identityStart(values: Float32Array, p: Parameter, model: Architecture, random: Counter): void {
  if (p.name.includes('weight_ih')) fill(values, () => 0.001 * random.normal());
  if (!p.name.includes('weight_hh')) return;
  for (let row = 0; row < p.shape[0]; row++) values[row * model.hidden + (row % model.hidden)] = 1;
}

/** Each gate's recurrent weights a random orthogonal matrix (Saxe, McClelland & Ganguli 2014), by Gram-Schmidt done twice. */
function orthogonalStart(values: Float32Array, hidden: number, random: Counter): void {
  for (let gate = 0; gate * hidden * hidden < values.length; gate++) {
    const rows: Float64Array[] = [];
    for (let i = 0; i < hidden; i++) {
      const row = Float64Array.from({ length: hidden }, () => random.normal());
      for (let pass = 0; pass < 2; pass++) for (const other of rows) subtractProjection(row, other);
      const norm = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
      rows.push(row.map((x) => x / norm));
    }
    rows.forEach((row, i) => {
      values.set(row, (gate * hidden + i) * hidden);
    });
  }
}

/** row -= (row . unit) unit */
function subtractProjection(row: Float64Array, unit: Float64Array): void {
  let dot = 0;
  for (let i = 0; i < row.length; i++) dot += row[i] * unit[i];
  for (let i = 0; i < row.length; i++) row[i] -= dot * unit[i];
}
