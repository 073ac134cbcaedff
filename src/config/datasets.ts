// Data sets by name: what kind of file each is, and of tables what is learned from it unless something else is asked.

interface TextSet {
  readonly format: 'text';
}

interface TableSet {
  readonly format: 'csv' | 'jsonl';
  readonly task: 'classify' | 'tag' | 'regress' | 'forecast';
  readonly target: string;
  readonly time?: string;
  readonly labels?: 'multilabel';
  readonly tokens?: 'char';
  readonly scaling?: 'none';
}

export const DATASET_NAMES = [
  'moby-dick',
  'adding',
  'copy',
  'parity',
  'mnist',
  'mnist-rows',
  'births',
  'word-tags',
] as const;

export type DatasetName = (typeof DATASET_NAMES)[number];

export const DATASETS: Readonly<Record<DatasetName, TextSet | TableSet>> = {
  'moby-dick': { format: 'text' },
  /** Of 150 numbers two are marked, whose sum is to be said (Hochreiter and Schmidhuber 1997). */
  adding: { format: 'jsonl', task: 'regress', target: 'sum' },
  /** Five symbols are to be said again after 50 steps. */
  copy: { format: 'jsonl', task: 'tag', target: 'recalled' },
  /** At each bit, whether the ones up to it are odd. */
  parity: { format: 'jsonl', task: 'tag', target: 'parity' },
  /** 10,000 handwritten digits, a pixel a column; a step for each row of pixels. */
  mnist: { format: 'csv', task: 'classify', target: 'digit', scaling: 'none' },
  'mnist-rows': { format: 'jsonl', task: 'classify', target: 'digit' },
  /** Births of each day in the United States, 1969 to 1988. */
  births: { format: 'csv', task: 'forecast', target: 'births', time: 'date' },
  /** 42,451 English words, and which parts of speech each can be. */
  'word-tags': { format: 'jsonl', task: 'classify', target: 'tags', labels: 'multilabel', tokens: 'char' },
};
