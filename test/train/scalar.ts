// An oracle that shares nothing with the engine: numbers that remember how they came about (Wengert 1964), and the cells
// written down with them as PyTorch's documentation has them. Slow, plain, float64.

/** A number, what it was computed from, and the partial derivatives there. */
export class Scalar {
  gradient = 0;
  constructor(
    readonly value: number,
    private readonly parents: readonly (readonly [Scalar, number])[] = [],
  ) {}

  plus(other: Scalar): Scalar {
    return new Scalar(this.value + other.value, [
      [this, 1],
      [other, 1],
    ]);
  }

  times(other: Scalar): Scalar {
    return new Scalar(this.value * other.value, [
      [this, other.value],
      [other, this.value],
    ]);
  }

  scaled(factor: number): Scalar {
    return new Scalar(this.value * factor, [[this, factor]]);
  }

  tanh(): Scalar {
    const y = Math.tanh(this.value);
    return new Scalar(y, [[this, 1 - y * y]]);
  }

  sigmoid(): Scalar {
    const y = 1 / (1 + Math.exp(-this.value));
    return new Scalar(y, [[this, y * (1 - y)]]);
  }

  relu(): Scalar {
    return new Scalar(Math.max(0, this.value), [[this, this.value > 0 ? 1 : 0]]);
  }

  exp(): Scalar {
    const y = Math.exp(this.value);
    return new Scalar(y, [[this, y]]);
  }

  log(): Scalar {
    return new Scalar(Math.log(this.value), [[this, 1 / this.value]]);
  }

  /** Adds d this / d x to the gradient of every x that this was computed from. */
  backward(): void {
    const order: Scalar[] = [];
    const seen = new Set<Scalar>();
    // Depth first without recursion: a window is a deep graph.
    const stack: [Scalar, number][] = [[this, 0]];
    seen.add(this);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const [node, next] = top;
      if (next === node.parents.length) {
        order.push(node);
        stack.pop();
        continue;
      }
      top[1]++;
      const [parent] = node.parents[next];
      if (!seen.has(parent)) {
        seen.add(parent);
        stack.push([parent, 0]);
      }
    }
    this.gradient = 1;
    for (const node of order.reverse()) {
      for (const [parent, partial] of node.parents) parent.gradient += partial * node.gradient;
    }
  }
}

export type Vector = readonly Scalar[];
export const constants = (values: ArrayLike<number>): Vector => Array.from(values, (value) => new Scalar(value));
const sum = (terms: readonly Scalar[]): Scalar => terms.reduce((a, b) => a.plus(b));

/** W x + b for rows [from, from + count) of W [outputs, x.length]. */
function linear(w: Vector, b: Vector, x: Vector, from: number, count: number): Scalar[] {
  return Array.from({ length: count }, (_, i) =>
    sum([b[from + i], ...x.map((value, j) => w[(from + i) * x.length + j].times(value))]),
  );
}

export interface ScalarModel {
  readonly cell: 'rnn' | 'lstm' | 'gru';
  readonly activation: 'sigmoid' | 'tanh' | 'relu';
  readonly hidden: number;
  readonly layers: number;
  readonly embedding: number;
  readonly vocabulary: number;
  readonly parameters: Readonly<Record<string, Vector>>;
}

/** h and c of each layer. */
export type ScalarState = readonly { readonly h: Vector; readonly c: Vector }[];

export function zeroState({ layers, hidden }: ScalarModel): ScalarState {
  const zeros = () => constants(new Float64Array(hidden));
  return Array.from({ length: layers }, () => ({ h: zeros(), c: zeros() }));
}

/** The same numbers without their past: where backpropagation is cut. */
export const detached = (state: ScalarState): ScalarState =>
  state.map(({ h, c }) => ({ h: constants(h.map((x) => x.value)), c: constants(c.map((x) => x.value)) }));

/** Reads one token. */
export function advance(model: ScalarModel, token: number, state: ScalarState): ScalarState {
  const { parameters, embedding, vocabulary } = model;
  let x: Vector =
    embedding > 0
      ? parameters['embedding.weight'].slice(token * embedding, (token + 1) * embedding)
      : constants(Array.from({ length: vocabulary }, (_, i) => (i === token ? 1 : 0)));
  return state.map((before, layer) => {
    const after = cellStep(model, layer, x, before);
    x = after.h;
    return after;
  });
}

function cellStep(model: ScalarModel, layer: number, x: Vector, { h, c }: ScalarState[number]): ScalarState[number] {
  const { hidden, cell, activation, parameters: p } = model;
  const fromInput = (gate: number) =>
    linear(p[`rnn.weight_ih_l${layer}`], p[`rnn.bias_ih_l${layer}`], x, gate * hidden, hidden);
  const fromState = (gate: number) =>
    linear(p[`rnn.weight_hh_l${layer}`], p[`rnn.bias_hh_l${layer}`], h, gate * hidden, hidden);
  const both = (gate: number) => {
    const recurrent = fromState(gate);
    return fromInput(gate).map((value, i) => value.plus(recurrent[i]));
  };
  if (cell === 'rnn') return { h: both(0).map((z) => z[activation]()), c };
  if (cell === 'lstm') {
    const [i, f, o] = [0, 1, 3].map((gate) => both(gate).map((z) => z.sigmoid()));
    const g = both(2).map((z) => z.tanh());
    const next = c.map((before, unit) => f[unit].times(before).plus(i[unit].times(g[unit])));
    return { h: next.map((value, unit) => o[unit].times(value.tanh())), c: next };
  }
  const [r, z] = [0, 1].map((gate) => both(gate).map((value) => value.sigmoid()));
  const recurrent = fromState(2);
  const n = fromInput(2).map((value, unit) => value.plus(r[unit].times(recurrent[unit])).tanh());
  return {
    h: n.map((value, unit) => value.plus(z[unit].times(h[unit].plus(value.scaled(-1))))),
    c,
  };
}

/** Cross-entropy of the next token, nats. */
export function lossOf(model: ScalarModel, { h }: ScalarState[number], target: number): Scalar {
  const { parameters, vocabulary } = model;
  const logits = linear(parameters['head.weight'], parameters['head.bias'], h, 0, vocabulary);
  return sum(logits.map((logit) => logit.exp()))
    .log()
    .plus(logits[target].scaled(-1));
}

export { sum };
