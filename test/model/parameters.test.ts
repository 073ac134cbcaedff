// Parameters between PyTorch's layout and the stored one, for every cell and random sizes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PANEL, padded } from '../../src/kernels/kernels.js';
import type { Architecture } from '../../src/model/architecture.js';
import {
  elementsOf,
  fromTorch,
  type Parameter,
  parametersOf,
  toTorch,
  transposePanels,
} from '../../src/model/parameters.js';

const width = fc.oneof(fc.constantFrom(1, 15, 16, 17, 32, 33), fc.integer({ min: 1, max: 70 }));
const architecture: fc.Arbitrary<Architecture> = fc.record({
  cell: fc.constantFrom('rnn', 'lstm', 'gru'),
  activation: fc.constant('tanh' as const),
  hidden: width,
  layers: fc.integer({ min: 1, max: 3 }),
  embedding: fc.oneof(fc.constant(0), width),
  vocabulary: width,
  bidirectional: fc.boolean(),
});
const GATES = { rnn: 1, lstm: 4, gru: 3 } as const;

/** Outputs of each direction below are padded by themselves. */
function storedInput({ name, shape }: Parameter, input: number, bidirectional = false): number {
  const reads = bidirectional && !name.startsWith('rnn.weight_hh') && !name.includes('_l0') ? 2 : 1;
  const own = shape[1] / reads;
  return Math.floor(input / own) * padded(own) + (input % own);
}

/** 1, 2, 3, ...: no element like another, none zero. */
const numbered = (p: Parameter): Float32Array => Float32Array.from({ length: elementsOf(p) }, (_, i) => i + 1);
const stored = (p: Parameter): Float32Array => {
  const values = new Float32Array(p.length).fill(Number.NaN);
  fromTorch(p, numbered(p), values);
  return values;
};
/** Compared as bytes: thousands of arrays. */
const bytesOf = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
const forEveryParameter = (check: (p: Parameter, model: Architecture) => void): void =>
  fc.assert(
    fc.property(architecture, (model) => {
      for (const p of parametersOf(model)) check(p, model);
    }),
    { seed: 8, numRuns: 30 },
  );

test('names and shapes are those of PyTorch’s modules', () => {
  const names = (model: Architecture) => parametersOf(model).map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
  const model = { cell: 'gru', activation: 'tanh', hidden: 5, layers: 2, embedding: 3, vocabulary: 7 } as const;
  const above = [
    'rnn.weight_hh_l0 [15, 5]',
    'rnn.bias_ih_l0 [15]',
    'rnn.bias_hh_l0 [15]',
    'rnn.weight_ih_l1 [15, 5]',
    'rnn.weight_hh_l1 [15, 5]',
    'rnn.bias_ih_l1 [15]',
    'rnn.bias_hh_l1 [15]',
    'head.weight [7, 5]',
    'head.bias [7]',
  ];
  expect(names(model)).toEqual(['embedding.weight [7, 3]', 'rnn.weight_ih_l0 [15, 3]', ...above]);
  const reversed = (layer: number, inputs: number) => [
    `rnn.weight_ih_l${layer}_reverse [15, ${inputs}]`,
    `rnn.weight_hh_l${layer}_reverse [15, 5]`,
    `rnn.bias_ih_l${layer}_reverse [15]`,
    `rnn.bias_hh_l${layer}_reverse [15]`,
  ];
  const [first, second] = [above.slice(0, 3), above.slice(4, 7)];
  expect(names({ ...model, bidirectional: true })).toEqual([
    ...['embedding.weight [7, 3]', 'rnn.weight_ih_l0 [15, 3]', ...first, ...reversed(0, 3)],
    ...['rnn.weight_ih_l1 [15, 10]', ...second, ...reversed(1, 10), 'head.weight [7, 10]', 'head.bias [7]'],
  ]);
  expect(names({ ...model, embedding: 0 })).toEqual(['rnn.weight_ih_l0 [15, 7]', ...above]);
});

describe('the stored layout', () => {
  test('gives back what PyTorch’s layout put in', () => {
    forEveryParameter((p) => expect(bytesOf(toTorch(p, stored(p))).equals(bytesOf(numbered(p))), p.name).toBe(true));
  });

  test('holds every element once, and zero in the padding', () => {
    forEveryParameter((p) => {
      const held = stored(p).filter((value) => value !== 0);
      expect(held.length, p.name).toBe(elementsOf(p));
      expect(bytesOf(held.sort()).equals(bytesOf(numbered(p))), p.name).toBe(true);
    });
  });

  test('has the gates of a unit in neighbouring panels: unit u of gate g at column (u / 16 gates + g) 16 + u mod 16', () => {
    forEveryParameter((p, model) => {
      const gates = p.name.startsWith('rnn.') ? GATES[model.cell as keyof typeof GATES] : 1;
      const values = stored(p);
      const [outputs, inputs] =
        p.name === 'embedding.weight' ? [p.shape[1], p.shape[0]] : [p.shape[0], p.shape[1] ?? 1];
      const units = outputs / gates;
      for (let output = 0; output < outputs; output++) {
        const [gate, unit] = [Math.floor(output / units), output % units];
        const panel = Math.floor(unit / PANEL) * gates + gate;
        for (const input of new Set([0, Math.floor(inputs / 2), inputs - 1])) {
          const torch = p.name === 'embedding.weight' ? input * outputs + output : output * inputs + input;
          const at =
            p.storage === 'panels'
              ? (panel * p.depth + storedInput(p, input, model.bidirectional)) * PANEL + (unit % PANEL)
              : input * gates * padded(units) + panel * PANEL + (unit % PANEL);
          if (values[at] !== torch + 1) expect.fail(`${p.name} ${output}, ${input}: ${values[at]}`);
        }
      }
    });
  });
});

describe('the panels of the transpose', () => {
  const transposedOf = (p: Parameter, values: Float32Array): Float32Array => {
    const transposed = new Float32Array(p.length).fill(Number.NaN);
    transposePanels(p, values, transposed);
    return transposed;
  };

  test('hold element (k, j) of the matrix at (j, k)', () => {
    forEveryParameter((p) => {
      if (!p.transposed) return;
      const [values, transposed] = [stored(p), transposedOf(p, stored(p))];
      const element = (from: Float32Array, depth: number, row: number, column: number) =>
        from[(Math.floor(column / PANEL) * depth + row) * PANEL + (column % PANEL)];
      for (let k = 0; k < p.depth; k++) {
        for (let j = 0; j < p.columns; j++) {
          if (element(transposed, p.columns, j, k) !== element(values, p.depth, k, j))
            expect.fail(`${p.name}: (${k}, ${j})`);
        }
      }
    });
  });

  test('transposed again are the matrix', () => {
    forEveryParameter((p) => {
      if (!p.transposed) return;
      const back = transposedOf({ ...p, depth: p.columns, columns: p.depth }, transposedOf(p, stored(p)));
      expect(bytesOf(back).equals(bytesOf(stored(p))), p.name).toBe(true);
    });
  });
});
