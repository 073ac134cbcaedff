// Tables that can be learned, for tests of whole runs, the same each time.

import { writeFileSync } from 'node:fs';
import type { TrainOptions } from '../../src/index.js';
import { createRandom } from '../kernels/bench-arena.js';

/** Waves of three speeds, named by `speed`; 4 to 20 rows each, of which each sixth has no value. */
export function waves(count: number, seed = 1): string {
  const random = createRandom(seed);
  const lines = ['id,at,value,room,speed,level'];
  for (let id = 0; id < count; id++) {
    const kind = id % 3;
    const phase = 6 * random();
    const rows = 4 + Math.floor(17 * random());
    for (let t = 0; t < rows; t++) {
      const value = Math.sin(phase + t * (0.4 + 0.5 * kind)) + 0.1 * random();
      const level = value > 0 ? 'high' : 'low';
      lines.push(
        `w${id},${t},${t % 6 === 5 ? '' : value.toFixed(4)},${t % 2 ? 'hall' : 'kitchen'},${['slow', 'mid', 'fast'][kind]},${level}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Rows by themselves: a price that follows from what stands beside it, and what it is. */
export function houses(count: number): string {
  const random = createRandom(2);
  const line = (): string => {
    const [rooms, city] = [1 + Math.floor(5 * random()), 'ABC'[Math.floor(3 * random())]];
    const price = 1000 * rooms * (1 + 'ABC'.indexOf(city)) + 100 * random();
    return `${rooms},${city},${price.toFixed(1)},${price > 4000 ? 'dear;' : ''}${rooms > 3 ? 'large' : ''}`;
  };
  return `rooms,city,price,kinds\n${Array.from({ length: count }, line)
    .map((text) => `${text}\n`)
    .join('')}`;
}

/** A day of 12 hours, over and over. */
export function series(count: number): string {
  const random = createRandom(3);
  const row = (i: number): string =>
    `${new Date(Date.UTC(2024, 0, 1, i)).toISOString()},${(50 + 20 * Math.sin((i * Math.PI) / 6) + random()).toFixed(3)}`;
  return `date,load\n${Array.from({ length: count }, (_, i) => `${row(i)}\n`).join('')}`;
}

/** Sentences that are good or bad, and of each word whether it says so. */
export function sentences(count: number): string {
  const random = createRandom(4);
  const pick = (words: readonly string[]): string => words[Math.floor(words.length * random())];
  const line = (): string => {
    const good = random() < 0.5;
    const words = Array.from({ length: 2 + Math.floor(8 * random()) }, () => pick(['the', 'plot', 'was', 'a', 'film']));
    words.splice(Math.floor(words.length * random()), 0, pick(good ? ['fine', 'great'] : ['bad', 'dull']));
    const tags = words.map((word) => (/fine|great|bad|dull/.test(word) ? 'says' : 'is'));
    return `${JSON.stringify({ text: words.join(' '), words, tags, label: good ? 'good' : 'bad' })}\n`;
  };
  return Array.from({ length: count }, line).join('');
}

/** Runs of each task and kind of table; `file` writes a text to a new path. */
export function tableRuns(file: (text: string, ending: string) => string): Readonly<Record<string, TrainOptions>> {
  const small = { hidden: 12, batch: 6, steps: 12, lr: 0.01 } as const;
  const csv = file(waves(40), 'csv');
  const jsonl = file(sentences(60), 'jsonl');
  const rows = { ...small, csv: file(houses(80), 'csv'), cell: 'mlp', activation: 'relu' } as const;
  const sequences: TrainOptions = {
    ...small,
    csv,
    task: 'classify',
    target: ['speed'],
    features: ['value', 'room'],
    group: 'id',
    time: 'at',
  };
  const texts: TrainOptions = { ...small, jsonl, task: 'classify', target: ['label'], features: ['text'] };
  return {
    'sequences of rows, a class each': sequences,
    'sequences of rows, a class each row': {
      ...small,
      csv,
      task: 'tag',
      target: ['level'],
      features: ['value'],
      group: 'id',
      cell: 'gru',
    },
    'rows, a number each': { ...rows, task: 'regress', target: ['price'], features: ['rooms', 'city'] },
    'rows, labels each': {
      ...rows,
      task: 'classify',
      target: ['kinds'],
      labels: 'multilabel',
      features: ['rooms', 'city'],
    },
    'rows, a class each, by a linear model': {
      ...rows,
      task: 'classify',
      target: ['city'],
      features: ['rooms', 'price'],
      layers: 0,
    },
    'texts, a class each': { ...texts, embedding: 5 },
    'texts, a class each, of the mean of both directions': {
      ...texts,
      embedding: 5,
      bidirectional: true,
      pooling: 'mean',
    },
    'texts, a class each, of the ends of both directions': {
      ...texts,
      cell: 'gru',
      bidirectional: true,
    },
    'sequences of rows, a class each, of residual layers, normalized': {
      ...sequences,
      layers: 3,
      residual: true,
      layerNorm: true,
      dropout: 0.2,
    },
    'sequences of rows, a class each, of the mean': {
      ...sequences,
      pooling: 'mean',
    },
    'lists of words, a class each word': {
      ...small,
      jsonl,
      task: 'tag',
      target: ['tags'],
      features: ['words'],
      cell: 'rnn',
    },
    'lists of words, a class each word, read from both ends': {
      ...small,
      jsonl,
      task: 'tag',
      target: ['tags'],
      features: ['words'],
      cell: 'gru',
      bidirectional: true,
    },
    'a series, its next values': {
      ...small,
      csv: file(series(300), 'csv'),
      task: 'forecast',
      target: ['load'],
      time: 'date',
      horizon: 4,
      window: 16,
    },
  };
}

export const tableFile =
  (path: () => string) =>
  (text: string, ending: string): string => {
    const name = `${path()}.${ending}`;
    writeFileSync(name, text);
    return name;
  };
