// A training on the thread of the test: one worker, records published and run one by one. For tests that look into the arena.
import { Kind, PROTOCOL_WORDS, Record, Result, Word } from '../../src/coordinator/protocol.js';
import { StepLoop } from '../../src/coordinator/step-loop.js';
import type { BatchSlot, Dealt, SlotEntries } from '../../src/data/batches.js';
import { allocate, createKernels, type KernelName, reservedBytes } from '../../src/kernels/choose.js';
import { type Kernels, padded } from '../../src/kernels/kernels.js';
import { Arena } from '../../src/memory/arena.js';
import { type Architecture, headOutputs, readsWholes } from '../../src/model/architecture.js';
import { outputsWidth } from '../../src/model/output-loss.js';
import { fromTorch, toTorch, transposePanels } from '../../src/model/parameters.js';
import type { Crossover } from '../../src/model/sparsity.js';
import { findParameter, type PlacedParameter } from '../../src/model/views.js';
import { caughtUp } from '../../src/train/caught-up.js';
import { classWeightsIn, weightOf, writeClassWeights } from '../../src/train/class-weights.js';
import { layOut, type OptimizerName, RECORD_NUMBERS, type RunLayout } from '../../src/train/layout.js';
import type { OptimizerSettings } from '../../src/train/optimizer.js';
import { rowRuleOf } from '../../src/train/row-rule.js';

export interface InlineOptions {
  readonly model: Architecture;
  readonly streams: number;
  readonly steps: number;
  readonly kernels?: KernelName;
  readonly precision?: 'float32' | 'float64';
  readonly optimizer?: Partial<OptimizerSettings> & { name: OptimizerName };
  readonly dropout?: number;
  readonly sparse?: Crossover;
  readonly activationL1?: number;
  readonly classWeights?: readonly number[];
  readonly labelSmoothing?: number;
  /** False: a step visits all rows of a table that is updated by rows. */
  readonly lazy?: boolean;
  readonly highestRate?: number;
  /** Most entries of a window, of models that read sparse features. */
  readonly entries?: number;
  readonly densityTarget?: number;
  readonly seed?: number;
  /** Bad steps in a row that are borne. */
  readonly badLimit?: number;
  /** Where the arena lies; shared memory unless given. */
  readonly allocate?: (bytes: number) => ArrayBufferLike;
  /** Puts something between the engine and its kernels. */
  readonly wrap?: (kernels: Kernels, run: InlineRun) => Kernels;
}

/** A sparse feature and its value. */
export type Entry = readonly [feature: number, value: number];

export interface InlineWindow {
  /** [T][B]; not of models that read sparse features. */
  readonly tokens?: readonly (readonly number[])[];
  /** [T][B][I] */
  readonly features?: readonly (readonly (readonly number[])[])[];
  /** [T][B]: the sparse features that each row names, with their values. */
  readonly entries?: readonly (readonly (readonly Entry[])[])[];
  readonly targets: readonly (readonly number[])[];
  /** [T][B][K] */
  readonly outputs?: readonly (readonly (readonly number[])[])[];
  readonly rate?: number;
  readonly carry?: number;
  readonly reset?: boolean;
  /** [B] steps of each row, of a model of two directions; all of them unless they are given. */
  readonly lengths?: readonly number[];
  /** Number of the step, a key of the dropout masks; the steps are counted unless it is given. */
  readonly step?: number;
}

export interface InlineResult {
  /** Mean loss, by the weights of the classes. */
  readonly loss: number;
  /** The gradient's norm before clipping. */
  readonly norm: number;
  readonly applied: boolean;
}

type View = 'weights' | 'gradient' | 'firstState' | 'secondState';
/** Weights once all rows have caught up. */
type Current = 'current';

export class InlineRun {
  readonly arena: Arena;
  readonly layout: RunLayout;
  readonly words: Int32Array;
  readonly #loop: StepLoop;
  readonly #places = new Map<string, readonly number[]>();
  #next = 0;

  constructor(readonly options: InlineOptions) {
    const { kernels = 'reference', precision = 'float32' } = options;
    const floatBytes = precision === 'float64' ? 8 : 4;
    const optimizer = {
      name: 'sgd',
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      clipNorm: 0,
      clipValue: 0,
      l1: 0,
      l2: 0,
      proximal: false,
      ...options.optimizer,
    } as const;
    this.layout = layOut({
      ...{ model: options.model, optimizer: optimizer.name, streams: options.streams, steps: options.steps },
      ...{
        dropout: options.dropout ?? 0,
        seed: options.seed ?? 0,
        sparse: options.sparse,
        activationL1: options.activationL1,
        classWeights: options.classWeights,
        labelSmoothing: options.labelSmoothing,
        rowRule: options.lazy === false ? 'dense' : rowRuleOf(optimizer, options.highestRate ?? 0.1),
        entries: options.entries,
        densityTarget: options.densityTarget,
        evaluationStreams: 0,
        evaluationSteps: 0,
        workers: 1,
      },
      ...{ floatBytes, reservedBytes: reservedBytes(kernels), controlWords: PROTOCOL_WORDS },
    });
    const shared = options.allocate ?? ((bytes: number) => new SharedArrayBuffer(bytes));
    const memory = allocate(kernels, this.layout.bytes, shared);
    this.arena = new Arena(memory.buffer, floatBytes);
    this.words = this.arena.ints.subarray(this.layout.control / 4);
    this.words[Word.badLimit] = options.badLimit ?? 10;
    writeClassWeights(this.arena, this.layout);
    const own = createKernels(kernels, memory, 0, precision);
    this.#loop = new StepLoop(this.arena, options.wrap?.(own, this) ?? own, this.layout, optimizer, 0);
  }

  setParameters(values: Readonly<Record<string, ArrayLike<number>>>): void {
    for (const p of this.layout.parameters) {
      const stored = this.arena.floatsAt(p.weights, p.length);
      fromTorch(p, values[p.name], stored);
      if (p.transposedPanels) transposePanels(p, stored, this.arena.floatsAt(p.transposedPanels, p.length));
    }
  }

  /** Parameters, gradients or states of the optimizer, in PyTorch's layout, without rounding to float32. */
  read(which: View | Current): Record<string, number[]> {
    if (which === 'current') {
      return Object.fromEntries(
        this.layout.parameters.map((p) => {
          const stored = caughtUp(this.arena, this.layout, p);
          return [p.name, this.#placesOf(p.name).map((place) => stored[place])];
        }),
      );
    }
    return Object.fromEntries(
      this.layout.parameters
        .filter((p, i) => p[which] > 0 || (which === 'gradient' && i === this.layout.table?.parameter))
        .map((p) => {
          const stored = p[which] > 0 ? this.arena.floatsAt(p[which], p.length) : this.#tableGradient(p);
          return [p.name, this.#placesOf(p.name).map((place) => stored[place])];
        }),
    );
  }

  /** The gradient of a table that is updated by rows: zero but for the rows that the last step touched. */
  #tableGradient({ length, columns }: PlacedParameter): Float64Array {
    const { table } = this.layout;
    const gradient = new Float64Array(length);
    if (!table) return gradient;
    const [places] = this.arena.intsAt(table.bases + 4 * table.pieces, 1);
    for (const [place, row] of this.arena.intsAt(table.touched, places).entries()) {
      if (row < 0) continue;
      const from = table.g + place * columns * this.arena.floatBytes;
      gradient.set(this.arena.floatsAt(from, columns), row * columns);
    }
    return gradient;
  }

  /** One element of a parameter, in PyTorch's order. The panels of the transpose follow with the next step. */
  poke(name: string, element: number, value: number): void {
    const p = findParameter(this.layout.parameters, name);
    this.arena.floats[p.weights / this.arena.floatBytes + this.#placesOf(name)[element]] = value;
  }

  /** Where each element of PyTorch's array stands among the stored ones. */
  #placesOf(name: string): readonly number[] {
    const known = this.#places.get(name);
    if (known) return known;
    const p = findParameter(this.layout.parameters, name);
    // toTorch gives float32; where each element stands is what it gives for the indices, in two exact halves.
    const index = Array.from({ length: p.length }, (_, i) => i);
    const low = toTorch(
      p,
      index.map((i) => i % 4096),
    );
    const high = toTorch(
      p,
      index.map((i) => Math.floor(i / 4096)),
    );
    const places = Array.from(low, (value, i) => high[i] * 4096 + value);
    this.#places.set(name, places);
    return places;
  }

  /** [L][B][H] of the current side. */
  setState(kind: 'h' | 'c', values: ArrayLike<number>): void {
    this.#eachState(kind, (stored, given) => {
      this.arena.floats[stored] = values[given];
    });
  }

  state(kind: 'h' | 'c'): number[] {
    const values: number[] = [];
    this.#eachState(kind, (stored, given) => {
      values[given] = this.arena.floats[stored];
    });
    return values;
  }

  #eachState(kind: 'h' | 'c', visit: (stored: number, given: number) => void): void {
    const { model, streams } = this.options;
    const view = kind === 'h' ? this.layout.training.hiddenState : this.layout.training.cellState;
    // Feedforward layers and those of two directions have none.
    if (view === 0) return;
    const side = this.words[Word.trainingSide];
    for (let layer = 0; layer < model.layers; layer++)
      for (let b = 0; b < streams; b++)
        for (let unit = 0; unit < model.hidden; unit++) {
          const row = (side * model.layers + layer) * streams + b;
          visit(
            view / this.arena.floatBytes + row * padded(model.hidden) + unit,
            (layer * streams + b) * model.hidden + unit,
          );
        }
  }

  /** One training step on a window that is given as lists. */
  step(window: InlineWindow): InlineResult {
    const { streams } = this.options;
    const targets = window.targets.flat();
    const deal = (slot: BatchSlot): Dealt => {
      if (window.tokens) slot.inputs.set(window.tokens.flat());
      if (window.entries) setEntries(slot.entries as SlotEntries, window.entries.flat());
      const { features = 0 } = this.options.model;
      window.features?.flat().forEach((row, i) => {
        slot.features?.set(row, i * padded(features));
      });
      window.outputs?.flat().forEach((row, i) => {
        slot.outputs?.set(row, i * padded(headOutputs(this.options.model)));
      });
      slot.targets.set(targets);
      slot.reset.fill(window.reset ? 1 : 0, 0, streams);
      slot.carry.fill(window.carry ?? window.targets.length, 0, streams);
      slot.lengths?.set(window.lengths ?? new Array(streams).fill(window.targets.length));
      return { steps: window.targets.length, counted: targets.filter((target) => target >= 0).length };
    };
    return this.dealt(deal, window.rate ?? 0, window.step) as InlineResult;
  }

  /** One training step on what `deal` writes into the slot; undefined where it has nothing. */
  dealt(deal: (slot: BatchSlot) => Dealt | undefined, rate: number, step = this.#next): InlineResult | undefined {
    const { streams } = this.options;
    const ring = this.#next % this.layout.slots.length;
    const offsets = this.layout.slots[ring];
    const tokens = this.options.steps * streams;
    const { entries = 0 } = this.options;
    const slot: BatchSlot = {
      inputs: this.arena.intsAt(offsets.inputs, tokens),
      features: this.arena.floatsAt(offsets.features, tokens * padded(this.options.model.features ?? 0)),
      entries: {
        starts: this.arena.intsAt(offsets.entryStarts, entries > 0 ? tokens + 1 : 0),
        features: this.arena.intsAt(offsets.entryFeatures, entries),
        values: this.arena.floatsAt(offsets.entryValues, entries),
      },
      targets: this.arena.intsAt(offsets.targets, tokens),
      outputs: this.arena.floatsAt(offsets.outputs, tokens * outputsWidth(this.options.model)),
      reset: this.arena.intsAt(offsets.reset, streams),
      carry: this.arena.intsAt(offsets.carry, streams),
      lengths: readsWholes(this.options.model) ? this.arena.intsAt(offsets.lengths, streams) : undefined,
    };
    const batch = deal(slot);
    if (!batch) return undefined;
    const record = this.arena.doublesAt(this.layout.records + ring * RECORD_NUMBERS * 8, RECORD_NUMBERS);
    record[Record.kind] = Kind.train;
    record[Record.steps] = batch.steps;
    record[Record.headFrom] = Math.floor(slot.targets.findIndex((target) => target >= 0) / streams);
    record[Record.counted] = batch.counted;
    const weights = classWeightsIn(this.arena, this.layout);
    const weight = weights ? weightOf(slot.targets, batch.steps * streams, weights) : batch.counted;
    record[Record.weight] = weight;
    record[Record.rate] = rate;
    record[Record.step] = step;
    Atomics.store(this.words, Word.published, this.#next + 1);
    this.#loop.step(this.#next++);
    const result = this.arena.doublesAt(this.layout.results + ring * RECORD_NUMBERS * 8, RECORD_NUMBERS);
    return {
      loss: result[Result.loss] / weight,
      norm: result[Result.norm],
      applied: result[Result.applied] > 0,
    };
  }

  /** h of every layer and step of the last window, stored order: [L][T + 1][B][ldh]. */
  outputs(): Float32Array | Float64Array {
    const { layers, steps, streams, ldh } = this.layout.training;
    const each = layers.map(({ h }) => this.arena.floatsAt(h, (steps + 1) * streams * ldh));
    const all = this.arena.floats.slice(0, each.length * each[0].length);
    each.forEach((view, layer) => {
      all.set(view, layer * view.length);
    });
    return all;
  }
}

function setEntries(slot: SlotEntries, rows: readonly (readonly Entry[])[]): void {
  let at = 0;
  rows.forEach((row, i) => {
    slot.starts[i] = at;
    for (const [feature, value] of row) {
      slot.features[at] = feature;
      slot.values[at++] = value;
    }
  });
  slot.starts[rows.length] = at;
}
