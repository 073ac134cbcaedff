// unroll compare: a model beside models of another kind that learn and predict the same text. So far these are Markov models.

import { basename } from 'node:path';
import { UserError } from '../errors.js';
import type { Architecture } from '../model/architecture.js';
import { bytes, count, counted, decimal, percent, table } from '../report/format.js';
import {
  type Compared,
  compareMarkov,
  DEFAULT_ORDERS,
  isOrder,
  type MarkovComparison,
  ORDERS_ALLOWED,
} from '../run/compare-markov.js';
import type { Command, Given } from './command.js';
import { addKernels, addModel, kernelsOf } from './model-flags.js';
import { textOption } from './options.js';

const RIVALS = ['markov'];

export const compare: Command = {
  build(yargs, listing) {
    yargs.positional('rivals', {
      type: 'string',
      describe: 'what the model is compared with: markov, n-gram models of the text that it learned',
      choices: listing ? RIVALS : undefined,
    });
    addModel(yargs)
      .option('orders', {
        type: 'string',
        describe: `${ORDERS_ALLOWED}: a range or a list, 3..5 or 2,4,8`,
        defaultDescription: `${DEFAULT_ORDERS[0]}..${DEFAULT_ORDERS.at(-1)}`,
      })
      .option('text', { type: 'string', describe: 'FILE: a text to predict, in place of what was held out' })
      .option('skip-unknown', {
        type: 'boolean',
        describe: 'leave out symbols of --text that the model does not know, and count them',
      })
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 compare markov runs/book-lstm256', 'on the part of the text that was held out')
      .example('$0 compare markov runs/book-lstm256/best --orders 1..8', 'the best checkpoint, longer n-grams')
      .epilogue('A MODEL of a text file, in its run folder: config.json there names the text that all of them learn.');
    return addKernels(yargs, listing);
  },

  async run(given, { stdout }) {
    if (given.rivals !== 'markov')
      throw new UserError(
        `${JSON.stringify(given.rivals)}: there is no such comparison; it is one of ${RIVALS.join(', ')}, as in "unroll compare markov runs/book-lstm256"`,
      );
    const comparison = await compareMarkov(String(given.model), {
      orders: ordersOf(given),
      file: textOption(given, 'text'),
      skipUnknown: given.skipUnknown === true,
      kernels: kernelsOf(given),
    });
    const json = given.json === true;
    stdout.write(`${json ? JSON.stringify({ event: 'compare', ...comparison }) : inWords(comparison)}\n`);
    return 0;
  },
};

/** `3`, `1..6`, `2,4,8`, `1..3,6`. */
function ordersOf(given: Given): readonly number[] | undefined {
  const text = textOption(given, 'orders');
  if (text === undefined) return undefined;
  const orders = text.split(',').flatMap(rangeOf);
  if (orders.every(isOrder)) return orders;
  throw new UserError(`--orders: ${JSON.stringify(text)} is not allowed; it is ${ORDERS_ALLOWED}: 4, 1..6 or 2,4,8`);
}

/** NaN for what is no range, or an empty one. */
function rangeOf(text: string): readonly number[] {
  const [, first, last = first] = /^\s*(\d{1,2})(?:\.\.(\d{1,2}))?\s*$/.exec(text) ?? [];
  const length = Number(last) - Number(first) + 1;
  return length > 0 ? Array.from({ length }, (_, i) => Number(first) + i) : [Number.NaN];
}

function inWords({ text, trainingTokens, file, tokens, skipped, markov, recurrent }: MarkovComparison): string {
  const predicted = file === null ? `${count(tokens)} held out` : `${counted(tokens, 'token')} of ${basename(file)}`;
  const left = skipped > 0 ? ` (${count(skipped)} unknown left out)` : '';
  const { architecture, parameters } = recurrent;
  // Of words none is known.
  const bits = recurrent.bitsPerCharacter === null ? [] : ['bits per character'];
  const rows = [
    ['', ...bits, 'perplexity', 'accuracy', 'holds', 'size', 'trained in', 'evaluated in'],
    ...markov.map((row) => [`Markov, order ${row.order}`, ...figures(row, counted(row.ngrams, 'n-gram'))]),
    [nameOf(architecture), ...figures(recurrent, counted(parameters, 'parameter'))],
  ];
  const learned = `${basename(text)}: ${counted(trainingTokens, 'token')} learned; predicted ${predicted}${left}`;
  return `${learned}\n\n${table(rows, [...rows[0].keys()].slice(1))}`;
}

function figures(row: Compared, holds: string): readonly string[] {
  const { bitsPerCharacter, perplexity, accuracy, trainSeconds, evalSeconds } = row;
  const share = accuracy === null ? '' : percent(accuracy);
  const bits = bitsPerCharacter === null ? [] : [decimal(bitsPerCharacter, 4)];
  return [...bits, decimal(perplexity), share, holds, bytes(row.bytes)].concat(
    trainSeconds === null ? 'not known' : `${decimal(trainSeconds, 2)} s`,
    `${decimal(evalSeconds, 2)} s`,
  );
}

function nameOf({ cell, activation, layers, hidden }: Architecture): string {
  return `${cell}${cell === 'rnn' ? ` (${activation})` : ''}, ${counted(layers, 'layer')} of ${hidden}`;
}
