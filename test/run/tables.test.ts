// Models of tables, from a file to its predictions.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { arrange, rowByRow } from '../../src/data/records/arrangement.js';
import { drawnSides, holdOut } from '../../src/data/records/hold-out.js';
import { readTable } from '../../src/data/tables/read-table.js';
import {
  diagnose,
  type EvalEvent,
  loadModel,
  type TableData,
  type TrainEvent,
  type TrainOptions,
} from '../../src/index.js';
import { whole } from '../data/tables/reading.js';
import { modelDigest, newFolders, run } from './runs.js';
import { series, tableFile, tableRuns, waves } from './table-files.js';

const folder = newFolders();
const file = tableFile(folder);
const runs = tableRuns(file);
const dataOf = ({ csv, jsonl }: TrainOptions): TableData => (csv === undefined ? { jsonl } : { csv });

describe.each(Object.entries(runs))('%s', (_, options) => {
  test('the same bytes for any number of workers, and after a run was interrupted', async () => {
    const digest = async (more: TrainOptions): Promise<string> =>
      modelDigest((await run({ ...options, out: folder(), ...more })).outcome.path);
    const once = await digest({ workers: 1 });
    expect(await digest({ workers: 2 })).toBe(once);
    expect(await digest({ workers: 3 })).toBe(once);
    const out = folder();
    await digest({ out, steps: 5, workers: 1 });
    const { outcome } = await run({ resume: out, steps: 12, workers: 2 });
    expect(modelDigest(outcome.path)).toBe(once);
  });

  test('the same bytes and words where nothing of the table stays in memory', async () => {
    const once = await run({ ...options, out: folder(), workers: 1 });
    const out = folder();
    await run({ ...options, out, workers: 2, steps: 5, tableMemory: 0 });
    const long = await run({ resume: out, steps: 12, workers: 1 });
    expect(modelDigest(long.outcome.path)).toBe(modelDigest(once.outcome.path));
    const evaluations = (events: readonly TrainEvent[]) => events.filter(({ event }) => event === 'eval');
    expect(evaluations(long.events).at(-1)).toEqual(evaluations(once.events).at(-1));
    const model = await loadModel(once.outcome.path);
    const data = dataOf(options);
    expect(await model.predict(data, { tableMemory: 0 })).toEqual(await model.predict(data));
    expect(await model.eval(data, { tableMemory: 0 })).toEqual(await model.eval(data));
  });

  test('it learns, and what it says of rows is what it is measured by', async () => {
    const { outcome, events } = await run({ ...options, steps: 150, evalEvery: 150, out: folder(), workers: 2 });
    const model = await loadModel(outcome.path);
    const { loss, tokens, accuracy, figures } = await model.eval(dataOf(options));
    const first = events.find((event) => event.event === 'step');
    expect(loss).toBeLessThan(0.7 * (first?.loss ?? 0));
    if (figures?.baselineAccuracy) expect(accuracy).toBeGreaterThan(figures.baselineAccuracy);
    const predictions = await model.predict(dataOf(options));
    const forecasts = options.task === 'forecast';
    expect(predictions).toHaveLength(forecasts ? 1 : tokens);
    for (const { prediction } of predictions) {
      if (prediction.kind !== 'class') continue;
      const chances = Object.values(prediction.probabilities);
      expect(chances.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 6);
      expect(prediction.probabilities[prediction.label]).toBe(Math.max(...chances));
    }
  });
});

describe('the held-out part', () => {
  test.each([
    ...['rows, a number each', 'rows, labels each'],
    ...['sequences of rows, a class each', 'sequences of rows, a class each, of the mean'],
  ])('of %s is measured in training as a file of it is by the model', async (name) => {
    const options = runs[name];
    const { outcome, events } = await run({ ...options, validation: 0.25, seed: 5, out: folder(), workers: 1 });
    const lines = readFileSync(options.csv as string, 'utf8')
      .trim()
      .split('\n');
    const table = whole(await readTable(options.csv as string, 'csv'));
    const all =
      options.group === undefined ? rowByRow(table) : arrange(table, String(options.group), String(options.time));
    const { arranged, learned } = holdOut(all, drawnSides(all.sequences.from.length, 0.25, 5));
    const held = [...arranged.order.subarray(arranged.sequences.from[learned])].map((row) => lines[row + 1]);
    const csv = file(`${[lines[0], ...held].join('\n')}\n`, 'csv');
    const { loss, accuracy } = await (await loadModel(outcome.path)).eval({ csv });
    const measured = events.filter((event): event is EvalEvent => event.event === 'eval').at(-1);
    expect(loss).toBeCloseTo(measured?.loss ?? 0, 4);
    if (accuracy !== null) expect(accuracy).toBeCloseTo(measured?.accuracy ?? 0, 6);
  });
});

describe('a forecast', () => {
  test('lies where the series goes, within intervals that hold what they promise', async () => {
    const options = runs['a series, its next values'];
    const { outcome } = await run({ ...options, steps: 400, lr: 0.02, out: folder(), workers: 1 });
    const model = await loadModel(outcome.path);
    const [{ row, prediction }] = await model.predict({ csv: file(series(290), 'csv') }, { interval: 0.9 });
    expect(row).toBe(290);
    const truth = series(294)
      .trim()
      .split('\n')
      .slice(-4)
      .map((line) => Number(line.split(',')[1]));
    const ahead = prediction.kind === 'forecast' ? prediction.values.load : [];
    for (const [h, { value, lower, upper }] of ahead.entries()) {
      expect(Math.abs(value - truth[h])).toBeLessThan(6);
      expect((lower as number) < value && value < (upper as number)).toBe(true);
    }
  });

  test('of which too little is known has no interval', async () => {
    const { outcome } = await run({ ...runs['a series, its next values'], out: folder(), workers: 1 });
    const [{ prediction }] = await (await loadModel(outcome.path)).predict({ csv: file(series(10), 'csv') });
    expect(prediction.kind === 'forecast' && prediction.values.load[0].lower).toBeNull();
  });
});

test('a stream of rows says what a prediction of all of them says', async () => {
  const options = runs['sequences of rows, a class each row'];
  const { outcome } = await run({ ...options, out: folder(), workers: 1 });
  const model = await loadModel(outcome.path);
  const csv = file(waves(1, 9), 'csv');
  const stream = model.stream();
  const lines = readFileSync(csv, 'utf8').trim().split('\n').slice(1);
  const rows = lines.map((line) => line.split(',')[2]).map((text) => ({ value: text === '' ? null : Number(text) }));
  const streamed = rows.map((row) => stream.step(row));
  const all = await model.predict({ csv });
  for (const [i, { prediction }] of all.entries()) {
    const [one, other] = [prediction, streamed[i]];
    if (one.kind !== 'class' || other.kind !== 'class') throw new Error('no class');
    for (const [label, chance] of Object.entries(one.probabilities))
      expect(other.probabilities[label]).toBeCloseTo(chance, 5);
  }
  stream.reset();
  expect(stream.step(rows[0])).toEqual(streamed[0]);
  const inMemory = await model.predict({ rows: rows.map((row) => ({ ...row, id: 'w' })) });
  expect(inMemory.map(({ prediction }) => prediction)).toEqual(all.map(({ prediction }) => prediction));
  expect(() => stream.step({ value: '3' })).toThrow('stream: "3" is not allowed in column "value"; it is a number');
});

test.each(['of the mean', 'of residual layers, normalized'])(
  'a stream says after each row what a prediction of the rows so far says: %s',
  async (which) => {
    const { outcome } = await run({ ...runs[`sequences of rows, a class each, ${which}`], out: folder(), workers: 1 });
    const model = await loadModel(outcome.path);
    const stream = model.stream();
    const rows = [0.3, -0.5, null, 1, 0.25].map((value, i) => ({ value, room: i % 2 ? 'hall' : 'kitchen' }));
    const asked = (count: number) => rows.slice(0, count).map((row, at) => ({ ...row, id: 'w', at }));
    for (const round of [1, 2]) {
      for (const [i, row] of rows.entries()) {
        const [{ prediction }] = await model.predict({ rows: asked(i + 1) });
        expect(stream.step(row), `row ${i} of round ${round}`).toEqual(prediction);
      }
      stream.reset();
    }
  },
);

test('a stream reads dates as the table has them', async () => {
  const lines = Array.from(
    { length: 40 },
    (_, i) => `${String((i % 28) + 1).padStart(2, '0')}/0${1 + (i % 9)}/2024,${i % 7}`,
  );
  const csv = file(`day,load\n${lines.join('\n')}\n`, 'csv');
  const options: TrainOptions = {
    csv,
    task: 'regress',
    target: ['load'],
    features: ['day'],
    dates: 'dmy',
    cell: 'mlp',
  };
  const { outcome } = await run({ ...options, hidden: 4, batch: 4, steps: 5, workers: 1, out: folder() });
  const model = await loadModel(outcome.path);
  const stream = model.stream();
  for (const row of [undefined, null, 'x', [1, 2]])
    expect(() => stream.step(row as never)).toThrow('is no row; it is an object of values by column');
  for (const row of [{}, { Day: 1 }, { at: 1 }])
    expect(() => stream.step(row as never)).toThrow('has none of the model\'s columns, which are "day"');
  for (const day of ['05/06/2024', '31/12/2024']) {
    const [{ prediction }] = await model.predict({ rows: [{ day }] });
    expect(stream.step({ day })).toEqual(prediction);
    stream.reset();
  }
});

test('a table that is one sequence is not read from both ends, row by row', async () => {
  const rows = Array.from({ length: 40 }, (_, i) => `${JSON.stringify({ v: i, label: i % 2 ? 'x' : 'y' })}\n`);
  const options: TrainOptions = { jsonl: file(rows.join(''), 'jsonl'), task: 'tag', target: ['label'], cell: 'gru' };
  await expect(run({ ...options, bidirectional: true, hidden: 4, workers: 1, out: folder() })).rejects.toThrow(
    /^--bidirectional: it needs sequences that end, two or more/,
  );
});

test('windows in which nothing is to be predicted are read, and spoil nothing', async () => {
  const lines = Array.from({ length: 120 }, (_, i) => `${i % 5},${i < 90 ? '' : i % 5 > 2 ? 'x' : 'y'}`);
  const csv = file(`v,label\n${lines.join('\n')}\n`, 'csv');
  const options: TrainOptions = {
    csv,
    task: 'tag',
    target: ['label'],
    hidden: 4,
    batch: 1,
    window: 10,
    validation: 0,
    workers: 1,
  };
  const { events } = await run({ ...options, epochs: 2, out: folder() });
  const losses = events.flatMap((event) => (event.event === 'step' ? [event.loss] : []));
  expect(losses).toHaveLength(24);
  expect(losses.every((loss) => loss !== null)).toBe(true);
  expect(losses.filter((loss) => loss === 0)).toHaveLength(18);
});

test('names of groups are told apart as they are written, in training as in predictions', async () => {
  const lines = Array.from(
    { length: 60 },
    (_, i) => `${i % 2 ? '' : '00'}${(i % 10) >> 1},${i},${i % 4 ? 'a' : 'b'}\n`,
  );
  const csv = file(`id,v,tag\n${lines.join('')}`, 'csv');
  const options = {
    csv,
    task: 'tag',
    target: 'tag',
    group: 'id',
    cell: 'gru',
    hidden: 4,
    steps: 2,
    workers: 1,
  } as const;
  const { outcome, events } = await run({ ...options, out: folder() });
  const plan = events.find((event) => event.event === 'plan');
  expect(plan).toMatchObject({ trainingTokens: 54, validationTokens: 6 });
  const said = await (await loadModel(outcome.path)).predict({ csv });
  expect(new Set(said.map(({ sequence }) => sequence)).size).toBe(10);
  const split = await run({ ...options, group: undefined, cell: 'mlp', splitBy: 'id', validation: 0.1, out: folder() });
  expect(split.events.find((event) => event.event === 'plan')).toMatchObject({ validationTokens: 6 });
});

test('a model of a table refuses what it has no use for, and others refuse tables', async () => {
  const { outcome } = await run({ ...runs['rows, a number each'], out: folder(), workers: 1 });
  const model = await loadModel(join(outcome.path, 'model.safetensors'));
  expect(() => model.sample()).toThrow('sample: the model learned a table, it writes no text; use predict');
  await expect(model.eval({ text: 'abc' })).rejects.toThrow(
    'text: the model learned a table; give rows with --csv, --jsonl or --parquet',
  );
  await expect(model.eval({ file: 'abc.txt' })).rejects.toThrow('--text: the model learned a table; give rows with');
  await expect(model.eval({ file: 'abc.txt', text: 'abc' })).rejects.toThrow('eval: file and text are given; give one');
  for (const size of [Number.NaN, Number.POSITIVE_INFINITY])
    await expect(model.predict({ rows: [{ size }] })).rejects.toThrow(`rows:1: ${size} is not allowed in "size"`);
  await expect(model.predict({}, { interval: 1 })).rejects.toThrow('interval: 1 is not allowed');
  const other = runs['rows, labels each'];
  await expect(run({ ...other, initFrom: outcome.path, out: folder() })).rejects.toThrow(/the model's columns/);
  const text = await run({
    data: { text: 'abcabcabc'.repeat(50) },
    hidden: 4,
    batch: 2,
    window: 4,
    steps: 1,
    workers: 1,
    out: folder(),
  });
  const writes = await loadModel(text.outcome.path);
  await expect(writes.predict({ csv: 'x.csv' })).rejects.toThrow('predict: the model learned no table');
  await expect(writes.eval({ csv: 'x.csv' })).rejects.toThrow(
    '--csv: the model learned no table; give it what it learned',
  );
});

describe('diagnose', () => {
  const recurrent = Object.entries(runs).filter(([, { cell, bidirectional }]) => cell !== 'mlp' && !bidirectional);

  test.each(recurrent)('goes back through the rows of %s, or through others', async (_, options) => {
    const { outcome } = await run({ ...options, out: folder(), workers: 1 });
    const own = await diagnose(outcome.path);
    expect(own.window).toBeGreaterThan(1);
    expect(own.layers).toHaveLength(options.layers ?? 1);
    for (const { norms } of own.layers) {
      expect(norms).toHaveLength(own.window);
      expect(norms.every((norm) => Number.isFinite(norm) && norm >= 0)).toBe(true);
      expect(norms[0]).toBeGreaterThan(0);
    }
    expect(await diagnose(outcome.path, { table: dataOf(options) })).toEqual(own);
    expect((await diagnose(outcome.path, { window: 2 })).window).toBe(2);
    await expect(diagnose(outcome.path, { window: 1000 })).rejects.toThrow(/a --window of 1000 needs as many$/);
    await expect(diagnose(outcome.path, { text: 'words' })).rejects.toThrow(/^MODEL: it learned a table; give rows/);
  });
});
