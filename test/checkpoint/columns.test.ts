// Files of models with inputs or targets that are no tokens: what their columns are comes back as it was given, and a file that
// cannot be such a model is an error.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { writeFileAtomicWith } from '../../src/checkpoint/atomic.js';
import { type ModelHeader, readModelHeader, readParameter, writeModel } from '../../src/checkpoint/model-file.js';
import { writeSafetensors } from '../../src/checkpoint/safetensors.js';
import { SafetensorsFile } from '../../src/checkpoint/safetensors-file.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import type { Architecture } from '../../src/model/architecture.js';
import { fromTorch, parametersOf } from '../../src/model/parameters.js';
import { uniformStart } from '../train/problems.js';

const folder = mkdtempSync(join(tmpdir(), 'unroll-columns-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'model.safetensors');

const FEATURES: Architecture = {
  ...{ cell: 'lstm', activation: 'tanh', hidden: 5, layers: 1, embedding: 0, vocabulary: 0, features: 3, outputs: 2 },
  output: 'linear',
};
const TOKENS: Architecture = {
  ...{ cell: 'gru', activation: 'tanh', hidden: 5, layers: 1, embedding: 4, vocabulary: 7, outputs: 19 },
};
const BOTH: Architecture = { ...TOKENS, hidden: 17, layers: 2, bidirectional: true };
const LINEAR: Architecture = { ...FEATURES, cell: 'mlp', layers: 0, hidden: 1, output: 'softmax' };
const COLUMNS = { inputs: ['a', 'b', 'c'] };

const headerOf = (architecture: Architecture, columns: unknown = COLUMNS): ModelHeader => ({
  architecture,
  vocabulary: Vocabulary.ofNumbers(architecture.vocabulary),
  columns,
});

function write(header: ModelHeader): Readonly<Record<string, ArrayLike<number>>> {
  const start = uniformStart(header.architecture, 1, 1);
  const parameters = parametersOf(header.architecture).map((p) => ({ ...p, weights: 0 }));
  const stored = (p: (typeof parameters)[number]): Float32Array => {
    const floats = new Float32Array(p.length);
    fromTorch(p, start[p.name], floats);
    return floats;
  };
  writeModel(path, parameters, stored, header);
  return start;
}

function reading<T>(read: (file: SafetensorsFile) => T): T {
  const file = SafetensorsFile.open(path);
  try {
    return read(file);
  } finally {
    file.close();
  }
}

test.each([
  ...[FEATURES, TOKENS, LINEAR, BOTH],
  ...([
    { ...BOTH, pooling: 'last' },
    { ...TOKENS, pooling: 'mean' },
  ] as const),
  { ...BOTH, residual: true, layerNorm: true },
])('a $cell of $layers layers comes back, whatever its columns are', (model) => {
  fc.assert(
    fc.property(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())), (given) => {
      const columns: unknown = JSON.parse(JSON.stringify(given));
      const start = write(headerOf(model, columns));
      reading((file) => {
        expect(readModelHeader(file)).toEqual(headerOf(model, columns));
        for (const p of parametersOf(model)) {
          const stored = new Float32Array(p.length);
          readParameter(file, p.name, p, stored);
          const wanted = new Float32Array(p.length);
          fromTorch(p, start[p.name], wanted);
          expect(stored).toEqual(wanted);
        }
      });
    }),
    { numRuns: 20 },
  );
});

test('a model of text has no columns, and one of features is not written without', () => {
  const { outputs, ...text } = TOKENS;
  expect(() => write(headerOf(text))).toThrow(/columns/);
  expect(() => write({ ...headerOf(FEATURES), columns: undefined })).toThrow(/columns/);
  write({ ...headerOf(text), columns: undefined });
  expect(reading(readModelHeader)).not.toHaveProperty('columns');
});

describe('a file is damaged', () => {
  const impossible = (field: string) => new RegExp(`: ${field} of its architecture is not possible`);
  const changed = (model: Architecture, change: Readonly<Record<string, unknown>>) => ({
    architecture: JSON.stringify({ ...model, ...change }),
  });
  test.each<readonly [string, Readonly<Record<string, string | undefined>>, RegExp]>([
    ['without columns', { columns: undefined }, /does not say what its columns are/],
    ['whose columns are no JSON', { columns: '{' }, /columns is not JSON/],
    [
      'of tokens and outputs without columns',
      { ...changed(TOKENS, {}), vocabulary: '{"mode":"number","size":7}', columns: undefined },
      /what its columns are/,
    ],
    ['of no feature', changed(FEATURES, { features: 0 }), impossible('features')],
    ['of half a feature', changed(FEATURES, { features: 1.5 }), impossible('features')],
    ['of too many features', changed(FEATURES, { features: 65537 }), impossible('features')],
    ['of features in words', changed(FEATURES, { features: '3' }), impossible('features')],
    ['of features and no outputs', changed(FEATURES, { outputs: undefined }), impossible('outputs')],
    ['of 0 outputs', changed(FEATURES, { outputs: 0 }), impossible('outputs')],
    ['of too many outputs', changed(FEATURES, { outputs: 2 ** 24 + 1 }), impossible('outputs')],
    ['of features and tokens', changed(FEATURES, { vocabulary: 2 }), impossible('vocabulary')],
    ['of features in an embedding', changed(FEATURES, { embedding: 2 }), impossible('embedding')],
    ['of both kinds of features', changed(FEATURES, { sparseFeatures: 3 }), impossible('features')],
    ['of no tokens', changed(TOKENS, { vocabulary: 0 }), impossible('vocabulary')],
    ['of feedforward layers in two directions', changed(LINEAR, { bidirectional: true }), impossible('bidirectional')],
    [
      'of text in two directions',
      changed(TOKENS, { bidirectional: true, outputs: undefined }),
      impossible('bidirectional'),
    ],
    ['of the ends of one direction', changed(FEATURES, { pooling: 'last' }), impossible('pooling')],
    ['of another pooling', changed(FEATURES, { pooling: 'max' }), impossible('pooling')],
    ['of feedforward layers that are pooled', changed(LINEAR, { pooling: 'mean' }), impossible('pooling')],
    ['of text that is pooled', changed(TOKENS, { pooling: 'mean', outputs: undefined }), impossible('pooling')],
    ['of one residual layer', changed(FEATURES, { residual: true }), impossible('residual')],
    ['of layers that are residual in words', changed(BOTH, { residual: 'yes' }), impossible('residual')],
    ['of no layer that is normalized', changed(LINEAR, { layerNorm: true }), impossible('layerNorm')],
    ['of layers that are not normalized', changed(BOTH, { layerNorm: false }), impossible('layerNorm')],
    ['of directions in words', changed(FEATURES, { bidirectional: 'yes' }), impossible('bidirectional')],
    ['of feedforward layers over tokens', changed(TOKENS, { cell: 'mlp' }), impossible('sparseFeatures')],
  ])('%s', (_, change, message) => {
    const told = {
      ...{ format: 'unroll', architecture: JSON.stringify(FEATURES), columns: '{}' },
      vocabulary: JSON.stringify(Vocabulary.ofNumbers(0)),
      ...change,
    };
    const metadata = Object.fromEntries(Object.entries(told).filter(([, text]) => text !== undefined));
    writeFileAtomicWith(path, (fd) => writeSafetensors(fd, new Map(), metadata as Record<string, string>));
    expect(() => reading(readModelHeader)).toThrow(message);
    expect(() => reading(readModelHeader)).toThrow(path);
  });
});
