// What a model says to windows of features or tokens: the same as to one time step after the other, and what PyTorch's definition says
// of it, computed by plain loops.
import { describe, expect, test } from 'vitest';
import type { Batches, BatchSlot } from '../../src/data/batches.js';
import { padded } from '../../src/kernels/kernels.js';
import { type Architecture, headOutputs } from '../../src/model/architecture.js';
import { fromTorch } from '../../src/model/parameters.js';
import { type Cursor, Inference } from '../../src/run/inference.js';
import { difference, featuresOf, type Parameters, uniformStart, windowOf } from '../train/problems.js';
import { kernelNames } from './runs.js';

const [T, B, WINDOWS] = [5, 3, 2];
const FEATURES = { embedding: 0, vocabulary: 0, features: 19, outputs: 3 } as const;
const MODELS: readonly Architecture[] = [
  { cell: 'lstm', activation: 'tanh', hidden: 7, layers: 2, ...FEATURES },
  { cell: 'mlp', activation: 'relu', hidden: 7, layers: 2, ...FEATURES, output: 'multilabel' },
  { cell: 'mlp', activation: 'tanh', hidden: 1, layers: 0, ...FEATURES, outputs: 20, output: 'linear' },
  { cell: 'gru', activation: 'tanh', hidden: 7, layers: 1, embedding: 4, vocabulary: 6, outputs: 21 },
  { cell: 'rnn', activation: 'tanh', hidden: 7, layers: 1, embedding: 0, vocabulary: 6, outputs: 1, output: 'linear' },
];
const cases = kernelNames.flatMap((kernels) =>
  MODELS.map((model) => ({ kernels, model, name: `${model.cell}, ${model.layers} layers` })),
);

/** What all streams read, window behind window: [WINDOWS T][B] tokens, [WINDOWS T][B][I] features. */
const { tokens } = windowOf(6, WINDOWS * T, B, 3);
const features = featuresOf(FEATURES.features, WINDOWS * T, B, 4);

function inferenceOf(model: Architecture, kernels: (typeof kernelNames)[number], start: Parameters): Inference {
  const inference = new Inference(model, kernels, { window: T, streams: B });
  for (const p of inference.parameters)
    fromTorch(p, start[p.name], inference.arena.floatsAt(p.weights, p.length) as Float32Array);
  return inference;
}

/** The windows, once, with class 0 or zeros to predict in each row. */
function windows(model: Architecture): Batches {
  let window = 0;
  const deal = (slot: BatchSlot): void => {
    for (let t = 0; t < T; t++)
      for (let s = 0; s < B; s++) {
        slot.inputs[t * B + s] = tokens[window * T + t][s];
        if (model.features) slot.features?.set(features[window * T + t][s], (t * B + s) * padded(model.features));
      }
    slot.targets.fill(0);
    slot.outputs?.fill(0);
    slot.reset.fill(window === 0 ? 1 : 0);
    slot.carry.fill(T);
    window++;
  };
  return {
    ...{ streams: B, maxWindow: T, stepsPerEpoch: WINDOWS, seek: () => {}, close: () => {} },
    next(slot) {
      if (window === WINDOWS) return undefined;
      deal(slot);
      return { steps: T, counted: T * B };
    },
  };
}

/** The logits [WINDOWS T][B][K] that `predict` hands out. */
async function predicted(inference: Inference, model: Architecture): Promise<number[][][]> {
  const rows: number[][][] = [];
  await inference.predict(windows(model), (outputs, ldl, { steps }, slot) => {
    expect(slot.targets).toHaveLength(T * B);
    for (let t = 0; t < steps; t++)
      rows.push(
        Array.from({ length: B }, (_, s) => [...outputs.subarray((t * B + s) * ldl).subarray(0, headOutputs(model))]),
      );
  });
  return rows;
}

function stepped(cursor: Cursor, model: Architecture, t: number, s: number): number[] {
  if (model.features === undefined) return [...cursor.step(tokens[t][s])];
  return [...cursor.stepFeatures(Float32Array.from(features[t][s]))];
}

describe.each(cases)('$kernels kernels, $name', ({ kernels, model }) => {
  const start = uniformStart(model, 0.8, 5);

  test('windows and single steps say the same', async () => {
    const inference = inferenceOf(model, kernels, start);
    const wanted = await predicted(inference, model);
    expect(wanted).toHaveLength(WINDOWS * T);
    for (let s = 0; s < B; s++) {
      const cursor = inference.cursor();
      for (let t = 0; t < WINDOWS * T; t++) {
        // Cursors take turns: each has a state of its own.
        if (t === 3) stepped(inference.cursor(), model, 0, 0);
        expect(difference(stepped(cursor, model, t, s), wanted[t][s])).toBeLessThan(1e-5);
      }
      cursor.reset();
      expect(difference(stepped(cursor, model, 0, s), wanted[0][s])).toBeLessThan(1e-5);
    }
  });

  test('the loss of an evaluation is that of what is predicted', async () => {
    const inference = inferenceOf(model, kernels, start);
    const rows = (await predicted(inference, model)).flat();
    const { output = 'softmax' } = model;
    const lossOf = (logits: number[]): number => {
      const { length } = logits;
      if (output === 'softmax') return Math.log(logits.reduce((sum, x) => sum + Math.exp(x - logits[0]), 0));
      const each = output === 'linear' ? (x: number) => x * x : (x: number) => Math.log1p(Math.exp(x));
      return logits.reduce((sum, x) => sum + each(x), 0) / length;
    };
    const wanted = rows.reduce((sum, logits) => sum + lossOf(logits), 0) / rows.length;
    const { loss, tokens: counted } = await inference.evaluate(windows(model), 'numbers');
    expect(counted).toBe(rows.length);
    expect(Math.abs(loss - wanted) / Math.max(wanted, 1e-6)).toBeLessThan(1e-4);
  });
});

test('a linear model says W x + b', async () => {
  const model = MODELS[2];
  const start = uniformStart(model, 0.8, 6);
  const rows = await predicted(inferenceOf(model, 'wasm', start), model);
  const [weight, bias] = [start['head.weight'], start['head.bias']];
  for (const [t, row] of rows.entries())
    for (let s = 0; s < B; s++) {
      const sums = Array.from({ length: 20 }, (_, k) =>
        features[t][s].reduce((sum, x, i) => sum + x * weight[k * FEATURES.features + i], bias[k]),
      );
      expect(difference(row[s], sums)).toBeLessThan(1e-5);
    }
});
