// The streams' state between windows: loaded, carried from any step, reset, and put right after a step that is not finite.
import { beforeEach, describe, expect, test } from 'vitest';
import { padded } from '../../src/kernels/kernels.js';
import { Arena } from '../../src/memory/arena.js';
import { PlanBuilder } from '../../src/memory/plan.js';
import { placeWindow, type WindowViews } from '../../src/model/views.js';
import { StreamState } from '../../src/train/stream-state.js';

const [T, B, H, L] = [4, 3, 5, 2];
const WIDTH = padded(H);

describe.each(['lstm', 'gru'] as const)('%s', (cell) => {
  const model = { cell, activation: 'tanh', hidden: H, layers: L, embedding: 0, vocabulary: 6 } as const;
  const kinds = cell === 'lstm' ? (['h', 'c'] as const) : (['h'] as const);
  let arena: Arena;
  let views: WindowViews;
  let reset: number;
  let carry: number;

  beforeEach(() => {
    const plan = new PlanBuilder(4, 64);
    views = placeWindow(plan, model, { steps: T, streams: B, trains: true, dropout: false }, 'activations');
    reset = plan.ints('batches', B);
    carry = plan.ints('batches', B);
    arena = new Arena(new SharedArrayBuffer(plan.bytes), 4);
  });

  const stateOf = (rows: readonly [number, number] = [0, B]) => new StreamState(arena, model, views, rows);
  const stored = (kind: 'h' | 'c', side: number, layer: number, row: number): Float32Array => {
    const view = kind === 'h' ? views.hiddenState : views.cellState;
    return arena.floatsAt(view + 4 * ((side * L + layer) * B + row) * WIDTH, WIDTH) as Float32Array;
  };
  /** h or c of a layer after `step` steps; 0 is the window's start. */
  const inWindow = (kind: 'h' | 'c', layer: number, step: number, row: number): Float32Array =>
    arena.floatsAt(views.layers[layer][kind] + 4 * (step * B + row) * views.ldh, WIDTH) as Float32Array;
  const each = (visit: (kind: 'h' | 'c', layer: number, row: number) => void): void => {
    for (const kind of kinds)
      for (let layer = 0; layer < L; layer++) for (let row = 0; row < B; row++) visit(kind, layer, row);
  };
  /** A number of its own for each place. */
  const mark = (kind: 'h' | 'c', a: number, layer: number, row: number): number =>
    1000 * (a + 1) + 100 * layer + 10 * row + (kind === 'h' ? 1 : 2);

  test('a window starts from the state of the current side', () => {
    each((kind, layer, row) => {
      for (const side of [0, 1]) stored(kind, side, layer, row).fill(mark(kind, side, layer, row));
    });
    stateOf().begin(1, reset);
    each((kind, layer, row) => {
      expect([...inWindow(kind, layer, 0, row)]).toEqual(Array(WIDTH).fill(mark(kind, 1, layer, row)));
    });
  });

  test('the next window starts after the `carry` steps of each stream; the current side stays', () => {
    each((kind, layer, row) => {
      stored(kind, 0, layer, row).fill(-1);
      for (let step = 0; step <= T; step++) inWindow(kind, layer, step, row).fill(mark(kind, step, layer, row));
    });
    arena.intsAt(carry, B).set([T, 0, 2]);
    stateOf().end(1, carry);
    each((kind, layer, row) => {
      expect(stored(kind, 1, layer, row)[0]).toBe(mark(kind, [T, 0, 2][row], layer, row));
      expect(stored(kind, 0, layer, row)[0]).toBe(-1);
    });
  });

  test('a stream that is reset starts from zero, and is zero in the store too: a skipped step goes back there', () => {
    each((kind, layer, row) => {
      stored(kind, 0, layer, row).fill(7);
      inWindow(kind, layer, 0, row).fill(8);
    });
    arena.intsAt(reset, B).set([0, 1, 0]);
    stateOf().begin(0, reset);
    each((kind, layer, row) => {
      const wanted = Array(WIDTH).fill(row === 1 ? 0 : 7);
      expect([...inWindow(kind, layer, 0, row)]).toEqual(wanted);
      expect([...stored(kind, 0, layer, row)]).toEqual(wanted);
    });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'a stream that holds %d anywhere is zeroed whole; the others and the other side stay',
    (bad) => {
      for (const kind of kinds) {
        for (const layer of [0, L - 1]) {
          each((k, l, row) => {
            for (const side of [0, 1]) stored(k, side, l, row).fill(3);
          });
          stored(kind, 1, layer, 2)[H - 1] = bad;
          stored(kind, 0, layer, 0)[0] = bad;
          stateOf().resetNotFinite(1);
          each((k, l, row) => {
            expect([...stored(k, 1, l, row)]).toEqual(Array(WIDTH).fill(row === 2 ? 0 : 3));
          });
          expect(stored(kind, 0, layer, 0)[0]).toBe(bad);
        }
      }
    },
  );

  test('a worker touches its own streams alone', () => {
    each((kind, layer, row) => {
      stored(kind, 0, layer, row).fill(mark(kind, 0, layer, row));
      inWindow(kind, layer, 0, row).fill(-2);
      inWindow(kind, layer, T, row).fill(mark(kind, T, layer, row));
    });
    arena.intsAt(carry, B).fill(T);
    arena.intsAt(reset, B).fill(1);
    const own = stateOf([1, 1]);
    own.begin(0, reset);
    own.end(1, carry);
    each((kind, layer, row) => {
      expect(inWindow(kind, layer, 0, row)[0]).toBe(row === 1 ? 0 : -2);
      expect(stored(kind, 0, layer, row)[0]).toBe(row === 1 ? 0 : mark(kind, 0, layer, row));
      expect(stored(kind, 1, layer, row)[0]).toBe(row === 1 ? mark(kind, T, layer, row) : 0);
    });
  });
});
