// unroll sample: text from a model, written as it comes.

import { once } from 'node:events';
import { setImmediate as breathe } from 'node:timers/promises';
import { flagName } from '../config/flags.js';
import { UNKNOWN_WORD } from '../data/words.js';
import { UserError } from '../errors.js';
import type { Output } from '../report/reporter.js';
import { loadModel } from '../run/model.js';
import { SAMPLE_SETTINGS } from '../run/sample-settings.js';
import type { Command } from './command.js';
import { addKernels, addModel, kernelsOf } from './model-flags.js';
import { numberOption, textOption } from './options.js';

const FLAGS = Object.entries(SAMPLE_SETTINGS).map(
  ([key, setting]) => [key, { name: flagName(key), ...setting }] as const,
);

/** What stands for bytes of an argument that are no text. */
const NO_TEXT = '\ufffd';
/** Pieces that are written together: one write a character would take longer than the model. */
const WRITE_LENGTH = 64;

export const sample: Command = {
  build(yargs, listing) {
    addKernels(addModel(yargs), listing);
    yargs.option('prompt', { type: 'string', describe: 'TEXT: what the model goes on from; it is printed first' });
    for (const [, { name, about, allowed, fallback }] of FLAGS)
      yargs.option(name, {
        type: 'string',
        describe: `${about}, ${allowed}`,
        defaultDescription: `${fallback}`,
      });
    return yargs
      .option('skip-unknown', { type: 'boolean', describe: 'leave out what the model does not know of the prompt' })
      .option('json', { type: 'boolean', describe: 'print one JSON object: prompt, text, skipped, unknown' })
      .example('$0 sample runs/book-lstm256 --prompt "Call me " --temperature 0.7', 'cautious text')
      .example('$0 sample runs/book-lstm256/best --length 2000 --seed 3', 'the best checkpoint, another text')
      .epilogue('Prints the prompt, the text that follows it, and a newline.');
  },

  async run(given, { stdout, stderr, gone }) {
    const choices = Object.fromEntries(FLAGS.map(([key, flag]) => [key, numberOption(given, flag)]));
    const skipUnknown = given.skipUnknown === true;
    const model = await loadModel(String(given.model), { kernels: kernelsOf(given) });
    const asked = textOption(given, 'prompt') ?? '';
    if (model.vocabulary.mode === 'byte' && asked.includes(NO_TEXT))
      throw new UserError('--prompt: it has bytes that are no UTF-8 text, which a command line does not pass on');
    const { tokens, skipped, unknown = [] } = model.vocabulary.encode(asked, { skipUnknown, origin: '--prompt' });
    const prompt = skipped === 0 ? asked : model.vocabulary.decode(tokens);
    const pieces = model.generate({ ...choices, prompt });
    if (given.json === true) {
      stdout.write(`${JSON.stringify({ prompt, text: [...pieces].join(''), skipped, unknown })}\n`);
      return 0;
    }
    if (skipped > 0)
      stderr.write(`--prompt: ${skipped} unknown ${skipped === 1 ? 'symbol was' : 'symbols were'} left out\n`);
    if (unknown.length > 0)
      stderr.write(`--prompt: not known, and read as ${UNKNOWN_WORD}: ${[...new Set(unknown)].join(', ')}\n`);
    // Numbers stand apart.
    const between = model.vocabulary.mode === 'number' && prompt.trim() !== '' ? ' ' : '';
    await writePieces(`${prompt}${between}`, pieces, stdout, gone);
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
