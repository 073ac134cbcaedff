// The program on yargs: which commands there are, what is said about usage, and the way to the one that was chosen. Only
// that one is loaded.

import { createRequire } from 'node:module';
import yargs, { type Argv } from 'yargs';
import { didYouMean } from '../config/suggest.js';
import { UserError } from '../errors.js';
import { bindNegatives, checkSwitches, unknownArgument } from './arguments.js';
import type { Command, Context, Given } from './command.js';

interface Entry {
  /** As yargs has it: `eval <model>`. */
  readonly usage: string;
  readonly about: string;
  load(): Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  train: {
    usage: 'train [config]',
    about: 'Train a model; flags override the config file',
    load: async () => (await import('./train.js')).train,
  },
  tune: {
    usage: 'tune [config]',
    about: 'Search for settings in short trainings of which the better half goes on; takes the flags of train',
    load: async () => (await import('./tune.js')).tune,
  },
  init: {
    usage: 'init <data>',
    about: 'Write a first config for a file of data, after a look at it',
    load: async () => (await import('./init.js')).init,
  },
  eval: {
    usage: 'eval <model>',
    about: 'Measure a model on a text, a table or examples: loss, accuracy, errors',
    load: async () => (await import('./eval.js')).evaluate,
  },
  predict: {
    usage: 'predict <model>',
    about: 'Predict from the rows of a table: classes, labels, numbers, forecasts',
    load: async () => (await import('./predict.js')).predict,
  },
  sample: {
    usage: 'sample <model>',
    about: 'Generate text',
    load: async () => (await import('./sample.js')).sample,
  },
  inspect: {
    usage: 'inspect <model>',
    about: 'Show architecture, parameters and training state',
    load: async () => (await import('./inspect.js')).inspect,
  },
  compare: {
    usage: 'compare <rivals> <model>',
    about: 'Set a model beside Markov models of the same text: compare markov MODEL',
    load: async () => (await import('./compare.js')).compare,
  },
  diagnose: {
    usage: 'diagnose [model]',
    about: 'Show whether gradients vanish or explode, in a model or in a toy network',
    load: async () => (await import('./diagnose.js')).diagnose,
  },
  schema: {
    usage: 'schema',
    about: 'Print the JSON Schema of a config, by which editors complete it',
    load: async () => (await import('./schema.js')).schema,
  },
  bench: {
    usage: 'bench [table]',
    about: 'Time training on this machine',
    load: async () => (await import('./bench.js')).bench,
  },
  doctor: {
    usage: 'doctor',
    about: 'Show what this machine offers: processor, cores, kernels, versions',
    load: async () => (await import('./doctor.js')).doctor,
  },
};

const COMPLETION = 'completion';
const COMPLETION_ABOUT = 'Print a script that completes commands and flags in bash, zsh or fish';
const LISTING = /^(--help|-h|--get-yargs-completions)$/;

/** @returns the exit code */
export async function runProgram(raw: readonly string[], context: Context): Promise<number> {
  // `unroll help train` is `unroll train --help`.
  const words = raw[0] === 'help' ? [...raw.slice(1), '--help'] : raw;
  const listing = words.some((word) => LISTING.test(word));
  const name = commandOf(words);
  const chosen = name === undefined ? undefined : await COMMANDS[name].load();

  if (words[0] === COMPLETION) {
    if (listing) {
      context.stdout.write(`unroll ${COMPLETION} [${SHELLS.join('|')}]\n\n${COMPLETION_ABOUT}\n`);
      return 0;
    }
    chooseShell(words.slice(1));
  }

  let given: Given | undefined;
  const parser = base();
  for (const [key, { usage, about }] of Object.entries(COMMANDS)) {
    const build = (y: Argv): Argv => (key === name && chosen !== undefined ? chosen.build(y, listing) : y);
    parser.command(usage, about, build, (argv) => {
      given = argv;
    });
  }
  const flags = flagsOf(chosen);
  parser.fail((message, error) => {
    throw error ?? usageError(message, words, name, flags.all);
  });

  if (words.length === 0) {
    context.stderr.write(`${await parser.getHelp()}\n`);
    return 2;
  }
  if (words[0] === COMPLETION) {
    // As a command it would print the script and then, being strict, not know itself.
    parser.showCompletionScript();
    return 0;
  }
  if (!listing) {
    checkSwitches(words, flags.switches);
    leaveOutHelp(parser);
  }
  await parser.parseAsync(bindNegatives(words, flags.valued));
  if (given === undefined || chosen === undefined || listing) return 0;
  // What stands behind `--` is no argument to yargs, and not checked by it.
  const rest = words.indexOf('--');
  if (rest >= 0) throw unknownArgument(words.slice(rest + 1), { flags: flags.all, command: name as string });
  return chosen.run(given, context);
}

const SHELLS: readonly string[] = ['bash', 'zsh', 'fish'];

/** yargs writes for the shell that the environment names. */
function chooseShell([shell, ...more]: readonly string[]): void {
  if (more.length > 0) throw unknownArgument(more, { flags: [], command: COMPLETION });
  if (shell !== undefined && !SHELLS.includes(shell))
    throw new UserError(
      `${COMPLETION}: ${JSON.stringify(shell)} is not allowed; it takes the name of a shell, one of ${SHELLS.join(', ')}`,
    );
  if (shell === undefined) return;
  process.env.SHELL = shell;
  delete process.env.ZSH_NAME;
}

/** yargs lays out the help of each command that has run, in case its handler fails: a sixth of the time to a first step. */
function leaveOutHelp(parser: Argv): void {
  // The methods are not in the types, and may go with any version.
  const { getInternalMethods } = parser as Argv & { getInternalMethods?(): { getUsageInstance?(): object } };
  Object.assign(getInternalMethods?.call(parser).getUsageInstance?.() ?? {}, { cacheHelpMessage: () => {} });
}

/** The first word that is no flag; in a call for completions it comes behind the name of the program. */
function commandOf(words: readonly string[]): string | undefined {
  const plain = words.filter((word) => !word.startsWith('-'));
  const word = words[0] === '--get-yargs-completions' ? plain[1] : plain[0];
  return word !== undefined && Object.hasOwn(COMMANDS, word) ? word : undefined;
}

function base(): Argv {
  const { version } = createRequire(import.meta.url)('unroll/package.json') as { version: string };
  return (
    yargs()
      .scriptName('unroll')
      .usage('unroll trains recurrent networks on all the cores of a machine.\n\nUsage: $0 <command>')
      .epilogue('A MODEL is the folder of a run, a checkpoint folder or a .safetensors file.')
      .example('$0 train --text book.txt', 'learn a text')
      .example('$0 sample runs/book-lstm256 --prompt "Call me "', 'let the model write')
      .example('$0 <command> --help', 'flags and examples of a command')
      // Messages would mix languages otherwise: yargs knows some, we speak one.
      .locale('en')
      .exitProcess(false)
      .showHelpOnFail(false)
      .strict()
      // --lr.x is no flag; a flag that is given twice is refused by whoever reads it.
      .parserConfiguration({ 'dot-notation': false })
      .version(version)
      .help()
      .alias('help', 'h')
      .completion(COMPLETION, COMPLETION_ABOUT)
      .wrap(Math.min(100, process.stdout.columns ?? 100))
  );
}

interface FlagNames {
  readonly all: readonly string[];
  readonly valued: ReadonlySet<string>;
  readonly switches: ReadonlySet<string>;
}

/** The flags of a command, asked from yargs: no second list of them. */
function flagsOf(command: Command | undefined): FlagNames {
  // getOptions is not in the types.
  const own = command?.build(yargs(), false) as (Argv & { getOptions(): YargsOptions }) | undefined;
  const { key = {}, boolean = [], string = [] } = own?.getOptions() ?? {};
  return { all: [...Object.keys(key), 'help', 'version'], valued: new Set(string), switches: new Set(boolean) };
}

interface YargsOptions {
  readonly key: Readonly<Record<string, unknown>>;
  readonly boolean: readonly string[];
  readonly string: readonly string[];
}

function usageError(message: string, words: readonly string[], name: string | undefined, flags: readonly string[]) {
  if (name === undefined) {
    const word = words.find((one) => !one.startsWith('-')) ?? words[0];
    const guess = didYouMean(word, [...Object.keys(COMMANDS), COMPLETION]);
    return new UserError(`${word}: there is no such command${guess}; "unroll --help" lists them`);
  }
  if (message.startsWith('Unknown argument')) return unknownArgument(words, { flags, command: name });
  if (message.startsWith('Not enough non-option arguments')) {
    if (name === 'init') return new UserError('DATA: it is missing; give a file, as in "unroll init data.csv"');
    const command = name === 'compare' ? 'compare markov' : name;
    return new UserError(
      `MODEL: it is missing; give the folder of a run, a checkpoint folder or a .safetensors file, as in "unroll ${command} runs/book-lstm256"`,
    );
  }
  return new UserError(`${message}; see "unroll ${name} --help"`);
}
