// A hundred thousand random calls of the kernels, and as many while another thread writes over their arguments.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { fuzz, type Target, targets } from '../kernels/fuzzing.js';

const CALLS = 100_000;
/** Of the reference kernels, which nobody trains with: some arguments that stay inside make loops of minutes in plain TypeScript. */
const REFERENCE_CALLS = 5_000;
const all = targets.map((create) => create());

test.each(all)('$name stays inside its arena, whatever it is given', (target) => {
  expect(
    Object.values(fuzz(target, target.name === 'reference' ? REFERENCE_CALLS : CALLS, 2)).every(
      ({ ran, refused }) => ran > 0 && refused > 0,
    ),
  ).toBe(true);
});

const fast = all.filter(({ name }) => name !== 'reference');

test.each(fast)('$name stays inside its arena while another thread writes over its arguments', async (target) => {
  const scribbler = await scribbleOver(target);
  try {
    fuzz(target, CALLS, 3);
  } finally {
    await scribbler.terminate();
  }
});

/** A thread that writes a small, a large or a negative number at a random place of the arena, over and over. */
async function scribbleOver({ memory, first }: Target): Promise<Worker> {
  const code = `
    const { workerData: { buffer, from, count }, parentPort } = require('node:worker_threads');
    const arena = new Int32Array(buffer, from, count);
    parentPort.postMessage('writes');
    for (let i = 1; ; i = Math.imul(i, 1664525) + 1013904223) arena[(i >>> 8) % count] = i & 64 ? i : i & 31;`;
  const from = memory.byteOffset + first;
  const worker = new Worker(code, {
    eval: true,
    workerData: { buffer: memory.buffer, from, count: (memory.length - first) / 4 },
  });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return worker;
}
