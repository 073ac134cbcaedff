// The tasks of docs/tables.md beside simple baselines, over several seeds of data and model: node bench/tasks.mjs [--json] [SEEDS]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { datasetPath } from '../dist/src/data/dataset.js';
import { loadModel, train } from '../dist/src/index.js';

const asJson = process.argv.includes('--json');
const seeds = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 3);
const maker = fileURLToPath(new URL('../examples/make-tables.mjs', import.meta.url));
const mean = (values) => values.reduce((sum, value) => sum + value / values.length, 0);

/** Trains, and gives the model with the events of its run. */
async function learn(folder, name, options) {
  const events = [];
  const { path } = await train({ ...options, out: join(folder, name), onEvent: (event) => events.push(event) });
  return { model: await loadModel(path), events };
}

const linesOf = (path) => readFileSync(path, 'utf8').trim().split('\n');

/** Accuracy of each word's most frequent tag. */
function mostFrequentTags(trainPath, testPath) {
  const counts = new Map();
  const all = new Map();
  const add = (map, tag) => map.set(tag, (map.get(tag) ?? 0) + 1);
  const best = (map) => [...map].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
  for (const { words, tags } of linesOf(trainPath).map((line) => JSON.parse(line))) {
    for (const [i, word] of words.entries()) {
      if (!counts.has(word)) counts.set(word, new Map());
      add(counts.get(word), tags[i]);
      add(all, tags[i]);
    }
  }
  let [right, total] = [0, 0];
  for (const { words, tags } of linesOf(testPath).map((line) => JSON.parse(line))) {
    for (const [i, word] of words.entries()) {
      if (best(counts.get(word) ?? all) === tags[i]) right++;
      total++;
    }
  }
  return right / total;
}

/** Root of the mean squared error of the last season's values, for every step held out and 1 to `horizon` steps ahead. */
function seasonalNaive(path, share, horizon, season) {
  const values = linesOf(path)
    .slice(1)
    .map((line) => Number(line.split(',').at(-1)));
  const first = Math.floor(values.length * (1 - share)) - 1;
  const squares = [];
  for (let t = first; t + horizon < values.length; t++)
    for (let h = 1; h <= horizon; h++)
      squares.push((values[t + h] - values[t + h - season * Math.ceil(h / season)]) ** 2);
  return Math.sqrt(mean(squares));
}

/** The path of a new file with every `nth` line of a set, from `seed` on, and of one with the others. @param header lines that both have */
async function heldOut(set, at, nth, seed, header) {
  const lines = linesOf(await datasetPath(set));
  const isHeld = (_, i) => i % nth === seed % nth;
  const write = (name, kept) => {
    writeFileSync(at(name), `${[...lines.slice(0, header), ...lines.slice(header).filter(kept)].join('\n')}\n`);
    return at(name);
  };
  return [write(`${set}-held`, isHeld), write(`${set}-learned`, (line, i) => !isHeld(line, i))];
}

const TASKS = [
  {
    name: 'tag a word (accuracy)',
    baseline: 'most frequent tag of each word',
    async run(at, seed) {
      const options = {
        task: 'tag',
        target: ['tags'],
        features: ['words'],
        cell: 'gru',
        hidden: 48,
        embedding: 16,
        bidirectional: true,
        epochs: 8,
        lr: 0.005,
        seed,
      };
      const { model } = await learn(at('.'), 'tags', { ...options, jsonl: at('sentences.jsonl') });
      const { accuracy } = await model.eval({ jsonl: at('sentences-test.jsonl') });
      return [accuracy, mostFrequentTags(at('sentences.jsonl'), at('sentences-test.jsonl'))];
    },
  },
  {
    name: 'label a sequence with faults (share of labels that are wrong)',
    baseline: 'the likelier answer for each label',
    async run(at, seed) {
      const options = {
        task: 'classify',
        labels: 'multilabel',
        target: ['faults'],
        group: 'machine',
        time: 'hour',
        hidden: 32,
        epochs: 20,
        lr: 0.005,
        seed,
      };
      const { model } = await learn(at('.'), 'faults', { ...options, csv: at('machines.csv') });
      const { figures } = await model.eval({ csv: at('machines-test.csv') });
      return [figures.hammingLoss, figures.baselineHammingLoss];
    },
  },
  {
    name: "say a house's price (root of the mean squared error)",
    baseline: 'linear regression (--layers 0)',
    async run(at, seed) {
      const options = {
        csv: at('houses.csv'),
        task: 'regress',
        target: ['price'],
        cell: 'mlp',
        epochs: 60,
        lr: 0.002,
        schedule: 'cosine',
        seed,
      };
      const deep = await learn(at('.'), 'houses', { ...options, activation: 'relu', hidden: 64, layers: 2 });
      const linear = await learn(at('.'), 'linear', { ...options, layers: 0 });
      const errors = [];
      for (const { model } of [deep, linear])
        errors.push((await model.eval({ csv: at('houses-test.csv') })).figures.rmse);
      return errors;
    },
  },
  {
    name: 'forecast 24 hours of load (root of the mean squared error)',
    baseline: 'the same hour of the day before',
    async run(at, seed) {
      const csv = at('load.csv');
      const options = {
        csv,
        task: 'forecast',
        target: ['load'],
        time: 'time',
        horizon: 24,
        validation: 0.2,
        hidden: 64,
        batch: 16,
        epochs: 40,
        lr: 0.005,
        schedule: 'cosine',
        clipNorm: 1,
        seed,
      };
      const { model, events } = await learn(at('.'), 'load', options);
      const { loss } = events.filter(({ event }) => event === 'eval').at(-1);
      return [Math.sqrt(loss) * model.columns.targets[0].scale, seasonalNaive(csv, 0.2, 24, 24)];
    },
  },
  {
    name: 'real: parts of speech of a word, by its letters (share of labels that are wrong)',
    baseline: 'the likelier answer for each label',
    async run(at, seed) {
      const [held, learned] = await heldOut('word-tags', at, 10, seed, 0);
      const options = {
        task: 'classify',
        labels: 'multilabel',
        tokens: 'char',
        target: ['tags'],
        cell: 'gru',
        hidden: 128,
        embedding: 24,
        batch: 64,
        epochs: 8,
        lr: 0.003,
        schedule: 'cosine',
        seed,
      };
      const { model } = await learn(at('.'), 'words', { ...options, jsonl: learned });
      const { figures } = await model.eval({ jsonl: held });
      return [figures.hammingLoss, figures.baselineHammingLoss];
    },
  },
  {
    name: 'real: births of a day, by its date (root of the mean squared error)',
    baseline: 'linear regression (--layers 0)',
    async run(at, seed) {
      const [held, learned] = await heldOut('births', at, 5, seed, 1);
      const options = {
        csv: learned,
        task: 'regress',
        target: ['births'],
        features: ['year', 'month', 'day', 'weekday'],
        cell: 'mlp',
        epochs: 60,
        lr: 0.003,
        schedule: 'cosine',
        seed,
      };
      const deep = await learn(at('.'), 'births', { ...options, activation: 'relu', hidden: 64, layers: 2 });
      const linear = await learn(at('.'), 'births-linear', { ...options, layers: 0, lr: 0.01 });
      const errors = [];
      for (const { model } of [deep, linear]) errors.push((await model.eval({ csv: held })).figures.rmse);
      return errors;
    },
  },
  {
    name: 'real: births of the next 7 days (root of the mean squared error)',
    baseline: 'the same weekday of the week before',
    async run(at, seed) {
      const options = {
        dataset: 'births',
        features: ['births', 'date', 'weekday'],
        horizon: 7,
        cell: 'gru',
        hidden: 32,
        batch: 8,
        window: 28,
        epochs: 100,
        lr: 0.005,
        schedule: 'cosine',
        seed,
      };
      const { model, events } = await learn(at('.'), 'births-ahead', options);
      const { loss } = events.filter(({ event }) => event === 'eval').at(-1);
      return [Math.sqrt(loss) * model.columns.targets[0].scale, seasonalNaive(await datasetPath('births'), 0.1, 7, 7)];
    },
  },
];

const folder = mkdtempSync(join(tmpdir(), 'unroll-tasks-'));
try {
  const results = [];
  for (const { name, baseline, run } of TASKS) {
    const pairs = [];
    const start = performance.now();
    for (let seed = 1; seed <= seeds; seed++) {
      const own = join(folder, `${results.length}-${seed}`);
      execFileSync(process.execPath, [maker, own, String(seed)]);
      pairs.push(await run((file) => join(own, file), seed));
    }
    const seconds = (performance.now() - start) / 1000 / seeds;
    results.push({
      name,
      baseline,
      seconds,
      models: pairs.map(([model]) => model),
      baselines: pairs.map(([, other]) => other),
    });
  }
  const short = (value) => Number(value.toPrecision(4)).toLocaleString('en-US');
  const spread = (values) => `${short(mean(values))} (${short(Math.min(...values))} to ${short(Math.max(...values))})`;
  if (asJson) console.log(JSON.stringify({ seeds, results }, null, 2));
  else {
    console.log('| task | unroll | baseline | what the baseline is | seconds |\n| --- | --- | --- | --- | --- |');
    for (const { name, baseline, seconds, models, baselines } of results)
      console.log(`| ${name} | ${spread(models)} | ${spread(baselines)} | ${baseline} | ${seconds.toFixed(0)} |`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
