// exp, sigmoid, tanh and ReLU over the whole float32 range, and the sum of squares.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Activation, Elementwise, PANEL, SquareNorm } from '../../src/kernels/kernels.js';
import type { BenchArena } from './bench-arena.js';
import { implementations, oracle, tuned } from './implementations.js';
import { RUNS, seed } from './parity.js';

const SMALLEST_NORMAL = 2 ** -126;
const LARGEST = (2 - 2 ** -23) * 2 ** 127;
const RELATIVE = 1e-6;

type FunctionName = keyof typeof Activation;

/** In float64, from the float32 argument; the forms that do not cancel. */
const TRUTH: Readonly<Record<FunctionName, (x: number) => number>> = {
  exp: Math.exp,
  tanh: Math.tanh,
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  relu: (x) => (x > 0 ? x : 0),
};

/** `count` float32 numbers in order of their bits, from one to the other, both of one sign. */
function between(from: number, to: number, count: number): Float32Array {
  const ends = new Uint32Array(new Float32Array([from, to]).buffer);
  const bits = new Uint32Array(count).map((_, i) => ends[0] + Math.round((i * (ends[1] - ends[0])) / (count - 1)));
  return new Float32Array(bits.buffer);
}

/** The largest float32 whose exponential is one as well is 88.72283...; half of it is where tanh's exponential ends. */
const THRESHOLDS = [Math.log(LARGEST), -Math.log(SMALLEST_NORMAL)].flatMap((x) => [x, x / 2]);

const REGIONS: Readonly<Record<string, readonly Float32Array[]>> = {
  'every exponent, with 4096 mantissas': [1, -1].map((sign) => {
    const bits = new Uint32Array(255 * 4096).map(
      (_, i) => (sign < 0 ? 2 ** 31 : 0) + Math.floor(i / 4096) * 2 ** 23 + (i % 4096) * 2048 + ((i * 97) % 2048),
    );
    return new Float32Array(bits.buffer);
  }),
  'around zero': [between(0, 1e-3, 200_000), between(-0, -1e-3, 200_000)],
  'from 1e-3 to 20, where the curves are': [between(1e-3, 20, 1_000_000), between(-1e-3, -20, 1_000_000)],
  'where tanh changes its formula': [between(0.5, 0.7, 600_000), between(-0.5, -0.7, 600_000)],
  'where tanh becomes 1': [between(8.5, 9.5, 200_000), between(-8.5, -9.5, 200_000)],
  'where sigmoid becomes 1': [between(16, 18, 200_000)],
  'every number about where an exponential leaves the normal numbers': THRESHOLDS.flatMap((x) => [
    between(x - 0.02, x + 0.02, 20_000),
    between(-x - 0.02, -x + 0.02, 20_000),
  ]),
  'where exp leaves the normal numbers': [between(86.5, 89.5, 400_000), between(-86.5, -104.5, 800_000)],
};

interface Worst {
  error: number;
  at: number;
  got: number;
}

/** Errors in units of what is allowed: relative where the true value is a normal number, absolute elsewhere. */
function worstOf(arena: BenchArena, name: FunctionName, inputs: Float32Array): Worst {
  arena.begin(0);
  const source = arena.floats({ columns: inputs.length }, (column) => inputs[column]);
  const out = arena.floats({ columns: inputs.length });
  const descriptor = arena.descriptor(Elementwise, { in: source, out, function: Activation[name] });
  arena.kernels.map(descriptor, 0, inputs.length);
  const results = arena.read(out);
  const worst = { error: 0, at: Number.NaN, got: Number.NaN };
  for (let i = 0; i < inputs.length; i++) {
    const error = errorOf(results[i], TRUTH[name](inputs[i]));
    if (error > worst.error) Object.assign(worst, { error, at: inputs[i], got: results[i] });
  }
  return worst;
}

function errorOf(actual: number, truth: number): number {
  if (Number.isNaN(actual)) return Number.POSITIVE_INFINITY;
  // Beyond the largest float32 infinity is right, and the largest number where it is near.
  if (truth > LARGEST && actual === Number.POSITIVE_INFINITY) return 0;
  if (Math.abs(truth) < SMALLEST_NORMAL) return Math.abs(actual - truth) / SMALLEST_NORMAL;
  return Math.abs(actual - truth) / Math.abs(truth) / RELATIVE;
}

describe.each(implementations)('$name', ({ arena }) => {
  describe.each(Object.keys(TRUTH) as FunctionName[])('%s', (name) => {
    test.each(Object.keys(REGIONS))('is right to 1e-6 %s', (region) => {
      for (const inputs of REGIONS[region]) {
        const { error, at, got } = worstOf(arena(), name, inputs);
        expect(error, `${name}(${at}) is ${got}, not ${TRUTH[name](at)}`).toBeLessThanOrEqual(1);
      }
    });
  });

  test.each([
    ['exp', [Number.POSITIVE_INFINITY, 0, 1, 1, Number.NaN]],
    ['sigmoid', [1, 0, 0.5, 0.5, Number.NaN]],
    ['tanh', [1, -1, 0, 0, Number.NaN]],
    ['relu', [Number.POSITIVE_INFINITY, 0, 0, 0, Number.NaN]],
  ] as const)('%s of infinity, -infinity, 0, -0 and NaN', (name, expected) => {
    const bench = arena().begin(0);
    const inputs = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, Number.NaN];
    const source = bench.floats({ columns: 5 }, (column) => inputs[column]);
    const out = bench.floats({ columns: 5 });
    const descriptor = bench.descriptor(Elementwise, { in: source, out, function: Activation[name] });
    const [written] = bench.run([out], () => bench.kernels.map(descriptor, 0, 5));
    // The sign of a zero is no one's business.
    expect([...written].map((value) => value + 0)).toEqual(expected);
  });

  test('map works on any range, and an element has the same bits wherever it stands', () => {
    for (const kind of Object.values(Activation)) {
      const bench = arena().begin(1);
      const source = bench.floats({ columns: 70 }, () => bench.uniform(3));
      const out = bench.floats({ columns: 70 });
      const descriptor = bench.descriptor(Elementwise, { in: source, out, function: kind });
      const [whole] = bench.run([out], () => bench.kernels.map(descriptor, 0, 70));
      for (let from = 0; from <= 20; from++) {
        for (let to = from; to <= 70; to += 7) {
          const range = bench.part(out, { column: from, columns: to - from });
          const [part] = bench.run([range], () => bench.kernels.map(descriptor, from, to));
          expect(part).toEqual(whole.slice(from, to));
        }
      }
    }
  });

  test('squareNorm is the sum of squares of any range of panels', () => {
    const norm = (bench: BenchArena, count: number, from: number, to: number, seed: number, whole: boolean) => {
      bench.begin(seed);
      const g = bench.floats({ columns: count * PANEL }, () => (whole ? bench.integer(-8, 9) : bench.uniform()));
      const descriptor = bench.descriptor(SquareNorm, { g });
      let result = Number.NaN;
      bench.run([], () => {
        result = bench.kernels.squareNorm(descriptor, from * PANEL, to * PANEL);
      });
      return result;
    };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.nat(300),
        fc.nat(300),
        fc.boolean(),
        seed,
        (count, one, other, whole, seed) => {
          const [from, to] = [Math.min(one, other, count), Math.min(Math.max(one, other), count)];
          const expected = norm(oracle(), count, from, to, seed, whole);
          const error = Math.abs(norm(arena(), count, from, to, seed, whole) - expected);
          expect(error).toBeLessThanOrEqual(whole ? 0 : 2e-6 * expected);
        },
      ),
      RUNS,
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('squareNorm shows a %d', (value) => {
    for (let place = 0; place < 40; place++) {
      const bench = arena().begin(0);
      const g = bench.floats({ columns: 48 }, (column) => (column === place ? value : 1));
      const result = bench.kernels.squareNorm(bench.descriptor(SquareNorm, { g }), 0, 48);
      expect(Number.isFinite(result)).toBe(false);
    }
  });
});

test('squareNorm adds on 16 lanes and then in pairs: all kernels but the reference agree to the bit', () => {
  for (const { arena, name } of tuned) {
    const bench = arena().begin(3);
    const g = bench.floats({ columns: 4096 }, () => bench.uniform());
    const values = bench.read(g);
    const lanes = new Float32Array(PANEL);
    // In native sets multiply and add are fused: rounded once, as the sum of two exact float64 numbers is here but for the
    // rarest of cases.
    const fused = name !== 'wasm';
    for (let i = 0; i < values.length; i++) {
      const square = values[i] * values[i];
      lanes[i % PANEL] = lanes[i % PANEL] + (fused ? square : Math.fround(square));
    }
    for (let half = PANEL / 2; half >= 1; half /= 2) {
      for (let lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    }
    const descriptor = bench.descriptor(SquareNorm, { g });
    expect(bench.kernels.squareNorm(descriptor, 0, 4096), name).toBe(lanes[0]);
  }
});
