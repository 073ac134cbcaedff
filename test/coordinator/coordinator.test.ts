// The coordinator's side of the step protocol: results in order with the records they belong to, whoever is late; stop, abort
// and lost workers. The workers are played by the test, or by a step loop on its thread.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Coordinator, type Fed, type StepResult } from '../../src/coordinator/coordinator.js';
import { EXIT, Kind, PROTOCOL_WORDS, Record, Result, Word } from '../../src/coordinator/protocol.js';
import { StepLoop } from '../../src/coordinator/step-loop.js';
import type { BatchSlot } from '../../src/data/batches.js';
import { createReferenceKernels } from '../../src/kernels/reference/reference.js';
import { Arena } from '../../src/memory/arena.js';
import { fromTorch, transposePanels } from '../../src/model/parameters.js';
import { layOut, RECORD_NUMBERS, type RunLayout } from '../../src/train/layout.js';
import { InlineRun } from '../train/inline-run.js';
import { PLAIN_SGD, uniformStart, windowOf } from '../train/problems.js';

const MODEL = { cell: 'rnn', activation: 'relu', hidden: 3, layers: 2, embedding: 0, vocabulary: 5 } as const;
const [T, B, SLOTS] = [3, 2, 4];
const never = new Promise<never>(() => {});

const timers: NodeJS.Timeout[] = [];
afterEach(() => {
  for (const timer of timers.splice(0)) clearInterval(timer);
  vi.restoreAllMocks();
});

interface Stage {
  readonly layout: RunLayout;
  readonly arena: Arena;
  readonly words: Int32Array;
  readonly record: (n: number, field: number) => number;
}

function stage(evaluationStreams = 0): Stage {
  const whole = layOut({
    ...{ model: MODEL, optimizer: 'sgd', streams: B, steps: T, dropout: 0, seed: 0, workers: 1, floatBytes: 4 },
    ...{ evaluationStreams, evaluationSteps: evaluationStreams && T, reservedBytes: 64, controlWords: PROTOCOL_WORDS },
  });
  // A short ring, so that it is gone round many times.
  const layout = { ...whole, slots: whole.slots.slice(0, SLOTS) };
  const arena = new Arena(new SharedArrayBuffer(layout.bytes), 4);
  const words = arena.ints.subarray(layout.control / 4);
  const record = (n: number, field: number) => arena.doubles[layout.records / 8 + (n % SLOTS) * RECORD_NUMBERS + field];
  return { layout, arena, words, record };
}

/** A worker that computes nothing: the loss of record n says which record and which batch it found there. */
function work({ layout, arena, words, record }: Stage): boolean {
  const n = Atomics.load(words, Word.completed);
  if (Atomics.load(words, Word.published) <= n) return false;
  const result = layout.results / 8 + (n % SLOTS) * RECORD_NUMBERS;
  const [token] = arena.intsAt(layout.slots[n % SLOTS].inputs, 1);
  arena.doubles[result + Result.loss] = 1000 * record(n, Record.step) + token;
  arena.doubles[result + Result.norm] = record(n, Record.rate);
  arena.doubles[result + Result.applied] = 1;
  arena.doubles[result + Result.time] = n;
  Atomics.store(words, Word.completed, n + 1);
  return true;
}

/** Feeds `count` steps; the batch of step n begins with token n. */
function feedOf(count: number, before: () => void = () => {}) {
  let step = 0;
  return (slot: BatchSlot): Fed | undefined => {
    before();
    if (step === count) return undefined;
    slot.inputs.fill(step);
    slot.targets.fill(0);
    return { kind: 'train', steps: T, counted: 1, rate: step / 2, step: step++ };
  };
}

function expectInOrder(heard: readonly (readonly [Fed, StepResult])[], count: number): void {
  expect(heard).toHaveLength(count);
  heard.forEach(([fed, result], i) => {
    expect([fed.step, result.loss, result.norm, result.time]).toEqual([i, 1001 * i, i / 2, i]);
  });
}

describe('results are heard once, in order, each with its record', () => {
  const COUNT = 10 * SLOTS + 3;
  /** How fast workers are against feed and timer. */
  const paces: [string, (stage: Stage) => { before: () => void }][] = [
    [
      'workers that run a record as soon as it is published',
      (stage) => ({
        before: () => {
          while (work(stage));
        },
      }),
    ],
    [
      'workers that run one record at a time, between feeds',
      (stage) => ({
        before: () => {
          work(stage);
        },
      }),
    ],
    ['workers that run only while the coordinator sleeps', () => ({ before: () => {} })],
  ];

  test.each(paces)('%s', async (_, pace) => {
    const set = stage();
    timers.push(setInterval(() => work(set), 1));
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    const heard: [Fed, StepResult][] = [];
    const feed = feedOf(COUNT, pace(set).before);
    expect(await coordinator.run(feed, (fed, result) => heard.push([fed, result]))).toBe('done');
    expectInOrder(heard, COUNT);
  });

  test('a feed that has to wait, with workers that go on meanwhile', async () => {
    const set = stage();
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    const heard: [Fed, StepResult][] = [];
    const feed = feedOf(COUNT);
    const late = async (slot: BatchSlot): Promise<Fed | undefined> => {
      while (work(set));
      const fed = feed(slot);
      await new Promise((resolve) => setImmediate(resolve));
      while (work(set));
      return fed;
    };
    timers.push(setInterval(() => work(set), 1));
    expect(await coordinator.run(late, (fed, result) => heard.push([fed, result]))).toBe('done');
    expectInOrder(heard, COUNT);
  });

  test('no more is published than there are slots', async () => {
    const set = stage();
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    let most = 0;
    const measure = () => {
      most = Math.max(most, Atomics.load(set.words, Word.published) - Atomics.load(set.words, Word.completed));
    };
    timers.push(
      setInterval(() => {
        measure();
        work(set);
      }, 1),
    );
    await coordinator.run(feedOf(COUNT, measure), () => {});
    expect(most).toBe(SLOTS);
  });

  test('a second run goes on where the first one ended, and one without records is done at once', async () => {
    const set = stage();
    timers.push(setInterval(() => work(set), 1));
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    const steps: number[] = [];
    const hear = (fed: Fed, { loss }: StepResult) => {
      expect(loss).toBe(1001 * fed.step);
      steps.push(fed.step);
    };
    for (const count of [SLOTS + 1, 0, 2]) expect(await coordinator.run(feedOf(count), hear)).toBe('done');
    expect(steps).toEqual([0, 1, 2, 3, 4, 0, 1]);
  });
});

test('a record says where the head begins: the first step with a target that counts', async () => {
  const set = stage(3);
  const coordinator = new Coordinator(set.arena, set.layout, never, 10);
  const seen: number[] = [];
  timers.push(
    setInterval(() => {
      const n = Atomics.load(set.words, Word.completed);
      if (Atomics.load(set.words, Word.published) > n) seen.push(set.record(n, Record.headFrom));
      work(set);
    }, 1),
  );
  const targets = [
    [-1, -1, -1, 4, -1, -1],
    [0, -1, -1, -1, -1, -1],
    [-1, -1, -1, -1, 2, 1],
  ];
  let n = 0;
  const feed = (slot: BatchSlot): Fed | undefined => {
    if (n === targets.length) return undefined;
    slot.targets.set(targets[n]);
    return { kind: 'train', steps: T, counted: 1, rate: 0, step: n++ };
  };
  await coordinator.run(feed, () => {});
  expect(seen).toEqual([1, 0, 2]);
  n = 0;
  seen.length = 0;
  await coordinator.run(
    (slot) => {
      const fed = feed(slot);
      return fed && { ...fed, kind: 'evaluate' };
    },
    () => {},
  );
  expect(seen).toEqual([0, 0, 0]);
  expect(set.record(Atomics.load(set.words, Word.completed) - 1, Record.kind)).toBe(Kind.evaluate);
});

/** A step loop on this thread, and the steps of a training that it is fed with. */
function training(set: Stage) {
  const start = uniformStart(MODEL, 0.5, 1);
  for (const p of set.layout.parameters) {
    const stored = set.arena.floatsAt(p.weights, p.length);
    fromTorch(p, start[p.name], stored);
    if (p.transposedPanels) transposePanels(p, stored, set.arena.floatsAt(p.transposedPanels, p.length));
  }
  const loop = new StepLoop(set.arena, createReferenceKernels(set.arena.buffer, 'float32'), set.layout, PLAIN_SGD, 0);
  const step = (): boolean => {
    const n = Atomics.load(set.words, Word.completed);
    if (Atomics.load(set.words, Word.published) <= n) return false;
    loop.step(n);
    return true;
  };
  const feed = (count: number, first = 0) => {
    let next = first;
    return (slot: BatchSlot): Fed | undefined => {
      if (next === first + count) return undefined;
      const { tokens, targets } = windowOf(5, T, B, next);
      slot.inputs.set(tokens.flat());
      slot.targets.set(targets.flat());
      slot.reset.fill(0);
      slot.carry.fill(T);
      return { kind: 'train', steps: T, counted: T * B, rate: 0.1, step: next++ };
    };
  };
  return { step, feed };
}

test('losses of a training through the ring are those of its steps done one by one', async () => {
  const set = stage();
  const { step, feed } = training(set);
  timers.push(setInterval(step, 1));
  const coordinator = new Coordinator(set.arena, set.layout, never, 10);
  const losses: number[] = [];
  const densities: (readonly number[])[] = [];
  await coordinator.run(feed(30), (_, { loss, applied, density }) => {
    expect(applied).toBe(true);
    losses.push(loss);
    densities.push(density);
  });
  const run = new InlineRun({ model: MODEL, streams: B, steps: T });
  run.setParameters(uniformStart(MODEL, 0.5, 1));
  const wanted = Array.from({ length: 30 }, (_, n) => run.step({ ...windowOf(5, T, B, n), rate: 0.1 }).loss);
  expect(losses).toEqual(wanted);
  for (const density of densities) {
    expect(density).toHaveLength(2);
    // Of 3 units in each of the streams.
    for (const share of density) expect(Array.from({ length: 3 * B + 1 }, (_, n) => n / (3 * B))).toContain(share);
  }
});

describe('stop', () => {
  test('ends the run after the step that is under way, and withdraws what was published beyond it', async () => {
    const set = stage();
    const { step, feed } = training(set);
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    const heard: number[] = [];
    const outcome = coordinator.run(feed(100), (fed) => heard.push(fed.step));
    expect(Atomics.load(set.words, Word.published)).toBe(SLOTS);
    step();
    coordinator.stop();
    step();
    expect(Atomics.load(set.words, Word.published)).toBe(2);
    expect(step()).toBe(false);
    expect(await outcome).toBe('stopped');
    expect(heard).toEqual([0, 1]);

    // What was withdrawn is fed again, and runs as if nothing had been.
    timers.push(setInterval(step, 1));
    expect(await coordinator.run(feed(7, 2), (fed) => heard.push(fed.step))).toBe('done');
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(Atomics.load(set.words, Word.updates)).toBe(9);
  });

  test('before a run or while nothing is published ends it without a step', async () => {
    const set = stage();
    const { feed } = training(set);
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    coordinator.stop();
    expect(await coordinator.run(feed(5), () => expect.fail('nothing was run'))).toBe('stopped');
    expect(Atomics.load(set.words, Word.published)).toBe(0);
  });

  test('is withdrawn from the ring before the step counts as completed: afterwards the coordinator may publish again', async () => {
    const set = stage();
    const { step, feed } = training(set);
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    const outcome = coordinator.run(feed(100), () => {});
    coordinator.stop();
    const store = Atomics.store;
    const publishedAtCompletion: number[] = [];
    vi.spyOn(Atomics, 'store').mockImplementation(((words: Int32Array, word: number, value: number) => {
      if (word === Word.completed) publishedAtCompletion.push(Atomics.load(words, Word.published));
      return store(words, word, value);
    }) as typeof Atomics.store);
    step();
    vi.restoreAllMocks();
    expect(publishedAtCompletion).toEqual([1]);
    expect(await outcome).toBe('stopped');
  });

  test('comes from the workers where too many steps in a row are not finite', async () => {
    const set = stage();
    const { step, feed } = training(set);
    const coordinator = new Coordinator(set.arena, set.layout, never, 3);
    const p = set.layout.parameters[0];
    set.arena.floatsAt(p.weights, p.length).fill(Number.NaN);
    timers.push(setInterval(step, 1));
    const applied: boolean[] = [];
    expect(await coordinator.run(feed(100), (_, result) => applied.push(result.applied))).toBe('stopped');
    // ReLU lets NaN through.
    expect(applied).toEqual([false, false, false]);
    expect(Atomics.load(set.words, Word.updates)).toBe(0);
  });
});

describe('a lost worker', () => {
  const failing = (): { failure: Promise<never>; fail: (error: Error) => void } => {
    let fail: (error: Error) => void = () => {};
    const failure = new Promise<never>((_, reject) => {
      fail = reject;
    });
    return { failure, fail };
  };

  test('ends a run that waits for results', async () => {
    const set = stage();
    const { failure, fail } = failing();
    const coordinator = new Coordinator(set.arena, set.layout, failure, 10);
    const outcome = coordinator.run(feedOf(100), () => {});
    setTimeout(() => fail(new Error('worker 1 failed')), 5);
    await expect(outcome).rejects.toThrow('worker 1 failed');
  });

  test('ends a run that waits for data', async () => {
    const set = stage();
    const { failure, fail } = failing();
    const coordinator = new Coordinator(set.arena, set.layout, failure, 10);
    const outcome = coordinator.run(
      () => never,
      () => {},
    );
    setTimeout(() => fail(new Error('worker 0 failed')), 5);
    await expect(outcome).rejects.toThrow('worker 0 failed');
  });

  test('that was lost before the run ends it at once', async () => {
    const set = stage();
    const coordinator = new Coordinator(set.arena, set.layout, Promise.reject(new Error('gone')), 10);
    await Promise.resolve();
    await expect(coordinator.run(feedOf(100), () => {})).rejects.toThrow('gone');
    await expect(
      coordinator.run(
        () => never,
        () => {},
      ),
    ).rejects.toThrow('gone');
  });
});

test('data that cannot be read end the run with their error', async () => {
  const set = stage();
  const coordinator = new Coordinator(set.arena, set.layout, never, 10);
  const feed = async () => {
    throw new Error('line 3');
  };
  await expect(coordinator.run(feed, () => {})).rejects.toThrow('line 3');
});

describe('a worker’s loop', () => {
  const loopOf = (set: Stage) =>
    new StepLoop(set.arena, createReferenceKernels(set.arena.buffer, 'float32'), set.layout, PLAIN_SGD, 0);

  test('returns at EXIT after what was published, and counts its records', async () => {
    const set = stage();
    const { feed } = training(set);
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    const outcome = coordinator.run(feed(3), () => {});
    let reads = 0;
    // The third time that the worker finds nothing new, the coordinator exits.
    const wait = vi.spyOn(Atomics, 'wait').mockImplementation((() => {
      if (++reads === 3) coordinator.exit();
      return 'timed-out';
    }) as typeof Atomics.wait);
    expect(loopOf(set).run()).toBe(3);
    expect(wait).toHaveBeenCalledTimes(3);
    wait.mockRestore();
    Atomics.store(set.words, Word.published, 3);
    expect(await outcome).toBe('done');
  });

  test('returns when the run is aborted while it waits', () => {
    const set = stage();
    const coordinator = new Coordinator(set.arena, set.layout, never, 10);
    vi.spyOn(Atomics, 'wait').mockImplementation((() => {
      coordinator.abort();
      return 'timed-out';
    }) as typeof Atomics.wait);
    expect(loopOf(set).run()).toBe(0);
    expect(Atomics.load(set.words, Word.published)).toBe(EXIT);
  });
});
