// The toy network of reviews of recurrent nets: one input, one hidden unit, one output. The input is 1 at the first step and 0
// after it, the error is 1 at step T and nowhere else. Biases are 0 and the other weights 1 unless it is said.
// All formulas are written out here, as they are in the papers; the engine has no part in it.

/** What a step keeps for the way back: h(t) and c(t), and the derivatives of the state by the state before it. */
interface State {
  readonly h: number;
  readonly c: number;
}

/** A step's Jacobian: dh(t)/dh(t-1), dh(t)/dc(t-1), dc(t)/dh(t-1), dc(t)/dc(t-1). */
interface Jacobian {
  readonly hh: number;
  readonly hc: number;
  readonly ch: number;
  readonly cc: number;
}

interface Step {
  readonly state: State;
  readonly jacobian: Jacobian;
}

type Advance = (x: number, before: State) => Step;

export interface ToyNetwork {
  readonly cell: 'sigmoid' | 'tanh' | 'relu' | 'lstm' | 'gru';
  /** The recurrent weight. */
  readonly weight: number;
  /** The bias of the gate that keeps the state, forget or update gate (an LSTM's input gate has its negative); null: no gate. */
  readonly gateBias: number | null;
  /** By steps back from step T, where it is 1: |dLoss/dh(t)|, of an LSTM of h and c together. */
  readonly norms: readonly number[];
  /** The share of the sum of all norms that lies within the window; 1 without one. */
  readonly kept: number;
}

export interface ToyOptions {
  /** Recurrent weights of the simple networks. Default: 0.5, 1, 1.5. */
  readonly weights?: readonly number[];
  /** Biases of the gates that keep. Default: 0, 5. */
  readonly gateBiases?: readonly number[];
  /** T. Default: 50. */
  readonly steps?: number;
  /** Steps after which backpropagation is cut off. Default: it is not. */
  readonly window?: number;
}

export const TOY_WEIGHTS: readonly number[] = [0.5, 1, 1.5];
export const TOY_GATE_BIASES: readonly number[] = [0, 5];
export const TOY_STEPS = 50;

export function toyNetworks(options: ToyOptions = {}): readonly ToyNetwork[] {
  const { weights = TOY_WEIGHTS, gateBiases = TOY_GATE_BIASES, steps = TOY_STEPS, window = steps } = options;
  const network = (cell: ToyNetwork['cell'], weight: number, gateBias: number | null, advance: Advance): ToyNetwork => {
    const norms = normsOf(advance, steps);
    const sum = (some: readonly number[]): number => some.reduce((a, b) => a + b, 0);
    return { cell, weight, gateBias, norms, kept: sum(norms.slice(0, window)) / sum(norms) };
  };
  return [
    ...SIMPLE.flatMap(([cell, f]) => weights.map((weight) => network(cell, weight, null, simple(weight, f)))),
    ...gateBiases.map((bias) => network('lstm', 1, bias, lstm(bias))),
    ...gateBiases.map((bias) => network('gru', 1, bias, gru(bias))),
  ];
}

/** Forward through all steps, then dLoss/d(h, c)(t-1) = dLoss/d(h, c)(t) times the step's Jacobian, from (1, 0) at step T. */
function normsOf(advance: Advance, steps: number): readonly number[] {
  const jacobians: Jacobian[] = [];
  let state: State = { h: 0, c: 0 };
  for (let t = 1; t <= steps; t++) {
    const step = advance(t === 1 ? 1 : 0, state);
    state = step.state;
    jacobians.push(step.jacobian);
  }
  const norms = [1];
  let [dh, dc] = [1, 0];
  for (let t = steps; t > 1; t--) {
    const { hh, hc, ch, cc } = jacobians[t - 1];
    [dh, dc] = [dh * hh + dc * ch, dh * hc + dc * cc];
    norms.push(Math.hypot(dh, dc));
  }
  return norms;
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** f(z), and f'(z) by f(z). */
interface Activation {
  readonly of: (z: number) => number;
  readonly slope: (y: number) => number;
}

const SIGMOID: Activation = { of: sigmoid, slope: (y) => y * (1 - y) };
const TANH: Activation = { of: Math.tanh, slope: (y) => 1 - y * y };
const RELU: Activation = { of: (z) => Math.max(0, z), slope: (y) => (y > 0 ? 1 : 0) };
const SIMPLE: readonly (readonly ['sigmoid' | 'tanh' | 'relu', Activation])[] = [
  ['sigmoid', SIGMOID],
  ['tanh', TANH],
  ['relu', RELU],
];

/** h(t) = f(x + w h(t-1)) */
const simple =
  (weight: number, { of, slope }: Activation): Advance =>
  (x, before) => {
    const h = of(x + weight * before.h);
    return { state: { h, c: 0 }, jacobian: { hh: slope(h) * weight, hc: 0, ch: 0, cc: 0 } };
  };

/**
 * c(t) = f c(t-1) + i g, h(t) = o tanh c(t), all gates of x + h(t-1). What opens the forget gate closes the input gate, as in the
 * GRU, whose update gate is both.
 */
const lstm =
  (keeping: number): Advance =>
  (x, before) => {
    const z = x + before.h;
    const [i, f, g, o] = [sigmoid(z - keeping), sigmoid(z + keeping), Math.tanh(z), sigmoid(z)];
    const c = f * before.c + i * g;
    const squashed = Math.tanh(c);
    const ch = SIGMOID.slope(f) * before.c + SIGMOID.slope(i) * g + i * TANH.slope(g);
    const throughC = o * TANH.slope(squashed);
    return {
      state: { h: o * squashed, c },
      jacobian: { ch, cc: f, hh: throughC * ch + SIGMOID.slope(o) * squashed, hc: throughC * f },
    };
  };

/** n = tanh(x + r h(t-1)), h(t) = (1 - z) n + z h(t-1), gates of x + h(t-1). */
const gru =
  (keeping: number): Advance =>
  (x, { h: before }) => {
    const [r, z] = [sigmoid(x + before), sigmoid(x + before + keeping)];
    const n = Math.tanh(x + r * before);
    const h = (1 - z) * n + z * before;
    const hh = z + (before - n) * SIGMOID.slope(z) + (1 - z) * TANH.slope(n) * (r + SIGMOID.slope(r) * before);
    return { state: { h, c: 0 }, jacobian: { hh, hc: 0, ch: 0, cc: 0 } };
  };
