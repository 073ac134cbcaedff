// What a core of this machine gives at best: the rate of a matrix product whose operands stay in the second-level cache.
// Printed beside every figure, since two processors of one name may differ by half.

import { allocate, createKernels, type KernelName, reservedBytes } from '../src/kernels/choose.js';
import { Init, PANEL, Product } from '../src/kernels/kernels.js';
import { Arena, Descriptors } from '../src/memory/arena.js';
import { PlanBuilder } from '../src/memory/plan.js';

/** C [48, 512] = A [48, 256] W [256, 512]: whole tiles for every instruction set, 0.7 MB in all. */
const ROWS = 48;
const DEPTH = 256;
const COLUMNS = 512;

const WARM_UP_MS = 50;
const ROUND_MS = 40;
const ROUNDS = 5;

/** @returns GFLOP/s of one thread, the best of some rounds */
export function productPeak(name: KernelName): number {
  const plan = new PlanBuilder(4, reservedBytes(name));
  const a = plan.floats('activations', ROWS * DEPTH);
  const panels = plan.floats('parameters', DEPTH * COLUMNS);
  const c = plan.floats('activations', ROWS * COLUMNS);
  const numbers = plan.doubles('control', Product.size);
  const memory = allocate(name, plan.bytes, (bytes) => new ArrayBuffer(bytes));
  const arena = new Arena(memory.buffer, 4);
  arena.floatsAt(a, ROWS * DEPTH).fill(0.5);
  arena.floatsAt(panels, DEPTH * COLUMNS).fill(0.25);
  const kernels = createKernels(name, memory, 0);
  const call = new Descriptors(arena, numbers, Product.size).add(Product, {
    ...{ a, lda: DEPTH, aGroup: 0, panels, depth: DEPTH, panelStride: DEPTH * PANEL, panelCount: COLUMNS / PANEL },
    ...{ c, ldc: COLUMNS, cGroup: 0, rows: ROWS, init: Init.zero, bias: 0, bias2: 0 },
  });
  const rate = (forMs: number): number => {
    const start = performance.now();
    let calls = 0;
    let ms = 0;
    for (; ms < forMs; ms = performance.now() - start, calls++) kernels.product(call, 0, 1);
    return (calls * 2 * ROWS * DEPTH * COLUMNS) / (ms * 1e6);
  };
  rate(WARM_UP_MS);
  return Math.max(...Array.from({ length: ROUNDS }, () => rate(ROUND_MS)));
}
