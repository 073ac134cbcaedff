// The gradient of a window against finite differences of its loss, in float64: every cell, start, depth and kind of input.
import { describe, expect, test } from 'vitest';
import { Problem, STARTS } from './finite-differences.js';
import { CELLS, nameOf } from './problems.js';

describe.each(CELLS.map((cell) => ({ cell, name: nameOf(cell) })))('$name in two directions', ({ cell }) => {
  test.each([1, 2, 3])('a stack of %i, rows of any length: the gradient is that of finite differences', (layers) => {
    const both = { bidirectional: true, layers, outputs: 3 };
    const lengths = [
      [4, 4],
      [4, 2],
      [1, 4],
      [3, 2],
    ] as const;
    Object.values(INPUTS).forEach((input, i) => {
      if (layers === 3 && i < 3) return;
      const vocabulary = 'features' in input ? 0 : input.vocabulary;
      const given = { ...input, ...both, vocabulary, lengths: lengths[i], uncounted: i % 2 };
      // Of many ReLUs some would be near their kinks.
      const hidden = layers === 2 && i === 1 && cell.activation !== 'relu' ? 17 : 3;
      new Problem(cell, 'default', { ...given, hidden }, 67 * layers + i).check(1, layers);
    });
  });

  test('dropout between them: the gradient is that of finite differences', () => {
    const given = {
      ...INPUTS['real-valued features'],
      vocabulary: 0,
      outputs: 1,
      output: 'linear',
      layers: 2,
    } as const;
    new Problem(cell, 'default', { ...given, bidirectional: true, dropout: 0.4, lengths: [2, 4] }, 5).check(3, 6);
  });
});

const POOLED = [
  { pooling: 'mean' },
  { pooling: 'mean', bidirectional: true },
  { pooling: 'last', bidirectional: true },
] as const;

describe.each(CELLS.map((cell) => ({ cell, name: nameOf(cell) })))('$name, pooled', ({ cell }) => {
  test.each(POOLED)('%j: the gradient is that of finite differences', (pooled) => {
    Object.values(INPUTS).forEach((input, i) => {
      const lengths = (
        [
          [4, 4],
          [4, 2],
          [1, 4],
          [3, 2],
        ] as const
      )[i];
      const given = { ...input, ...pooled, lengths, outputs: 3, layers: 1 + (i % 2), hidden: 3 };
      new Problem(cell, 'default', { ...given, vocabulary: 'features' in input ? 0 : input.vocabulary }, 91 + i).check(
        1,
        i,
      );
    });
    const { features } = INPUTS['real-valued features'];
    const linear = { ...pooled, features, embedding: 0, vocabulary: 0, outputs: 2, output: 'linear' } as const;
    new Problem(cell, 'default', { ...linear, layers: 2, dropout: 0.4, lengths: [3, 4] }, 95).check(2, 5);
  });
});

const BETWEEN = [
  { residual: true },
  { residual: true, dropout: 0.4 },
  { residual: true, bidirectional: true, lengths: [4, 2], pooling: 'mean' },
  { layerNorm: true },
  { layerNorm: true, dropout: 0.4 },
  { layerNorm: true, residual: true },
  { layerNorm: true, residual: true, bidirectional: true, lengths: [4, 2], pooling: 'last' },
] as const;

describe.each(CELLS.map((cell) => ({ cell, name: nameOf(cell) })))('$name, what is between layers', ({ cell }) => {
  test.each(BETWEEN)('%j: the gradient is that of finite differences', (given) => {
    const { features } = INPUTS['real-valued features'];
    const layers = 'dropout' in given ? 3 : 2;
    const all = { features, embedding: 0, vocabulary: 0, outputs: 2, output: 'linear', hidden: 3, layers } as const;
    new Problem(cell, 'default', { ...all, ...given }, 97).check(2, 5);
  });
});

/** A window has 8 rows, so 5 tokens are projected and 11 are not. */
const INPUTS = {
  'one-hot rows': { embedding: 0, vocabulary: 5 },
  'a projected embedding': { embedding: 4, vocabulary: 5 },
  'an embedding that is not projected': { embedding: 4, vocabulary: 11 },
  'real-valued features': { embedding: 0, vocabulary: 5, features: 3 },
} as const;

test.each(['softmax', 'multilabel', 'linear'] as const)(
  '%s outputs that are not the vocabulary: the gradient is that of finite differences',
  (output) => {
    const features = { vocabulary: 0, features: 3, outputs: 19, output };
    for (const layers of [0, 1, 2]) {
      const given = { ...features, layers, uncounted: 2, hidden: layers > 0 ? 5 : 1 };
      new Problem({ cell: 'mlp', activation: 'tanh' }, 'default', given, 21 + layers).check(2, layers);
    }
    const tokens = [
      { embedding: 0, vocabulary: 5, outputs: 3 },
      { embedding: 4, vocabulary: 5, outputs: 19 },
      { embedding: 4, vocabulary: 11, outputs: 1 },
    ];
    for (const [i, given] of [features, ...tokens].entries())
      new Problem(CELLS[3], 'default', { ...given, layers: 1, uncounted: 3, output }, 25 + i).check(2, i);
  },
);

test.each(['softmax', 'multilabel'] as const)(
  'smoothed targets of %s outputs: the gradient is that of finite differences',
  (output) => {
    const given = { vocabulary: 5, embedding: 4, layers: 1, uncounted: 1, output, labelSmoothing: 0.2 };
    new Problem(CELLS[3], 'default', { ...given, outputs: 19 }, 35).check(2, 1);
  },
);

test.each([0, 0.2])(
  'weights of classes, smoothing %d: the gradient is that of finite differences',
  (labelSmoothing) => {
    const given = { vocabulary: 5, embedding: 4, layers: 1, uncounted: 1, outputs: 3, labelSmoothing };
    new Problem(CELLS[4], 'default', { ...given, classWeights: [0.3, 4, 1] }, 36).check(2, 1);
  },
);

test.each([1, 2])(
  'an L1 penalty on the outputs of %i ReLU layers: the gradient is that of finite differences',
  (layers) => {
    const given = { ...INPUTS['one-hot rows'], layers, uncounted: 2, activationL1: 0.3 };
    new Problem({ cell: 'rnn', activation: 'relu' }, 'default', given, 77 + layers).check(2, layers);
  },
);

test.each([1, 2, 3])('3 winners of 9 units in %i ReLU layers: the gradient is that of finite differences', (layers) => {
  Object.values(INPUTS).forEach((input, i) => {
    const given = { ...input, hidden: 9, layers, winners: 3, uncounted: i };
    const problem = new Problem({ cell: 'rnn', activation: 'relu' }, 'default', given, 53 * layers + i);
    problem.check(2, layers);
    expect(problem.mostActive()).toBe(3);
  });
});

describe.each(CELLS.map((cell) => ({ cell, name: nameOf(cell) })))('$name', ({ cell }) => {
  describe.each(STARTS)('from the %s start', (init) => {
    test.each([1, 2, 3])('a stack of %i: the gradient is that of finite differences', (layers) => {
      Object.values(INPUTS).forEach((input, i) => {
        // The deepest stack is slow: one kind of input for each start.
        if (layers === 3 && i % STARTS.length !== STARTS.indexOf(init)) return;
        new Problem(cell, init, { ...input, layers, uncounted: i }, 31 * layers + i).check(1, layers);
      });
    });
  });

  test.each(['multilabel', 'linear'] as const)('%s outputs: the gradient is that of finite differences', (output) => {
    new Problem(cell, 'default', { ...INPUTS['one-hot rows'], layers: 2, uncounted: 1, output }, 8).check(2, 3);
    const alone = { ...INPUTS['real-valued features'], vocabulary: 1, layers: 1, output };
    new Problem(cell, 'default', alone, 9).check(2, 4);
  });

  test.each(Object.keys(INPUTS) as (keyof typeof INPUTS)[])(
    'dropout, %s, and predictions that count late: the gradient is that of finite differences',
    (input) => {
      new Problem(cell, 'default', { ...INPUTS[input], hidden: 17, layers: 2, dropout: 0.4, uncounted: 3 }, 5).check(
        2,
        6,
      );
    },
  );
});
