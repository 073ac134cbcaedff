// A step that was cut off at any instant and is done again: the arena ends with the bytes of a step that was not cut off. On one
// thread, so that each instant can be had: every kernel call, every operation on a shared word, every element of an update.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Word } from '../../src/coordinator/protocol.js';
import { recover } from '../../src/coordinator/recovery.js';
import { StepLoop } from '../../src/coordinator/step-loop.js';
import { type Kernels, RowUpdate, Update } from '../../src/kernels/kernels.js';
import { createReferenceKernels } from '../../src/kernels/reference/reference.js';
import type { OptimizerSettings } from '../../src/train/optimizer.js';
import { type InlineOptions, InlineRun } from '../train/inline-run.js';
import { PLAIN_SGD, uniformStart, windowOf } from '../train/problems.js';

class Cut extends Error {}

/** Counts instants, and throws at one of them. */
class Instants {
  passed = 0;
  cutAt = Number.POSITIVE_INFINITY;

  pass(): void {
    if (++this.passed === this.cutAt) throw new Cut();
  }

  around<A extends unknown[], R>(operation: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      this.pass();
      const result = operation(...args);
      this.pass();
      return result;
    };
  }
}

const [T, B, V] = [3, 2, 17];
const MODEL = { cell: 'rnn', activation: 'relu', hidden: 5, layers: 1, embedding: 4, vocabulary: V } as const;

type Named = Pick<InlineOptions, 'optimizer' | 'densityTarget' | 'streams' | 'steps'> &
  Partial<Pick<InlineOptions, 'model'>>;
const wide = { streams: B, steps: T, model: { ...MODEL, embedding: 600 } } as const;
const CASES: Readonly<Record<string, Named>> = {
  'matrices alone, Adam': { optimizer: { name: 'adam' }, streams: 9, steps: T },
  'a table by rows, Adam': { optimizer: { name: 'adam' }, streams: B, steps: T },
  'a table whose rows are wide, so that a ticket takes several calls': { ...wide, optimizer: { name: 'adam' } },
  'the same where a step visits the touched rows alone': { ...wide, optimizer: { name: 'momentum', beta1: 0.9 } },
  'rows that are behind, momentum': { optimizer: { name: 'momentum', beta1: 0.9 }, streams: B, steps: T },
  'rows that are behind, Adagrad with l1': { optimizer: { name: 'adagrad', l1: 0.01 }, streams: B, steps: T },
  'a density that is steered': { optimizer: { name: 'sgd' }, densityTarget: 0.3, streams: B, steps: T },
};

/** The bits of an element that an undo slot does not hold. */
const NOT_KEPT = 0xffa5_5a5a | 0;

/** Index in the parameter and in the undo slot of each element that an update writes, in its order. */
function elementsOf({ arena }: InlineRun, key: string, call: number, from: number, to: number): [number, number][] {
  const field = (index: number): number => arena.doubles[call / 8 + index];
  if (key === 'update') return Array.from({ length: to - from }, (_, i) => [from + i, i]);
  const columns = field(RowUpdate.columns);
  const rows = field(RowUpdate.all)
    ? Array.from({ length: to - from }, (_, i) => from + i)
    : [...arena.intsAt(field(RowUpdate.touched), to).subarray(from)];
  return rows.flatMap((row, i) =>
    row < 0 ? [] : Array.from({ length: columns }, (_, j): [number, number] => [row * columns + j, i * columns + j]),
  );
}

/** Calls that are cut off before, after, and for updates within. */
function cutKernels(own: Kernels, run: InlineRun, instants: Instants): Kernels {
  const { floats, ints } = run.arena;
  const within = (key: 'update' | 'rowUpdate') => (call: number, from: number, to: number) => {
    instants.pass();
    // Copies are made where they are needed: there are many calls.
    const isCutWithin = instants.cutAt > instants.passed && instants.cutAt <= instants.passed + 4;
    const before = isCutWithin ? floats.slice() : floats;
    own[key](call, from, to);
    const fields = key === 'update' ? Update : RowUpdate;
    const field = (index: number): number => run.arena.doubles[call / 8 + index] / 4;
    const elements = !isCutWithin ? [] : elementsOf(run, key, call, from, to);
    for (const done of [0, 1, elements.length >> 1, elements.length - 1]) {
      if (++instants.passed !== instants.cutAt) continue;
      for (const [at, kept] of elements.slice(done)) {
        for (const view of [fields.w, fields.m, fields.v]) {
          if (field(view)) floats[field(view) + at] = before[field(view) + at];
        }
        ints[field(fields.undo) + kept] = NOT_KEPT;
      }
      throw new Cut();
    }
    instants.pass();
  };
  return new Proxy(own, {
    get(target, key) {
      if (key === 'update' || key === 'rowUpdate') return within(key);
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' ? instants.around(value.bind(target)) : value;
    },
  });
}

const digestOf = (values: Float32Array | Float64Array): string =>
  createHash('sha256').update(new Uint8Array(values.slice().buffer)).digest('hex');

/** What a run goes on from: parameters, states, and the small numbers. */
function stateOf(run: InlineRun): unknown {
  const { arena, layout, words } = run;
  const views = layout.parameters.flatMap((p) =>
    [p.weights, p.firstState, p.secondState].map((view) => [view, p.length]),
  );
  return {
    floats: views.map(([view, length]) => (view ? digestOf(arena.floatsAt(view, length)) : '')),
    words: [Word.trainingSide, Word.updates, Word.badInARow, Word.completed].map((word) => words[word]),
    control: [...arena.doublesAt(layout.densityControl, 2)],
    behind: layout.table?.behind.period
      ? [
          [...arena.intsAt(layout.table.behind.touchedAt, V)],
          [...arena.doublesAt(layout.table.behind.maps, 2 * layout.table.behind.period)],
        ]
      : [],
  };
}

/** Cut off at so many instants of a step, about; the short ones have not more. */
const INSTANTS = 300;

describe.each(Object.entries(CASES))('%s', (_, options) => {
  /** The second of two steps, cut off at the given instants one after the other, and what comes of it. */
  function secondStep(cuts: readonly number[]): { state: unknown; instants: number } {
    const instants = new Instants();
    const wrap = (own: Kernels, run: InlineRun): Kernels => cutKernels(own, run, instants);
    const run = new InlineRun({ model: MODEL, kernels: 'reference', ...options, wrap });
    run.setParameters(uniformStart(run.options.model, 0.5, 3));
    const window = (n: number) => ({ ...windowOf(V, options.steps, options.streams, n), rate: 0.1 });
    run.step(window(1));
    const optimizer: OptimizerSettings = {
      ...PLAIN_SGD,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      ...options.optimizer,
    };
    const again = (): void => {
      recover(run.arena, run.layout);
      if (Atomics.load(run.words, Word.completed) === 2) return;
      const kernels = wrap(createReferenceKernels(run.arena.buffer, 'float32'), run);
      new StepLoop(run.arena, kernels, run.layout, optimizer, 0).step(1);
    };
    const spies = (['store', 'add'] as const).map((name) => {
      const own = Atomics[name].bind(Atomics) as (words: Int32Array, word: number, value: number) => number;
      return vi.spyOn(Atomics, name).mockImplementation(instants.around(own) as never);
    });
    let work = (): unknown => run.step(window(2));
    for (const cutAt of [...cuts, Number.POSITIVE_INFINITY]) {
      [instants.passed, instants.cutAt] = [0, cutAt];
      try {
        work();
        break;
      } catch (error) {
        if (!(error instanceof Cut)) throw error;
        work = again;
      }
    }
    for (const spy of spies) spy.mockRestore();
    return { state: stateOf(run), instants: instants.passed };
  }

  test('cut off at each instant, or at several one after the other', () => {
    const { state, instants } = secondStep([]);
    expect(instants).toBeGreaterThan(60);
    // Every instant of a short step, every so manieth of a long one.
    for (let cutAt = 1; cutAt <= instants; cutAt += Math.ceil(instants / INSTANTS))
      expect(secondStep([cutAt]).state, `at ${cutAt}`).toEqual(state);
    const cuts = fc.array(fc.integer({ min: 1, max: instants }), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(cuts, (several) => {
        expect(secondStep(several).state).toEqual(state);
      }),
      { numRuns: 20, seed: 1 },
    );
  });
});
