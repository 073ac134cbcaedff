// The toy network: closed forms where there are some, and the engine's own norms for all its cells.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Architecture } from '../../src/model/architecture.js';
import { fromTorch } from '../../src/model/parameters.js';
import { GradientProbe, probedTokens } from '../../src/run/gradient-probe.js';
import { type ToyNetwork, toyNetworks } from '../../src/run/toy-networks.js';

const find = (networks: readonly ToyNetwork[], cell: string): ToyNetwork => {
  const found = networks.find((network) => network.cell === cell);
  if (!found) throw new Error(`there is no ${cell}`);
  return found;
};

test('a ReLU multiplies by its weight at every step: it vanishes below 1, stays at 1, explodes above', () => {
  const weight = fc.double({ min: 0.01, max: 3, noNaN: true });
  fc.assert(
    fc.property(weight, fc.integer({ min: 2, max: 60 }), (w, steps) => {
      const { norms } = find(toyNetworks({ weights: [w], steps }), 'relu');
      expect(norms).toHaveLength(steps);
      norms.forEach((norm, back) => {
        expect(Math.abs(norm / w ** back - 1)).toBeLessThan(1e-9);
      });
    }),
  );
});

test('a sigmoid loses three quarters of the weight a step at least, a gate that stays open loses nearly nothing', () => {
  const networks = toyNetworks({ weights: [1.5], gateBiases: [5] });
  find(networks, 'sigmoid').norms.forEach((norm, back) => {
    expect(norm).toBeLessThanOrEqual((1.5 / 4) ** back);
  });
  for (const cell of ['lstm', 'gru']) expect(find(networks, cell).norms[49], cell).toBeGreaterThan(0.4);
});

test('cut off after a window, what is left is the share of the norms within it', () => {
  const { kept } = find(toyNetworks({ weights: [1], steps: 40, window: 10 }), 'relu');
  expect(kept).toBeCloseTo(0.25, 12);
  for (const network of toyNetworks()) expect(network.kept).toBe(1);
});

/** Gates of the cell in PyTorch's order, as the bias that each has. */
const biasesOf = ({ cell, gateBias }: ToyNetwork): number[] => {
  if (gateBias === null) return [0];
  return cell === 'lstm' ? [-gateBias, gateBias, 0, 0] : [0, gateBias, 0];
};

test('the engine finds the same in a net of one unit', () => {
  const steps = 12;
  for (const network of toyNetworks({ weights: [-0.7, 0.5, 1, 1.5], gateBiases: [-1, 0, 3], steps })) {
    const { cell, weight } = network;
    const isSimple = cell === 'sigmoid' || cell === 'tanh' || cell === 'relu';
    const model: Architecture = {
      ...{ cell: isSimple ? 'rnn' : cell, activation: isSimple ? cell : 'tanh' },
      ...{ hidden: 1, layers: 1, embedding: 0, vocabulary: 2 },
    };
    const biases = biasesOf(network);
    const values: Readonly<Record<string, readonly number[]>> = {
      // Token 0 is an input of 1, token 1 an input of 0.
      'rnn.weight_ih_l0': biases.flatMap(() => [1, 0]),
      'rnn.weight_hh_l0': biases.map(() => weight),
      'rnn.bias_ih_l0': biases,
      'rnn.bias_hh_l0': biases.map(() => 0),
      'head.weight': [1, -1],
      'head.bias': [0, 0],
    };
    const probe = new GradientProbe(model, { kernels: 'reference', precision: 'float64', window: steps, streams: 1 });
    for (const p of probe.parameters) fromTorch(p, values[p.name], probe.arena.floatsAt(p.weights, p.length));
    probe.transpose();
    const [norms] = probe.norms(probedTokens([Int32Array.from({ length: steps + 1 }, (_, t) => (t === 0 ? 0 : 1))]));
    norms.forEach((norm, back) => {
      const message = `${cell}, w = ${weight}, gate bias ${network.gateBias}, ${back} steps back`;
      expect(Math.abs(norm / norms[0] - network.norms[back]), message).toBeLessThan(1e-10 * (1 + network.norms[back]));
    });
  }
});
