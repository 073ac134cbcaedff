// A worker like the real one, that is lost at given instants: before or after an operation on a word that threads share, or a call of a
// kernel. Plans come by the environment of the tests; each fault happens once, whoever takes the worker's place.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openPieceWord, STAGE, STAGES, Word } from '../../dist/src/coordinator/protocol.js';
import { StepLoop } from '../../dist/src/coordinator/step-loop.js';
import { createKernels } from '../../dist/src/kernels/choose.js';
import { Arena } from '../../dist/src/memory/arena.js';
import { layOut } from '../../dist/src/train/layout.js';

/** (module (func (export "f") (loop (br 0)))) */
const LOOP = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11,
  11,
];

const WAYS = {
  throw() {
    throw new Error('a fault of the test');
  },
  exit() {
    process.exit(7);
  },
  heap() {
    for (const all = []; ; ) all.push({ of: [all.length] });
  },
  hang() {
    for (;;);
  },
  /** Inside a system call, as inside any native code, a thread cannot be ended: nobody writes to this pipe. */
  native(folder) {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    openSync(join(folder, 'pipe'), 'r');
  },
  wasm() {
    new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(LOOP))).exports.f();
  },
};

export default function work({ worker, kernels: name, memory, shape, optimizer }) {
  const { folder, faults } = JSON.parse(process.env.UNROLL_TEST_FAULTS);
  const arena = new Arena(memory.buffer, shape.floatBytes);
  const layout = layOut(shape);
  const words = arena.ints.subarray(layout.control / 4);
  const mine = faults.flatMap((fault, id) => (fault.worker === worker ? [{ ...fault, id }] : []));
  let instant = 0;
  /** Each fault happens once. */
  const happens = (id, way) => {
    try {
      const fd = openSync(join(folder, String(id)), 'wx');
      writeSync(fd, `${way} ${STAGES[words[openPieceWord(worker) + STAGE]]}`);
      closeSync(fd);
      return true;
    } catch {
      return false;
    }
  };
  const strike = () => {
    instant++;
    const completed = words[Word.completed];
    const due = mine.filter(({ at, after }) => at === instant || completed === after);
    const fault = due.find(({ id, way }) => happens(id, way));
    if (fault === undefined) return;
    WAYS[fault.way](folder);
  };
  const around =
    (operation, self) =>
    (...args) => {
      strike();
      const result = operation.apply(self, args);
      strike();
      return result;
    };
  for (const method of ['store', 'add', 'compareExchange']) Atomics[method] = around(Atomics[method], Atomics);
  const kernels = createKernels(name, memory, worker);
  const wrapped = new Proxy(kernels, {
    get: (target, key) => (typeof target[key] === 'function' ? around(target[key], target) : target[key]),
  });
  return new StepLoop(arena, wrapped, layout, optimizer, worker).run();
}
