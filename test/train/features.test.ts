// A model that reads real-valued features, and one that predicts classes, numbers or labels that are not its tokens: the bits of its
// training do not depend on how many workers share it.
import { expect, test } from 'vitest';
import { Coordinator, type Fed } from '../../src/coordinator/coordinator.js';
import { WorkerPool } from '../../src/coordinator/pool.js';
import { PROTOCOL_WORDS } from '../../src/coordinator/protocol.js';
import { allocate, type KernelName, reservedBytes } from '../../src/kernels/choose.js';
import { padded } from '../../src/kernels/kernels.js';
import { nativeProblem } from '../../src/kernels/native.js';
import { Arena } from '../../src/memory/arena.js';
import { createSharedBuffer } from '../../src/memory/shared-array-buffer.js';
import type { Architecture } from '../../src/model/architecture.js';
import { fromTorch, transposePanels } from '../../src/model/parameters.js';
import { layOut, type RunShape } from '../../src/train/layout.js';
import { CELLS, featuresOf, nameOf, predictionsOf, uniformStart, windowOf } from './problems.js';

const [T, STEPS, I, K] = [7, 4, 21, 9];
const OPTIMIZER = {
  name: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 1,
  clipValue: 0,
  l1: 0,
  l2: 0,
  proximal: false,
} as const;
const kernelNames: KernelName[] = ['wasm', ...(nativeProblem() ? [] : (['native'] as const))];
const OUTPUTS = ['softmax', 'multilabel', 'linear'] as const;
const features = { embedding: 0, vocabulary: 0, features: I, outputs: K };
const [feedforward, one] = [{ cell: 'mlp', activation: 'relu' } as const, { layers: 0, hidden: 1 }];
const models: {
  readonly name: string;
  readonly model: Omit<Architecture, 'hidden' | 'layers'> & Partial<Architecture>;
}[] = [
  ...CELLS.map((cell) => ({ name: nameOf(cell), model: { ...cell, ...features } })),
  ...OUTPUTS.flatMap((output) => [
    { name: `lstm, ${output}`, model: { ...CELLS[3], ...features, output } },
    { name: `mlp, ${output}`, model: { ...feedforward, ...features, output } },
    { name: `linear model, ${output}`, model: { ...feedforward, ...features, ...one, output } },
    { name: `lstm in two directions, ${output}`, model: { ...CELLS[3], ...features, bidirectional: true, output } },
    { name: `gru, the mean, ${output}`, model: { ...CELLS[4], ...features, pooling: 'mean' as const, output } },
    { name: `gru of tokens, ${output}`, model: { ...CELLS[4], embedding: 6, vocabulary: 30, outputs: K, output } },
  ]),
];
for (const pooling of ['mean', 'last'] as const)
  models.push({
    name: `lstm in two directions, ${pooling}`,
    model: { ...CELLS[3], ...features, bidirectional: true, pooling },
  });
for (const cell of [CELLS[2], CELLS[3]])
  models.push({ name: `${nameOf(cell)}, residual`, model: { ...cell, ...features, layers: 3, residual: true } });
models.push({ name: 'gru, layer norm', model: { ...CELLS[4], ...features, layers: 2, layerNorm: true } });
models.push({ name: 'mlp, layer norm', model: { ...feedforward, ...features, layers: 2, layerNorm: true } });
models.push({
  name: 'lstm in two directions, layer norm',
  model: { ...CELLS[3], ...features, layers: 2, layerNorm: true, residual: true, bidirectional: true, pooling: 'last' },
});
models.push({
  name: 'gru in two directions, residual, the mean',
  model: { ...CELLS[4], ...features, layers: 2, residual: true, bidirectional: true, pooling: 'mean' },
});
models.push({ name: 'rnn relu, the mean', model: { ...CELLS[2], ...features, pooling: 'mean' } });
const cases = kernelNames.flatMap((kernels) => models.map((model) => ({ kernels, ...model })));

/** Losses of some steps, and the parameters' bytes after them. */
async function trained(shape: RunShape, kernels: KernelName) {
  const layout = layOut(shape);
  const memory = allocate(kernels, layout.bytes, createSharedBuffer);
  const arena = new Arena(memory.buffer, 4);
  const start = uniformStart(shape.model, 0.3, 1);
  for (const p of layout.parameters) {
    const stored = arena.floatsAt(p.weights, p.length);
    fromTorch(p, start[p.name], stored);
    if (p.transposedPanels) transposePanels(p, stored, arena.floatsAt(p.transposedPanels, p.length));
  }
  const pool = new WorkerPool(shape.workers, { kernels, memory, shape, optimizer: OPTIMIZER });
  const coordinator = new Coordinator(arena, layout, pool.failure, 1);
  const losses: number[] = [];
  let step = 0;
  await coordinator.run<Fed>(
    (slot) => {
      if (step === STEPS) return undefined;
      featuresOf(I, T, shape.streams, step)
        .flat()
        .forEach((row, i) => {
          if (shape.model.features) slot.features?.set(row, i * padded(I));
        });
      const { tokens, targets } = windowOf(shape.model.vocabulary, T, shape.streams, step, { classes: K });
      slot.inputs.set(tokens.flat());
      const { output = 'softmax' } = shape.model;
      const predicted = output === 'softmax' ? { targets, outputs: [] } : predictionsOf(output, K, targets, step);
      slot.targets.set(predicted.targets.flat());
      predicted.outputs.flat().forEach((row, i) => {
        slot.outputs?.set(row, i * padded(K));
      });
      slot.reset.fill(step === 0 ? 1 : 0);
      slot.carry.fill(T);
      for (let row = 0; slot.lengths && row < shape.streams; row++) {
        slot.lengths[row] = T - ((row + step) % 3);
        const last = slot.lengths[row] - 1;
        for (let t = 0; t < T; t++)
          if (t > last || (shape.model.pooling && t < last)) slot.targets[t * shape.streams + row] = -1;
      }
      const counted = slot.targets.subarray(0, T * shape.streams).filter((target) => target >= 0).length;
      return { kind: 'train', steps: T, counted, rate: 0.02, step: step++ };
    },
    (_, { loss }) => losses.push(loss),
  );
  coordinator.exit();
  await pool.close();
  const weights = layout.parameters.map((p) => Buffer.from(arena.floatsAt(p.weights, p.length).slice().buffer));
  return { losses, weights: Buffer.concat(weights).toString('base64') };
}

// With 5 streams each worker has its own; with 1 the workers share its columns.
test.each(cases)(
  '$kernels kernels, $name: 1, 2 and 3 workers give the same bits',
  async ({ kernels, model: given }) => {
    for (const [streams, layers] of [
      [5, 2],
      [1, 1],
    ]) {
      const model = { hidden: 35, layers, ...given };
      const outcomes = [];
      for (const workers of [1, 2, 3]) {
        const shape: RunShape = {
          ...{ model, optimizer: 'adam', streams, steps: T, dropout: 0, seed: 0, workers, floatBytes: 4 },
          ...{ evaluationStreams: 0, evaluationSteps: 0 },
          ...{ reservedBytes: reservedBytes(kernels), controlWords: PROTOCOL_WORDS },
        };
        outcomes.push(await trained(shape, kernels));
      }
      expect(outcomes[0].losses).toHaveLength(STEPS);
      expect(outcomes[0].losses.every(Number.isFinite)).toBe(true);
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(outcomes[2]).toEqual(outcomes[0]);
    }
  },
);
