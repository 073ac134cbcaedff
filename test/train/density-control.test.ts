// The penalty that is steered to a density: it gets there, whatever the net is like, and stays; and it is a function of what was seen.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONTROL_NUMBERS, DensityControl, FIRST_PENALTY } from '../../src/train/density-control.js';
import { createRandom } from '../kernels/bench-arena.js';
import { InlineRun } from './inline-run.js';
import { uniformStart, windowOf } from './problems.js';

/** A control that has begun, and its numbers. */
function begun(target: number, penalty = FIRST_PENALTY) {
  const numbers = new Float64Array(CONTROL_NUMBERS);
  const control = new DensityControl(numbers, target);
  control.begin({ penalty, density: 0 });
  return { numbers, control };
}

/** A net as far as its density goes: the more sparse the stronger the penalty is, some steps after it, and never twice the same. */
interface Net {
  readonly target: number;
  readonly firstPenalty: number;
  /** Powers of the penalty to which the density falls, and steps that it takes to follow. */
  readonly gain: number;
  readonly lag: number;
  /** The penalty with which half of the units are active. */
  readonly half: number;
  readonly noise: number;
}

const net: fc.Arbitrary<Net> = fc.record({
  target: fc.double({ min: 0.02, max: 0.4, noNaN: true }),
  firstPenalty: fc.constantFrom(1e-5, FIRST_PENALTY, 0.05, 0.5),
  gain: fc.double({ min: 0.5, max: 1.2, noNaN: true }),
  lag: fc.integer({ min: 20, max: 200 }),
  // With a half of 0.01 some would need a penalty that is stronger than any that is allowed.
  half: fc.constantFrom(3e-4, 1e-3),
  noise: fc.constantFrom(0, 0.05, 0.2),
});

/** The density's logarithm and the penalty after each of `steps` steps. */
function steer({ target, firstPenalty, gain, lag, half, noise }: Net, steps: number) {
  const { control } = begun(target, firstPenalty);
  const random = createRandom(7);
  let log = Math.log(0.5);
  return Array.from({ length: steps }, () => {
    const wanted = Math.min(Math.log(0.7), Math.log(0.5) - gain * Math.log(control.penalty / half));
    log += (wanted - log) / lag;
    control.see(Math.min(1, Math.exp(log) * (1 + noise * (2 * random() - 1))));
    return { log, penalty: control.penalty };
  });
}

describe('a penalty that is steered', () => {
  test('brings the density to its target and keeps it there, from below and from above', () => {
    fc.assert(
      fc.property(net, (net) => {
        const after = steer(net, 6000).slice(-1500);
        for (const { log } of after) expect(Math.abs(log - Math.log(net.target))).toBeLessThan(0.1);
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  test('does not go far beyond what a net needs that follows it hundreds of steps later', () => {
    const lags = fc.integer({ min: 200, max: 400 });
    const targets = fc.double({ min: 0.05, max: 0.15, noNaN: true });
    fc.assert(
      fc.property(net, targets, lags, (fast, target, lag) => {
        const slow: Net = { ...fast, target, lag, gain: 1, firstPenalty: FIRST_PENALTY };
        // With a gain of 1 the density is the inverse of the penalty.
        const needed = Math.max(FIRST_PENALTY, (0.5 / target) * slow.half);
        const after = steer(slow, 6000);
        expect(Math.max(...after.map(({ penalty }) => penalty))).toBeLessThan(3 * needed);
        expect(Math.min(...after.map(({ log }) => log))).toBeGreaterThan(Math.log(0.9 * target));
      }),
      { seed: 13, numRuns: 60 },
    );
  });

  test('changes by 5% a step at most, and stays within its bounds whatever is seen', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 400 }), (seen) => {
        const { control } = begun(0.1);
        for (const density of seen) {
          const before = control.penalty;
          control.see(density);
          expect(Math.abs(control.penalty / before - 1)).toBeLessThanOrEqual(0.05 + 1e-12);
          expect(control.penalty).toBeGreaterThanOrEqual(1e-6);
          expect(control.penalty).toBeLessThanOrEqual(1);
        }
      }),
      { seed: 12 },
    );
  });

  test('comes back from a net that was dead for long', () => {
    const { control } = begun(0.1);
    for (let step = 0; step < 5000; step++) control.see(0);
    expect(control.penalty).toBe(1e-6);
    for (let step = 0; step < 500; step++) control.see(0.5);
    expect(control.penalty).toBeGreaterThan(1e-3);
  });

  test('goes on from its state, also after JSON, as if it had never stopped', () => {
    const random = createRandom(3);
    const densities = Array.from({ length: 50 }, () => random());
    const [whole, first, second] = [begun(0.2), begun(0.2), begun(0.2)];
    for (const density of densities) whole.control.see(density);
    for (const density of densities.slice(0, 20)) first.control.see(density);
    second.control.begin(JSON.parse(JSON.stringify(first.control.state)));
    for (const density of densities.slice(20)) second.control.see(density);
    expect(second.numbers).toEqual(whole.numbers);
  });
});

describe('in a training', () => {
  const model = { cell: 'rnn', activation: 'relu', hidden: 20, layers: 2, embedding: 0, vocabulary: 7 } as const;
  const window = { ...windowOf(7, 5, 3, 1), rate: 0.01 };

  function training(densityTarget: number | undefined, penalty = 0.02) {
    const run = new InlineRun({ model, streams: 3, steps: 5, activationL1: penalty, densityTarget });
    run.setParameters(uniformStart(model, 0.4, 1));
    const at = run.layout.densityControl / 8;
    const numbers = run.arena.doubles.subarray(at, at + CONTROL_NUMBERS);
    numbers.set([penalty, 0]);
    return { run, numbers };
  }

  test('the first step has the penalty that was given, the next one that which follows from the density', () => {
    const [steered, plain] = [training(0.1), training(undefined)];
    for (const { run } of [steered, plain]) run.step(window);
    expect(steered.run.read('weights')).toEqual(plain.run.read('weights'));
    const { numbers, control } = begun(0.1, 0.02);
    control.see(steered.numbers[1]);
    expect(steered.numbers).toEqual(numbers);
    expect(steered.numbers[0]).toBeGreaterThan(0.02);
    for (const { run } of [steered, plain]) run.step(window);
    expect(steered.run.read('weights')).not.toEqual(plain.run.read('weights'));
  });

  test('a step that is left out changes nothing', () => {
    const { run, numbers } = training(0.1);
    run.step(window);
    const before = [...numbers];
    const [value] = run.read('weights')['head.bias'];
    run.poke('head.bias', 0, Number.POSITIVE_INFINITY);
    expect(run.step(window).applied).toBe(false);
    expect([...numbers]).toEqual(before);
    run.poke('head.bias', 0, value);
    expect(run.step(window).applied).toBe(true);
    expect([...numbers]).not.toEqual(before);
  });
});
