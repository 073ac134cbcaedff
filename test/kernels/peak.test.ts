// The loops of the benches compute what they say: nothing of them may be left out as unused.
import { expect, test } from 'vitest';
import { MultiplyAdd, PEAK_VALUES, Triad } from '../../src/kernels/kernels.js';
import { implementations } from './implementations.js';
import { expectParity } from './parity.js';

test.each(implementations)('$name: multiplyAdd does every round on every value', (implementation) => {
  expectParity(
    implementation,
    11,
    (arena) => {
      const values = arena.floats({ columns: PEAK_VALUES }, () => arena.uniform(4));
      const call = arena.descriptor(MultiplyAdd, { values, factor: 0.875 });
      return { outputs: { values }, call: () => arena.kernels.multiplyAdd(call, 5, 12) };
    },
    1e-6,
  );
});

test.each(implementations)('$name: triad writes its range and nothing else', (implementation) => {
  expectParity(
    implementation,
    12,
    (arena) => {
      const [b, c] = [0, 1].map(() => arena.floats({ columns: 128 }, () => arena.uniform(4)));
      const a = arena.floats({ columns: 128 });
      const call = arena.descriptor(Triad, { a, b, c, scale: 3 });
      const written = arena.part(a, { column: 16, columns: 96 });
      return { outputs: { written }, call: () => arena.kernels.triad(call, 16, 112) };
    },
    1e-6,
  );
});

test('a round more is another result: a bench that counts rounds counts work', () => {
  for (const { name, arena: arenaOf } of implementations) {
    const arena = arenaOf().begin(1);
    const run = (rounds: number): Float64Array => {
      const values = arena.floats({ columns: PEAK_VALUES }, (column) => column);
      const call = arena.descriptor(MultiplyAdd, { values, factor: 1 });
      arena.kernels.multiplyAdd(call, 0, rounds);
      return arena.read(values);
    };
    expect([...run(1000)], name).toEqual(Array.from({ length: PEAK_VALUES }, (_, i) => i + 1000));
  }
});
