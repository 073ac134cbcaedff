// Models that read sequences from both ends: what they say of a sequence depends on no other, and not on what stands behind its end.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batches, BatchSlot } from '../../src/data/batches.js';
import { padded } from '../../src/kernels/kernels.js';
import { type Architecture, headOutputs } from '../../src/model/architecture.js';
import { fromTorch } from '../../src/model/parameters.js';
import { Inference } from '../../src/run/inference.js';
import { InlineRun, type InlineWindow } from '../train/inline-run.js';
import { featuresOf, type Parameters, uniform, uniformStart, windowOf } from '../train/problems.js';
import { kernelNames } from './runs.js';

const BOTH = { activation: 'tanh', bidirectional: true, outputs: 3 } as const;
const READS = [
  { embedding: 0, vocabulary: 0, features: 5 },
  { embedding: 6, vocabulary: 9 },
  { embedding: 0, vocabulary: 9 },
] as const;
const MODELS: readonly Architecture[] = (['rnn', 'lstm', 'gru'] as const).flatMap((cell, i) => [
  { cell, hidden: 7, layers: 2, ...BOTH, ...READS[i] },
  { cell, hidden: 33, layers: 1, ...BOTH, ...READS[(i + 1) % 3] },
]);
const cases = kernelNames.flatMap((kernels) => MODELS.map((model) => ({ kernels, model })));

/** Steps of a sequence: a token or features each. */
type Sequence = readonly { readonly token: number; readonly features: readonly number[] }[];

function sequenceOf(length: number, seed: number): Sequence {
  const { tokens } = windowOf(9, length, 1, seed);
  const features = featuresOf(5, length, 1, seed);
  return tokens.map(([token], t) => ({ token, features: features[t][0] }));
}

function inferenceOf(
  model: Architecture,
  kernels: (typeof kernelNames)[number],
  start: Parameters,
  window: number,
  streams: number,
): Inference {
  const inference = new Inference(model, kernels, { window, streams });
  for (const p of inference.parameters)
    fromTorch(p, start[p.name], inference.arena.floatsAt(p.weights, p.length) as Float32Array);
  return inference;
}

/** Batches of a few sequences each, with numbers from `seed` behind their ends. */
function batchesOf(
  model: Architecture,
  batches: readonly (readonly Sequence[])[],
  streams: number,
  seed: number,
): Batches {
  let next = 0;
  const noise = uniform(10_000, 1, seed);
  const deal = (slot: BatchSlot, sequences: readonly Sequence[], steps: number): void => {
    const width = padded(model.features ?? 0);
    for (let row = 0; row < steps * streams; row++) {
      const step = sequences[row % streams]?.[Math.floor(row / streams)];
      slot.inputs[row] = step?.token ?? Math.floor(4.5 * (noise[row] + 1));
      if (width > 0) slot.features?.set(step?.features ?? noise.subarray(row, row + 5), row * width);
      slot.targets[row] = step ? 0 : -1;
    }
    slot.lengths?.fill(0);
    slot.lengths?.set(sequences.map(({ length }) => length));
    slot.reset.fill(1);
  };
  return {
    ...{ streams, maxWindow: 0, stepsPerEpoch: batches.length, seek: () => {}, close: () => {} },
    next(slot) {
      const sequences = batches[next++];
      if (!sequences) return undefined;
      const steps = Math.max(...sequences.map(({ length }) => length));
      deal(slot, sequences, steps);
      return { steps, counted: sequences.reduce((sum, { length }) => sum + length, 0) };
    },
  };
}

/** The logits of each sequence of each batch, step by step. */
async function predicted(
  inference: Inference,
  model: Architecture,
  batches: readonly (readonly Sequence[])[],
  streams: number,
  seed: number,
): Promise<number[][][]> {
  const found: number[][][] = [];
  await inference.predict(batchesOf(model, batches, streams, seed), (outputs, ldl, _, { lengths }) => {
    const rows = Array.from(lengths ?? []).filter((length) => length > 0);
    rows.forEach((length, s) => {
      found.push(
        Array.from({ length }, (_, t) => [
          ...outputs.subarray((t * streams + s) * ldl).subarray(0, headOutputs(model)),
        ]),
      );
    });
  });
  return found;
}

const lengths = fc.array(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 3,
});

describe.each(cases)('$kernels kernels, $model.cell of $model.hidden', ({ kernels, model }) => {
  const start = uniformStart(model, 0.7, 3);

  test('a sequence alone and among others gives the same bits, whatever was read before it', async () => {
    const [many, alone] = [inferenceOf(model, kernels, start, 6, 3), inferenceOf(model, kernels, start, 6, 1)];
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(1000), async (given, seed) => {
        const batches = given.map((batch, i) => batch.map((length, s) => sequenceOf(length, seed + 10 * i + s)));
        const each = batches.flat().map((sequence) => [sequence]);
        const wanted = await predicted(alone, model, each, 1, seed);
        expect(await predicted(many, model, batches, 3, seed + 1)).toEqual(wanted);
      }),
      { numRuns: 30 },
    );
  });

  test('every step hears of the first and of the last one', async () => {
    const inference = inferenceOf(model, kernels, start, 6, 1);
    const said = async (sequence: Sequence) => (await predicted(inference, model, [[sequence]], 1, 0))[0];
    const sequence = sequenceOf(6, 8);
    const before = await said(sequence);
    const other = { token: (sequence[0].token + 1) % 9, features: [1, -1, 1, -1, 1] };
    for (const changed of [
      [other, ...sequence.slice(1)],
      [...sequence.slice(0, 5), { ...other, token: (sequence[5].token + 1) % 9 }],
    ])
      for (const [t, logits] of (await said(changed)).entries()) expect(logits).not.toEqual(before[t]);
  });

  test('single steps are refused', () => {
    expect(() => inferenceOf(model, kernels, start, 1, 1).cursor().step(0)).toThrow(/whole sequences/);
  });
});

test.each(MODELS)('$cell of $hidden: a step of training forgets the longer windows before it', (model) => {
  const window = (steps: number, seed: number): InlineWindow => {
    const { tokens, targets } = windowOf(model.vocabulary, steps, 2, seed, { classes: 3 });
    const lengths = [steps, steps - 1];
    const features = model.features ? featuresOf(model.features, steps, 2, seed) : undefined;
    return {
      ...{ tokens, features, lengths, rate: 0 },
      targets: targets.map((row, t) => row.map((target, b) => (t < lengths[b] ? target : -1))),
    };
  };
  const runs = [0, 1].map(() => {
    const run = new InlineRun({ model, streams: 2, steps: 6, kernels: 'wasm' });
    run.setParameters(uniformStart(model, 0.7, 3));
    return run;
  });
  runs[1].step(window(6, 1));
  const results = runs.map((run) => run.step(window(3, 2)));
  expect(results[1]).toEqual(results[0]);
  expect(runs[1].read('gradient')).toEqual(runs[0].read('gradient'));
});

test('a target behind the end of its sequence is an error of who deals it', async () => {
  const model = MODELS[0];
  const inference = inferenceOf(model, kernelNames[0], uniformStart(model, 0.7, 3), 3, 1);
  const batches = batchesOf(model, [[sequenceOf(3, 1)]], 1, 1);
  const faulty: Batches = {
    ...batches,
    next: (slot) => {
      const dealt = batches.next(slot);
      slot.lengths?.fill(2);
      return dealt;
    },
  };
  await expect(inference.predict(faulty, () => {})).rejects.toThrow('row 0 has 2 steps, and a target behind them');
});
