// Memory where the runtime has no SharedArrayBuffer: an ArrayBuffer, one warning, and a training step that works on it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { InlineRun } from '../train/inline-run.js';
import { uniformStart, windowOf } from '../train/problems.js';

type Module = typeof import('../../src/memory/shared-array-buffer.js');

let memory: Module;
let warnings: string[];

beforeEach(async () => {
  // A fresh copy: it remembers that it warned.
  vi.resetModules();
  memory = await import('../../src/memory/shared-array-buffer.js');
  warnings = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => {
    warnings.push(String(warning));
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('where there is one, memory is shared, zeroed, and nothing is said', () => {
  expect(memory.canShare()).toBe(true);
  const buffer = memory.createSharedBuffer(1000);
  expect(buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(new Uint8Array(buffer)).toEqual(new Uint8Array(1000));
  expect(warnings).toEqual([]);
});

test('where there is none, an ArrayBuffer serves, with one warning for all of them', () => {
  vi.stubGlobal('SharedArrayBuffer', undefined);
  expect(memory.canShare()).toBe(false);
  const buffers = [16, 32].map(memory.createSharedBuffer);
  for (const buffer of buffers) expect(buffer).toBeInstanceOf(ArrayBuffer);
  expect(buffers.map((buffer) => buffer.byteLength)).toEqual([16, 32]);
  expect(warnings).toEqual(['SharedArrayBuffer is not available: training runs on one thread']);
});

test('training steps on an ArrayBuffer have the bits of those on shared memory', () => {
  const model = { cell: 'lstm', activation: 'tanh', hidden: 9, layers: 2, embedding: 4, vocabulary: 6 } as const;
  const outcomes = [(bytes: number) => new SharedArrayBuffer(bytes), memory.createSharedBuffer].map((allocate, i) => {
    if (i === 1) vi.stubGlobal('SharedArrayBuffer', undefined);
    const run = new InlineRun({ model, streams: 2, steps: 5, allocate, optimizer: { name: 'adam' } });
    run.setParameters(uniformStart(model, 0.4, 1));
    const losses = [2, 3].map((seed) => run.step({ ...windowOf(6, 5, 2, seed), rate: 0.01 }).loss);
    return { losses, weights: run.read('weights'), shared: !(run.arena.buffer instanceof ArrayBuffer) };
  });
  expect(outcomes[0].shared).toBe(true);
  expect(outcomes[1]).toEqual({ ...outcomes[0], shared: false });
});
