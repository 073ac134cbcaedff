// What settings must hold together where a table is learned: a task, its columns, and a model that can do it.

import type { Checked } from './config.js';
import { DATASETS } from './datasets.js';

/** Files that hold a table. */
export const TABLES = ['csv', 'jsonl', 'parquet'] as const;

type Sources = Pick<Checked, (typeof TABLES)[number] | 'dataset'>;

/** The format of the table that is learned; undefined where it is none. */
export function tableOf({ dataset, ...files }: Sources): (typeof TABLES)[number] | undefined {
  const format = dataset && DATASETS[dataset].format;
  return TABLES.find((key) => files[key] !== undefined || format === key);
}

/** A data set says what is learned from it where nothing is asked. */
export function withTask(config: Checked): Checked {
  const set = config.dataset && DATASETS[config.dataset];
  if (set === undefined || set.format === 'text') return config;
  const { target = [set.target], scaling = set.scaling, tokens = set.tokens } = config;
  const given = { ...config, target, scaling, tokens };
  // What is learned otherwise than the set says, is asked for as a whole.
  if (config.task !== undefined) return given;
  return { ...given, task: set.task, time: config.time ?? set.time, labels: set.labels ?? config.labels };
}

type Fail = (key: string, message: string) => never;

export function checkRecords(config: Checked, fail: Fail): void {
  const { task, target, features = [], group, time, horizon, labels, tokens, zeroBased, embedding } = config;
  const source = config.dataset === undefined ? `--${tableOf(config)}` : `--dataset ${config.dataset}`;
  if (task === undefined)
    fail('task', `it is missing; with ${source} it is one of classify, tag, regress and forecast`);
  if (task === 'lm') fail('task', `lm learns a text; give --text FILE, or with ${source} another task`);
  if (target === undefined) fail('target', 'it is missing; give the name of the column that is predicted');
  for (const [key, names] of [
    ['target', target ?? []],
    ['features', features],
  ] as const) {
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) fail(key, `"${twice}" is given twice; give it once`);
  }
  for (const name of target ?? []) {
    if (name === group) fail('target', `"${name}" is --group as well`);
    if (name === time) fail('target', `"${name}" is --time as well`);
    if (features.includes(name) && task !== 'forecast')
      fail('features', `"${name}" is --target as well: the model would read what it is to predict`);
  }
  if (group !== undefined && features.includes(group)) fail('features', `"${group}" is --group as well`);
  if (horizon !== undefined && task !== 'forecast')
    fail('horizon', `--task ${task} predicts nothing ahead; leave it out`);
  if (tokens === 'byte') fail('tokens', `byte is not allowed with ${source}; take word or char`);
  if (zeroBased) fail('zeroBased', 'it needs --svmlight FILE; leave it out');
  if (labels === 'numbers') fail('labels', 'numbers needs --svmlight FILE; take --task regress');
  if (labels === 'multilabel' && (task === 'regress' || task === 'forecast'))
    fail('labels', `multilabel is not allowed with --task ${task}, which predicts numbers; leave it out`);
  if (embedding > 0 && config.cell === 'mlp')
    fail('embedding', 'it is for tokens, and --cell mlp reads none; leave it out');
  checkSplit(config, fail);
  if (config.bidirectional) checkDirections(config, fail);
  if (config.pooling === 'mean') checkPooling(config, fail);
  checkModel(config, fail);
}

function checkSplit(
  { splitBy, splitColumn, splitTime, time, target = [], features = [], validation }: Checked,
  fail: Fail,
): void {
  const given = [splitBy && 'splitBy', splitColumn && 'splitColumn', splitTime && 'splitTime'].filter(Boolean);
  if (given.length > 1)
    fail(given[1] as string, 'rows are split in one way; give one of --split-by, --split-column and --split-time');
  if (splitTime && time === undefined) fail('splitTime', 'it needs the column of the time; give --time NAME');
  if (splitColumn !== undefined && validation === 0)
    fail(
      'validation',
      `0 is not allowed with --split-column, where "${splitColumn}" says what is held out; leave it out`,
    );
  for (const [key, name] of [
    ['splitBy', splitBy],
    ['splitColumn', splitColumn],
  ] as const) {
    if (name === undefined) continue;
    if (target.includes(name)) fail(key, `"${name}" is --target as well`);
    if (features.includes(name)) fail('features', `"${name}" says what is held out; leave it out`);
  }
}

function checkDirections({ task, cell, window, group, csv }: Checked, fail: Fail): void {
  if (cell === 'mlp') fail('bidirectional', 'mlp has no directions; leave it out, or take --cell rnn, lstm or gru');
  if (task === 'forecast') fail('bidirectional', 'it would read what --task forecast is to predict; leave it out');
  if (csv !== undefined && group === undefined)
    fail('bidirectional', 'it needs sequences that end; name the column whose rows are one with --group');
  if (window !== undefined && window !== 'full')
    fail('window', `${window} is not allowed with --bidirectional, which reads whole sequences; leave it out`);
}

function checkPooling({ task, cell }: Checked, fail: Fail): void {
  if (task === 'tag' || task === 'forecast')
    fail('pooling', `mean is not allowed with --task ${task}, which answers at each step; leave it out`);
  if (cell === 'mlp') fail('pooling', 'mlp reads no sequences; leave it out, or take --cell rnn, lstm or gru');
}

function checkModel({ task, cell, layers, window, group }: Checked, fail: Fail): void {
  if (layers === 0 && cell !== 'mlp') fail('layers', `0 is not allowed with --cell ${cell}; take --cell mlp`);
  if (cell === 'mlp') {
    if (task === 'forecast') fail('cell', 'mlp has no memory, which --task forecast needs; take rnn, lstm or gru');
    if (group !== undefined && task !== 'tag')
      fail('cell', `mlp has no memory, and --group makes sequences; take rnn, lstm or gru, or leave --group out`);
    if ((window ?? 1) !== 1) fail('window', 'with --cell mlp each row stands by itself; leave it out');
    return;
  }
  if ((task === 'classify' || task === 'regress') && window !== undefined && window !== 'full')
    fail(
      'window',
      `${window} is not allowed: --task ${task} predicts at a sequence's end, so the whole of it is one window; leave it out`,
    );
}

/** @throws through `fail` for settings that only a table has a use for */
export function checkNoRecords(config: Checked, fail: Fail): void {
  const { task } = config;
  if (config.bidirectional)
    fail(
      'bidirectional',
      'it would read what it is to predict; it is for --task tag, classify and regress, with a table',
    );
  if (config.pooling === 'mean')
    fail('pooling', 'mean makes one answer of a whole sequence; it is for --task classify and regress, with a table');
  if (task !== undefined && task !== 'lm')
    fail('task', `${task} needs a table; give --csv FILE, --jsonl FILE or --parquet FILE`);
  for (const key of [
    'target',
    'features',
    'columns',
    'decimal',
    'dates',
    'group',
    'time',
    'horizon',
    'scaling',
    'splitBy',
    'splitColumn',
  ] as const) {
    if (config[key] !== undefined)
      fail(key, 'it needs a table: --csv FILE, --jsonl FILE or --parquet FILE; leave it out');
  }
  if (config.splitTime) fail('splitTime', 'it needs a table: --csv FILE, --jsonl FILE or --parquet FILE; leave it out');
}

/** @throws through `fail` for what says which words are known, where no words are read */
export function checkWords(
  { tokens, vocabularySize, minCount, svmlight }: Checked,
  isTable: boolean,
  fail: Fail,
): void {
  const readsWords = svmlight === undefined && (tokens ?? (isTable ? 'word' : 'char')) === 'word';
  if (readsWords) return;
  if (vocabularySize !== undefined) fail('vocabularySize', WORDS_ALONE);
  if (minCount !== undefined) fail('minCount', WORDS_ALONE);
}

const WORDS_ALONE = 'it is for words; take --tokens word, or leave it out';
