// A step is all or nothing: what it leaves when its loss or gradient is not finite, and what the undo slot holds while it writes.
import { describe, expect, test } from 'vitest';
import { openPieceWord, Word } from '../../src/coordinator/protocol.js';
import type { KernelName } from '../../src/kernels/choose.js';
import { type Kernels, Optimizer, Update } from '../../src/kernels/kernels.js';
import { nativeProblem } from '../../src/kernels/native.js';
import type { OptimizerName } from '../../src/train/layout.js';
import { InlineRun } from './inline-run.js';
import { CELLS, nameOf, uniform, uniformStart, windowOf } from './problems.js';

const [T, B, H, L, V] = [4, 3, 9, 2, 6];
const kernelNames: KernelName[] = ['reference', 'wasm', ...(nativeProblem() ? [] : (['native'] as const))];
const OPTIMIZERS = Object.keys(Optimizer) as OptimizerName[];
const lstm = { cell: 'lstm', activation: 'tanh', hidden: H, layers: L, embedding: 4, vocabulary: V } as const;
const window = (seed: number) => ({ ...windowOf(V, T, B, seed), rate: 0.05 });

/** Everything that a step must not touch, bit for bit. */
function kept(run: InlineRun) {
  const views = (['weights', 'firstState', 'secondState'] as const).map((view) => run.read(view));
  const { parameters } = run.layout;
  const transposed = parameters.map((p) =>
    p.transposedPanels ? [...run.arena.floatsAt(p.transposedPanels, p.length)] : [],
  );
  return { views, transposed, updates: run.words[Word.updates] };
}

describe.each(kernelNames)('a step that is not finite, %s kernels', (kernels) => {
  function runAfterTwoSteps(optimizer: OptimizerName = 'adam', badLimit = 10): InlineRun {
    const run = new InlineRun({ model: lstm, streams: B, steps: T, kernels, optimizer: { name: optimizer }, badLimit });
    run.setParameters(uniformStart(lstm, 0.6, 1));
    for (const seed of [1, 2]) expect(run.step(window(seed)).applied).toBe(true);
    return run;
  }

  test.each(OPTIMIZERS)('leaves parameters, the state of %s and the count of updates as they were', (optimizer) => {
    const run = runAfterTwoSteps(optimizer);
    const before = kept(run);
    const h = run.state('h');
    run.setState('h', [Number.NaN, ...h.slice(1)]);
    const { applied } = run.step(window(3));
    expect(applied).toBe(false);
    expect(kept(run)).toEqual(before);
    expect(before.updates).toBe(2);
  });

  test('resets the stream whose state is not finite, and takes the others back to the window’s start', () => {
    const run = runAfterTwoSteps();
    const [h, c] = [run.state('h'), run.state('c')];
    // Stream 1, layer 1.
    const bad = (B + 1) * H + 3;
    run.setState('c', Object.assign([...c], { [bad]: Number.POSITIVE_INFINITY }));
    expect(run.step(window(3)).applied).toBe(false);
    const zeroed = (values: number[]) => values.map((value, i) => (Math.floor(i / H) % B === 1 ? 0 : value));
    expect(run.state('h')).toEqual(zeroed(h));
    expect(run.state('c')).toEqual(zeroed(c));
    expect(run.step(window(3)).applied).toBe(true);
  });

  /** Finite weights, finite state, and logits beyond float32. */
  function overflow(run: InlineRun): void {
    for (let i = 0; i < V * H; i++) run.poke('head.weight', i, i % 2 ? 3e38 : -3e38);
  }

  test('with a finite state goes back to the window’s start', () => {
    const run = runAfterTwoSteps();
    const [h, c] = [run.state('h'), run.state('c')];
    overflow(run);
    const before = kept(run);
    const { applied, loss, norm } = run.step(window(3));
    expect(applied).toBe(false);
    expect(Number.isFinite(loss) && Number.isFinite(norm)).toBe(false);
    expect(kept(run)).toEqual(before);
    expect(run.state('h')).toEqual(h);
    expect(run.state('c')).toEqual(c);
  });

  test('goes back to zero where the window began with a reset', () => {
    const run = runAfterTwoSteps();
    overflow(run);
    expect(run.step({ ...window(3), reset: true }).applied).toBe(false);
    for (const kind of ['h', 'c'] as const) expect(run.state(kind)).toEqual(Array(L * B * H).fill(0));
  });

  test('is followed by the step that would have come without it', () => {
    const [plain, stumbling] = [runAfterTwoSteps(), runAfterTwoSteps()];
    const weights = stumbling.read('weights')['head.weight'];
    overflow(stumbling);
    expect(stumbling.step(window(7)).applied).toBe(false);
    weights.forEach((value, i) => {
      stumbling.poke('head.weight', i, value);
    });
    // The panels of the transpose did not see the detour.
    expect(stumbling.step(window(3))).toEqual(plain.step(window(3)));
    expect(kept(stumbling)).toEqual(kept(plain));
    expect(stumbling.state('h')).toEqual(plain.state('h'));
  });

  test('counts as one in a row; the last one that is borne stops the workers, and a good one begins anew', () => {
    const run = runAfterTwoSteps('sgd', 3);
    const step = (bad: boolean): void => {
      if (bad) run.setState('h', Array(L * B * H).fill(Number.NaN));
      expect(run.step(window(3)).applied).toBe(!bad);
    };
    for (const bad of [true, true, false, true, true]) step(bad);
    expect([run.words[Word.badInARow], run.words[Word.stop]]).toEqual([2, 0]);
    step(true);
    expect([run.words[Word.badInARow], run.words[Word.stop]]).toEqual([3, 1]);
  });
});

test.each(kernelNames)(
  'a gradient that overflows while the loss is finite is not applied either, %s kernels',
  (kernels) => {
    const model = { ...lstm, cell: 'rnn', embedding: 0, layers: 1 } as const;
    const run = new InlineRun({ model, streams: B, steps: T, kernels, optimizer: { name: 'momentum' } });
    const start = uniformStart(model, 0.4, 5);
    // All states are zero, where tanh has slope 1: nothing goes forward, and a delta grows by 1e19 a step backward.
    const zero = (name: string): Float32Array => Float32Array.from(start[name], () => 0);
    run.setParameters({
      ...start,
      'rnn.weight_ih_l0': zero('rnn.weight_ih_l0'),
      'rnn.weight_hh_l0': zero('rnn.weight_hh_l0').fill(1e19),
      'rnn.bias_ih_l0': zero('rnn.bias_ih_l0'),
      'rnn.bias_hh_l0': zero('rnn.bias_hh_l0'),
    });
    const before = kept(run);
    const { loss, norm, applied } = run.step(window(1));
    expect(loss).toBeLessThan(10);
    expect(Number.isFinite(norm)).toBe(false);
    expect(applied).toBe(false);
    expect(kept(run)).toEqual(before);
  },
);

describe.each(kernelNames)('while a piece is written, %s kernels', (kernels) => {
  test.each(OPTIMIZERS)('%s: it is marked open, and the undo slot holds parameter and state as they were', (name) => {
    const seen: number[] = [];
    const wrap = (own: Kernels, run: InlineRun): Kernels => {
      const update = (descriptor: number, from: number, to: number): void => {
        const field = (index: number): number => run.arena.doubles[descriptor / 8 + index];
        const part = (view: number): number[] => (view ? [...run.arena.floatsAt(view, to).subarray(from)] : []);
        const parts = () => [Update.w, Update.m, Update.v].map((index) => part(field(index)));
        const before = parts();
        const open = run.words[openPieceWord(0)];
        own.update(descriptor, from, to);
        const undo = [...run.arena.floatsAt(field(Update.undo), 3 * (to - from))];
        before.forEach((values, i) => {
          if (values.length > 0) expect(undo.slice(i * (to - from), (i + 1) * (to - from))).toEqual(values);
        });
        expect(parts()).not.toEqual(before);
        const piece = run.layout.work.pieces[open - 1];
        expect(piece).toMatchObject({ from, to });
        expect(run.layout.parameters[piece.parameter].weights).toBe(field(Update.w));
        seen.push(open - 1);
      };
      const { name: kernelName, floatBytes } = own;
      const through = Object.fromEntries(
        (['product', 'gradient', 'gather', 'scatter', 'columnSums', 'softmax', 'dropout', 'squareNorm', 'map'] as const)
          .concat(['lstmForward', 'lstmBackward'] as never)
          .map((method) => [method, (own[method] as (...numbers: number[]) => unknown).bind(own)]),
      );
      return { ...through, name: kernelName, floatBytes, update } as unknown as Kernels;
    };
    const run = new InlineRun({ model: lstm, streams: B, steps: T, kernels, optimizer: { name, l2: 0.01 }, wrap });
    run.setParameters(uniformStart(lstm, 0.6, 1));
    for (const n of [1, 2]) {
      seen.length = 0;
      run.step(window(n));
      expect(seen.sort((a, b) => a - b)).toEqual(run.layout.work.pieces.map((_, i) => i));
      const { length } = run.layout.work.pieces;
      expect([...run.arena.intsAt(run.layout.pieceDone, length)]).toEqual(Array(length).fill(n));
      expect(run.words[openPieceWord(0)]).toBe(0);
    }
  });
});

describe.each(CELLS.map((cell) => ({ cell, name: nameOf(cell) })))('$name', ({ cell }) => {
  test('state is carried from window to window: two windows are one of both lengths', () => {
    const model = { ...lstm, ...cell };
    const both = windowOf(V, 2 * T, B, 4);
    const long = new InlineRun({ model, streams: B, steps: 2 * T, precision: 'float64' });
    const short = new InlineRun({ model, streams: B, steps: 2 * T, precision: 'float64' });
    for (const run of [long, short]) {
      run.setParameters(uniformStart(model, 0.6, 2));
      run.setState('h', uniform(L * B * H, 0.5, 3));
    }
    const whole = long.step(both);
    const halves = [0, T].map((from) => {
      const cut = (rows: number[][]) => rows.slice(from, from + T);
      return short.step({ tokens: cut(both.tokens), targets: cut(both.targets) }).loss;
    });
    expect((halves[0] + halves[1]) / 2).toBeCloseTo(whole.loss, 13);
    short.state('h').forEach((value, i) => {
      expect(value).toBeCloseTo(long.state('h')[i], 13);
    });
  });

  test('a window starts where `carry` says, not where the last one ended', () => {
    const model = { ...lstm, ...cell };
    const given = windowOf(V, T, B, 4);
    const states = [2, T].map((carry) => {
      const run = new InlineRun({ model, streams: B, steps: T });
      run.setParameters(uniformStart(model, 0.6, 2));
      run.step({ tokens: given.tokens.slice(0, carry), targets: given.targets.slice(0, carry), reset: true });
      const reached = run.state('h');
      run.step({ ...given, carry, reset: true });
      return { reached, carried: run.state('h') };
    });
    for (const { reached, carried } of states) expect(carried).toEqual(reached);
    expect(states[0].carried).not.toEqual(states[1].carried);
  });
});
