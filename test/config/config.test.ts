import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkBothDirections, configWarnings } from '../../src/config/checks.js';
import { resolveConfig } from '../../src/config/config.js';
import { SETTING_NAMES, SETTINGS } from '../../src/config/settings.js';
import { UserError } from '../../src/errors.js';

const text = 'corpus/moby.txt';

function message(input: Record<string, unknown>): string {
  try {
    resolveConfig({ text, ...input });
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
  throw new Error(`accepted: ${JSON.stringify(input)}`);
}

test('a text alone gives the whole config', () => {
  const { workers, ...config } = resolveConfig({ text });
  expect(workers).toBeGreaterThanOrEqual(1);
  expect(config).toEqual({
    text,
    labels: 'classes',
    zeroBased: false,
    tokens: 'char',
    validation: 0.1,
    cell: 'lstm',
    activation: 'tanh',
    init: 'default',
    hidden: 256,
    layers: 1,
    embedding: 0,
    dropout: 0,
    biasStart: 0,
    bidirectional: false,
    splitTime: false,
    tableMemory: 256,
    residual: false,
    layerNorm: false,
    pooling: 'last',
    batch: 32,
    window: 64,
    stride: 64,
    epochs: 1,
    seed: 0,
    optimizer: 'adam',
    lr: 0.001,
    schedule: 'constant',
    gamma: 0.1,
    plateauPatience: 10,
    warmup: 0,
    clipNorm: 1,
    clipValue: 0,
    activationL1: 0,
    labelSmoothing: 0,
    sparse: 'auto',
    l1: 0,
    l2: 0,
    proximal: false,
    lazy: 'auto',
    momentum: 0.9,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    rho: 0.99,
    out: 'runs/moby-lstm256',
    kernels: 'auto',
    maxBadSteps: 10,
    maxWorkerFaults: 3,
    workerTimeout: 300,
    dryRun: false,
    quiet: false,
    json: false,
    profile: false,
    verbose: false,
  });
});

test('a data set says what is learned from it, unless something else is asked', () => {
  const births = { task: 'forecast', target: ['births'], time: 'date' };
  expect(resolveConfig({ dataset: 'births' })).toMatchObject(births);
  const words = { task: 'classify', target: ['tags'], labels: 'multilabel', tokens: 'char' };
  expect(resolveConfig({ dataset: 'word-tags' })).toMatchObject(words);
  for (const dataset of ['births', 'word-tags']) {
    const config = resolveConfig({ dataset });
    expect(resolveConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  }
  const { time, labels } = resolveConfig({ dataset: 'births', task: 'regress', cell: 'mlp' });
  expect([time, labels]).toEqual([undefined, 'classes']);
  expect(resolveConfig({ dataset: 'word-tags', task: 'classify' }).labels).toBe('classes');
});

test('a resolved config resolves to itself, also after JSON', () => {
  const config = resolveConfig({ text, steps: 10, window: 'full', cell: 'rnn', schedule: 'step', milestones: [5, 8] });
  expect(resolveConfig(config as never)).toEqual(config);
  expect(resolveConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  const examples = resolveConfig({ svmlight: 'a.svm', cell: 'mlp', layers: 0, optimizer: 'sgd', proximal: true });
  expect(examples).toMatchObject({ window: 1, stride: 1, out: 'runs/a-linear' });
  expect(resolveConfig(JSON.parse(JSON.stringify(examples)))).toEqual(examples);
});

test('defaults follow what they depend on', () => {
  expect(resolveConfig({ text, steps: 10 }).epochs).toBeUndefined();
  expect(resolveConfig({ text, steps: 10, epochs: 2 })).toMatchObject({ steps: 10, epochs: 2 });
  expect(resolveConfig({ text, window: 20 }).stride).toBe(20);
  expect(resolveConfig({ text, window: 'full' }).stride).toBe('full');
  expect(resolveConfig({ text, optimizer: 'adagrad' })).toMatchObject({ lr: 0.01, epsilon: 1e-10 });
  expect(resolveConfig({ text, optimizer: 'sgd' }).lr).toBe(0.01);
  expect(resolveConfig({ dataset: 'moby-dick', cell: 'gru', hidden: 12 }).out).toBe('runs/moby-dick-gru12');
  expect(resolveConfig({ text: '../my texts/.a b?.txt' }).out).toBe('runs/a-b-lstm256');
  expect(resolveConfig({}, undefined, { inMemory: true }).out).toBe('runs/memory-lstm256');
});

describe('what is out of bounds is refused with what it is and what is allowed', () => {
  test.each([
    [{ hidden: 0 }, '--hidden: 0 is not allowed; it is the number of units, 1 to 65536'],
    [{ hidden: -1 }, '--hidden: -1 is not allowed; it is the number of units, 1 to 65536'],
    [{ hidden: 1e9 }, '--hidden: 1000000000 is not allowed; it is the number of units, 1 to 65536'],
    [{ hidden: 'abc' }, '--hidden: "abc" is not allowed; it is the number of units, 1 to 65536'],
    [{ hidden: Number.NaN }, '--hidden: NaN is not allowed; it is the number of units, 1 to 65536'],
    [{ hidden: 1.5 }, '--hidden: 1.5 is not allowed; it is the number of units, a whole number, 1 to 65536'],
    [{ hidden: null }, '--hidden: null is not allowed; it is the number of units, 1 to 65536'],
    [
      { dropout: 1 },
      '--dropout: 1 is not allowed; it is the share of outputs dropped between layers, a number, 0 or more and below 1',
    ],
    [
      { densityTarget: 1 },
      '--density-target: 1 is not allowed; it is the share of active units to which the penalty on the outputs of ReLU layers ' +
        'is steered, a number, above 0 and below 1',
    ],
    [
      { biasStart: -1.5 },
      "--bias-start: -1.5 is not allowed; it is what is added to the start of ReLU layers' input biases: slightly below zero " +
        'makes a net sparse, -0.3 kills one (of 1,024 units -0.1 does), a number, -1 or more and 1 at most',
    ],
    [
      { kWinners: 0 },
      '--k-winners: 0 is not allowed; it is the number of units of a ReLU layer that stay active in a time step, the largest ' +
        'ones, 1 to 65536',
    ],
    [{ lr: 0 }, '--lr: 0 is not allowed; it is the learning rate, a number, above 0'],
    [
      { lr: Number.POSITIVE_INFINITY },
      '--lr: Infinity is not allowed; it is the learning rate, a number, above 0 (no number is larger than 3e+38)',
    ],
    [
      { cell: 'ltsm' },
      '--cell: "ltsm" is not allowed; it is the recurrent cell, or mlp for feedforward layers, one of rnn, lstm, gru, mlp; did you mean lstm?',
    ],
    [
      { window: 'ful' },
      '--window: "ful" is not allowed; it is the number of time steps that are backpropagated, 1 to 65536 or full',
    ],
    [{ json: 'yes' }, '--json: "yes" is not allowed; it is true or false'],
    [
      { text: '' },
      '--text: "" is not allowed; it is the file to learn, UTF-8 text or with --tokens byte any file, or a folder whose .txt files are one text, a path',
    ],
    [
      { schedule: 'step', milestones: [5, 5] },
      '--milestones: [5,5] is not allowed; it is the epochs after which --schedule step lowers the rate, ' +
        'whole numbers, 1 to 1000000, that grow, such as 5,8 (in a config file [5, 8])',
    ],
  ])('%j', (input, expected) => {
    expect(message(input)).toBe(expected);
  });
});

test('an unknown key is refused with the nearest known one', () => {
  expect(message({ hiden: 3 })).toBe('--hiden: there is no such setting; did you mean hidden?');
  expect(message({ 'clip-norm': 3 })).toBe('--clip-norm: there is no such setting; did you mean clipNorm?');
  expect(message({ xyzzy: 3 })).toBe('--xyzzy: there is no such setting');
  expect(message({ toString: 3 })).toMatch(/there is no such setting/);
  expect(message(JSON.parse('{"__proto__": 1}'))).toMatch(/__proto__: there is no such setting/);
});

describe('settings that contradict each other are refused', () => {
  test.each([
    [{ dataset: 'moby-dick' }, /^--dataset: --text is given as well/],
    [{ text: undefined }, /^--text: there is nothing to learn from/],
    [{ stride: 65 }, /^--stride: 65 is not allowed; .*1 to 64, the window/],
    [{ stride: 'full' }, /^--stride: full is not allowed without --window full/],
    [{ window: 'full', stride: 3 }, /^--stride: 3 is not allowed with --window full/],
    [{ schedule: 'step' }, /^--milestones: --schedule step needs them/],
    [{ milestones: [2] }, /^--milestones: --schedule constant has none/],
    [{ optimizer: 'nesterov', momentum: 0 }, /^--momentum: 0 is not allowed/],
    [{ optimizer: 'sparse-adam', l1: 0.1 }, /^--l1: --optimizer sparse-adam has none/],
    [{ optimizer: 'sparse-adam', l2: 0.1 }, /^--l2: --optimizer sparse-adam has none/],
    [{ optimizer: 'sparse-adam', lazy: 'never' }, /^--lazy: never is not allowed with --optimizer sparse-adam/],
    [{ proximal: true }, /^--proximal: it is not allowed with --optimizer adam; take --optimizer sgd/],
    [{ validation: 0, patience: 2 }, /^--patience: it needs evaluations/],
    [{ validation: 0, evalEvery: 2 }, /^--eval-every: it needs evaluations/],
    [{ validation: 0, schedule: 'plateau' }, /^--schedule: it needs evaluations/],
    [{ resume: 'a', initFrom: 'b' }, /^--init-from: /],
    [
      { kWinners: 9 },
      /^--k-winners: only --cell rnn or mlp with --activation relu has .*, and this is --cell lstm; leave it out/,
    ],
    [{ kWinners: 9, cell: 'rnn' }, /^--k-winners: .*, and this is --activation tanh; leave it out/],
    [
      { kWinners: 11, hidden: 10, cell: 'rnn', activation: 'relu' },
      /^--k-winners: 11 is not allowed; .*, 1 to 10, the units of a layer/,
    ],
  ])('%j', (input, expected) => {
    expect(message(input)).toMatch(expected);
  });

  test.each([
    [{ text }, /^--svmlight: --text is given as well/],
    [{ embedding: 8 }, /^--embedding: it is for tokens/],
    [{ layers: 0 }, /^--layers: 0 is not allowed with --cell lstm; take --cell mlp/],
    [{ cell: 'mlp', window: 8 }, /^--window: with --cell mlp each example stands by itself/],
    [{ cell: 'mlp', window: 'full' }, /^--window: with --cell mlp each example stands by itself/],
    [{ cell: 'mlp', stride: 8 }, /^--stride: with --cell mlp each example stands by itself/],
    [{ cell: 'mlp', activation: 'relu', layers: 0, kWinners: 1 }, /^--k-winners: only --cell rnn or mlp with/],
  ])('of examples: %j', (input, expected) => {
    expect(() => resolveConfig({ svmlight: 'a.svm', ...input })).toThrow(expected);
  });

  const labelled = { csv: 'a.csv', task: 'classify', target: 'label', cell: 'mlp' } as const;
  test.each([
    [{ labelSmoothing: 1 }, /^--label-smoothing: 1 is not allowed; .* a number, 0 or more and below 1$/],
    [{ labelSmoothing: 0.1, task: 'regress' }, /^--label-smoothing: it is for classes and labels, and --task regress/],
    [{ classWeights: ['a:2'], task: 'regress' }, /^--class-weights: it is for classes, and --task regress predicts/],
    [{ classWeights: 'balanced', labels: 'multilabel' }, /^--class-weights: with --labels multilabel there is no one/],
    [{ classWeights: [] }, /^--class-weights: \[\] is not allowed; .*balanced, or names with numbers/],
    [{ classWeights: 'a' }, /^--class-weights: "a" has no weight; give balanced, or each class .* such as a:2$/],
    [{ classWeights: ['balanced', 'a:2'] }, /^--class-weights: "balanced" has no weight/],
    [{ classWeights: [':2'] }, /^--class-weights: ":2" has no weight/],
    [{ classWeights: ['a:'] }, /^--class-weights: "" of "a" is not allowed; it is a number, above 0 and 1000000 at/],
    [{ classWeights: ['a:b:0'] }, /^--class-weights: "0" of "a:b" is not allowed/],
    [{ classWeights: ['a:-1'] }, /^--class-weights: "-1" of "a" is not allowed/],
    [{ classWeights: ['a:1e7'] }, /^--class-weights: "1e7" of "a" is not allowed/],
    [{ classWeights: ['a:2', 'b:1', 'a:3'] }, /^--class-weights: "a" is given twice; give it once/],
  ])('of what is minimized: %j', (input, expected) => {
    expect(() => resolveConfig({ ...labelled, ...input })).toThrow(expected);
  });

  test('weights of classes are no setting of texts, and numbers of --svmlight have none', () => {
    expect(message({ classWeights: 'balanced' })).toMatch(
      /^--class-weights: it is for --task classify and tag, and for/,
    );
    const numbers = { svmlight: 'a.svm', labels: 'numbers' };
    expect(() => resolveConfig({ ...numbers, labelSmoothing: 0.1 })).toThrow(/and --labels numbers predicts numbers/);
    expect(() => resolveConfig({ ...numbers, classWeights: 'balanced' })).toThrow(
      /^--class-weights: it is for classes/,
    );
    for (const given of [{ classWeights: ['-1:0.5', 'a:b:2'] }, { labelSmoothing: 0.1 }, { classWeights: 'balanced' }])
      expect(() => resolveConfig({ svmlight: 'a.svm', ...given })).not.toThrow();
  });

  test('data in memory and a file', () => {
    expect(() => resolveConfig({ text }, undefined, { inMemory: true })).toThrow(/^--text: data is given in memory/);
  });
});

test.each([
  [{ kWinners: 3 }, 'kWinners: it is not made for --bidirectional; leave one of the two out'],
  [{ optimizer: 'sparse-adam' }, /^optimizer: sparse-adam needs one table, and each direction has its own/],
  [{ optimizer: 'sparse-adam', embedding: 4 }, undefined],
] as const)('two directions, %j', (given, expected) => {
  const fail = (key: string, message: string): never => {
    throw new Error(`${key}: ${message}`);
  };
  const check = (bidirectional: boolean) =>
    checkBothDirections({ optimizer: 'adam', embedding: 0, kWinners: undefined, ...given, bidirectional }, fail);
  expect(() => check(false)).not.toThrow();
  if (expected === undefined) expect(() => check(true)).not.toThrow();
  else expect(() => check(true)).toThrow(expected);
});

test('what has no effect is allowed, with a warning', () => {
  const warnings = (input: Record<string, unknown>) => configWarnings(resolveConfig({ text, ...input })).join('\n');
  expect(warnings({})).toBe('');
  expect(warnings({ dropout: 0.5 })).toMatch(/--dropout has no effect with fewer than two layers/);
  expect(warnings({ dropout: 0.5, layers: 2 })).toBe('');
  expect(warnings({ residual: true })).toMatch(/--residual has no effect with fewer than two layers/);
  expect(warnings({ residual: true, layers: 2, layerNorm: true })).toBe('');
  expect(warnings({ optimizer: 'adam', momentum: 0.5, rho: 0.5 })).toBe(
    '--momentum has no effect with --optimizer adam: it is of momentum, nesterov\n' +
      '--rho has no effect with --optimizer adam: it is of rmsprop',
  );
  expect(warnings({ optimizer: 'sgd', epsilon: 1e-5, beta1: 0.5, gamma: 0.5, plateauPatience: 3 })).toMatch(
    /^--beta1 .*sgd.*\n--epsilon .*sgd.*\n--gamma .*--schedule constant: it is of step, plateau\n--plateau-patience .*$/,
  );
  expect(warnings({ optimizer: 'nesterov', momentum: 0.5, schedule: 'plateau', gamma: 0.5, plateauPatience: 3 })).toBe(
    '',
  );
  expect(warnings({ optimizer: 'sgd' }) + warnings({ optimizer: 'adagrad' })).toBe('');
  expect(
    warnings({ text: undefined, csv: 'a.csv', task: 'classify', target: 'a', cell: 'mlp', init: 'orthogonal' }),
  ).toBe('--init orthogonal has no effect: --cell mlp has no recurrent weights');
  expect(warnings({ quiet: true, json: true })).toMatch(/^--quiet has no effect with --json/);
  expect(warnings({ activation: 'relu' })).toMatch(/--activation relu has no effect/);
  expect(warnings({ cell: 'gru', forgetBias: 1 })).toMatch(/--forget-bias has no effect/);
  expect(warnings({ init: 'identity' })).toMatch(/--init identity/);
  expect(warnings({ init: 'identity', cell: 'rnn', activation: 'relu' })).toBe('');
  const relu = { cell: 'rnn', activation: 'relu', hidden: 100 };
  const sparse = { biasStart: -0.1, densityTarget: 0.1, activationL1: 0.01 };
  expect(warnings({ ...relu, ...sparse, kWinners: 10 })).toBe('');
  expect(warnings({ ...relu, densityTarget: 0.2, kWinners: 10 })).toMatch(
    /^--density-target 0.2 is not reached: --k-winners 10 leaves no more than 0.1$/,
  );
  for (const flag of ['bias-start', 'density-target', 'activation-l1'])
    expect(warnings(sparse)).toMatch(
      new RegExp(`^--${flag} has no effect: only --cell rnn or mlp with --activation relu`, 'm'),
    );
  const both = { ...resolveConfig({ text, ...relu, ...sparse }), bidirectional: true };
  const found = configWarnings(both).join('\n');
  for (const flag of ['density-target', 'activation-l1'])
    expect(found).toMatch(new RegExp(`^--${flag} has no effect: the zeros of --bidirectional layers`, 'm'));
  expect(found).not.toMatch(/bias-start/);
  expect(warnings({ steps: 5, warmup: 5 })).toMatch(/--warmup 5 does not end/);
});

test('null leaves out a setting that may be absent', () => {
  expect(resolveConfig({ text, steps: null, patience: null })).toMatchObject({ epochs: 1 });
});

test('whatever is given, the answer is a whole config or a UserError', () => {
  const value = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.nat()),
    fc.object(),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(fc.constantFrom(...SETTING_NAMES), fc.string()), value), (input) => {
      try {
        const config = resolveConfig({ text, ...input });
        expect(config.hidden).toBeGreaterThanOrEqual(1);
        expect(config.stride === 'full' ? config.window : Number(config.window) >= config.stride).toBeTruthy();
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
    { seed: 3 },
  );
});

test('every setting says in words what it is and what is allowed', () => {
  for (const name of SETTING_NAMES) {
    expect(SETTINGS[name].about.length, name).toBeGreaterThan(5);
    expect(SETTINGS[name].allowed.length, name).toBeGreaterThan(0);
  }
});

test('what examples and linear models have no use for is said', () => {
  const linear = resolveConfig({ svmlight: 'a.svm', cell: 'mlp', layers: 0, activation: 'relu', tokens: 'byte' });
  expect(configWarnings(linear)).toEqual([
    '--tokens byte has no effect: --svmlight has features, no tokens',
    '--activation relu has no effect: a linear model (--layers 0) has none',
  ]);
});
