// Checkpoints: what is saved comes back bit for bit, damage shows, and a model's file depends on its weights alone.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  checkpointFolder,
  dropCheckpoint,
  loadCheckpoint,
  modelFile,
  readCheckpointHeader,
  readProgress,
  saveCheckpoint,
  verifyCheckpoint,
} from '../../src/checkpoint/checkpoint.js';
import { matchNames, readModelHeader } from '../../src/checkpoint/model-file.js';
import { type TensorToWrite, writeSafetensors } from '../../src/checkpoint/safetensors.js';
import { SafetensorsFile } from '../../src/checkpoint/safetensors-file.js';
import { Word } from '../../src/coordinator/protocol.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { NotFinite, UserError } from '../../src/errors.js';
import type { KernelName } from '../../src/kernels/choose.js';
import { Optimizer } from '../../src/kernels/kernels.js';
import type { Architecture } from '../../src/model/architecture.js';
import { parametersOf, transposePanels } from '../../src/model/parameters.js';
import type { OptimizerName } from '../../src/train/layout.js';
import { InlineRun } from '../train/inline-run.js';
import { CELLS, type CellName, nameOf, uniformStart, windowOf } from '../train/problems.js';

const SYMBOLS = ['\n', ' ', 'a', 'b', 'é', '😀'];
const vocabulary = Vocabulary.ofSymbols(
  'char',
  SYMBOLS.map((symbol) => symbol.codePointAt(0) as number),
);
const [T, B, V] = [5, 3, SYMBOLS.length];
const FILES = ['model.safetensors', 'trainer.safetensors', 'manifest.json'] as const;
const OPTIMIZERS = Object.keys(Optimizer) as OptimizerName[];

let root: string;
let run: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'unroll-checkpoint-'));
});
beforeEach(() => {
  run = mkdtempSync(join(root, 'run-'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

const modelOf = (cell: CellName): Architecture => ({ ...cell, hidden: 17, layers: 2, embedding: 5, vocabulary: V });

interface Given {
  readonly cell?: CellName;
  readonly optimizer?: OptimizerName;
  readonly kernels?: KernelName;
  readonly steps?: number;
}

function runOf({ cell = CELLS[3], optimizer = 'adam', kernels = 'reference', steps = T }: Given = {}): InlineRun {
  return new InlineRun({ model: modelOf(cell), streams: B, steps, kernels, optimizer: { name: optimizer } });
}

/** A run after an odd number of steps, so that the current side of its state is the second one. */
function trained(given: Given = {}): InlineRun {
  const trainee = runOf(given);
  trainee.setParameters(uniformStart(trainee.options.model, 0.5, 1));
  for (const seed of [1, 2, 3]) trainee.step(windowAt(seed));
  expect(trainee.words[Word.trainingSide]).toBe(1);
  return trainee;
}

const windowAt = (seed: number) => ({ ...windowOf(V, T, B, seed), rate: 0.05, step: seed });

function save(trainee: InlineRun, step = 3, links: readonly ('latest' | 'best')[] = ['latest']): string {
  const { arena, layout, words } = trainee;
  const header = { architecture: trainee.options.model, vocabulary };
  return saveCheckpoint(run, { arena, layout, header, side: words[Word.trainingSide] }, { step }, links);
}

/** All that training goes on from. */
function everything(trainee: InlineRun) {
  const views = (['weights', 'firstState', 'secondState'] as const).map((view) => trainee.read(view));
  const hasCellState = trainee.options.model.cell === 'lstm';
  return { views, h: trainee.state('h'), c: hasCellState ? trainee.state('c') : [] };
}

function load(folder: string, given: Given = {}): InlineRun {
  const loaded = runOf(given);
  loadCheckpoint(folder, loaded.arena, loaded.layout);
  return loaded;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a number that is not finite is never saved', () => {
  test.each(['weights', 'firstState', 'secondState'] as const)('among the %s', (view) => {
    const trainee = trained();
    const [, p] = trainee.layout.parameters;
    trainee.arena.floatsAt(p[view], p.length)[0] = Number.NaN;
    expect(() => save(trainee, 77)).toThrow(NotFinite);
    expect(existsSync(join(run, 'checkpoints', 'step-00000077'))).toBe(false);
  });

  test('in the state of the streams', () => {
    const trainee = trained();
    const { hiddenState } = trainee.layout.training;
    trainee.arena.floatsAt(hiddenState, 2 * 2 * B * 32).fill(Number.POSITIVE_INFINITY);
    expect(() => save(trainee, 78)).toThrow(/^"state.h" has numbers that are not finite; a lower --lr/);
  });
});

describe('what is saved comes back bit for bit', () => {
  test.each(CELLS.flatMap((cell) => OPTIMIZERS.map((optimizer) => ({ cell, optimizer, name: nameOf(cell) }))))(
    '$name, $optimizer',
    ({ cell, optimizer }) => {
      const trainee = trained({ cell, optimizer });
      const loaded = load(save(trainee), { cell, optimizer });
      expect(everything(loaded)).toEqual(everything(trainee));
    },
  );

  test('and training goes on to the same bits, loss by loss', () => {
    const trainee = trained();
    const loaded = load(save(trainee));
    for (const p of loaded.layout.parameters) {
      if (!p.transposedPanels) continue;
      const [stored, panels] = [p.weights, p.transposedPanels].map((view) => loaded.arena.floatsAt(view, p.length));
      transposePanels(p, stored, panels);
    }
    loaded.words[Word.updates] = trainee.words[Word.updates];
    const losses = [trainee, loaded].map((each) => [4, 5, 6].map((seed) => each.step(windowAt(seed)).loss));
    expect(losses[1]).toEqual(losses[0]);
    expect(everything(loaded)).toEqual(everything(trainee));
  });

  test('numbers at the edges of float32 included', () => {
    const trainee = trained();
    const edges = [0, -0, 2 ** -149, -(2 ** -126), 3.4028234663852886e38, -3.4028234663852886e38, 1 + 2 ** -23];
    edges.forEach((value, i) => {
      trainee.poke('head.weight', i, value);
    });
    expect(load(save(trainee)).read('weights')['head.weight'].slice(0, edges.length)).toEqual(edges);
  });

  test('progress and header as well', () => {
    const { arena, layout, options } = trained();
    const header = { architecture: options.model, vocabulary };
    const progress = { step: 7, best: { loss: 0.1 + 0.2, step: 5 }, worse: 0, nothing: null };
    const folder = saveCheckpoint(run, { arena, layout, header, side: 1 }, progress, ['latest']);
    expect(readProgress(folder)).toEqual(progress);
    const read = readCheckpointHeader(folder);
    expect(read.architecture).toEqual(options.model);
    expect(read.vocabulary.toJSON()).toEqual(vocabulary.toJSON());
  });

  test('but not into a plan with other streams: the message names file and tensor', () => {
    const folder = save(trained());
    const other = new InlineRun({ model: modelOf(CELLS[3]), streams: B + 1, steps: T, optimizer: { name: 'adam' } });
    expect(() => loadCheckpoint(folder, other.arena, other.layout)).toThrow(/trainer\.safetensors: tensor "state\.h"/);
  });

  test('nor for an optimizer that keeps more than was saved', () => {
    const folder = save(trained({ optimizer: 'sgd' }));
    expect(() => load(folder, { optimizer: 'adam' })).toThrow(UserError);
    expect(() => load(folder, { optimizer: 'adam' })).toThrow(/optimizer\.first\./);
  });
});

describe('a checkpoint on disk', () => {
  test('is a folder of three files whose manifest names the sha256 of the others, and `latest` points to it', () => {
    const folder = save(trained(), 1200, ['latest', 'best']);
    expect(folder).toBe(join(run, 'checkpoints', 'step-00001200'));
    expect(readdirSync(folder).sort()).toEqual([...FILES].sort());
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
    const [model, trainer] = FILES.map((name) => sha256(readFileSync(join(folder, name))));
    expect(manifest).toEqual({
      step: 1200,
      files: { 'model.safetensors': { sha256: model }, 'trainer.safetensors': { sha256: trainer } },
    });
    for (const link of ['latest', 'best']) expect(readlinkSync(join(run, link))).toBe('checkpoints/step-00001200');
    expect(readdirSync(run).sort()).toEqual(['best', 'checkpoints', 'latest']);
  });

  test('that a copy has in the place of the link is that of its step, where the run has it', () => {
    const trainee = trained();
    const folders = [save(trainee, 10), save(trainee, 20), save(trainee, 30)];
    rmSync(join(run, 'latest'));
    cpSync(folders[1], join(run, 'latest'), { recursive: true });
    expect(checkpointFolder(run)).toBe(realpathSync(folders[1]));
    rmSync(folders[1], { recursive: true });
    expect(checkpointFolder(run)).toBe(realpathSync(folders[2]));
    rmSync(join(run, 'checkpoints'), { recursive: true });
    expect(checkpointFolder(run)).toBe(realpathSync(join(run, 'latest')));
    rmSync(join(run, 'latest'), { recursive: true });
  });

  test('of a later step turns `latest` and leaves `best`; one that is dropped is gone', () => {
    const trainee = trained();
    save(trainee, 1, ['latest', 'best']);
    save(trainee, 2, ['latest']);
    expect(['latest', 'best'].map((link) => readlinkSync(join(run, link)))).toEqual(
      [2, 1].map((step) => `checkpoints/step-0000000${step}`),
    );
    dropCheckpoint(run, 1);
    expect(readdirSync(join(run, 'checkpoints'))).toEqual(['step-00000002']);
    expect(() => dropCheckpoint(run, 1)).not.toThrow();
  });

  test('of the same step is replaced', () => {
    const trainee = trained();
    const folder = save(trainee, 4);
    const before = readFileSync(join(folder, FILES[0]));
    trainee.step(windowAt(9));
    expect(save(trainee, 4)).toBe(folder);
    expect(readFileSync(join(folder, FILES[0])).equals(before)).toBe(false);
    expect(() => verifyCheckpoint(folder)).not.toThrow();
    expect(readdirSync(join(run, 'checkpoints'))).toEqual(['step-00000004']);
  });
});

describe('damage', () => {
  test.each(['model.safetensors', 'trainer.safetensors'])(
    'of one bit anywhere in %s shows, and the message names the file',
    (name) => {
      const folder = save(trained());
      expect(() => verifyCheckpoint(folder)).not.toThrow();
      const path = join(folder, name);
      const bytes = readFileSync(path);
      for (const at of [0, 7, 8, 200, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const damaged = Buffer.from(bytes);
        damaged[at] ^= 1;
        writeFileSync(path, damaged);
        expect(() => verifyCheckpoint(folder), `byte ${at}`).toThrow(UserError);
        expect(() => verifyCheckpoint(folder), `byte ${at}`).toThrow(path);
      }
      for (const other of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(1)]), Buffer.alloc(0)]) {
        writeFileSync(path, other);
        expect(() => verifyCheckpoint(folder), `${other.length} bytes`).toThrow(path);
      }
      rmSync(path);
      expect(() => verifyCheckpoint(folder)).toThrow(/missing/);
    },
  );

  test('of the manifest shows: in a digest, in its form, by files that it does not name', () => {
    const folder = save(trained());
    const path = join(folder, 'manifest.json');
    const text = readFileSync(path, 'utf8');
    const [digest] = /[0-9a-f]{64}/.exec(text) as RegExpExecArray;
    const flipped = digest.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    for (const damaged of [
      '',
      '{',
      'null',
      '[]',
      '{"step":3}',
      '{"step":3,"files":{}}',
      text.replace(digest, flipped),
    ]) {
      writeFileSync(path, damaged);
      expect(() => verifyCheckpoint(folder), damaged).toThrow(UserError);
    }
    writeFileSync(path, text);
    expect(() => verifyCheckpoint(folder)).not.toThrow();
  });

  test('by permissions is an error of whoever may not read it', () => {
    const folder = save(trained());
    chmodSync(join(folder, 'model.safetensors'), 0);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) {
      for (const above of ['', '..', '../..', '../../..']) chmodSync(join(folder, above), 0o755);
      process.seteuid?.(65_534);
    }
    try {
      const attempt = () => verifyCheckpoint(folder);
      expect(attempt).toThrow(UserError);
      expect(attempt).toThrow(/model\.safetensors cannot be read: permission denied$/);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test('of the progress is an error with the file’s name', () => {
    const folder = save(trained());
    for (const metadata of [{}, { progress: '{' }, { progress: '{}' }, { progress: 'null' }] as Record<
      string,
      string
    >[]) {
      writeFile(join(folder, 'trainer.safetensors'), {}, metadata);
      expect(() => readProgress(folder)).toThrow(/trainer\.safetensors: it does not say where the run stood/);
    }
  });
});

describe('which checkpoint is meant', () => {
  test('a checkpoint’s folder means itself, a run’s folder its latest one', () => {
    const trainee = trained();
    const [first, second] = [save(trainee, 1), save(trainee, 2)];
    expect(checkpointFolder(first)).toBe(first);
    expect(realpathSync(checkpointFolder(run))).toBe(realpathSync(second));
    expect(modelFile(first)).toBe(join(first, 'model.safetensors'));
    expect(realpathSync(modelFile(run))).toBe(realpathSync(join(second, 'model.safetensors')));
    expect(modelFile(join(first, 'model.safetensors'))).toBe(join(first, 'model.safetensors'));
    expect(realpathSync(modelFile(join(run, 'latest')))).toBe(realpathSync(join(second, 'model.safetensors')));
  });

  test('without a link it is the newest complete one, also beyond eight digits of steps', () => {
    const trainee = trained();
    const folders = [9, 10, 123_456_789].map((step) => save(trainee, step));
    rmSync(join(run, 'latest'));
    expect(checkpointFolder(run)).toBe(folders[2]);
    rmSync(join(folders[2], 'manifest.json'));
    expect(checkpointFolder(run)).toBe(folders[1]);
  });

  test('a folder without a complete checkpoint, or none at all, is an error that names flag and path', () => {
    mkdirSync(join(run, 'checkpoints', 'step-00000001'), { recursive: true });
    expect(() => checkpointFolder(run)).toThrow(new RegExp(`^--resume: ${run} holds no complete checkpoint`));
    const nowhere = join(run, 'nowhere');
    expect(() => checkpointFolder(nowhere)).toThrow(new RegExp(`^--resume: ${nowhere} does not exist`));
    expect(() => modelFile(join(run, 'nowhere'), '--init-from')).toThrow(/^--init-from: .*nowhere does not exist/);
    expect(() => modelFile(run)).toThrow(UserError);
  });
});

describe('a model’s file', () => {
  const bytesOf = (folder: string) => readFileSync(join(folder, 'model.safetensors'));

  test('has the same bytes for equal weights, whatever the optimizer, the plan, the step and the place', () => {
    const files = [
      { optimizer: 'sgd' as const },
      { optimizer: 'adam' as const, steps: 3 * T },
      { kernels: 'wasm' as const },
    ].map((given, i) => {
      const each = runOf(given);
      each.setParameters(uniformStart(each.options.model, 0.5, 1));
      return bytesOf(save(each, i));
    });
    expect(files[1].equals(files[0])).toBe(true);
    expect(files[2].equals(files[0])).toBe(true);
    const copy = join(run, 'elsewhere');
    cpSync(join(run, 'checkpoints', 'step-00000000'), copy, { recursive: true });
    expect(() => verifyCheckpoint(copy)).not.toThrow();
    const other = runOf();
    other.setParameters(uniformStart(other.options.model, 0.5, 2));
    expect(bytesOf(save(other, 9)).equals(files[0])).toBe(false);
  });

  test('tells architecture and vocabulary, and nothing of times, paths, hosts, workers or kernels', () => {
    const file = SafetensorsFile.open(join(save(trained({ kernels: 'wasm' })), 'model.safetensors'));
    const { metadata } = file;
    const header = readModelHeader(file);
    file.close();
    expect(Object.keys(metadata).sort()).toEqual(['architecture', 'format', 'vocabulary']);
    expect(metadata.format).toBe('unroll');
    expect(JSON.parse(metadata.architecture)).toEqual(modelOf(CELLS[3]));
    expect(JSON.parse(metadata.vocabulary)).toEqual({ mode: 'char', symbols: SYMBOLS.join('') });
    expect(header.vocabulary.size).toBe(V);
    const all = JSON.stringify(metadata);
    for (const told of [root, hostname(), String(new Date().getFullYear()), 'worker', 'wasm'])
      expect(all).not.toContain(told);
  });

  test('has PyTorch’s names and shapes', () => {
    const file = SafetensorsFile.open(join(save(trained()), 'model.safetensors'));
    const shapes = [...file.tensors].map(([name, { shape, dtype }]) => [name, dtype, shape]);
    file.close();
    const wanted = parametersOf(modelOf(CELLS[3])).map((p) => [p.name, 'F32', p.shape]);
    expect(shapes.sort()).toEqual(wanted.sort());
  });

  test('that is none of ours, or damaged, is an error that says so', () => {
    const path = join(run, 'x.safetensors');
    const architecture = JSON.stringify(modelOf(CELLS[3]));
    const words = JSON.stringify(vocabulary);
    const relu = modelOf(CELLS[2]);
    const cases: [Record<string, string>, RegExp][] = [
      [{}, /no model of unroll/],
      [{ format: 'pt', architecture, vocabulary: words }, /no model of unroll/],
      [{ format: 'unroll', architecture: '{', vocabulary: words }, /architecture is not JSON/],
      [{ format: 'unroll', architecture: 'null', vocabulary: words }, /architecture is not possible/],
      [{ format: 'unroll', architecture: architecture.replace('lstm', 'net'), vocabulary: words }, /cell of its/],
      [
        { format: 'unroll', architecture: architecture.replace('lstm', 'mlp'), vocabulary: words },
        /sparseFeatures of its/,
      ],
      [{ format: 'unroll', architecture: architecture.replace('17', '1e9'), vocabulary: words }, /hidden of its/],
      ...[0, 1.5, 18, 'x'].map((winners): [Record<string, string>, RegExp] => [
        { format: 'unroll', architecture: JSON.stringify({ ...relu, winners }), vocabulary: words },
        /winners of its architecture is not possible/,
      ]),
      [
        { format: 'unroll', architecture: JSON.stringify({ ...modelOf(CELLS[3]), winners: 5 }), vocabulary: words },
        /winners of its architecture is not possible/,
      ],
      [{ format: 'unroll', architecture, vocabulary: '{"mode":"char","symbols":"ab"}' }, /2 symbols in its vocabulary/],
      [{ format: 'unroll', architecture, vocabulary: '{"mode":"char","symbols":"ba"}' }, /vocabulary is damaged/],
    ];
    for (const [metadata, message] of cases) {
      writeFile(path, {}, metadata);
      const file = SafetensorsFile.open(path);
      expect(() => readModelHeader(file)).toThrow(UserError);
      expect(() => readModelHeader(file)).toThrow(message);
      file.close();
    }
  });
});

function writeFile(path: string, shapes: Readonly<Record<string, readonly number[]>>, metadata = {}): void {
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, shape] of Object.entries(shapes)) {
    const count = shape.reduce((product, size) => product * size, 1);
    tensors.set(name, { dtype: 'F32', shape, data: new Float32Array(count) });
  }
  const fd = openSync(path, 'w');
  writeSafetensors(fd, tensors, metadata);
  closeSync(fd);
}

describe('names from PyTorch', () => {
  const model: Architecture = { ...CELLS[3], hidden: 4, layers: 2, embedding: 3, vocabulary: 7 };
  const ours = Object.fromEntries(parametersOf(model).map((p) => [p.name, p.shape]));
  /** The state_dict of a module with other attributes. */
  const renamed = (embedding: string, rnn: string, head: string, shapes = ours) =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name
          .replace(/^embedding\./, embedding)
          .replace(/^rnn\./, rnn)
          .replace(/^head\./, head),
        shape,
      ]),
    );

  function match(shapes: Readonly<Record<string, readonly number[]>>, architecture = model): Record<string, string> {
    const path = join(run, 'torch.safetensors');
    writeFile(path, shapes);
    const file = SafetensorsFile.open(path);
    try {
      return Object.fromEntries(matchNames(file, architecture));
    } finally {
      file.close();
    }
  }

  test.each([
    ['embedding.', 'rnn.', 'head.'],
    ['embed.', 'lstm.', 'fc.'],
    ['encoder.tokens.', 'core.lstm.', 'decoder.out.'],
    ['e.', '', 'linear.'],
  ])('%s, %s and %s are found', (embedding, rnn, head) => {
    const names = match(renamed(embedding, rnn, head));
    expect(Object.keys(names)).toEqual(parametersOf(model).map((p) => p.name));
    for (const [name, found] of Object.entries(names)) {
      const [part] = [
        ['embedding.', embedding],
        ['rnn.', rnn],
        ['head.', head],
      ].filter(([own]) => name.startsWith(own));
      expect(found).toBe(part[1] + name.slice(part[0].length));
    }
  });

  test('those of two directions are found, each by its own', () => {
    const both = { ...model, bidirectional: true };
    const shapes = Object.fromEntries(parametersOf(both).map((p) => [p.name, p.shape]));
    const names = match(renamed('embed.', 'lstm.', 'fc.', shapes), both);
    expect(names['rnn.weight_hh_l1']).toBe('lstm.weight_hh_l1');
    expect(names['rnn.weight_hh_l1_reverse']).toBe('lstm.weight_hh_l1_reverse');
    expect(names['head.weight']).toBe('fc.weight');
  });

  test('one-hot models have no embedding to find', () => {
    const oneHot = { ...model, embedding: 0 };
    const shapes = Object.fromEntries(parametersOf(oneHot).map((p) => [p.name, p.shape]));
    expect(match(renamed('', 'gru.', 'out.', shapes), oneHot)['rnn.weight_ih_l0']).toBe('gru.weight_ih_l0');
  });

  test('a name of ours settles what shapes leave open', () => {
    // D = H: embedding and head have the same shape.
    const square = { ...model, embedding: 4 };
    const shapes = Object.fromEntries(parametersOf(square).map((p) => [p.name, p.shape]));
    expect(() => match(renamed('embed.', 'lstm.', 'fc.', shapes), square)).toThrow(
      /embedding\.weight may be any of "embed\.weight", "fc\.weight"/,
    );
    const names = match(renamed('embedding.', 'lstm.', 'fc.', shapes), square);
    expect([names['embedding.weight'], names['head.weight']]).toEqual(['embedding.weight', 'fc.weight']);
  });

  test('what is missing, of another shape or doubtful is an error that names parameter and shape', () => {
    const { 'rnn.weight_hh_l1': _, ...missing } = ours;
    expect(() => match(missing)).toThrow(/it has no tensor for rnn\.weight_hh_l1 \[16, 4\]/);
    expect(() => match({ ...ours, 'rnn.weight_hh_l1': [12, 4] })).toThrow(
      /"rnn\.weight_hh_l1" has shape \[12, 4\]; the model needs \[16, 4\]/,
    );
    const twice = { ...renamed('e.', 'encoder.', 'fc.'), ...renamed('e.', 'decoder.', 'fc.') };
    expect(() => match(twice)).toThrow(/rnn\.weight_ih_l0 may be any of/);
    for (const shapes of [missing, twice]) expect(() => match(shapes)).toThrow(UserError);
  });
});
