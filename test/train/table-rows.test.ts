// Tables that are updated by rows: the same parameters as when every step visits every row, whatever the rule, for as long as one
// likes; and what happens to rows between two touches.
import { describe, expect, test } from 'vitest';
import type { KernelName } from '../../src/kernels/choose.js';
import { nativeProblem } from '../../src/kernels/native.js';
import type { OptimizerSettings } from '../../src/train/optimizer.js';
import { PERIOD, rowRuleOf } from '../../src/train/row-rule.js';
import { createRandom } from '../kernels/bench-arena.js';
import { InlineRun } from './inline-run.js';
import { uniformStart } from './problems.js';

const kernelNames: KernelName[] = ['reference', 'wasm', ...(nativeProblem() ? [] : (['native'] as const))];
const [T, B, V] = [2, 2, 60];
const oneHot = { cell: 'rnn', activation: 'tanh', hidden: 5, layers: 1, embedding: 0, vocabulary: V } as const;
const embedded = { ...oneHot, cell: 'lstm', embedding: 4 } as const;

type Given = Partial<OptimizerSettings> & Pick<OptimizerSettings, 'name'>;

/** Tokens of which the first few are frequent, as words are, and a learning rate that goes up and down. */
function windows(steps: number, seed: number, rate = 0.05) {
  const random = createRandom(seed);
  const rows = () => Array.from({ length: T }, () => Array.from({ length: B }, () => Math.floor(V * random() ** 3)));
  return Array.from({ length: steps }, (_, step) => ({
    tokens: rows(),
    targets: rows(),
    rate: rate * (1 + Math.sin(step / 40)),
  }));
}

/** Each case with a state that is far from zero at the end, so that an error would show. */
const LAZY: readonly Given[] = [
  { name: 'sgd' },
  { name: 'sgd', l2: 0.01 },
  { name: 'sgd', l1: 0.002 },
  { name: 'sgd', l1: 0.001, l2: 0.02 },
  { name: 'sgd', l1: 0.001, l2: 0.02, proximal: true },
  { name: 'momentum', beta1: 0.9 },
  { name: 'nesterov', beta1: 0.95 },
  { name: 'adagrad', epsilon: 1e-10 },
  { name: 'adagrad', epsilon: 1e-10, l1: 0.001 },
];
const nameOf = (given: Given): string => Object.values(given).join(' ');

function largestDifference(a: Record<string, number[]>, b: Record<string, number[]>): number {
  let largest = 0;
  for (const [name, values] of Object.entries(a))
    values.forEach((value, i) => {
      largest = Math.max(largest, Math.abs(value - b[name][i]));
    });
  return largest;
}

describe.each([
  ['one-hot rows', oneHot, LAZY],
  ['embedding', embedded, LAZY.filter((given) => given.l2 === 0.02 || given.name === 'momentum')],
] as const)('%s', (_, model, optimizers) => {
  test.each(optimizers.map((given) => [nameOf(given), given] as const))(
    '%s: rows that catch up are those of a dense update in float64, beyond the end of a period and at any rate',
    (_, optimizer) => {
      const options = { model, streams: B, steps: T, precision: 'float64', optimizer } as const;
      const [lazy, dense] = [new InlineRun(options), new InlineRun({ ...options, lazy: false })];
      for (const run of [lazy, dense]) run.setParameters(uniformStart(model, 0.6, 1));
      for (const [step, window] of windows(PERIOD + 300, 2, optimizer.beta1 ? 0.004 : 0.05).entries()) {
        const results = [lazy.step(window), dense.step(window)];
        expect(Math.abs(results[0].loss - results[1].loss)).toBeLessThan(1e-8);
        if (step % 300 !== 299) continue;
        expect(largestDifference(lazy.read('current'), dense.read('weights'))).toBeLessThan(1e-8);
      }
    },
    60_000,
  );
});

test('elastic net after 10,000 steps is within 1e-5 of the dense update in float64, with all kernels', () => {
  const optimizer = { name: 'sgd', l1: 0.0005, l2: 0.005, clipNorm: 1 } as const;
  const options = { model: oneHot, streams: B, steps: T, optimizer } as const;
  const dense = new InlineRun({ ...options, precision: 'float64', lazy: false });
  const lazy = kernelNames.map((kernels) => new InlineRun({ ...options, kernels }));
  for (const run of [dense, ...lazy]) run.setParameters(uniformStart(oneHot, 0.6, 1));
  for (const window of windows(10_000, 3, 0.01)) for (const run of [dense, ...lazy]) run.step(window);
  for (const run of lazy) expect(largestDifference(run.read('current'), dense.read('weights'))).toBeLessThan(1e-5);
}, 60_000);

describe.each(kernelNames)('%s kernels', (kernels) => {
  test('sparse-adam leaves rows that a step does not name alone, and their states', () => {
    const run = new InlineRun({ model: oneHot, streams: B, steps: T, kernels, optimizer: { name: 'sparse-adam' } });
    run.setParameters(uniformStart(oneHot, 0.6, 1));
    const window = {
      tokens: [
        [1, 2],
        [2, 5],
      ],
      targets: [
        [0, 0],
        [0, 0],
      ],
      rate: 0.01,
    };
    run.step({
      ...window,
      tokens: [
        [3, 4],
        [3, 4],
      ],
    });
    const table = () =>
      (['weights', 'firstState', 'secondState'] as const).map((view) => run.read(view)['rnn.weight_ih_l0']);
    const before = table();
    run.step(window);
    table().forEach((values, view) => {
      values.forEach((value, i) => {
        const isNamed = [1, 2, 5].includes(i % V);
        if (isNamed) expect(value).not.toBe(before[view][i]);
        else expect(value).toBe(before[view][i]);
      });
    });
  });

  test('a step that is not finite changes no row, and the next one finds none of its gradients', () => {
    const optimizer = { name: 'sgd', l2: 0.01 } as const;
    const runs = [0, 1].map(() => new InlineRun({ model: oneHot, streams: B, steps: T, kernels, optimizer }));
    for (const run of runs) run.setParameters(uniformStart(oneHot, 0.6, 1));
    const [first, bad, next] = windows(3, 5);
    for (const [i, run] of runs.entries()) {
      run.step({ ...first, reset: true });
      if (i === 1) {
        run.setState('h', [Number.NaN, ...run.state('h').slice(1)]);
        expect(run.step(bad).applied).toBe(false);
      }
      run.step({ ...next, reset: true });
    }
    expect(runs[1].read('weights')).toEqual(runs[0].read('weights'));
  });
});

test.each([
  [{ name: 'sgd' }, 'touched'],
  [{ name: 'sgd', l2: 9 }, 'shrink'],
  [{ name: 'sgd', l2: 10 }, 'dense'],
  [{ name: 'sgd', l2: 10, proximal: true }, 'shrink'],
  [{ name: 'sgd', l1: 1 }, 'shrink'],
  [{ name: 'momentum' }, 'momentum'],
  [{ name: 'momentum', l2: 1 }, 'dense'],
  [{ name: 'nesterov', l1: 1 }, 'dense'],
  [{ name: 'adagrad' }, 'touched'],
  [{ name: 'adagrad', l1: 1 }, 'shrink'],
  [{ name: 'adagrad', l2: 1 }, 'dense'],
  [{ name: 'rmsprop' }, 'dense'],
  [{ name: 'adam' }, 'dense'],
  [{ name: 'adamw' }, 'dense'],
  [{ name: 'sparse-adam' }, 'touched'],
  [{ name: 'sparse-adam', l1: 1 }, 'touched'],
] as const)('the rule of %o at rates up to 0.1 is %s', (given, rule) => {
  const settings = { beta1: 0.9, beta2: 0.9, epsilon: 0, clipNorm: 0, clipValue: 0, l1: 0, l2: 0, proximal: false };
  expect(rowRuleOf({ ...settings, ...given }, 0.1)).toBe(rule);
});
