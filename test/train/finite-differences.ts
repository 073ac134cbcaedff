// The gradient of a window beside finite differences of its loss, in float64: what the tests of gradients share.
import { expect } from 'vitest';
import { type Architecture, headOutputs } from '../../src/model/architecture.js';
import { createRandom } from '../kernels/bench-arena.js';
import { InlineRun, type InlineWindow } from './inline-run.js';
import { entriesOf, featuresOf, predictionsOf, startOf, uniform, windowOf } from './problems.js';

const TOLERANCE = 1e-6;
/** What the differences themselves round: 2^-53 times a loss of some nats, over the step. */
const ROUNDING = 1e-12;
const STEP = 1e-3;
const TRIES = 60;
/** Of a window: 4 a row. */
const MOST_ENTRIES = 32;

export interface Case {
  readonly hidden?: number;
  readonly layers: number;
  /** Of one-hot rows unless it is said. */
  readonly embedding?: number;
  readonly vocabulary: number;
  readonly outputs?: number;
  readonly features?: number;
  readonly sparseFeatures?: number;
  readonly bidirectional?: boolean;
  readonly pooling?: Architecture['pooling'];
  readonly residual?: boolean;
  readonly layerNorm?: boolean;
  /** [B] steps of each row; behind them no target counts. */
  readonly lengths?: readonly [number, number];
  readonly dropout?: number;
  readonly uncounted?: number;
  readonly activationL1?: number;
  readonly classWeights?: readonly number[];
  readonly labelSmoothing?: number;
  readonly winners?: number;
  readonly output?: 'softmax' | 'multilabel' | 'linear';
}

/** T and B: 8 rows. */
const [T, B] = [4, 2];

export const STARTS = ['default', 'identity', 'orthogonal'] as const;

export class Problem {
  readonly #run: InlineRun;
  readonly #window: InlineWindow;
  readonly #uncounted: number;
  readonly #states: readonly ['h' | 'c', Float32Array][];

  constructor(
    cell: Pick<Architecture, 'cell' | 'activation'>,
    init: (typeof STARTS)[number],
    given: Case,
    seed: number,
  ) {
    const { dropout = 0, uncounted = 0, activationL1, lengths, classWeights, labelSmoothing, ...described } = given;
    const model: Architecture = { ...cell, hidden: 5, embedding: 0, ...described };
    const { hidden, layers, vocabulary, features, sparseFeatures, output } = model;
    const entries = sparseFeatures && entriesOf(sparseFeatures, T, B, seed);
    this.#run = new InlineRun({
      ...{ model, streams: B, steps: T, precision: 'float64', dropout, seed, activationL1 },
      ...{ classWeights, labelSmoothing },
      entries: sparseFeatures && MOST_ENTRIES,
    });
    this.#uncounted = uncounted;
    this.#run.setParameters(startOf(model, init, seed));
    const read = features ? { features: featuresOf(features, T, B, seed) } : entries ? { entries } : {};
    const classes = headOutputs(model);
    const all = windowOf(vocabulary, T, B, seed, { uncounted, holes: lengths ? 0 : 4, classes });
    // A sequence that is pooled has its target at its last step.
    const counts = (t: number, length: number): boolean => (model.pooling ? t === length - 1 : t < length);
    const targets = all.targets.map((row, t) =>
      row.map((target, b) => (lengths && !counts(t, lengths[b]) ? -1 : target)),
    );
    const window = { ...all, targets, lengths };
    const predicted = output && output !== 'softmax' ? predictionsOf(output, classes, window.targets, seed) : {};
    this.#window = { ...window, ...predicted, ...read, rate: 0, step: 11 };
    const state = (kind: 'h' | 'c', salt: number) => [kind, uniform(layers * B * hidden, 0.5, seed + salt)] as const;
    this.#states = [state('h', 1), ...(cell.cell === 'lstm' ? [state('c', 2)] : [])].map(([kind, values]) => [
      kind,
      // States that ReLU and sigmoid reach.
      cell.activation === 'tanh' ? values : values.map(Math.abs),
    ]);
  }

  /** Loss of the window from the given state on; leaves gradients and activations in the arena. */
  #loss(): number {
    for (const [kind, values] of this.#states) this.#run.setState(kind, values);
    return this.#run.step(this.#window).loss + this.#penalty();
  }

  /** What the loss that is reported leaves out: the L1 penalty on the outputs. */
  #penalty(): number {
    const { activationL1 = 0 } = this.#run.options;
    if (activationL1 === 0) return 0;
    const [outputs, { layers, ldh }] = [this.#run.outputs(), this.#run.layout.training];
    const counted = this.#window.targets.flat().filter((target) => target >= 0).length;
    let sum = 0;
    for (let layer = 0; layer < layers.length; layer++)
      for (let row = (this.#uncounted + 1) * B; row < (T + 1) * B; row++)
        for (let i = 0; i < ldh; i++) sum += outputs[(layer * (T + 1) * B + row) * ldh + i];
    return (activationL1 * sum) / counted;
  }

  /** Which units are not zero: between two patterns of ReLU lies a kink, between two of winners a jump. */
  #pattern(): string {
    if (this.#run.options.model.activation !== 'relu') return '';
    return Array.from(this.#run.outputs(), (value) => (value === 0 ? '0' : '1')).join('');
  }

  /** The most units that are active in any row of the last window; its initial states have no winners. */
  mostActive(): number {
    const [outputs, { layers, ldh }] = [this.#run.outputs(), this.#run.layout.training];
    const activeIn = (row: number): number =>
      outputs.subarray(row * ldh, (row + 1) * ldh).filter((value) => value !== 0).length;
    const rows = layers.flatMap((_, layer) => Array.from({ length: T * B }, (_, i) => (layer * (T + 1) + 1) * B + i));
    return Math.max(...rows.map(activeIn));
  }

  /** @param elements of each parameter, drawn at random */
  check(elements: number, seed: number): void {
    const random = createRandom(seed);
    // A window before it, so that nothing is zero because nobody wrote there.
    const { model } = this.#run.options;
    this.#run.step({ ...windowOf(model.vocabulary, T, B, seed, { classes: headOutputs(model) }), step: 10 });
    this.#loss();
    const [gradient, weights, pattern] = [this.#run.read('gradient'), this.#run.read('weights'), this.#pattern()];
    for (const [name, values] of Object.entries(gradient)) {
      let checked = 0;
      for (let tried = 0; tried < TRIES && checked < Math.min(elements, values.length); tried++) {
        const element = Math.floor(random() * values.length);
        const numeric = this.#derivative(name, element, weights[name][element], pattern);
        if (numeric === undefined) continue;
        checked++;
        const error = Math.abs(values[element] - numeric);
        const allowed = TOLERANCE * Math.abs(numeric) + ROUNDING;
        expect(error, `${name}[${element}] is ${values[element]}, numerically ${numeric}`).toBeLessThan(allowed);
      }
      expect(checked, `elements of ${name} away from a kink`).toBeGreaterThan(0);
    }
  }

  /** Central differences of the fourth order; undefined where ReLU's pattern changes on the way. */
  #derivative(name: string, element: number, value: number, pattern: string): number | undefined {
    let kink = false;
    const at = (x: number): number => {
      this.#run.poke(name, element, value + x);
      const loss = this.#loss();
      kink ||= this.#pattern() !== pattern;
      return loss;
    };
    const slope = (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP);
    this.#run.poke(name, element, value);
    return kink ? undefined : slope;
  }
}
