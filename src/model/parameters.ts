// The parameters of a model: PyTorch's names and shapes outside, panels and interleaved gates in the arena. Here is the one
// place that knows how the two correspond.
import { PANEL, padded } from '../kernels/kernels.js';
import { type Architecture, directionsOf, headOutputs } from './architecture.js';
import { cells } from './cells/cells.js';

/**
 * `panels`: a matrix that a product reads, [columns / 16][depth][16].
 * `rows`: a lookup table or a product's left factor, [depth][columns].
 * `vector`: [columns].
 */
type Storage = 'panels' | 'rows' | 'vector';

/**
 * What a parameter is for: `input` and `recurrent` of a layer, its biases included, `gain` and `shift` of its layer normalization, the
 * embedding, the output layer.
 */
type Role = 'embedding' | 'input' | 'recurrent' | 'gain' | 'shift' | 'head';

export interface Parameter {
  /** As in PyTorch's state_dict. */
  readonly name: string;
  readonly role: Role;
  /** Of what belongs to a layer; 0 for the others. */
  readonly layer: number;
  /** Whether it belongs to the direction from the last step to the first. */
  readonly reverse: boolean;
  /** As in PyTorch: [outputs, inputs], [V, D] for the embedding, [outputs] for a bias. */
  readonly shape: readonly number[];
  readonly storage: Storage;
  /** Gates interleaved in the columns, by blocks of 16 units; 1 where there are none. */
  readonly gates: number;
  /** Whether the rows of PyTorch's shape are the columns here: everywhere but in the embedding. */
  readonly outputsFirst: boolean;
  /** Parts that are padded each by itself, the outputs of each direction: of a matrix's inputs, of a vector. */
  readonly parts: 1 | 2;
  /** Stored rows; padded in panels. */
  readonly depth: number;
  /** Stored columns, padded. */
  readonly columns: number;
  /** Floats stored: depth * columns. */
  readonly length: number;
  /** Whether a backward product reads the panels of its transpose. */
  readonly transposed: boolean;
  /** Of a bias: the matrix whose gradient is computed from the same deltas, so that they are added up on the way. */
  readonly summedWith?: string;
}

/** What a parameter is, before it is known how it is stored. */
interface Part {
  readonly name: string;
  readonly role: Role;
  readonly layer: number;
  readonly reverse: boolean;
  readonly shape: readonly number[];
  readonly gates: number;
  readonly parts: 1 | 2;
}

function parameter(part: Part, storage: Storage, transposed = storage === 'panels'): Parameter {
  const { shape, gates, role, parts } = part;
  const outputsFirst = role !== 'embedding';
  const outputs = outputsFirst ? shape[0] : shape[1];
  const inputs = storage === 'vector' ? 1 : outputsFirst ? shape[1] : shape[0];
  const depth = storage === 'panels' ? parts * padded(inputs / parts) : inputs;
  // A few outputs of many features: padding would be most of the table.
  const narrow = role === 'head' && storage === 'rows' && outputs < PANEL;
  const apart = storage === 'vector' ? parts : 1;
  const columns = narrow ? outputs : apart * gates * padded(outputs / apart / gates);
  return { ...part, storage, outputsFirst, depth, columns, length: depth * columns, transposed };
}

const bias = (part: Part, summedWith: string | undefined): Parameter => ({
  ...parameter({ ...part, shape: part.shape.slice(0, 1), parts: 1 }, 'vector'),
  summedWith,
});

/** Rows of a lookup table that the model reads: tokens or sparse features; 0 where it reads neither. */
const tableRows = ({ vocabulary, features, sparseFeatures }: Architecture): number =>
  features === undefined ? (sparseFeatures ?? vocabulary) : 0;

/** All parameters of a model, in the order of the file and of every sum over them. */
export function parametersOf(model: Architecture): readonly Parameter[] {
  const { hidden, embedding, vocabulary, layers } = model;
  const directions = directionsOf(model);
  const alone = { layer: 0, reverse: false, gates: 1, parts: 1 } as const;
  const list: Parameter[] = [];
  if (embedding > 0) {
    const part = { ...alone, role: 'embedding', shape: [vocabulary, embedding] } as const;
    list.push(parameter({ ...part, name: 'embedding.weight' }, 'rows'));
  }
  for (let layer = 0; layer < layers; layer++) {
    list.push(...layerParameters(model, layer, false));
    if (directions > 1) list.push(...layerParameters(model, layer, true));
    if (model.layerNorm) list.push(...normParameters(model, layer));
  }
  const isTable = layers === 0 && tableRows(model) > 0;
  const inputs = layers > 0 ? directions * hidden : isTable ? tableRows(model) : (model.features as number);
  const parts = layers > 0 ? directions : 1;
  const head = { ...alone, role: 'head', shape: [headOutputs(model), inputs], parts } as const;
  list.push(
    parameter({ ...head, name: 'head.weight' }, isTable ? 'rows' : 'panels', layers > 0),
    bias({ ...head, name: 'head.bias' }, isTable ? undefined : 'head.weight'),
  );
  return list;
}

function layerParameters(model: Architecture, layer: number, reverse: boolean): readonly Parameter[] {
  const { gates, separateRecurrent, isRecurrent } = cells[model.cell];
  const { hidden, embedding, features } = model;
  const isTable = layer === 0 && embedding === 0 && features === undefined;
  const parts = layer > 0 ? directionsOf(model) : 1;
  const inputs = layer > 0 ? parts * hidden : isTable ? tableRows(model) : (features ?? embedding);
  // Nothing is before the features: no one asks for their gradient.
  const transposed = !isTable && (layer > 0 || features === undefined);
  const input = { role: 'input', layer, reverse, shape: [gates * hidden, inputs], gates, parts } as const;
  const suffix = `l${layer}${reverse ? '_reverse' : ''}`;
  const weight = isRecurrent ? `rnn.weight_ih_${suffix}` : `hidden.${layer}.weight`;
  // Tokens of the first layer may be projected: then no product reads the deltas of all rows for the input weights.
  const summed = layer > 0 || features !== undefined ? weight : undefined;
  const inputWeights = parameter({ ...input, name: weight }, isTable ? 'rows' : 'panels', transposed);
  if (!isRecurrent) return [inputWeights, bias({ ...input, name: `hidden.${layer}.bias` }, summed)];
  const recurrent = { ...input, role: 'recurrent', shape: [gates * hidden, hidden], parts: 1 } as const;
  const recurrentWeight = `rnn.weight_hh_${suffix}`;
  return [
    inputWeights,
    parameter({ ...recurrent, name: recurrentWeight }, 'panels'),
    bias({ ...input, name: `rnn.bias_ih_${suffix}` }, separateRecurrent ? summed : recurrentWeight),
    bias({ ...recurrent, name: `rnn.bias_hh_${suffix}` }, recurrentWeight),
  ];
}

/** Of an nn.LayerNorm over a layer's outputs. */
function normParameters(model: Architecture, layer: number): readonly Parameter[] {
  const parts = directionsOf(model);
  const part = { layer, reverse: false, shape: [parts * model.hidden], gates: 1, parts };
  return [
    parameter({ ...part, name: `norm_l${layer}.weight`, role: 'gain' }, 'vector'),
    parameter({ ...part, name: `norm_l${layer}.bias`, role: 'shift' }, 'vector'),
  ];
}

/** Numbers of a parameter as PyTorch counts them. */
export const elementsOf = (p: Parameter): number => p.shape.reduce((product, size) => product * size, 1);

/** Rows of PyTorch's shape that are some 64 thousand numbers: large parameters are read and written in such pieces. */
export function* rowPieces(p: Parameter): Generator<readonly [from: number, to: number]> {
  const [first, second = 1] = p.shape;
  const rows = Math.max(1, Math.floor(2 ** 16 / second));
  for (let from = 0; from < first; from += rows) yield [from, Math.min(first, from + rows)];
}

/**
 * Calls back for each of rows [from, to) of PyTorch's shape: where the row begins in its row-major array, where in the stored one,
 * and the distance of its elements there.
 */
function forEachRow(
  p: Parameter,
  from: number,
  to: number,
  visit: (torch: number, stored: number, stride: number) => void,
): void {
  const [first, second = 1] = p.shape;
  const apart = p.storage === 'vector' ? p.parts : 1;
  const units = first / apart / p.gates;
  for (let row = from; row < to; row++) {
    if (!p.outputsFirst) {
      visit(row * second, row * p.columns, 1);
      continue;
    }
    const unit = row % units;
    const before = Math.floor(row / units);
    const panel =
      apart > 1
        ? (before * p.columns) / apart / PANEL + Math.floor(unit / PANEL)
        : Math.floor(unit / PANEL) * p.gates + before;
    const lane = unit % PANEL;
    if (p.storage === 'panels') visit(row * second, panel * p.depth * PANEL + lane, PANEL);
    else visit(row * second, panel * PANEL + lane, p.columns);
  }
}

/** Calls back for each part of a row's elements: how many there are, which is the first, and how many stored ones are before it. */
function forEachPart(p: Parameter, visit: (count: number, from: number, stored: number) => void): void {
  const [, second = 1] = p.shape;
  const parts = p.storage === 'vector' ? 1 : p.parts;
  const [count, stored] = [second / parts, p.depth / parts];
  for (let part = 0; part < parts; part++) visit(count, part * count, part * stored);
}

/** The parameter as PyTorch lays it out. */
export function toTorch(p: Parameter, stored: ArrayLike<number>): Float32Array {
  const values = new Float32Array(elementsOf(p));
  rowsToTorch(p, stored, 0, p.shape[0], values);
  return values;
}

/** Rows [from, to) of it, at the start of `values`. */
export function rowsToTorch(
  p: Parameter,
  stored: ArrayLike<number>,
  from: number,
  to: number,
  values: Float32Array,
): void {
  const [, second = 1] = p.shape;
  forEachRow(p, from, to, (torch, start, stride) => {
    forEachPart(p, (count, first, before) => {
      const [at, storedAt] = [torch - from * second + first, start + before * stride];
      for (let j = 0; j < count; j++) values[at + j] = stored[storedAt + j * stride];
    });
  });
}

/** Writes PyTorch's layout, from row `from` on, into the stored one; with row 0 the padding becomes zero. */
export function fromTorch(
  p: Parameter,
  values: ArrayLike<number>,
  stored: Float32Array | Float64Array,
  from = 0,
): void {
  const [, second = 1] = p.shape;
  if (from === 0) stored.fill(0);
  forEachRow(p, from, from + values.length / second, (torch, start, stride) => {
    forEachPart(p, (count, first, before) => {
      const [at, storedAt] = [torch - from * second + first, start + before * stride];
      for (let j = 0; j < count; j++) stored[storedAt + j * stride] = values[at + j];
    });
  });
}

/** Writes the panels of the transpose, [depth / 16][columns][16]. The update kernel keeps them up to date afterwards. */
export function transposePanels(
  p: Parameter,
  stored: ArrayLike<number>,
  transposed: Float32Array | Float64Array,
): void {
  for (let column = 0; column < p.columns; column += PANEL) {
    for (let k = 0; k < p.depth; k++) {
      const from = column * p.depth + k * PANEL;
      const to = (Math.floor(k / PANEL) * p.columns + column) * PANEL + (k % PANEL);
      for (let lane = 0; lane < PANEL; lane++) transposed[to + lane * PANEL] = stored[from + lane];
    }
  }
}
