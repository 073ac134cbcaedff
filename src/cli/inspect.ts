// unroll inspect: what a model is made of, and how far its training is.

import { bytes, count, decimal, densities, table } from '../report/format.js';
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

function findings({ architecture, vocabulary, parameters, training }: Model) {
  return { architecture, tokens: vocabulary.mode, vocabulary: vocabulary.toJSON(), parameters, training };
}

function inWords({ architecture, vocabulary, parameters, training }: Model): string {
  const { cell, activation, hidden, layers, embedding, winners } = architecture;
  const layer = `${layers} layer${layers === 1 ? '' : 's'} of ${hidden}`;
  const about = [
    ['model', `${cell}${cell === 'rnn' ? ` (${activation})` : ''}, ${layer}`],
    ...(winners === undefined ? [] : [['winners', `${count(winners)} units of a layer stay active`]]),
    ['input', embedding === 0 ? 'one-hot rows' : `embedding of ${embedding}`],
    ['tokens', `${vocabulary.mode}, ${count(vocabulary.size)} different`],
    ...(training === undefined ? [] : trainingRows(training)),
  ];
  const sizes = parameters.map(({ name, shape, bytes: size }) => [name, shape.join(' x '), count(size), bytes(size)]);
  const all = parameters.reduce((sum, { bytes: size }) => sum + size, 0);
  const rows = [['parameter', 'shape', 'bytes', ''], ...sizes, ['in all', `${count(all / 4)}`, count(all), bytes(all)]];
  return `${table(about)}\n\n${table(rows, [1, 2, 3])}`;
}

function trainingRows({ step, epoch, updates, best, densities: shares, kernels }: RunProgress): readonly string[][] {
  const rows = [['steps', `${count(step)} in ${count(epoch)} whole epochs, ${count(updates)} updates`]];
  if (best !== null)
    rows.push(['best', `${decimal(best.loss / Math.LN2)} bits per character at step ${count(best.step)}`]);
  if (shares.length > 0) rows.push(['density', densities(shares)]);
  return kernels === null ? rows : [...rows, ['kernels', kernels]];
}
