// A training on the thread of the test: one worker, records published and run one by one. For tests that look into the arena.
import { Kind, PROTOCOL_WORDS, Record, Result, Word } from '../../src/coordinator/protocol.js';
import { StepLoop } from '../../src/coordinator/step-loop.js';
import { allocate, createKernels, type KernelName, reservedBytes } from '../../src/kernels/choose.js';
import { padded } from '../../src/kernels/kernels.js';
import { Arena } from '../../src/memory/arena.js';
import type { Architecture } from '../../src/model/architecture.js';
import { fromTorch, toTorch, transposePanels } from '../../src/model/parameters.js';
import { layOut, type OptimizerName, RECORD_NUMBERS, type RunLayout } from '../../src/train/layout.js';
import type { OptimizerSettings } from '../../src/train/optimizer.js';

export interface InlineOptions {
  readonly model: Architecture;
  readonly streams: number;
  readonly steps: number;
  readonly kernels?: KernelName;
  readonly precision?: 'float32' | 'float64';
  readonly optimizer?: Partial<OptimizerSettings> & { name: OptimizerName };
  readonly dropout?: number;
  readonly seed?: number;
}

export interface InlineWindow {
  /** [T][B] */
  readonly tokens: readonly (readonly number[])[];
  readonly targets: readonly (readonly number[])[];
  readonly rate?: number;
  readonly carry?: number;
  readonly reset?: boolean;
}

export class InlineRun {
  readonly arena: Arena;
  readonly layout: RunLayout;
  readonly #loop: StepLoop;
  readonly #words: Int32Array;
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
      l2: 0,
      ...options.optimizer,
    } as const;
    this.layout = layOut({
      ...{ model: options.model, optimizer: optimizer.name, streams: options.streams, steps: options.steps },
      ...{
        dropout: options.dropout ?? 0,
        seed: options.seed ?? 0,
        evaluationStreams: 0,
        evaluationSteps: 0,
        workers: 1,
      },
      ...{ floatBytes, reservedBytes: reservedBytes(kernels), controlWords: PROTOCOL_WORDS },
    });
    const memory = allocate(kernels, this.layout.bytes, (bytes) => new SharedArrayBuffer(bytes));
    this.arena = new Arena(memory.buffer, floatBytes);
    this.#words = this.arena.ints.subarray(this.layout.control / 4);
    this.#words[Word.badLimit] = 10;
    this.#loop = new StepLoop(this.arena, createKernels(kernels, memory, 0, precision), this.layout, optimizer, 0);
  }

  setParameters(values: Readonly<Record<string, ArrayLike<number>>>): void {
    for (const p of this.layout.parameters) {
      const stored = this.arena.floatsAt(p.weights, p.length);
      fromTorch(p, values[p.name], stored);
      if (p.transposedPanels) transposePanels(p, stored, this.arena.floatsAt(p.transposedPanels, p.length));
    }
  }

  /** Parameters or their gradients, in PyTorch's layout, without rounding to float32. */
  read(which: 'weights' | 'gradient'): Record<string, number[]> {
    return Object.fromEntries(
      this.layout.parameters.map((p) => {
        const stored = this.arena.floatsAt(p[which], p.length);
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
        return [p.name, Array.from(low, (value, i) => stored[high[i] * 4096 + value])];
      }),
    );
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
    const side = this.#words[Word.trainingSide];
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

  /** One training step. @returns the mean loss, the gradient's norm, and whether the update was made */
  step(window: InlineWindow): { loss: number; norm: number; applied: boolean } {
    const { streams } = this.options;
    const slot = this.layout.slots[this.#next % this.layout.slots.length];
    const targets = window.targets.flat();
    this.arena.intsAt(slot.inputs, targets.length).set(window.tokens.flat());
    this.arena.intsAt(slot.targets, targets.length).set(targets);
    this.arena.intsAt(slot.reset, streams).fill(window.reset ? 1 : 0);
    this.arena.intsAt(slot.carry, streams).fill(window.carry ?? window.tokens.length);
    const ring = this.#next % this.layout.slots.length;
    const record = this.arena.doublesAt(this.layout.records + ring * RECORD_NUMBERS * 8, RECORD_NUMBERS);
    const counted = targets.filter((target) => target >= 0).length;
    record[Record.kind] = Kind.train;
    record[Record.steps] = window.tokens.length;
    record[Record.headFrom] = window.targets.findIndex((row) => row.some((target) => target >= 0));
    record[Record.counted] = counted;
    record[Record.rate] = window.rate ?? 0;
    record[Record.step] = this.#next;
    Atomics.store(this.#words, Word.published, this.#next + 1);
    this.#loop.step(this.#next++);
    const result = this.arena.doublesAt(this.layout.results + ring * RECORD_NUMBERS * 8, RECORD_NUMBERS);
    return { loss: result[Result.loss] / counted, norm: result[Result.norm], applied: result[Result.applied] > 0 };
  }
}
