// Files of every kind that we read, how each is mutated, and what is then done with it.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TrainOptions, train } from '../../src/index.js';
import { exampleLines } from '../run/example-files.js';
import { someText } from '../run/runs.js';
import { houses, sentences, series, waves } from '../run/table-files.js';
import { mutateBytes } from './byte-mutations.js';
import { mutateJson } from './json-mutations.js';
import type { Choices } from './random.js';
import { headerOf, mutateSafetensors, safetensors } from './safetensors-mutations.js';
import { mutateJsonLines, mutateText } from './text-mutations.js';
import type { Job } from './watched.js';

export interface Subject {
  readonly name: string;
  /** Files by their path in the folder that the jobs are for. */
  readonly mutated: (choices: Choices) => Readonly<Record<string, Buffer>>;
  /** Before the first case. */
  readonly prepare?: (folder: string) => void;
  readonly jobs: (folder: string) => readonly Job[];
  /** The arguments that give the real command the same files. */
  readonly args: (folder: string) => readonly string[];
}

const SMALL = { hidden: 4, batch: 2, window: 4, steps: 2, workers: 1, quiet: true } as const;
const small = { hidden: '4', batch: '2', window: '4', workers: '1', steps: '2', quiet: true };
const flags = (given: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(given).flatMap(([key, value]) => {
    const name = `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === true ? [name] : [name, String(value)];
  });

const TEXT = someText(400);
const parquet = (name: string): Buffer => readFileSync(new URL(`../fixtures/parquet/${name}.parquet`, import.meta.url));

/** @param folder for the files that stay as they are, and the runs that are mutated */
export async function makeSubjects(folder: string): Promise<readonly Subject[]> {
  mkdirSync(folder, { recursive: true });
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const sources = {
    text: file('text', TEXT),
    csv: file('waves.csv', waves(6)),
    houses: file('houses.csv', houses(20)),
    series: file('series.csv', series(60)),
    jsonl: file('sentences.jsonl', sentences(12)),
    svmlight: file('examples.svm', `${exampleLines(20, 'classes', { grouped: true }).join('\n')}\n`),
  };
  const trained = await trainAll(folder, sources);
  return [
    ...modelSubjects(trained),
    ...checkpointSubjects(trained),
    torchSubject(trained, sources.text),
    ...configSubjects(sources.text),
    ...tableSubjects(trained),
    ...parquetSubjects(),
    ...lineSubjects(trained),
  ];
}

interface Trained {
  readonly path: string;
  readonly out: string;
  /** What the model reads again. */
  readonly data: Readonly<Record<string, string>>;
  readonly task: 'text' | 'table' | 'examples';
}

type Sources = Readonly<Record<'text' | 'csv' | 'houses' | 'series' | 'jsonl' | 'svmlight', string>>;

async function trainAll(folder: string, from: Sources): Promise<Readonly<Record<string, Trained>>> {
  const sparse = { cell: 'rnn', activation: 'relu', kWinners: 2 } as const;
  const whole = { ...SMALL, window: undefined };
  const runs: Readonly<Record<string, readonly [Trained['task'], TrainOptions]>> = {
    lstm: ['text', { ...SMALL, text: from.text, embedding: 3, optimizer: 'adam' }],
    winners: [
      'text',
      { ...SMALL, text: from.text, ...sparse, optimizer: 'momentum', tokens: 'byte', densityTarget: 0.3 },
    ],
    waves: [
      'table',
      {
        ...whole,
        csv: from.csv,
        task: 'classify',
        target: ['speed'],
        features: ['value', 'room'],
        group: 'id',
        time: 'at',
      },
    ],
    houses: [
      'table',
      { ...whole, csv: from.houses, cell: 'mlp', task: 'regress', target: ['price'], features: ['rooms', 'city'] },
    ],
    series: ['table', { ...SMALL, csv: from.series, task: 'forecast', target: ['load'], time: 'date', horizon: 3 }],
    words: [
      'table',
      {
        ...whole,
        jsonl: from.jsonl,
        task: 'tag',
        target: ['tags'],
        features: ['words'],
        cell: 'gru',
        bidirectional: true,
      },
    ],
    examples: ['examples', { ...SMALL, svmlight: from.svmlight, cell: 'rnn' }],
  };
  const trained: Record<string, Trained> = {};
  for (const [name, [task, options]] of Object.entries(runs)) {
    const { text, csv, jsonl, svmlight } = options;
    const { path, out } = await train({ ...options, out: join(folder, name) });
    const data = Object.entries({ text, csv, jsonl, svmlight }).filter(
      (entry): entry is [string, string] => !!entry[1],
    );
    trained[name] = { path, out, task, data: Object.fromEntries(data) };
  }
  return trained;
}

function jobsOf({ task, data }: Trained, model: string): readonly Job[] {
  const about: readonly Job[] = [
    ['inspect', { model }],
    ['inspect', { model, json: true }],
    ['eval', { model, ...data }],
  ];
  if (task === 'text') return [...about, ['sample', { model, length: '5', prompt: 'a' }]];
  return task === 'table' ? [...about, ['predict', { model, ...data }]] : about;
}

function modelSubjects(trained: Readonly<Record<string, Trained>>): readonly Subject[] {
  return Object.entries(trained).map(([name, run]) => {
    const whole = readFileSync(join(run.path, 'model.safetensors'));
    return {
      name: `model ${name}`,
      mutated: (choices) => ({ 'm.safetensors': mutateSafetensors(whole, choices) }),
      jobs: (folder) => jobsOf(run, join(folder, 'm.safetensors')),
      args: (folder) => ['eval', join(folder, 'm.safetensors'), ...flags(run.data)],
    };
  });
}

const MODEL = 'model.safetensors';
const TRAINER = 'trainer.safetensors';
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A run's folder of which one file is another; who made it also knows how to make a manifest. */
function checkpointSubjects({ lstm, winners }: Readonly<Record<string, Trained>>): readonly Subject[] {
  return Object.entries({ lstm, winners }).map(([name, { out, path }]) => {
    const checkpoint = path.slice(out.length + 1);
    const read = (file: string): Buffer => readFileSync(join(out, file));
    const names = [
      ...[MODEL, TRAINER, 'manifest.json'].map((one) => join(checkpoint, one)),
      'config.json',
      'metrics.jsonl',
    ];
    const [model, trainer, manifest, config, metrics] = names;
    const whole = Object.fromEntries(names.map((one) => [one, read(one)]));
    const mutations: Readonly<Record<string, (bytes: Buffer, choices: Choices) => Buffer>> = {
      [model]: mutateSafetensors,
      [trainer]: mutateSafetensors,
      [manifest]: (bytes, choices) =>
        mutateJsonLines(Buffer.from(JSON.stringify(JSON.parse(bytes.toString()))), choices),
      [config]: (bytes, choices) => Buffer.from(mutateJson(bytes.toString(), choices)),
      [metrics]: mutateJsonLines,
    };
    const resume = (folder: string) => ({ resume: join(folder, 'run'), steps: '4', quiet: true });
    return {
      name: `checkpoint ${name}`,
      prepare: (folder) => cpSync(out, join(folder, 'run'), { recursive: true, verbatimSymlinks: true }),
      mutated: (choices) => {
        const which = choices.pick([trainer, trainer, trainer, model, manifest, config, metrics]);
        const files = { ...whole, [which]: mutations[which](whole[which], choices) };
        if ((which === trainer || which === model) && choices.chance(0.9)) {
          const digests = { [MODEL]: { sha256: sha256(files[model]) }, [TRAINER]: { sha256: sha256(files[trainer]) } };
          files[manifest] = Buffer.from(JSON.stringify({ step: 2, files: digests }));
        }
        return Object.fromEntries(Object.entries(files).map(([file, bytes]) => [join('run', file), bytes]));
      },
      jobs: (folder) => [
        ['begin', resume(folder)],
        ['inspect', { model: join(folder, 'run') }],
        ['metrics', { path: join(folder, 'run', metrics), step: 2 }],
      ],
      args: (folder) => ['train', ...flags(resume(folder))],
    };
  });
}

function torchSubject({ lstm }: Readonly<Record<string, Trained>>, text: string): Subject {
  const { json, numbers } = headerOf(readFileSync(join(lstm.path, MODEL)));
  const { __metadata__: _, ...tensors } = JSON.parse(json);
  const whole = safetensors(JSON.stringify(tensors), numbers);
  const given = (folder: string) => ({ ...small, text, embedding: '3', initFrom: join(folder, 'w.safetensors') });
  return {
    name: 'weights to begin with',
    mutated: (choices) => ({ 'w.safetensors': mutateSafetensors(whole, choices) }),
    jobs: (folder) => [['begin', given(folder)]],
    args: (folder) => ['train', ...flags(given(folder)), '--out', join(folder, 'new')],
  };
}

function configSubjects(text: string): readonly Subject[] {
  const yaml = `# a small run\ntext: ${text}\ncell: gru\nhidden: 4\nbatch: 2\nwindow: 4\nsteps: 2\nschedule: step\nmilestones: [1, 2]\ngamma: 0.5\nlr: 1e-3\nvalidation: 0.1\nworkers: 1\ndropout: 0\n`;
  const json = JSON.stringify({
    text,
    cell: 'lstm',
    hidden: 4,
    batch: 2,
    window: 'full',
    steps: 2,
    clipNorm: null,
    out: 'new',
    workers: 1,
  });
  const subject = (name: string, mutated: (choices: Choices) => Buffer): Subject => ({
    name,
    mutated: (choices) => ({ [name]: mutated(choices) }),
    jobs: (folder) => [['train', { config: join(folder, name), dryRun: true }]],
    args: (folder) => ['train', join(folder, name), '--dry-run'],
  });
  return [
    subject('config.yaml', (choices) => mutateText(Buffer.from(yaml), choices)),
    subject('config.json', (choices) => Buffer.from(mutateJson(json, choices))),
  ];
}

/** A table to learn from, and to predict from with a model that knows it as it was. */
function tableSubjects(trained: Readonly<Record<string, Trained>>): readonly Subject[] {
  const tasks: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    waves: { task: 'classify', target: 'speed', features: 'value,room', group: 'id', time: 'at' },
    houses: { task: 'classify', labels: 'multilabel', target: 'kinds', cell: 'mlp' },
    series: { task: 'forecast', target: 'load', time: 'date', horizon: '3' },
    words: { task: 'classify', target: 'label', features: 'text' },
  };
  return Object.entries(tasks).map(([name, asked]) => {
    const [[format, path]] = Object.entries(trained[name].data);
    const whole = readFileSync(path);
    const { window: _, ...settings } = small;
    const given = (folder: string) => ({ ...settings, ...asked, [format]: join(folder, `t.${format}`) });
    return {
      name: `${format} ${name}`,
      mutated: (choices) => ({ [`t.${format}`]: (format === 'csv' ? mutateText : mutateJsonLines)(whole, choices) }),
      jobs: (folder) => [
        ['begin', given(folder)],
        ['predict', { model: trained[name].path, [format]: join(folder, `t.${format}`) }],
        ['eval', { model: trained[name].path, [format]: join(folder, `t.${format}`) }],
      ],
      args: (folder) => ['train', ...flags(given(folder)), '--out', join(folder, 'new')],
    };
  });
}

/** Bytes at the end of a Parquet file that say what is where. */
const footerBytes = (file: Buffer): number => 8 + file.readUInt32LE(file.length - 8);

function mutateParquet(file: Buffer, choices: Choices): Buffer {
  const cut = file.length - footerBytes(file);
  if (choices.chance(0.5)) return mutateBytes(file, choices);
  // The footer alone, with its length as it is then: readers get further.
  const footer = mutateBytes(file.subarray(cut, file.length - 8), choices);
  const tail = Buffer.from(file.subarray(file.length - 8));
  tail.writeUInt32LE(footer.length, 0);
  return Buffer.concat([file.subarray(0, cut), footer, tail]);
}

function parquetSubjects(): readonly Subject[] {
  const subject = (name: string): Subject => {
    const whole = parquet(name);
    const given = (folder: string) => ({
      ...{
        hidden: '4',
        workers: '1',
        steps: '2',
        quiet: true,
        cell: 'mlp',
        task: 'regress',
        target: 'i',
        features: 'x',
      },
      parquet: join(folder, 't.parquet'),
    });
    return {
      name: `parquet ${name}`,
      mutated: (choices) => ({ 't.parquet': mutateParquet(whole, choices) }),
      jobs: (folder) => [
        ['table', { path: join(folder, 't.parquet'), format: 'parquet' }],
        // Only this one has no missing numbers to predict.
        ...(name === 'long' ? [['begin', given(folder)] as const] : []),
      ],
      args: (folder) => ['train', ...flags(given(folder)), '--out', join(folder, 'new')],
    };
  };
  return ['kinds-none', 'kinds-v2', 'kinds-gzip', 'kinds-groups', 'nested', 'long'].map(subject);
}

/** Texts and examples. */
function lineSubjects({ lstm, examples }: Readonly<Record<string, Trained>>): readonly Subject[] {
  const subject = (name: string, whole: Buffer, asked: Readonly<Record<string, unknown>>, model?: string): Subject => {
    const [kind] = name.split(' ');
    const { window, ...plain } = small;
    const size = asked.cell === 'mlp' ? plain : { ...plain, window };
    const given = (folder: string) => ({ ...size, ...asked, [kind]: join(folder, kind) });
    return {
      name,
      mutated: (choices) => ({ [kind]: mutateText(whole, choices) }),
      jobs: (folder) => [
        ['begin', given(folder)],
        ...(model === undefined
          ? []
          : [['eval', { model, [kind]: join(folder, kind), skipUnknown: kind === 'text' }] as const]),
      ],
      args: (folder) => ['train', ...flags(given(folder)), '--out', join(folder, 'new')],
    };
  };
  const lines = (labels: 'classes' | 'multilabel' | 'numbers', grouped: boolean): Buffer =>
    Buffer.from(`${exampleLines(20, labels, { grouped }).join('\n')}\n`);
  return [
    subject('text', Buffer.from(TEXT), {}, lstm.path),
    subject('text of bytes', Buffer.from(TEXT), { tokens: 'byte' }),
    subject('svmlight classes', lines('classes', true), { cell: 'rnn' }, examples.path),
    subject('svmlight labels', lines('multilabel', false), { labels: 'multilabel', cell: 'mlp' }),
    subject('svmlight numbers', lines('numbers', false), { labels: 'numbers', cell: 'gru', zeroBased: true }),
  ];
}

/** Writes a case's files. */
export function write(folder: string, files: Readonly<Record<string, Buffer>>): void {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
}

export const listed = (folder: string): readonly string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).sort();
