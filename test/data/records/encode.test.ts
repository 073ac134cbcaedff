import { describe, expect, test } from 'vitest';
import { arrange, rowByRow } from '../../../src/data/records/arrangement.js';
import { columnsFromJson } from '../../../src/data/records/columns.js';
import { encode } from '../../../src/data/records/encode.js';
import { learnColumns, type Wishes } from '../../../src/data/records/learn-columns.js';
import type { Table } from '../../../src/data/tables/table.js';
import { wordRule } from '../../../src/data/word-text.js';
import { tableOf } from './tables.js';

const wishes = (more: Partial<Wishes> & Pick<Wishes, 'task' | 'target'>): Wishes => ({
  tokens: 'word',
  words: wordRule({}),
  kinds: {},
  multilabel: false,
  scaling: 'standard',
  feedforward: false,
  splitNames: [],
  ...more,
});
const allRows = ({ rows }: Table): Int32Array => Int32Array.from({ length: rows }, (_, row) => row);
const learn = (table: Table, more: Partial<Wishes> & Pick<Wishes, 'task' | 'target'>) =>
  learnColumns(table, wishes(more), allRows(table)).columns;

describe('numbers', () => {
  const table = tableOf({ a: [1, 3, Number.NaN, 5], c: ['x', 'y', 'x', ''], y: [10, 20, 30, 40] });
  const columns = learn(table, { task: 'regress', target: ['y'], feedforward: true });

  test('are scaled by the mean and deviation of what is learned; missing ones are the mean and flagged', () => {
    const { features, outputs, predicts, missing } = encode(table, columns, rowByRow(table), true);
    const deviation = Math.sqrt(8 / 3);
    const rows = [
      [-2 / deviation, 0, 1, 0],
      [0, 0, 0, 1],
      [0, 1, 1, 0],
      [2 / deviation, 0, 0, 0],
    ];
    for (const [i, value] of rows.flat().entries()) expect(features[i]).toBeCloseTo(value, 6);
    for (const [i, value] of [-15, -5, 5, 15].entries()) expect(outputs[i]).toBeCloseTo(value / Math.sqrt(125), 6);
    expect([...predicts]).toEqual([1, 1, 1, 1]);
    expect(missing).toBe(2);
  });

  test('of a table to predict from need no target; a text that was not learned is refused with its place', () => {
    const other = tableOf({ a: [1], c: ['z'] });
    expect(() => encode(other, columns, rowByRow(other), false)).toThrow(
      't.csv:2: "z" in column "c" does not occur in what the model learned, which has x, y',
    );
    const known = tableOf({ a: [3], c: ['y'] });
    expect([...encode(known, columns, rowByRow(known), false).features]).toEqual([0, 0, 0, 1]);
  });

  test('that are always the same are left out, unless they are asked for or nothing else is there; both are said', () => {
    const same = tableOf({ a: [0.1, 0.1, 0.1], b: [1, 2, 3], c: [7, Number.NaN, 7], y: [1, 2, 3] });
    const asked = { task: 'regress', target: ['y'], feedforward: true } as const;
    const of = (more: Partial<Wishes>) => learnColumns(same, wishes({ ...asked, ...more }), allRows(same));
    const kept = 'so what other values mean is not; where some will come, leave it out with --features';
    const all = of({});
    expect(all.columns.inputs.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(all.notices).toEqual(['column "a" of t.csv is the same in all rows that are learned, and is left out']);
    for (const features of [['a'], ['b', 'a']]) {
      const { columns: named, notices } = of({ features });
      expect(named.inputs.find(({ name }) => name === 'a')).toEqual({
        ...{ name: 'a', kind: 'number', flagged: false },
        ...{ mean: 0.1, scale: 1 },
      });
      expect(notices).toEqual([`column "a" of t.csv is the same in all rows that are learned, ${kept}`]);
    }
    expect(of({ features: ['b'] }).notices).toEqual([]);
    const day = Date.UTC(2024, 2, 9);
    const dates = { ...tableOf({ b: [1, 2, 3], d: [day, Number.NaN, day], e: [day, day, day], y: [1, 2, 3] }) };
    const dated = dates.columns.map((column) => (/[de]/.test(column.name) ? { ...column, kind: 'date' } : column));
    const learned = learnColumns({ ...dates, columns: dated as Table['columns'] }, wishes(asked), allRows(dates));
    expect(learned.columns.inputs.map(({ name }) => name)).toEqual(['b', 'd']);
    expect(learned.notices).toEqual(['column "e" of t.csv is the same in all rows that are learned, and is left out']);
  });

  test('a missing target is refused with its place', () => {
    const holed = tableOf({ a: [1, 2, 3], y: [1, Number.NaN, 2] });
    const own = learn(holed, { task: 'regress', target: ['y'], feedforward: true });
    expect(() => encode(holed, own, rowByRow(holed), true)).toThrow('t.csv:3: column "y" is empty; give a value');
  });

  test('the description of the columns comes back from JSON, and a damaged one is refused', () => {
    expect(columnsFromJson('m', JSON.parse(JSON.stringify(columns)))).toEqual(columns);
    for (const bad of [null, {}, { ...columns, task: 'lm' }, { ...columns, inputs: [] }, { ...columns, targets: [{}] }])
      expect(() => columnsFromJson('m', bad)).toThrow(/^m: it is damaged: /);
    const [first, ...rest] = columns.inputs;
    expect(() => columnsFromJson('m', { ...columns, inputs: [{ ...first, scale: 0 }, ...rest] })).toThrow('inputs');
  });
});

test('targets of which nothing can be learned are refused', () => {
  const table = tableOf({
    a: [1, 2, 3, 4, 5],
    same: [7, 7, 7, 7, 7],
    amount: [1.5, 2.5, 3.5, 4.5, 4.5],
    huge: [1e300, 2e300, 3, 4, 5],
  });
  const alone = { feedforward: true, features: ['a'] };
  expect(() => learn(table, { ...alone, task: 'regress', target: ['same'] })).toThrow(
    'column "same" of t.csv is always the same',
  );
  expect(() => learn(table, { ...alone, task: 'classify', target: ['amount'] })).toThrow(
    'column "amount" of t.csv has 4 different numbers in 5 rows, which would be a class each; --task regress predicts numbers',
  );
  const unscaled = learn(table, { ...alone, features: ['huge'], scaling: 'none', task: 'regress', target: ['a'] });
  expect(() => encode(table, unscaled, rowByRow(table), true)).toThrow(
    't.csv:2: the number in column "huge" is too large',
  );
  const scaled = learn(table, { ...alone, features: ['huge'], task: 'regress', target: ['a'] });
  expect(encode(table, scaled, rowByRow(table), true).features.every(Number.isFinite)).toBe(true);
});

describe('sequences', () => {
  test('of a group have one class, predicted at their last step', () => {
    const table = tableOf({ id: ['p', 'q', 'p'], a: [1, 2, 3], y: ['up', 'down', 'up'] });
    const columns = learn(table, { task: 'classify', target: ['y'], group: 'id' });
    const { classes, predicts, rows } = encode(table, columns, arrange(table, 'id', undefined), true);
    expect([...rows]).toEqual([0, 2, 1]);
    expect([...predicts]).toEqual([0, 1, 1]);
    expect([...(classes ?? [])]).toEqual([-1, 1, 0]);
  });

  test('whose rows say different things are refused, with both places', () => {
    const table = tableOf({ id: ['p', 'p'], a: [1, 2], y: ['up', 'down'] });
    const columns = learn(table, { task: 'classify', target: ['y'], group: 'id' });
    expect(() => encode(table, columns, arrange(table, 'id', undefined), true)).toThrow(
      't.csv:3: column "y" is "down", and "up" at t.csv:2; --task classify has one for each "id"; --task tag has one for each row',
    );
  });

  test('of words have a number for each that occurs twice; rare and unknown ones are 0', () => {
    const table = tableOf({ text: ['Good, good!', 'bad bad day', 'good bad'], y: ['+', '-', '+'] });
    const columns = learn(table, { task: 'classify', target: ['y'] });
    expect(columns.inputs).toEqual([{ name: 'text', kind: 'tokens', split: 'word', tokens: ['bad', 'good'] }]);
    const { tokens, unknown, sequences } = encode(table, columns, rowByRow(table), true);
    expect([...(tokens ?? [])]).toEqual([2, 0, 2, 0, 1, 1, 0, 2, 1]);
    expect([...sequences.to]).toEqual([4, 7, 9]);
    expect(unknown).toBe(3);
  });

  test('of lists are tagged step by step; lists that differ in length are refused', () => {
    const table = tableOf({ words: [['a', 'b'], ['a']], tags: [['X', 'Y'], ['X']] });
    const columns = learn(table, { task: 'tag', target: ['tags'] });
    const { classes, predicts } = encode(table, columns, rowByRow(table), true);
    expect([...(classes ?? [])]).toEqual([0, 1, 0]);
    expect([...predicts]).toEqual([1, 1, 1]);
    const uneven = tableOf({ words: [['a', 'b']], tags: [['X']] });
    expect(() => encode(uneven, columns, rowByRow(uneven), true)).toThrow(
      't.csv:2: "tags" has 1 values for 2 steps of "words"; it needs one for each',
    );
  });

  test('of several lists of numbers are read side by side', () => {
    const table = tableOf({ a: [['1', '3']], b: [['10', '30']], y: [7] });
    const columns = learn(table, { task: 'regress', target: ['y'] });
    const { features, predicts } = encode(table, columns, rowByRow(table), true);
    expect([...features]).toEqual([-1, -1, 1, 1]);
    expect([...predicts]).toEqual([0, 1]);
  });

  test('what is missing within a list stays in its place: numbers the mean and flagged, labels not predicted', () => {
    const numbers = tableOf({ a: [['1', '', '3']], b: [['', '10', '30']], tags: [['X', '', 'Y']] });
    const columns = learn(numbers, { task: 'tag', target: ['tags'] });
    const { features, classes, predicts, missing } = encode(numbers, columns, rowByRow(numbers), true);
    expect([...features]).toEqual([-1, 0, 0, 1, 0, 1, -1, 0, 1, 0, 1, 0]);
    expect([[...(classes ?? [])], [...predicts], missing]).toEqual([[0, -1, 1], [1, 0, 1], 2]);
    const words = tableOf({ words: [['a', '', 'b']], tags: [['X', 'Y', 'X']] });
    const known = learn(words, { task: 'tag', target: ['tags'] });
    expect(known.inputs).toEqual([{ name: 'words', kind: 'tokens', split: 'list', tokens: ['a', 'b'] }]);
    expect([...(encode(words, known, rowByRow(words), true).tokens ?? [])]).toEqual([1, 0, 2]);
    const labels = tableOf({
      a: [1, 2],
      y: [
        ['p', ''],
        ['', 'q'],
      ],
    });
    const multi = learn(labels, { task: 'classify', target: ['y'], feedforward: true });
    expect([...encode(labels, multi, rowByRow(labels), true).outputs]).toEqual([1, 0, 0, 1]);
  });

  test('with any number of labels', () => {
    const table = tableOf({ a: [1, 2, 3], y: ['red;round', '', 'red'] });
    const columns = learn(table, { task: 'classify', target: ['y'], multilabel: true, feedforward: true });
    expect(columns.targets).toEqual([{ name: 'y', kind: 'labels', values: ['red', 'round'] }]);
    expect([...encode(table, columns, rowByRow(table), true).outputs]).toEqual([1, 1, 0, 0, 1, 0]);
  });
});

test('a forecast predicts the values ahead of each step, as far as they are there', () => {
  const table = tableOf({ v: [1, 2, 3, 4, 5] });
  const columns = learn(table, { task: 'forecast', target: ['v'], horizon: 2 });
  const { outputs, predicts } = encode(table, columns, arrange(table, undefined, undefined), true);
  expect([...predicts]).toEqual([1, 1, 1, 0, 0]);
  const deviation = Math.SQRT2;
  const ahead = [-1, 0, 0, 1, 1, 2].map((value) => value / deviation);
  for (const [i, value] of ahead.entries()) expect(outputs[i]).toBeCloseTo(value, 6);
});
