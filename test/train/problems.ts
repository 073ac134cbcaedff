// Models, starts and windows that the tests of this folder share; all of them from seeds.
import type { KernelName } from '../../src/kernels/choose.js';
import { nativeProblem } from '../../src/kernels/native.js';
import type { Architecture } from '../../src/model/architecture.js';
import { type Initialization, initialValues } from '../../src/model/initializers.js';
import { elementsOf, parametersOf } from '../../src/model/parameters.js';
import { createRandom } from '../kernels/bench-arena.js';

export type Parameters = Readonly<Record<string, ArrayLike<number>>>;

export const CELLS = [
  { cell: 'rnn', activation: 'sigmoid' },
  { cell: 'rnn', activation: 'tanh' },
  { cell: 'rnn', activation: 'relu' },
  { cell: 'lstm', activation: 'tanh' },
  { cell: 'gru', activation: 'tanh' },
] as const;

export type CellName = (typeof CELLS)[number];

export const nameOf = ({ cell, activation }: CellName): string => (cell === 'rnn' ? `rnn ${activation}` : cell);

/** A start as a run has it. */
export function startOf(model: Architecture, kind: Initialization['kind'], seed: number): Parameters {
  return Object.fromEntries(
    parametersOf(model).map((p) => [p.name, initialValues(model, p, { kind, forgetBias: undefined, seed })]),
  );
}

/** Every parameter in [-bound, bound), as float32 numbers. */
export function uniformStart(model: Architecture, bound: number, seed: number): Parameters {
  const random = createRandom(seed);
  return Object.fromEntries(
    parametersOf(model).map((p) => [
      p.name,
      Float32Array.from({ length: elementsOf(p) }, () => (2 * random() - 1) * bound),
    ]),
  );
}

/** A window of tokens [T][B]. Targets of the first `uncounted` steps are -1, and one in `holes` of the others; they are tokens or classes. */
export function windowOf(
  vocabulary: number,
  steps: number,
  streams: number,
  seed: number,
  { uncounted = 0, holes = 0, classes = vocabulary } = {},
): { readonly tokens: number[][]; readonly targets: number[][] } {
  const random = createRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const rows = <T>(value: (t: number, b: number) => T): T[][] =>
    Array.from({ length: steps }, (_, t) => Array.from({ length: streams }, (_, b) => value(t, b)));
  const tokens = rows(() => below(vocabulary));
  const hidden = (t: number, b: number): boolean =>
    t < uncounted || (holes > 0 && !(t === uncounted && b === 0) && random() < 1 / holes);
  return { tokens, targets: rows((t, b) => (hidden(t, b) ? -1 : below(classes))) };
}

/** Features [T][B][I] in [-1, 1), float32 numbers. */
export function featuresOf(features: number, steps: number, streams: number, seed: number): number[][][] {
  const values = uniform(steps * streams * features, 1, seed);
  return Array.from({ length: steps }, (_, t) =>
    Array.from({ length: streams }, (_, b) => [...values.subarray((t * streams + b) * features).subarray(0, features)]),
  );
}

/** What rows [T][B] name of sparse features: none in the second row, up to 4 in the others, ascending, with values of both signs. */
export function entriesOf(features: number, steps: number, streams: number, seed: number): [number, number][][][] {
  const random = createRandom(seed);
  const row = (i: number): [number, number][] => {
    const count = i === 1 ? 0 : 1 + Math.floor(4 * random());
    const named = new Set(Array.from({ length: count }, () => Math.floor(features * random())));
    return [...named].sort((a, b) => a - b).map((feature) => [feature, Math.fround(2 * random() - 1)]);
  };
  return Array.from({ length: steps }, (_, t) => Array.from({ length: streams }, (_, b) => row(t * streams + b)));
}

/**
 * What a model whose outputs are no classes is to predict in a window: [T][B][K] of 0 and 1 or of numbers in [-1, 1), and targets
 * that count where the window's own ones do.
 */
export function predictionsOf(
  output: 'multilabel' | 'linear',
  outputs: number,
  targets: readonly (readonly number[])[],
  seed: number,
): { readonly targets: number[][]; readonly outputs: number[][][] } {
  const values = featuresOf(outputs, targets.length, targets[0].length, seed);
  const wanted = (value: number): number => (output === 'linear' ? value : Number(value > 0));
  return {
    targets: targets.map((row) => row.map((target) => Math.min(0, target))),
    outputs: values.map((rows) => rows.map((row) => row.map(wanted))),
  };
}

/** `count` float32 numbers in [-bound, bound). */
export function uniform(count: number, bound: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => (2 * random() - 1) * bound);
}

/** Largest difference relative to the largest wanted value; elements near zero are sums that cancel. */
export function difference(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [scale, worst] = [1e-30, 0];
  for (let i = 0; i < wanted.length; i++) {
    scale = Math.max(scale, Math.abs(wanted[i]));
    const apart = Math.abs(got[i] - wanted[i]);
    // Written so that NaN counts as a difference.
    if (!(apart <= worst)) worst = apart;
  }
  return worst / scale;
}

/** Kernels, their precision, and how near they must come to PyTorch's numbers. */
export const PRECISIONS: [KernelName, 'float32' | 'float64', number][] = [
  ['reference', 'float64', 1e-9],
  ['reference', 'float32', 1e-5],
  ['wasm', 'float32', 1e-5],
  ...(nativeProblem() ? [] : ([['native', 'float32', 1e-5]] as [KernelName, 'float32', number][])),
];

/** Nothing but steps along the gradient. */
export const PLAIN_SGD = {
  ...({ name: 'sgd', beta1: 0, beta2: 0, epsilon: 0, clipNorm: 0, clipValue: 0 } as const),
  ...({ l1: 0, l2: 0, proximal: false } as const),
};
