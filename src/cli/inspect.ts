// unroll inspect: what a model is made of, and how far its training is.

import { type Columns, columnsOf } from '../data/records/columns.js';
import type { KnownExamples } from '../data/svmlight.js';
import type { Unit } from '../report/events.js';
import { bytes, count, counted, densities, lossText, table } from '../report/format.js';
import { loadModel, type Model } from '../run/model.js';
import type { RunProgress } from '../run/progress.js';
import type { Command } from './command.js';
import { addModel } from './model-flags.js';

export const inspect: Command = {
  build(yargs) {
    return addModel(yargs)
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 inspect runs/book-lstm256', 'the last checkpoint of a run')
      .example('$0 inspect model.safetensors --json', 'for machines');
  },

  async run(given, { stdout }) {
    const model = await loadModel(String(given.model));
    stdout.write(`${given.json === true ? JSON.stringify(findings(model)) : inWords(model)}\n`);
    return 0;
  },
};

function findings({ architecture, vocabulary, parameters, training, examples, columns }: Model) {
  if (columns !== undefined) return { architecture, columns, parameters, training };
  if (examples !== undefined) return { architecture, labels: labelsOf(examples), parameters, training };
  return { architecture, tokens: vocabulary.mode, vocabulary: vocabulary.toJSON(), parameters, training };
}

const labelsOf = ({ labels }: KnownExamples) =>
  labels.kind === 'numbers' ? labels : { kind: labels.kind, names: [...labels.names] };

const MOST_NAMES = 10;

/** What goes in and what comes out. */
function dataRows({ architecture, vocabulary, examples, columns }: Model): readonly string[][] {
  if (columns !== undefined) return columnRows(columns);
  if (examples === undefined) {
    const { embedding } = architecture;
    return [
      ['input', embedding === 0 ? 'one-hot rows' : `embedding of ${embedding}`],
      ['tokens', `${vocabulary.mode}, ${count(vocabulary.size)} different`],
    ];
  }
  const { indices, labels } = examples;
  const input = ['input', `${counted(indices.length, 'sparse feature')}, index ${indices[0]} to ${indices.at(-1)}`];
  if (labels.kind === 'numbers') return [input, ['labels', counted(labels.outputs, 'number')]];
  const shown = [...labels.names.subarray(0, MOST_NAMES)].join(', ');
  const more = labels.names.length > MOST_NAMES ? ', ...' : '';
  return [input, [labels.kind === 'classes' ? 'classes' : 'labels', `${count(labels.names.length)}: ${shown}${more}`]];
}

function columnRows({ task, inputs, targets, group, time, horizon }: Columns): readonly string[][] {
  const named = (columns: readonly { readonly name: string; readonly kind: string }[]): string => {
    const shown = columns.slice(0, MOST_NAMES).map(({ name, kind }) => `${name} (${kind})`);
    return columns.length > MOST_NAMES ? `${shown.join(', ')}, ... (${count(columns.length)})` : shown.join(', ');
  };
  return [
    ['task', horizon === undefined ? task : `${task}, ${count(horizon)} ahead`],
    ['features', named(inputs.map((input) => ({ name: columnsOf(input).join(' + '), kind: input.kind })))],
    ['target', named(targets)],
    ...(group === undefined ? [] : [['group', group]]),
    ...(time === undefined ? [] : [['time', time]]),
  ];
}

/** What the head reads. */
const POOLINGS = { mean: "the mean of a sequence's outputs", last: 'the end of each direction' } as const;

function inWords(model: Model): string {
  const { architecture, parameters, training } = model;
  const { cell, activation, hidden, layers, winners, bidirectional, pooling, residual, layerNorm } = architecture;
  const own = cell === 'rnn' || cell === 'mlp' ? ` (${activation})` : '';
  const ways = bidirectional ? ' in each of two directions' : '';
  const layer = `${cell}${own}, ${counted(layers, 'layer')} of ${hidden}${ways}`;
  const about = [
    ['model', layers === 0 ? 'linear' : layer],
    ...(winners === undefined
      ? []
      : [['winners', `${counted(winners, 'unit')} of a layer ${winners === 1 ? 'stays' : 'stay'} active`]]),
    ...(layerNorm ? [['layer norm', "of each layer's outputs"]] : []),
    ...(residual ? [['residual', 'each layer from the second on adds what it reads']] : []),
    ...(pooling === undefined ? [] : [['pooling', POOLINGS[pooling]]]),
    ...dataRows(model),
    ...(training === undefined ? [] : trainingRows(training, unitOf(model))),
  ];
  const sizes = parameters.map(({ name, shape, bytes: size }) => [name, shape.join(' x '), count(size), bytes(size)]);
  const all = parameters.reduce((sum, { bytes: size }) => sum + size, 0);
  const rows = [['parameter', 'shape', 'bytes', ''], ...sizes, ['in all', `${count(all / 4)}`, count(all), bytes(all)]];
  return `${table(about)}\n\n${table(rows, [1, 2, 3])}`;
}

function unitOf({ examples, columns, vocabulary }: Model): Unit {
  if (examples ?? columns) return 'example';
  return vocabulary.mode === 'word' ? 'word' : 'token';
}

function trainingRows(
  { step, epoch, updates, best, densities: shares, kernels }: RunProgress,
  unit: Unit,
): readonly string[][] {
  const rows = [['steps', `${count(step)} in ${counted(epoch, 'whole epoch')}, ${counted(updates, 'update')}`]];
  if (best !== null) rows.push(['best', `${lossText(best.loss, unit)} at step ${count(best.step)}`]);
  if (shares.length > 0) rows.push(['density', densities(shares)]);
  return kernels === null ? rows : [...rows, ['kernels', kernels]];
}
