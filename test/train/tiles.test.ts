// The cut of the work on the parameters: everything once, and the same whatever the workers and the window.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PROTOCOL_WORDS } from '../../src/coordinator/protocol.js';
import { PANEL } from '../../src/kernels/kernels.js';
import { PlanBuilder } from '../../src/memory/plan.js';
import type { Architecture } from '../../src/model/architecture.js';
import { placeParameters } from '../../src/model/views.js';
import { layOut, type RunShape } from '../../src/train/layout.js';
import { cutIntoTiles } from '../../src/train/tiles.js';

const width = fc.oneof(fc.constantFrom(1, 16, 17, 128, 129, 300), fc.integer({ min: 1, max: 200 }));
const architecture: fc.Arbitrary<Architecture> = fc.record({
  cell: fc.constantFrom('rnn', 'lstm', 'gru'),
  activation: fc.constant('tanh' as const),
  hidden: width,
  layers: fc.integer({ min: 1, max: 3 }),
  embedding: fc.oneof(fc.constant(0), width),
  vocabulary: fc.oneof(width, fc.integer({ min: 200, max: 3000 })),
});
const rows = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 100, max: 100_000 }));
const RUNS = { seed: 12, numRuns: 80 } as const;

const parametersOf = (model: Architecture) => placeParameters(new PlanBuilder(4, 64), model, undefined);

test('pieces cover every element of every parameter once, in order', () => {
  fc.assert(
    fc.property(architecture, rows, (model, count) => {
      const parameters = parametersOf(model);
      const { pieces } = cutIntoTiles(parameters, count, 3);
      parameters.forEach((p, parameter) => {
        const own = pieces.filter((piece) => piece.parameter === parameter);
        expect(own[0].from).toBe(0);
        expect(own.at(-1)?.to).toBe(p.length);
        for (let i = 1; i < own.length; i++) expect(own[i].from).toBe(own[i - 1].to);
        // What the kernels ask for: whole vectors, and whole blocks of 16 x 16 where a transpose is written.
        for (const { from, to } of own) {
          expect(to).toBeGreaterThan(from);
          expect(from % (p.transposed ? PANEL * PANEL : PANEL)).toBe(0);
          expect(to % (p.transposed ? PANEL * PANEL : PANEL)).toBe(0);
        }
      });
      expect(pieces.map((piece) => piece.parameter)).toEqual(
        pieces.map((piece) => piece.parameter).sort((a, b) => a - b),
      );
    }),
    RUNS,
  );
});

test('tiles cover every panel or column of every gradient once, but for biases that come with a matrix', () => {
  fc.assert(
    fc.property(architecture, rows, (model, count) => {
      const parameters = parametersOf(model);
      const { tiles } = cutIntoTiles(parameters, count, 3);
      parameters.forEach((p, parameter) => {
        const own = tiles.filter((tile) => tile.parameter === parameter).sort((a, b) => a.from - b.from);
        if (p.summedWith) {
          expect(own).toEqual([]);
          expect(parameters.find(({ name }) => name === p.summedWith)).toMatchObject({
            storage: 'panels',
            columns: p.columns,
          });
          return;
        }
        expect(own[0].from).toBe(0);
        expect(own.at(-1)?.to).toBe(p.storage === 'panels' ? p.columns / PANEL : p.columns);
        for (let i = 1; i < own.length; i++) expect(own[i].from).toBe(own[i - 1].to);
      });
    }),
    RUNS,
  );
});

test('a tile carries the pieces of its part; the pieces of tables and of biases wait; together they are all pieces once', () => {
  fc.assert(
    fc.property(architecture, rows, (model, count) => {
      const parameters = parametersOf(model);
      const { tiles, pieces, tablePieces, summedPieces } = cutIntoTiles(parameters, count, 3);
      const seen: number[] = [...tablePieces, ...summedPieces];
      for (const tile of tiles) {
        const p = parameters[tile.parameter];
        if (p.storage === 'rows') {
          expect(tile.lastPiece).toBe(tile.firstPiece);
          continue;
        }
        const each = p.storage === 'panels' ? p.depth * PANEL : 1;
        expect(pieces[tile.firstPiece]).toMatchObject({ parameter: tile.parameter, from: tile.from * each });
        expect(pieces[tile.lastPiece - 1]).toMatchObject({ parameter: tile.parameter, to: tile.to * each });
        for (let piece = tile.firstPiece; piece < tile.lastPiece; piece++) seen.push(piece);
      }
      expect(seen.sort((a, b) => a - b)).toEqual(pieces.map((_, i) => i));
      for (const piece of tablePieces) expect(parameters[pieces[piece].parameter].storage).toBe('rows');
      for (const piece of summedPieces) expect(parameters[pieces[piece].parameter].storage).toBe('vector');
    }),
    RUNS,
  );
});

test('pieces do not depend on how long the windows are', () => {
  fc.assert(
    fc.property(architecture, rows, rows, (model, one, other) => {
      const parameters = parametersOf(model);
      const [a, b] = [cutIntoTiles(parameters, one, 1), cutIntoTiles(parameters, other, 7)];
      expect(a.pieces).toEqual(b.pieces);
      expect(a.tablePieces).toEqual(b.tablePieces);
    }),
    RUNS,
  );
});

test('pieces do not depend on the number of workers', () => {
  const shape: RunShape = {
    model: { cell: 'lstm', activation: 'tanh', hidden: 200, layers: 2, embedding: 30, vocabulary: 90 },
    ...{ optimizer: 'adam', streams: 13, steps: 70, dropout: 0.2, seed: 1, evaluationStreams: 4, evaluationSteps: 9 },
    ...{ workers: 1, floatBytes: 4, reservedBytes: 64, controlWords: PROTOCOL_WORDS },
  };
  const one = layOut(shape);
  for (const workers of [2, 3, 5, 8, 64]) expect(layOut({ ...shape, workers }).work.pieces).toEqual(one.work.pieces);
});

test('a model of a million pieces is laid out', () => {
  const model = { cell: 'lstm', activation: 'tanh', hidden: 32_000, layers: 1, embedding: 0, vocabulary: 90 } as const;
  const layout = layOut({
    ...{ model, optimizer: 'adam', streams: 32, steps: 64, dropout: 0, seed: 0, workers: 2 },
    ...{ evaluationStreams: 32, evaluationSteps: 32, floatBytes: 4, reservedBytes: 64, controlWords: PROTOCOL_WORDS },
  });
  expect(layout.work.pieces.length).toBeGreaterThan(1e6);
  expect(layout.undoFloats).toBeGreaterThanOrEqual(PANEL * PANEL);
});
