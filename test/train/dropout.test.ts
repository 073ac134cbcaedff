// Dropout between layers: masks that depend on step, stream, time, layer and unit, and on nothing else.
import { describe, expect, test } from 'vitest';
import { createKernels, type KernelName } from '../../src/kernels/choose.js';
import { nativeProblem } from '../../src/kernels/native.js';
import { createWasmMemory, RESERVED_BYTES } from '../../src/kernels/wasm.js';
import { Arena, Descriptors } from '../../src/memory/arena.js';
import { PlanBuilder } from '../../src/memory/plan.js';
import { dropoutKey } from '../../src/model/dropout-key.js';
import { fromTorch } from '../../src/model/parameters.js';
import { UNTIMED } from '../../src/model/phases.js';
import { allOf } from '../../src/model/share.js';
import { Stack } from '../../src/model/stack.js';
import { placeParameters, placeWindow } from '../../src/model/views.js';
import { InlineRun } from './inline-run.js';
import { uniformStart, windowOf } from './problems.js';

const [T, B, H, L] = [6, 7, 40, 3];
const MODEL = { cell: 'rnn', activation: 'sigmoid', hidden: H, layers: L, embedding: 0, vocabulary: 5 } as const;
const kernelNames: KernelName[] = ['reference', 'wasm', ...(nativeProblem() ? [] : (['native'] as const))];

/** Runs a window through stacks that share its streams as `rows` says. @returns [L - 1][T][B][H]: what each layer passed on */
function passedOn(
  kernelName: KernelName,
  rows: readonly (readonly [number, number])[],
  { step = 4, seed = 9, dropout = 0.3 } = {},
): number[][][][] {
  const plan = new PlanBuilder(4, RESERVED_BYTES);
  const parameters = placeParameters(plan, MODEL, { first: false, second: false, tableByRows: false });
  const views = placeWindow(plan, MODEL, { steps: T, streams: B, trains: true, dropout: true }, 'activations');
  const others = { features: 0, entryStarts: 0, entryFeatures: 0, entryValues: 0, outputs: 0, lengths: 0 };
  const input = { ...others, tokens: plan.ints('batches', T * B), targets: plan.ints('batches', T * B) };
  const numbers = 4096;
  const descriptors = rows.map(() => plan.doubles('control', numbers));
  const wasmMemory = createWasmMemory(plan.bytes);
  const memory = kernelName === 'wasm' ? { buffer: wasmMemory.buffer, wasmMemory } : { buffer: wasmMemory.buffer };
  const arena = new Arena(memory.buffer, 4);
  const start = uniformStart(MODEL, 0.5, 1);
  for (const p of parameters) fromTorch(p, start[p.name], arena.floatsAt(p.weights, p.length));
  arena.intsAt(input.tokens, T * B).set(windowOf(5, T, B, 2).tokens.flat());
  rows.forEach(([firstRow, count], worker) => {
    const stack = new Stack({
      ...{ arena, kernels: createKernels(kernelName, memory, worker), model: MODEL, parameters, views },
      descriptors: new Descriptors(arena, descriptors[worker], numbers),
      ...{ share: { ...allOf(B), firstRow, rows: count }, phases: UNTIMED, dropout, trains: true, seed },
    });
    stack.forward(input, T, false, step);
  });
  const each = <V>(count: number, value: (i: number) => V): V[] => Array.from({ length: count }, (_, i) => value(i));
  return each(L - 1, (layer) =>
    each(T, (t) => each(B, (b) => [...arena.floatsAt(views.layers[layer].dropped + 4 * (t * B + b) * views.ldh, H)])),
  );
}

const masksOf = (values: number[][][][]): string =>
  values
    .flat(3)
    .map((value) => (value === 0 ? '0' : '1'))
    .join('');
/** Share of places at which two masks agree. */
function agreement(a: string, b: string): number {
  return [...a].filter((bit, i) => bit === b[i]).length / a.length;
}

describe.each(kernelNames)('%s kernels', (kernels) => {
  const whole = passedOn(kernels, [[0, B]]);

  test.each([
    [
      'two workers',
      [
        [0, 3],
        [3, 4],
      ],
    ],
    [
      'two workers in the other order',
      [
        [3, 4],
        [0, 3],
      ],
    ],
    [
      'a worker a stream',
      [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
        [4, 1],
        [5, 1],
        [6, 1],
      ],
    ],
    [
      'workers without streams',
      [
        [0, 0],
        [0, 7],
        [7, 0],
      ],
    ],
  ] as [string, [number, number][]][])('%s pass on what one worker passes on', (_, rows) => {
    expect(passedOn(kernels, rows)).toEqual(whole);
  });

  test('masks are those of the reference', () => {
    expect(masksOf(whole)).toBe(masksOf(passedOn('reference', [[0, B]])));
  });
});

describe('masks', () => {
  const masks = (options: Parameters<typeof passedOn>[2]) => masksOf(passedOn('reference', [[0, B]], options));
  const one = masks({});
  const independent = 0.3 ** 2 + 0.7 ** 2;
  /** Five standard errors of a share of that many draws. */
  const error = (5 * 0.5) / Math.sqrt(one.length);

  test('drop the share that was asked for', () => {
    expect(one).toHaveLength((L - 1) * T * B * H);
    for (const dropout of [0.1, 0.3, 0.5, 0.9]) {
      const dropped = [...masks({ dropout })].filter((bit) => bit === '0').length / one.length;
      expect(Math.abs(dropped - dropout)).toBeLessThan(error);
    }
  });

  test('keep the mean: what stays is scaled by 1 / (1 - p)', () => {
    // Sigmoids: every unit lies around one half, so their sum hardly depends on which are left out.
    const plain = passedOn('reference', [[0, B]], { dropout: 0 })[0].flat(2);
    for (const dropout of [0.1, 0.5]) {
      const passed = passedOn('reference', [[0, B]], { dropout })[0].flat(2);
      for (const [i, value] of passed.entries())
        expect(value === 0 || Math.abs(value - plain[i] / (1 - dropout)) < 1e-6).toBe(true);
      const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(Math.abs(mean(passed) / mean(plain) - 1)).toBeLessThan(
        5 * Math.sqrt(dropout / (1 - dropout) / plain.length),
      );
    }
  });

  test('are drawn anew in every step, so where windows overlap as well, and for every seed', () => {
    for (const other of [{ step: 5 }, { step: 4 + 2 ** 32 }, { seed: 10 }]) {
      expect(Math.abs(agreement(one, masks(other)) - independent)).toBeLessThan(error);
    }
    expect(masks({})).toBe(one);
  });

  test('differ from layer to layer, from step of the window to step, and from stream to stream', () => {
    const values = passedOn('reference', [[0, B]]);
    const pairs: [unknown, unknown][] = [
      [values[0], values[1]],
      [values[0][1], values[0][2]],
      [values.map((layer) => layer.map((step) => step[0])), values.map((layer) => layer.map((step) => step[1]))],
    ];
    for (const pair of pairs) {
      const [a, b] = pair.map((part) => masksOf([[[(part as number[][]).flat(3) as unknown as number[]]]] as never));
      expect(Math.abs(agreement(a, b) - independent)).toBeLessThan((5 * 0.5) / Math.sqrt(a.length));
    }
  });

  test('of neighbouring keys have nothing in common: each of seed, step and layer changes the key', () => {
    const keys = new Set<number>();
    for (const seed of [0, 1, 2 ** 32 - 1])
      for (const step of [0, 1, 2, 1000, 2 ** 32])
        for (let layer = 0; layer < 8; layer++) keys.add(dropoutKey(seed, step, layer));
    expect(keys.size).toBe(3 * 5 * 8);
  });
});

test('a training without dropout is that of --dropout 0, and one with it goes on otherwise', () => {
  const losses = [0, undefined, 0.5].map((dropout) => {
    const run = new InlineRun({ model: MODEL, streams: 2, steps: T, ...(dropout === undefined ? {} : { dropout }) });
    run.setParameters(uniformStart(MODEL, 0.5, 3));
    return [1, 2, 3].map((seed) => run.step({ ...windowOf(5, T, 2, seed), rate: 0.5 }).loss);
  });
  expect(losses[1]).toEqual(losses[0]);
  expect(losses[2]).not.toEqual(losses[0]);
});
