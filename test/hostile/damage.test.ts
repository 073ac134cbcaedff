// Files that somebody made up with care: whole in every way but one.
import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SafetensorsFile } from '../../src/checkpoint/safetensors-file.js';
import { RunError, UserError } from '../../src/errors.js';
import { loadModel, train } from '../../src/index.js';
import { MetricsFile } from '../../src/report/metrics-file.js';
import { freshPath, run, SETTINGS, text } from '../run/small-runs.js';
import { headerOf, safetensors } from './safetensors-mutations.js';
import { listed } from './subjects.js';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const data = { text: text(3000) };
const { path, out } = await run({ data, ...SETTINGS, kernels: 'auto', out: freshPath(), steps: 4 });
const model = readFileSync(join(path, 'model.safetensors'));

/** The run, of which the trainer's file says something else, and the manifest that this is right. */
function withProgress(change: Readonly<Record<string, unknown>>): string {
  const other = freshPath();
  cpSync(out, other, { recursive: true, verbatimSymlinks: true });
  const checkpoint = join(other, 'checkpoints/step-00000004');
  const { json, numbers } = headerOf(readFileSync(join(checkpoint, 'trainer.safetensors')));
  const header = JSON.parse(json);
  header.__metadata__.progress = JSON.stringify({ ...JSON.parse(header.__metadata__.progress), ...change });
  const trainer = safetensors(JSON.stringify(header), numbers);
  writeFileSync(join(checkpoint, 'trainer.safetensors'), trainer);
  const files = { 'model.safetensors': { sha256: sha256(model) }, 'trainer.safetensors': { sha256: sha256(trainer) } };
  writeFileSync(join(checkpoint, 'manifest.json'), JSON.stringify({ step: 4, files }));
  return other;
}

describe('a checkpoint that says what cannot be', () => {
  test.each([
    ['best', { step: '0/../../../../victim', loss: 1, only: true }],
    ['best', { step: 3, loss: 'low', only: true }],
    ['step', 2 ** 40],
    ['epoch', -1],
    ['stepInEpoch', 0.5],
    ['updates', '7'],
    ['densities', ['<b>']],
    ['kernels', 'evil'],
    ['plateau', null],
    ['densityControl', { penalty: 'x', density: 0 }],
  ])('of "%s": %j is refused before anything is done', async (field, value) => {
    const other = withProgress({ [field]: value });
    mkdirSync(join(other, '../victim'), { recursive: true });
    const before = listed(other);
    const resumed = train({ resume: other, steps: 8, data });
    await expect(resumed).rejects.toThrow(UserError);
    await expect(resumed).rejects.toThrow(`"${field}" of where the run stood is not possible`);
    expect(listed(other)).toEqual(before);
    expect(existsSync(join(other, '../victim'))).toBe(true);
    // The model beside it is good for all else.
    expect((await loadModel(other)).training).toBeUndefined();
  });

  test('a place behind the end of an epoch is refused', async () => {
    await expect(train({ resume: withProgress({ stepInEpoch: 1e6 }), steps: 8, data })).rejects.toThrow(
      /stands behind the end of an epoch; take another checkpoint/,
    );
  });
});

describe('a model', () => {
  const file = (bytes: Uint8Array): string => {
    const name = `${freshPath()}.safetensors`;
    writeFileSync(name, bytes);
    return name;
  };

  test('that says it is larger than its file is refused before memory is taken for it', async () => {
    const { json, numbers } = headerOf(model);
    const header = JSON.parse(json);
    const architecture = { ...JSON.parse(header.__metadata__.architecture), hidden: 65536, layers: 8 };
    header.__metadata__.architecture = JSON.stringify(architecture);
    const loading = loadModel(file(safetensors(JSON.stringify(header), numbers)));
    await expect(loading).rejects.toThrow(/tensor "rnn\.\w+" has shape .*; the model needs \[262144, /);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'with %d among its weights is refused by the name of the tensor',
    async (value) => {
      const bytes = Buffer.from(model);
      bytes.writeFloatLE(value, bytes.length - 4);
      const name = file(bytes);
      await expect(loadModel(name)).rejects.toThrow(/number \d+ of tensor ".*" is (NaN|Infinity); the file is damaged/);
      await expect(run({ ...SETTINGS, kernels: 'auto', initFrom: name })).rejects.toThrow(UserError);
    },
  );

  test('whose outputs for a window need more memory than there is says so', async () => {
    const V = 2 ** 24;
    const tensors = {
      'rnn.weight_ih_l0': [1, V],
      'rnn.weight_hh_l0': [1, 1],
      'rnn.bias_ih_l0': [1],
      'rnn.bias_hh_l0': [1],
      'head.weight': [V, 1],
      'head.bias': [V],
    };
    let at = 0;
    const header: Record<string, unknown> = {};
    for (const [name, shape] of Object.entries(tensors)) {
      const end = at + 4 * shape.reduce((a, b) => a * b);
      header[name] = { dtype: 'F32', shape, data_offsets: [at, end] };
      at = end;
    }
    const architecture = { cell: 'rnn', activation: 'tanh', hidden: 1, layers: 1, embedding: 0, vocabulary: V };
    header.__metadata__ = {
      format: 'unroll',
      architecture: JSON.stringify(architecture),
      vocabulary: JSON.stringify({ mode: 'number', size: V }),
    };
    const name = `${freshPath()}.safetensors`;
    const begin = safetensors(JSON.stringify(header), Buffer.alloc(0));
    const fd = openSync(name, 'w');
    writeSync(fd, begin);
    ftruncateSync(fd, begin.length + at);
    closeSync(fd);
    // 1024 rows of 16 million outputs.
    if (totalmem() < 64e9)
      await expect(loadModel(name, { kernels: 'reference' })).rejects.toThrow(
        /^MODEL: it needs .* to run and this machine has/,
      );
    rmSync(name);
  });
});

test('what a message quotes of a file stays on its line, and short', () => {
  const name = `${freshPath()}.safetensors`;
  writeFileSync(name, safetensors(JSON.stringify({ ['\u001b[2J\n'.repeat(1000)]: 1 }), Buffer.alloc(0)));
  const refused = (): unknown => SafetensorsFile.open(name);
  expect(refused).toThrow(UserError);
  try {
    refused();
  } catch (error) {
    expect((error as Error).message).not.toMatch(/\p{Cc}/u);
    expect((error as Error).message.length).toBeLessThan(300);
  }
  expect(new RunError('a\u009bb\u202e').message).toBe('a\\u009bb\\u202e');
});

test('a file of metrics without a line is cut off, however long it is', () => {
  const name = freshPath();
  const fd = openSync(name, 'w');
  ftruncateSync(fd, 2 ** 31);
  closeSync(fd);
  const start = performance.now();
  MetricsFile.open(name, { resumeStep: 3 }).close();
  expect(performance.now() - start).toBeLessThan(5000);
  expect(readFileSync(name).length).toBe(0);
});
