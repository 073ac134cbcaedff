// Training where memory cannot be shared: one worker on the coordinator's thread, and the bits of a run with threads.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Coordinator } from '../../src/coordinator/coordinator.js';
import { InlineWorker } from '../../src/coordinator/inline-worker.js';
import { PROTOCOL_WORDS, Word } from '../../src/coordinator/protocol.js';
import { RunError } from '../../src/errors.js';
import { train } from '../../src/index.js';
import { createReferenceKernels } from '../../src/kernels/reference/reference.js';
import { Arena } from '../../src/memory/arena.js';
import { layOut } from '../../src/train/layout.js';
import { PLAIN_SGD } from '../train/problems.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-inline-'));
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const text = Array.from({ length: 900 }, (_, i) => 'the sea, the ship, the whale. '[(i * i) % 30]).join('');

async function modelOf(name: string): Promise<Buffer> {
  const out = join(folder, name);
  const settings = { hidden: 9, layers: 2, dropout: 0.2, batch: 3, window: 7, stride: 5, steps: 25, evalEvery: 10 };
  await train({ ...settings, workers: 2, out, data: { text } });
  return readFileSync(join(out, 'latest', 'model.safetensors'));
}

test('without SharedArrayBuffer a run has the bits of one with threads, and says once that it has one thread', async () => {
  const threads = await modelOf('threads');
  vi.stubGlobal('SharedArrayBuffer', undefined);
  expect((await modelOf('inline')).equals(threads)).toBe(true);
  const warnings = vi.mocked(process.emitWarning).mock.calls.map(([warning]) => String(warning));
  expect(warnings.filter((warning) => warning.includes('SharedArrayBuffer'))).toHaveLength(1);
});

test('a step that throws ends the run with an error that says so, and the worker with it', async () => {
  const layout = layOut({
    model: { cell: 'gru', activation: 'tanh', hidden: 3, layers: 1, embedding: 0, vocabulary: 4 },
    ...{ optimizer: 'sgd', streams: 1, steps: 2, dropout: 0, seed: 0, evaluationStreams: 0, evaluationSteps: 0 },
    ...{ workers: 1, floatBytes: 4, reservedBytes: 64, controlWords: PROTOCOL_WORDS },
  });
  const arena = new Arena(new ArrayBuffer(layout.bytes), 4);
  const worker = new InlineWorker(arena, createReferenceKernels(arena.buffer, 'float32'), layout, PLAIN_SGD);
  const coordinator = new Coordinator(arena, layout, worker.failure, 10);
  let step = 0;
  const outcome = coordinator.run(
    (slot) => {
      slot.inputs.fill(0);
      slot.targets.fill(1);
      slot.carry.fill(2);
      // More steps than the plan has room for: the kernels refuse.
      return { kind: 'train', steps: step === 3 ? 1e9 : 2, counted: 2, rate: 0.1, step: step++ };
    },
    () => {},
  );
  await expect(outcome).rejects.toThrow(RunError);
  await expect(outcome).rejects.toThrow(/^worker 0 failed: /);
  expect(Atomics.load(arena.ints.subarray(layout.control / 4), Word.completed)).toBe(3);
  await worker.close();
});
