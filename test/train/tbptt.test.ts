// Truncated backpropagation through time: windows that cover a sequence are full BPTT to the bit, and k1 < k2 is what its
// definition says, against an oracle of plain loops.
import { describe, expect, test } from 'vitest';
import { TextBatches } from '../../src/data/streams.js';
import { MemoryTokens } from '../../src/data/tokens.js';
import type { KernelName } from '../../src/kernels/choose.js';
import { nativeProblem } from '../../src/kernels/native.js';
import { createRandom } from '../kernels/bench-arena.js';
import { InlineRun } from './inline-run.js';
import { CELLS, type CellName, difference, nameOf, type Parameters, uniformStart, windowOf } from './problems.js';
import { advance, constants, detached, lossOf, type Scalar, type ScalarState, sum, zeroState } from './scalar.js';

const kernelNames: KernelName[] = ['reference', 'wasm', ...(nativeProblem() ? [] : (['native'] as const))];
const cells = CELLS.map((cell) => ({ cell, name: nameOf(cell) }));

function textOf(length: number, vocabulary: number, seed: number): Uint8Array {
  const random = createRandom(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * vocabulary));
}

describe.each(kernelNames)('full BPTT with %s kernels', (kernels) => {
  // Widths and rows at which the larger plan cuts its tiles otherwise, and would project the embedding of a longer window. Whether a
  // table is updated by rows does follow from the plan: it is in both or in none.
  const shapes = [
    { hidden: 40, embedding: 0, vocabulary: 30, plans: [12, 480] },
    { hidden: 40, embedding: 20, vocabulary: 150, plans: [51, 480] },
    { hidden: 40, embedding: 20, vocabulary: 1500, plans: [12, 480] },
  ];
  test.each(shapes)('a plan for longer windows gives the bits of one that fits, %o', ({ plans, ...shape }) => {
    const [streams, sequence] = [3, 12];
    const model = { cell: 'lstm', activation: 'tanh', layers: 1, ...shape } as const;
    const window = windowOf(shape.vocabulary, sequence, streams, 3);
    const outcomes = plans.map((steps) => {
      const optimizer = { name: 'adam', clipNorm: 0.05, l2: 0.01 } as const;
      const run = new InlineRun({ model, streams, steps, kernels, optimizer });
      run.setParameters(uniformStart(model, 0.3, 4));
      const results = [true, false, true].map((reset) => run.step({ ...window, reset, rate: 0.01 }));
      return { results, weights: run.read('weights'), gradient: run.read('gradient'), h: run.state('h') };
    });
    expect(outcomes[0].results[0].norm).toBeGreaterThan(0.05);
    expect(outcomes[1]).toEqual(outcomes[0]);
  });

  test('a window as long as the stream is --window full', () => {
    const model = { cell: 'gru', activation: 'tanh', hidden: 17, layers: 2, embedding: 6, vocabulary: 9 } as const;
    const text = new MemoryTokens(textOf(64, 9, 5));
    const outcomes = (
      [
        { window: 'full', stride: 'full' },
        { window: 21, stride: 21 },
      ] as const
    ).map((given) => {
      const batches = new TextBatches(text, { batch: 3, ...given });
      const run = new InlineRun({ model, streams: 3, steps: batches.maxWindow, kernels });
      run.setParameters(uniformStart(model, 0.4, 6));
      const losses: number[] = [];
      for (let epoch = 0; epoch < 2; epoch++) {
        let result = run.dealt((slot) => batches.next(slot), 0.5);
        for (; result; result = run.dealt((slot) => batches.next(slot), 0.5)) losses.push(result.loss);
      }
      return { losses, weights: run.read('weights') };
    });
    expect(outcomes[0].losses).toHaveLength(2);
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
});

interface Truncation {
  readonly stride: number;
  readonly window: number;
  readonly layers: number;
  readonly embedding: number;
}

const [B, V, H, RATE, EPOCHS] = [2, 5, 3, 0.3, 2];

/** k1 < k2 by its definition: update i backpropagates from the predictions of [i k1, (i + 1) k1) through at most k2 steps. */
function oracle(cell: CellName, given: Truncation, start: Parameters, text: Uint8Array) {
  const { stride, window, ...shape } = given;
  const values: Record<string, number[]> = Object.fromEntries(
    Object.entries(start).map(([name, array]) => [name, Array.from(array)]),
  );
  const perStream = Math.floor((text.length - 1) / B);
  const losses: number[] = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    /** By stream: the state before each position, as the newest pass over it left it. */
    const states: Map<number, ScalarState>[] = Array.from({ length: B }, () => new Map());
    for (let i = 0; (i + 1) * stride <= perStream; i++) {
      const parameters = Object.fromEntries(Object.entries(values).map(([name, array]) => [name, constants(array)]));
      const model = { ...cell, ...shape, hidden: H, vocabulary: V, parameters };
      const [counted, end] = [i * stride, (i + 1) * stride];
      const from = Math.max(0, end - window);
      const terms: Scalar[] = [];
      for (let s = 0; s < B; s++) {
        let state = detached(states[s].get(from) ?? zeroState(model));
        for (let t = from; t < end; t++) {
          state = advance(model, text[s * perStream + t], state);
          states[s].set(t + 1, state);
          if (t >= counted) terms.push(lossOf(model, state[state.length - 1], text[s * perStream + t + 1]));
        }
      }
      const loss = sum(terms).scaled(1 / terms.length);
      loss.backward();
      losses.push(loss.value);
      for (const [name, array] of Object.entries(parameters)) {
        values[name] = array.map(({ value, gradient }) => value - RATE * gradient);
      }
    }
  }
  return { losses, values };
}

describe.each(cells)('k1 < k2, $name', ({ cell }) => {
  test.each<Truncation>([
    { stride: 2, window: 5, layers: 1, embedding: 0 },
    { stride: 1, window: 4, layers: 1, embedding: 2 },
    { stride: 3, window: 4, layers: 2, embedding: 0 },
    { stride: 3, window: 3, layers: 2, embedding: 2 },
  ])('losses and parameters are those of the oracle, %o', (given) => {
    const { stride, window, layers, embedding } = given;
    const model = { ...cell, hidden: H, layers, embedding, vocabulary: V };
    const text = textOf(28, V, 7);
    const start = uniformStart(model, 0.8, 8);
    const wanted = oracle(cell, given, start, text);

    const batches = new TextBatches(new MemoryTokens(text), { batch: B, window, stride });
    const run = new InlineRun({ model, streams: B, steps: batches.maxWindow, precision: 'float64' });
    run.setParameters(start);
    const losses: number[] = [];
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      let result = run.dealt((slot) => batches.next(slot), RATE);
      for (; result; result = run.dealt((slot) => batches.next(slot), RATE)) losses.push(result.loss);
    }

    expect(losses).toHaveLength(wanted.losses.length);
    expect(difference(losses, wanted.losses)).toBeLessThan(1e-12);
    for (const [name, values] of Object.entries(run.read('weights'))) {
      expect(difference(values, wanted.values[name]), name).toBeLessThan(1e-11);
    }
  });
});
