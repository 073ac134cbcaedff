// How weights start: bounds and moments of the distributions, identity, orthogonality, and that order plays no part.
import { describe, expect, test } from 'vitest';
import type { Architecture } from '../../src/model/architecture.js';
import { type Initialization, initialValues } from '../../src/model/initializers.js';
import { type Parameter, parametersOf } from '../../src/model/parameters.js';

const SEED = 17;
const MODEL: Architecture = {
  cell: 'lstm',
  activation: 'tanh',
  hidden: 24,
  layers: 2,
  embedding: 40,
  vocabulary: 150,
};

const models = (['rnn', 'lstm', 'gru'] as const).map((cell) => ({ ...MODEL, cell, name: cell }));

function draw(model: Architecture, p: Parameter, init: Partial<Initialization> = {}): Float32Array {
  return initialValues(model, p, { kind: 'default', forgetBias: undefined, seed: SEED, ...init });
}

/** Every parameter by name. */
function start(model: Architecture, init: Partial<Initialization> = {}): Record<string, Float32Array> {
  return Object.fromEntries(parametersOf(model).map((p) => [p.name, draw(model, p, init)]));
}

function moments(values: ArrayLike<number>): { mean: number; deviation: number } {
  const all = Array.from(values);
  const mean = all.reduce((sum, x) => sum + x, 0) / all.length;
  return { mean, deviation: Math.sqrt(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length) };
}

describe.each(models)('$name, the default start', (model) => {
  test('weights and biases are uniform in +-1 / sqrt H, as in PyTorch', () => {
    const bound = 1 / Math.sqrt(model.hidden);
    for (const [name, values] of Object.entries(start(model))) {
      if (name === 'embedding.weight') continue;
      expect(Math.max(...values.map(Math.abs)), name).toBeLessThanOrEqual(Math.fround(bound));
      // Five standard errors of mean and deviation; a uniform number has the deviation bound / sqrt 3.
      const { mean, deviation } = moments(values);
      const error = 5 / Math.sqrt(values.length);
      expect(Math.abs(mean), name).toBeLessThan((error * bound) / Math.sqrt(3));
      expect(Math.abs((deviation * Math.sqrt(3)) / bound - 1), name).toBeLessThan(error);
      expect(Math.max(...values) - Math.min(...values), name).toBeGreaterThan(1.5 * bound);
    }
  });

  test('embeddings are standard normal', () => {
    const values = start(model)['embedding.weight'];
    const { mean, deviation } = moments(values);
    const error = 5 / Math.sqrt(values.length);
    expect(Math.abs(mean)).toBeLessThan(error);
    expect(Math.abs(deviation - 1)).toBeLessThan(error);
    // 0.27% of a normal distribution lie beyond three deviations.
    const far = values.filter((x) => Math.abs(x) > 3).length / values.length;
    expect(far).toBeGreaterThan(0.0005);
    expect(far).toBeLessThan(0.006);
  });
});

test('the head over two directions reads twice as much: +-1 / sqrt 2 H', () => {
  const values = start({ ...MODEL, bidirectional: true });
  const most = (name: string) => Math.max(...values[name].map(Math.abs));
  const bound = 1 / Math.sqrt(2 * MODEL.hidden);
  expect(most('head.weight')).toBeLessThanOrEqual(Math.fround(bound));
  expect(most('head.weight')).toBeGreaterThan(0.95 * bound);
  expect(most('rnn.weight_ih_l1_reverse')).toBeGreaterThan(bound);
  expect(values['rnn.weight_hh_l0_reverse']).not.toEqual(values['rnn.weight_hh_l0']);
});

describe.each(models)('$name, the identity start', (model) => {
  const values = start(model, { kind: 'identity' });
  const { hidden } = model;

  test('recurrent weights of each gate are the identity, recurrent biases zero', () => {
    for (const layer of [0, 1]) {
      const weights = values[`rnn.weight_hh_l${layer}`];
      weights.forEach((value, i) => {
        const [row, column] = [Math.floor(i / hidden) % hidden, i % hidden];
        expect(value).toBe(row === column ? 1 : 0);
      });
      for (const bias of [`rnn.bias_ih_l${layer}`, `rnn.bias_hh_l${layer}`])
        expect(values[bias].every((value) => value === 0)).toBe(true);
    }
  });

  test('input weights are normal with a deviation of 0.001; the head starts as by default', () => {
    const { mean, deviation } = moments(values['rnn.weight_ih_l0']);
    const error = 5 / Math.sqrt(values['rnn.weight_ih_l0'].length);
    expect(Math.abs(mean)).toBeLessThan(0.001 * error);
    expect(Math.abs(deviation / 0.001 - 1)).toBeLessThan(error);
    expect(values['head.weight']).toEqual(start(model)['head.weight']);
    expect(values['head.bias']).toEqual(start(model)['head.bias']);
  });
});

describe.each([...models, { ...MODEL, hidden: 1, name: 'lstm of one unit' }])(
  '$name, the orthogonal start',
  (model) => {
    test('W W transposed is the identity for the recurrent weights of each gate', () => {
      const values = start(model, { kind: 'orthogonal' });
      const { hidden } = model;
      for (const layer of [0, 1]) {
        const weights = values[`rnn.weight_hh_l${layer}`];
        for (let gate = 0; gate < weights.length / hidden ** 2; gate++) {
          const row = (i: number) => weights.subarray((gate * hidden + i) * hidden, (gate * hidden + i + 1) * hidden);
          for (let i = 0; i < hidden; i++) {
            for (let j = 0; j <= i; j++) {
              const dot = row(i).reduce((sum, value, k) => sum + value * row(j)[k], 0);
              expect(Math.abs(dot - (i === j ? 1 : 0))).toBeLessThan(1e-6);
            }
          }
        }
      }
    });

    test('gates and layers have matrices of their own; everything else starts as by default', () => {
      const [orthogonal, plain] = [start(model, { kind: 'orthogonal' }), start(model)];
      expect(orthogonal['rnn.weight_hh_l0']).not.toEqual(orthogonal['rnn.weight_hh_l1']);
      for (const [name, values] of Object.entries(plain)) {
        if (!name.includes('weight_hh')) expect(orthogonal[name], name).toEqual(values);
      }
    });
  },
);

describe('--forget-bias', () => {
  test.each(['default', 'identity', 'orthogonal'] as const)(
    'is added to the forget gate’s input bias of every LSTM layer, and to nothing else (%s start)',
    (kind) => {
      const [plain, biased] = [start(MODEL, { kind }), start(MODEL, { kind, forgetBias: 1.5 })];
      const { hidden } = MODEL;
      for (const [name, values] of Object.entries(plain)) {
        values.forEach((value, i) => {
          const isForget = name.includes('bias_ih') && i >= hidden && i < 2 * hidden;
          expect(biased[name][i]).toBe(Math.fround(isForget ? value + 1.5 : value));
        });
      }
    },
  );

  test.each(['rnn', 'gru'] as const)('changes nothing in a %s', (cell) => {
    expect(start({ ...MODEL, cell }, { forgetBias: 2 })).toEqual(start({ ...MODEL, cell }));
  });
});

describe('--bias-start', () => {
  const relu: Architecture = { ...MODEL, cell: 'rnn', activation: 'relu' };

  test.each(['default', 'identity', 'orthogonal'] as const)(
    'is added to the input biases of every ReLU layer, and to nothing else (%s start)',
    (kind) => {
      const [plain, biased] = [start(relu, { kind }), start(relu, { kind, biasStart: -0.1 })];
      for (const [name, values] of Object.entries(plain)) {
        const added = name.includes('bias_ih') ? -0.1 : 0;
        expect(biased[name], name).toEqual(values.map((value) => value + added));
      }
    },
  );

  test.each([
    ['rnn', 'tanh'],
    ['lstm', 'relu'],
    ['gru', 'relu'],
  ] as const)('changes nothing in a %s (%s)', (cell, activation) => {
    const model = { ...MODEL, cell, activation };
    expect(start(model, { biasStart: -0.1 })).toEqual(start(model));
  });
});

describe('a start', () => {
  test('does not depend on the order in which parameters are drawn', () => {
    const inOrder = start(MODEL);
    for (const p of [...parametersOf(MODEL)].reverse()) expect(draw(MODEL, p), p.name).toEqual(inOrder[p.name]);
  });

  test('keeps a parameter when layers are added', () => {
    const deeper = start({ ...MODEL, layers: 4 });
    for (const [name, values] of Object.entries(start(MODEL))) expect(deeper[name], name).toEqual(values);
  });

  test('differs from seed to seed, and from parameter to parameter', () => {
    const [one, other] = [start(MODEL), start(MODEL, { seed: SEED + 1 })];
    for (const [name, values] of Object.entries(one)) expect(other[name], name).not.toEqual(values);
    expect(one['rnn.bias_ih_l0']).not.toEqual(one['rnn.bias_hh_l0']);
    expect(one['rnn.bias_ih_l0']).not.toEqual(one['rnn.bias_ih_l1']);
  });
});
