// unroll eval: how well a model predicts a text.

import { datasetPath } from '../data/dataset.js';
import { UserError } from '../errors.js';
import { count, decimal, percent, table } from '../report/format.js';
import { type Evaluation, loadModel } from '../run/model.js';
import type { Command, Given } from './command.js';
import { addKernels, addModel, kernelsOf } from './model-flags.js';
import { textOption } from './options.js';

export const evaluate: Command = {
  build(yargs, listing) {
    addModel(yargs)
      .option('text', { type: 'string', describe: 'FILE: the text to measure on' })
      .option('dataset', { type: 'string', describe: 'NAME: a text that is fetched once and kept: moby-dick' })
      .option('skip-unknown', {
        type: 'boolean',
        describe: 'leave out symbols that the model does not know, and count them',
      })
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 eval runs/book-lstm256 --text other.txt', 'the whole of another text')
      .example('$0 eval runs/book-lstm256/best --text other.txt --json', 'the best checkpoint, for machines');
    return addKernels(yargs, listing);
  },

  async run(given, { stdout }) {
    const path = await textPath(given);
    const model = await loadModel(String(given.model), { kernels: kernelsOf(given) });
    const result = await model.eval({ file: path }, { skipUnknown: given.skipUnknown === true });
    stdout.write(`${given.json === true ? JSON.stringify({ event: 'eval', ...result }) : inWords(result)}\n`);
    return 0;
  },
};

async function textPath(given: Given): Promise<string> {
  const text = textOption(given, 'text');
  const dataset = textOption(given, 'dataset');
  if (text !== undefined && dataset !== undefined)
    throw new UserError('--dataset: a text is given as well; give one of the two');
  if (dataset !== undefined) return datasetPath(dataset);
  if (text === undefined) throw new UserError('--text: it is missing; give --text FILE or --dataset moby-dick');
  return text;
}

function inWords(result: Evaluation): string {
  const rows = [
    ['loss', decimal(result.loss, 4)],
    ['bits per character', decimal(result.bitsPerCharacter, 4)],
    ['perplexity', decimal(result.perplexity, 3)],
    ['accuracy', percent(result.accuracy)],
    ['tokens', count(result.tokens)],
  ];
  if (result.skipped > 0) rows.push(['skipped', `${count(result.skipped)} unknown symbols`]);
  return table(rows);
}
