// What a head reads of a whole sequence: the mean of the last layer's outputs over its steps, or where each direction ends; beside the
// same weights without pooling, whose logits are linear in what is pooled.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Batches } from '../../src/data/batches.js';
import { padded } from '../../src/kernels/kernels.js';
import type { Architecture } from '../../src/model/architecture.js';
import { fromTorch } from '../../src/model/parameters.js';
import { Inference } from '../../src/run/inference.js';
import { featuresOf, type Parameters, uniformStart } from '../train/problems.js';
import { kernelNames } from './runs.js';

const [I, K, T] = [5, 3, 7];

/** Features of each step of a sequence. */
type Sequence = readonly (readonly number[])[];

/** All sequences side by side, and `noise` behind their ends. */
function sideBySide(sequences: readonly Sequence[], noise: number): Batches {
  const streams = sequences.length;
  const steps = Math.max(...sequences.map(({ length }) => length));
  let dealt = false;
  return {
    ...{ streams, maxWindow: steps, stepsPerEpoch: 1, seek: () => {}, close: () => {} },
    next(slot) {
      if (dealt) return undefined;
      dealt = true;
      for (let row = 0; row < steps * streams; row++) {
        const step = sequences[row % streams][Math.floor(row / streams)];
        slot.features?.set(step ?? new Array(I).fill(noise), row * padded(I));
        slot.targets[row] = -1;
      }
      slot.lengths?.set(sequences.map(({ length }) => length));
      slot.reset.fill(1);
      return { steps, counted: 0 };
    },
  };
}

/** [T][B][K], or where the model pools [1][B][K] */
async function logitsOf(
  model: Architecture,
  kernels: (typeof kernelNames)[number],
  start: Parameters,
  sequences: readonly Sequence[],
  noise = 9,
): Promise<number[][][]> {
  const streams = sequences.length;
  const inference = new Inference(model, kernels, { window: T, streams });
  for (const p of inference.parameters)
    fromTorch(p, start[p.name], inference.arena.floatsAt(p.weights, p.length) as Float32Array);
  const found: number[][][] = [];
  await inference.predict(sideBySide(sequences, noise), (outputs, ldl, { steps }) => {
    for (let t = 0; t < (model.pooling ? 1 : steps); t++)
      found.push(sequences.map((_, b) => [...outputs.subarray((t * streams + b) * ldl).subarray(0, K)]));
  });
  return found;
}

const problems = fc.record({
  cell: fc.constantFrom('rnn', 'lstm', 'gru'),
  kernels: fc.constantFrom(...kernelNames),
  hidden: fc.oneof(fc.constantFrom(1, 16, 17), fc.integer({ min: 2, max: 70 })),
  layers: fc.integer({ min: 1, max: 2 }),
  bidirectional: fc.boolean(),
  lengths: fc.array(fc.integer({ min: 1, max: T }), { minLength: 1, maxLength: 5 }),
  seed: fc.nat(1000),
});

const drawn = ({
  cell,
  hidden,
  layers,
  bidirectional,
  lengths,
  seed,
}: typeof problems extends fc.Arbitrary<infer P> ? P : never) => {
  const each: Architecture = {
    ...{ cell, activation: 'tanh', hidden, layers, embedding: 0, vocabulary: 0, features: I, outputs: K },
    ...(bidirectional && { bidirectional }),
  };
  const sequences = lengths.map((length, b) => featuresOf(I, length, 1, seed + b).map(([features]) => features));
  return { each, sequences, start: uniformStart(each, 0.5, seed) };
};

const expectNear = (found: readonly number[], wanted: readonly number[]): void => {
  for (const [k, value] of wanted.entries())
    expect(Math.abs(found[k] - value)).toBeLessThan(1e-5 * (1 + Math.abs(value)));
};

test('the mean over a sequence: its logits are the mean of those of its steps', async () => {
  await fc.assert(
    fc.asyncProperty(problems, async (problem) => {
      const { each, sequences, start } = drawn(problem);
      const [pooled] = await logitsOf({ ...each, pooling: 'mean' }, problem.kernels, start, sequences);
      const steps = await logitsOf(each, problem.kernels, start, sequences);
      for (const [b, { length }] of sequences.entries()) {
        const own = steps.slice(0, length).map((rows) => rows[b]);
        expectNear(
          pooled[b],
          own[0].map((_, k) => own.reduce((sum, logits) => sum + logits[k], 0) / length),
        );
      }
    }),
    { seed: 7, numRuns: 60 },
  );
});

test('where two directions end: forward answers from the last step, reverse from the first', async () => {
  await fc.assert(
    fc.asyncProperty(problems, async (problem) => {
      const { each, sequences, start } = drawn({ ...problem, bidirectional: true });
      const [pooled] = await logitsOf({ ...each, pooling: 'last' }, problem.kernels, start, sequences);
      const { hidden } = each;
      /** The head reads one direction alone, and has no bias. */
      const half = (first: boolean): Parameters => ({
        ...start,
        'head.weight': Float32Array.from(start['head.weight'], (w, i) => (i % (2 * hidden) < hidden === first ? w : 0)),
        'head.bias': new Float32Array(K),
      });
      const [forward, reverse] = await Promise.all(
        [half(true), half(false)].map((part) => logitsOf(each, problem.kernels, part, sequences)),
      );
      for (const [b, { length }] of sequences.entries())
        expectNear(
          pooled[b],
          Array.from(start['head.bias'], (bias, k) => bias + forward[length - 1][b][k] + reverse[0][b][k]),
        );
    }),
    { seed: 8, numRuns: 60 },
  );
});

test('a sequence alone and among others gives the same bits, whatever stands behind its end', async () => {
  await fc.assert(
    fc.asyncProperty(problems, fc.constantFrom('mean', 'last'), async (problem, pooling) => {
      const { each, sequences, start } = drawn({
        ...problem,
        bidirectional: problem.bidirectional || pooling === 'last',
      });
      const model = { ...each, pooling };
      const [together] = await logitsOf(model, problem.kernels, start, sequences, -3);
      for (const [b, sequence] of sequences.entries())
        expect((await logitsOf(model, problem.kernels, start, [sequence]))[0][0]).toEqual(together[b]);
    }),
    { seed: 9, numRuns: 40 },
  );
});
