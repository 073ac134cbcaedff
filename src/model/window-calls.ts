// Writes the kernels' argument lists for one window's views: which rows and columns of them a stack computes, and where its
// parameters are. Used once, when a stack is made.
import {
  Activation,
  ActiveUnits,
  Add,
  Cell as CellFields,
  Dropout,
  Gather,
  Init,
  LayerNorm,
  NO_LISTS,
  PANEL,
  Product,
  padded,
  Winners,
} from '../kernels/kernels.js';
import type { Arena, Descriptors } from '../memory/arena.js';
import { type Architecture, directionsOf } from './architecture.js';
import { cells } from './cells/cells.js';
import { ownRows, partOf, type Share } from './share.js';
import { biasesOf, type LayerViews, type Outputs, type PlacedParameter, type WindowViews, weightsOf } from './views.js';

/** Rows of a view, from the share's first one on. */
export interface Matrix {
  /** Byte offset. */
  readonly at: number;
  /** Floats between rows. */
  readonly ld: number;
}

/** Lists of what is active in the rows of a product's left factor. */
interface Lists {
  readonly active: number;
  readonly counts: number;
}

/** What one direction of a layer computes, of its own units alone; byte offsets, 0 for a view that is not there. */
export type DirectionViews = Pick<LayerViews, 'z' | 'r' | 'h' | 'c' | 'tanhC' | 'dh' | 'dc'>;

/** Columns [from, to) of a product's output, in panels. */
type Panels = readonly [from: number, to: number];

/** As nn.LayerNorm's. */
const NORM_EPSILON = 1e-5;

export class WindowCalls {
  /** Blocks of 16 units that this share's member computes. */
  readonly ownBlocks: Panels;
  readonly #share: Share;
  readonly #model: Architecture;
  readonly #views: WindowViews;
  readonly #parameters: readonly PlacedParameter[];
  readonly #descriptors: Descriptors;
  readonly #arena: Arena;

  constructor(
    descriptors: Descriptors,
    model: Architecture,
    parameters: readonly PlacedParameter[],
    views: WindowViews,
    share: Share,
  ) {
    this.#descriptors = descriptors;
    this.#arena = descriptors.arena;
    this.#model = model;
    this.#parameters = parameters;
    this.#views = views;
    this.#share = share;
    this.ownBlocks = partOf(share, padded(model.hidden) / PANEL);
  }

  /** Columns of a layer's outputs, of all directions. */
  get outputColumns(): number {
    return directionsOf(this.#model) * padded(this.#model.hidden);
  }

  /** Columns [from, to) of this share's member in a table or matrix of so many gates. */
  ownColumns(gates: number): readonly [from: number, to: number] {
    const [from, to] = this.ownBlocks;
    return [from * gates * PANEL, to * gates * PANEL];
  }

  /** The share's rows of a view. */
  rows(view: number, ld: number): Matrix {
    return { at: view + this.#share.firstRow * ld * this.#arena.floatBytes, ld };
  }

  /** The same, some time steps on. */
  later({ at, ld }: Matrix, steps: number): Matrix {
    return { at: at + steps * this.#views.streams * ld * this.#arena.floatBytes, ld };
  }

  /** The lists of a layer's outputs h(t - 1 + later), for group t of a product. */
  listsOf({ active, activeCounts }: LayerViews, later: 0 | 1): Lists | undefined {
    if (active === 0) return undefined;
    const at = (view: number, ld: number): number =>
      view + (later * this.#views.streams + this.#share.firstRow) * ld * Int32Array.BYTES_PER_ELEMENT;
    return { active: at(active, this.#views.ldh), counts: at(activeCounts, 1) };
  }

  /** The lists of the layer whose zeros a layer's outputs have, if there is one. */
  listsOfOutputs(listed: Outputs['listed']): Lists | undefined {
    return listed === undefined ? undefined : this.listsOf(this.#views.layers[listed], 1);
  }

  /** a times a parameter, the member's columns; `biases` are what the accumulators start from. */
  product(
    a: Matrix,
    p: PlacedParameter,
    c: Matrix,
    init: number,
    biases: readonly PlacedParameter[] = [],
    lists?: Lists,
  ): number {
    const own = this.ownBlocks.map((block) => block * p.gates) as unknown as Panels;
    return this.#product(a, p, c, init, own, biases, lists);
  }

  /** The head's product, all of its columns. */
  headProduct(a: Matrix, c: Matrix, lists?: Lists): number {
    const head = weightsOf(this.#parameters, 'head');
    return this.#product(a, head, c, Init.bias, [0, head.columns / PANEL], biasesOf(this.#parameters, 'head'), lists);
  }

  #product(
    a: Matrix,
    p: PlacedParameter,
    c: Matrix,
    init: number,
    panels: Panels,
    biases: readonly PlacedParameter[],
    lists: Lists | undefined,
  ): number {
    const [bias = 0, bias2 = 0] = biases.map(({ weights }) => weights + this.#bytes(panels[0] * PANEL));
    return this.#call(a, p.weights, p.depth, c, init, panels, { bias, bias2, lists });
  }

  /** a times a parameter's transpose: columns [from, to) of it, in panels. */
  backwardProduct(a: Matrix, p: PlacedParameter, c: Matrix, init: number, panels: Panels, lists?: Lists): number {
    return this.#call(a, p.transposedPanels, p.columns, c, init, panels, { bias: 0, bias2: 0, lists });
  }

  #call(
    a: Matrix,
    weights: number,
    depth: number,
    c: Matrix,
    init: number,
    [from, to]: Panels,
    { lists, ...biases }: { readonly bias: number; readonly bias2: number; readonly lists: Lists | undefined },
  ): number {
    const { streams, ldh } = this.#views;
    const panelStride = depth * PANEL;
    return this.#descriptors.add(Product, {
      ...{ a: a.at, lda: a.ld, aGroup: streams * a.ld },
      ...{ panels: weights + this.#bytes(from * panelStride), depth, panelStride, panelCount: to - from },
      ...{ c: c.at + this.#bytes(from * PANEL), ldc: c.ld, cGroup: streams * c.ld },
      ...{ rows: this.#share.rows, init, ...biases, ...NO_LISTS },
      ...(lists && { ...lists, ldActive: ldh, activeGroup: streams * ldh, countGroup: streams }),
    });
  }

  /** Rows of a table into columns [from, to) of `out`; table, tokens and biases are set window by window. */
  gather(out: Matrix, [from, to]: readonly [number, number], tableColumns: number): number {
    const { streams } = this.#views;
    return this.#descriptors.add(Gather, {
      ...{ table: 0, ldt: tableColumns, vocabulary: this.#model.vocabulary, tokens: 0, tokenGroup: streams },
      ...{ out: out.at + this.#bytes(from), ldo: out.ld, outGroup: streams * out.ld },
      ...{ rows: this.#share.rows, columns: to - from, bias: 0, bias2: 0 },
    });
  }

  /**
   * The views of a layer as a direction has them. The reverse one reads index t + 1 of h and c in step t and writes index t: these
   * begin a group later, so that both directions' outputs of a step stand side by side.
   */
  direction(own: LayerViews, reverse: boolean): DirectionViews {
    if (!reverse) return own;
    const { ldh, streams } = this.#views;
    const behind = (view: number, groups: number): number =>
      view && view + this.#bytes(groups * streams * ldh + padded(this.#model.hidden));
    return {
      ...{ z: own.zReverse, r: own.rReverse, h: behind(own.h, 1), c: behind(own.c, 1) },
      ...{ tanhC: behind(own.tanhC, 0), dh: behind(own.dh, 0), dc: behind(own.dc, 0) },
    };
  }

  cell(own: DirectionViews, reverse: boolean): number {
    const { ldh, ldz, streams } = this.#views;
    const at = (view: number, ld: number): number => view && this.rows(view, ld).at;
    const [from, to] = this.ownBlocks;
    return this.#descriptors.add(CellFields, {
      ...{ z: at(own.z, ldz), r: at(own.r, ldz), ldz, zGroup: streams * ldz },
      ...{ h: at(own.h, ldh), c: at(own.c, ldh), tanhC: at(own.tanhC, ldh), dh: at(own.dh, ldh), dc: at(own.dc, ldh) },
      ...{ ldh, hGroup: streams * ldh, rows: this.#share.rows, units: this.#model.hidden },
      ...{
        firstBlock: from,
        blocks: to - from,
        activation: Activation[this.#model.activation],
        reversed: reverse ? 1 : 0,
        penalty: 0,
      },
    });
  }

  /** Lists the active units of the member's own rows of h. */
  activeUnits(own: LayerViews): number {
    const { ldh, streams } = this.#views;
    if (own.active === 0) return 0;
    const [row, rows] = ownRows(this.#share);
    const ints = (view: number, ld: number): number => view + row * ld * Int32Array.BYTES_PER_ELEMENT;
    return this.#descriptors.add(ActiveUnits, {
      ...{ a: own.h + this.#bytes(row * ldh), lda: ldh, aGroup: streams * ldh },
      ...{ rows, columns: padded(this.#model.hidden) },
      ...{ active: ints(own.active, ldh), ldActive: ldh, activeGroup: streams * ldh },
      ...{ counts: ints(own.activeCounts, 1), countGroup: streams },
    });
  }

  /** Leaves of the member's own rows of h the largest units alone. */
  winners(own: LayerViews): number {
    const { ldh, streams } = this.#views;
    const { hidden, winners } = this.#model;
    if (winners === undefined) return 0;
    const [row, rows] = ownRows(this.#share);
    return this.#descriptors.add(Winners, {
      ...{ a: own.h + this.#bytes(row * ldh), lda: ldh, aGroup: streams * ldh },
      ...{ rows, columns: padded(hidden), keep: winners },
    });
  }

  /** Columns [from, to) of a layer's outputs that this share's member computes. */
  get #ownOutputs(): readonly [from: number, to: number] {
    const [from, to] = this.ownBlocks;
    // Of two directions one member has all.
    return [from * PANEL, to * PANEL * directionsOf(this.#model)];
  }

  /** The member's columns of two layers' outputs, or of their gradients. */
  add(a: Matrix, b: Matrix, out: Matrix): number {
    const { ldh, streams } = this.#views;
    const [from, to] = this.#ownOutputs;
    return this.#descriptors.add(Add, {
      ...{ a: a.at + this.#bytes(from), b: b.at + this.#bytes(from), out: out.at + this.#bytes(from) },
      ...{ ld: ldh, group: streams * ldh, rows: this.#share.rows, columns: to - from },
    });
  }

  /** Copies the member's columns of [T, B, H]. */
  copy(from: Matrix, to: Matrix, steps: number): void {
    const { ldh } = this.#views;
    const [first, end] = this.#ownOutputs;
    const { floats, floatBytes } = this.#arena;
    const apart = (to.at - from.at) / floatBytes;
    for (let t = 0; t < steps; t++) {
      const start = this.later(from, t).at / floatBytes;
      for (let row = start; row < start + this.#share.rows * ldh; row += ldh)
        floats.copyWithin(row + apart + first, row + first, row + end);
    }
  }

  /** Normalizes all of a layer's outputs, at some time steps, and takes their gradient back to that of h. */
  norm(layer: number, from: Matrix): number {
    const { streams, ldh, layers } = this.#views;
    const { normed, normal, inverse, normedGradient, dh } = layers[layer];
    const { hidden } = this.#model;
    const [gain, shift] = (['gain', 'shift'] as const).map(
      (role) => this.#parameters.find((p) => p.role === role && p.layer === layer) as PlacedParameter,
    );
    const at = (view: number, ld: number): number => view && this.rows(view, ld).at;
    return this.#descriptors.add(LayerNorm, {
      ...{ in: from.at, out: at(normed, ldh), normal: at(normal, ldh), gain: gain.weights, bias: shift.weights },
      ...{ inverse: at(inverse, 1), inverseGroup: streams, dOut: at(normedGradient, ldh), dIn: at(dh, ldh) },
      ...{ ld: ldh, group: streams * ldh, rows: this.#share.rows, units: hidden, parts: directionsOf(this.#model) },
      epsilon: NORM_EPSILON,
    });
  }

  dropout(from: Matrix, to: Matrix): number {
    const { ldh, streams } = this.#views;
    return this.#descriptors.add(Dropout, {
      ...{ in: from.at, out: to.at, ld: ldh, group: streams * ldh },
      ...{ rows: this.#share.rows, columns: this.outputColumns },
      ...{ threshold: 0, scale: 1, key: 0, firstStream: this.#share.firstRow },
    });
  }

  /** Zeroes blocks of 16 units in the share's rows of a [T, B, H] view at time t. */
  clear(view: number, t: number, [from, to]: Panels): void {
    const { ldh } = this.#views;
    const start = this.later(this.rows(view, ldh), t).at / this.#arena.floatBytes;
    for (let row = 0; row < this.#share.rows; row++) {
      const at = start + row * ldh;
      this.#arena.floats.fill(0, at + from * PANEL, at + to * PANEL);
    }
  }

  /** The biases that belong to the input's part: both, unless the recurrent part stands by itself. */
  inputBiases(layer: number, reverse: boolean): readonly PlacedParameter[] {
    const biases = biasesOf(this.#parameters, 'input', layer, reverse);
    const { separateRecurrent } = cells[this.#model.cell];
    return separateRecurrent ? biases : [...biases, ...biasesOf(this.#parameters, 'recurrent', layer, reverse)];
  }

  /** The share's first row of an int32 [T, B]. */
  intRow(view: number): number {
    return view + this.#share.firstRow * Int32Array.BYTES_PER_ELEMENT;
  }

  #bytes(floats: number): number {
    return floats * this.#arena.floatBytes;
  }
}
