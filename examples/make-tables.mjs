// Writes the tables of docs/tables.md, drawn from a seed: node make-tables.mjs [FOLDER [SEED]]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.', seed = '1'] = process.argv.slice(2);
let state = Number(seed) >>> 0;
const uniform = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const below = (n) => Math.floor(uniform() * n);
const pick = (list) => list[below(list.length)];
/** Standard normal (Box and Muller 1958). */
const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
const repeat = (n, make) => Array.from({ length: n }, (_, i) => make(i));

mkdirSync(folder, { recursive: true });
const write = (name, lines) => writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''));

// Sentences: half of the nouns are verbs as well ("run", "light"), so that a word alone does not tell its tag. One tag in fifty is wrong.
const WORDS = {
  DET: ['the', 'a', 'every', 'no'],
  ADJ: ['old', 'small', 'light', 'clean', 'open', 'slow'],
  NOUN: ['dog', 'river', 'run', 'light', 'clean', 'walk', 'paint', 'book', 'cook', 'ship'],
  VERB: ['sees', 'run', 'light', 'clean', 'walk', 'paint', 'book', 'cook', 'open', 'slow'],
  ADV: ['soon', 'often', 'here', 'never'],
};
const TAGS = Object.keys(WORDS);
const NEXT = {
  DET: ['ADJ', 'NOUN', 'NOUN'],
  ADJ: ['ADJ', 'NOUN', 'NOUN'],
  NOUN: ['VERB', 'VERB', 'ADV'],
  VERB: ['DET', 'DET', 'ADV'],
  ADV: ['VERB', 'DET'],
};
const sentence = () => {
  let tag = 'DET';
  const words = [];
  const tags = [];
  for (let left = 4 + below(16); left > 0; left--) {
    words.push(pick(WORDS[tag]));
    tags.push(uniform() < 0.02 ? pick(TAGS) : tag);
    tag = pick(NEXT[tag]);
  }
  return JSON.stringify({ words, tags });
};

// Machines: hourly readings of each; "worn" ones shake more and more, "hot" ones are warm when they shake, and any may be both.
const machines = (count) => [
  'machine,hour,vibration,temperature,faults',
  ...repeat(count, (m) => {
    const [worn, hot] = [uniform() < 0.35, uniform() < 0.25];
    const faults = [...(worn ? ['worn'] : []), ...(hot ? ['hot'] : [])].join(';');
    const hours = 12 + below(36);
    return repeat(hours, (t) => {
      const vibration = 1 + (worn ? (0.8 * t) / hours : 0) + 0.35 * normal();
      const temperature = 60 + (hot ? 9 * (vibration - 1) : 0) + 3 * normal();
      return `m${m},${t},${vibration.toFixed(3)},${temperature.toFixed(2)},${faults}`;
    });
  }).flat(),
];

// Houses: rooms are worth more in some towns and less where the house is old. Noise: 12,000 (standard deviation).
const houses = (count) => [
  'rooms,area,town,year,price',
  ...repeat(count, () => {
    const [rooms, town, year] = [1 + below(7), pick(['Arden', 'Bly', 'Corran']), 1900 + below(124)];
    const area = 22 * rooms + 12 * normal();
    const worth = { Arden: 1, Bly: 1.6, Corran: 2.4 }[town];
    const age = Math.exp(-(2024 - year) / 60);
    const price = 1500 * area * worth * (0.4 + age) + 12_000 * normal();
    return `${rooms},${area.toFixed(1)},${town},${year},${price.toFixed(0)}`;
  }),
];

// Load of a grid, hour by hour: a day and a week go up and down, weather drifts (an AR(1) process), noise of 2 on top.
const load = (hours) => {
  let weather = 0;
  return [
    'time,load',
    ...repeat(hours, (t) => {
      weather = 0.97 * weather + 1.2 * normal();
      const weekend = Math.floor(t / 24) % 7 > 4;
      const day = (weekend ? 10 : 22) * Math.sin((2 * Math.PI * (t - 7)) / 24) + 6 * Math.sin((4 * Math.PI * t) / 24);
      return `${new Date(Date.UTC(2024, 0, 1, t)).toISOString()},${(100 + day - (weekend ? 12 : 0) + weather + 2 * normal()).toFixed(2)}`;
    }),
  ];
};

// Texts by their words: topics 1 to 3 have 50 words each that are mostly theirs; the other 3,000 are anyone's.
const topic = () => {
  const label = 1 + below(3);
  const own = () => 50 * (below(4) < 3 ? label : 1 + below(3)) + below(50);
  const words = [own(), own(), own(), ...repeat(8, () => 200 + below(3000))];
  return `${label} ${[...new Set(words)]
    .sort((a, b) => a - b)
    .map((word) => `${word}:1`)
    .join(' ')}`;
};

write('sentences.jsonl', repeat(3000, sentence));
write('sentences-test.jsonl', repeat(1000, sentence));
write('machines.csv', machines(800));
write('machines-test.csv', machines(400));
write('houses.csv', houses(4000));
write('houses-test.csv', houses(2000));
write('load.csv', load(8000));
write('topics.svm', repeat(3000, topic));
write('topics-test.svm', repeat(1000, topic));
