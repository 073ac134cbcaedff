// The gradients of models that read sparse features against finite differences, in float64: linear, feedforward and recurrent ones,
// with every kind of output.
import { describe, test } from 'vitest';
import { Problem } from './finite-differences.js';
import { CELLS, nameOf } from './problems.js';

const OUTPUTS = ['softmax', 'multilabel', 'linear'] as const;
const ACTIVATIONS = ['sigmoid', 'tanh', 'relu'] as const;
const FEATURES = 13;
/** One number alone, the usual case, and more than one. */
const SIZES = { softmax: [2, 5], multilabel: [1, 5], linear: [1, 3] } as const;

describe.each(OUTPUTS)('%s outputs', (output) => {
  const each = SIZES[output].map((vocabulary) => ({ sparseFeatures: FEATURES, vocabulary, output, uncounted: 1 }));

  test('a linear model: the gradient is that of finite differences', () => {
    for (const given of each)
      new Problem({ cell: 'mlp', activation: 'tanh' }, 'default', { ...given, hidden: 1, layers: 0 }, 3).check(9, 4);
  });

  test.each(ACTIVATIONS)('feedforward layers, %s: the gradient is that of finite differences', (activation) => {
    for (const layers of [1, 2])
      for (const given of each) {
        new Problem({ cell: 'mlp', activation }, 'default', { ...given, layers }, 7 + layers).check(5, 6);
        const wide = { ...given, layers, hidden: 17, dropout: layers > 1 ? 0.4 : 0 };
        new Problem({ cell: 'mlp', activation }, 'default', wide, 9 + layers).check(3, 6);
      }
  });

  test.each(CELLS.map((cell) => ({ cell, name: nameOf(cell) })))(
    '$name: the gradient is that of finite differences',
    ({ cell }) => {
      for (const layers of [1, 2])
        for (const given of each) new Problem(cell, 'default', { ...given, layers }, 17 + layers).check(4, 6);
    },
  );
});

test('winners and an L1 penalty on feedforward ReLU layers: the gradient is that of finite differences', () => {
  const given = { sparseFeatures: FEATURES, vocabulary: 4, hidden: 9, layers: 2, winners: 3, activationL1: 0.3 };
  new Problem({ cell: 'mlp', activation: 'relu' }, 'default', given, 21).check(4, 6);
});

test.each([1, 2])(
  '%i feedforward layers on real-valued features: the gradient is that of finite differences',
  (layers) => {
    new Problem({ cell: 'mlp', activation: 'tanh' }, 'default', { features: 3, vocabulary: 4, layers }, 31).check(4, 6);
  },
);
