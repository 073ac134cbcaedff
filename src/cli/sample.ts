// unroll sample: text from a model, written as it comes.

import { once } from 'node:events';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Output } from '../report/reporter.js';
import { loadModel } from '../run/model.js';
import type { Command } from './command.js';
import { addKernels, addModel, kernelsOf } from './model-flags.js';
import { isWhole, type NumberFlag, numberOption, textOption } from './options.js';

const MAX_LENGTH = 1_000_000_000;
const MAX_TOP_K = 1 << 24;

const LENGTH: NumberFlag = {
  name: 'length',
  about: 'the number of tokens to generate',
  allowed: `1 to ${MAX_LENGTH}`,
  allows: (value) => isWhole(value, 1, MAX_LENGTH),
  fallback: 400,
};
const TEMPERATURE: NumberFlag = {
  name: 'temperature',
  about: 'how freely it chooses, 0 for the most likely token every time',
  allowed: 'a number, 0 to 100',
  allows: (value) => value >= 0 && value <= 100,
  fallback: 1,
};
const TOP_K: NumberFlag = {
  name: 'top-k',
  about: 'the number of most likely tokens to choose from, 0 for all',
  allowed: `0 to ${MAX_TOP_K}`,
  allows: (value) => isWhole(value, 0, MAX_TOP_K),
  fallback: 0,
};
const TOP_P: NumberFlag = {
  name: 'top-p',
  about: 'the share of probability that the tokens to choose from add up to, 1 for all',
  allowed: 'a number, above 0 and 1 at most',
  allows: (value) => value > 0 && value <= 1,
  fallback: 1,
};
const SEED: NumberFlag = {
  name: 'seed',
  about: 'what all randomness is drawn from',
  allowed: `0 to ${0xffff_ffff}`,
  allows: (value) => isWhole(value, 0, 0xffff_ffff),
  fallback: 0,
};

/** Pieces that are written together: one write a character would take longer than the model. */
const WRITE_LENGTH = 64;

export const sample: Command = {
  build(yargs, listing) {
    addKernels(addModel(yargs), listing);
    yargs.option('prompt', { type: 'string', describe: 'TEXT: what the model goes on from; it is printed first' });
    for (const { name, about, allowed, fallback } of [LENGTH, TEMPERATURE, TOP_K, TOP_P, SEED])
      yargs.option(name, { type: 'string', describe: `${about}, ${allowed}`, defaultDescription: `${fallback}` });
    return yargs
      .option('skip-unknown', { type: 'boolean', describe: 'leave out what the model does not know of the prompt' })
      .option('json', { type: 'boolean', describe: 'print one JSON object: prompt, text, skipped' })
      .example('$0 sample runs/book-lstm256 --prompt "Call me " --temperature 0.7', 'cautious text')
      .example('$0 sample runs/book-lstm256/best --length 2000 --seed 3', 'the best checkpoint, another text')
      .epilogue('Prints the prompt, the text that follows it, and a newline.');
  },

  async run(given, { stdout, stderr, gone }) {
    const choices = {
      length: numberOption(given, LENGTH),
      temperature: numberOption(given, TEMPERATURE),
      topK: numberOption(given, TOP_K),
      topP: numberOption(given, TOP_P),
      seed: numberOption(given, SEED),
    };
    const skipUnknown = given.skipUnknown === true;
    const model = await loadModel(String(given.model), { kernels: kernelsOf(given) });
    const asked = textOption(given, 'prompt') ?? '';
    const { tokens, skipped } = model.vocabulary.encode(asked, { skipUnknown, origin: '--prompt' });
    const prompt = skipped === 0 ? asked : model.vocabulary.decode(tokens);
    const pieces = model.generate({ ...choices, prompt });
    if (given.json === true) {
      stdout.write(`${JSON.stringify({ prompt, text: [...pieces].join(''), skipped })}\n`);
      return 0;
    }
    if (skipped > 0) stderr.write(`--prompt: ${skipped} unknown symbols were left out\n`);
    await writePieces(prompt, pieces, stdout, gone);
    return 0;
  },
};

async function writePieces(first: string, pieces: Iterable<string>, stdout: Output, gone: AbortSignal): Promise<void> {
  let waiting = first;
  for (const piece of pieces) {
    waiting += piece;
    if (waiting.length < WRITE_LENGTH) continue;
    const free = stdout.write(waiting);
    waiting = '';
    // Lets it be heard that the reader has gone.
    await (free ? breathe() : Promise.race([once(stdout, 'drain'), once(gone, 'abort')]));
    if (gone.aborted) return;
  }
  stdout.write(`${waiting}\n`);
}
