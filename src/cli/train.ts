// unroll train: flags over a config file, to a run and what it shows of itself.

import { join } from 'node:path';
import type { Argv } from 'yargs';
import { configWarnings } from '../config/checks.js';
import type { Config } from '../config/config.js';
import { readConfigFile } from '../config/config-file.js';
import { FLAGS, type Flag, flagOrigin, flagValues } from '../config/flags.js';
import { tableOf } from '../config/record-checks.js';
import { inShell } from '../errors.js';
import type { PlanEvent } from '../report/events.js';
import { planTable } from '../report/plan-table.js';
import { createReporter, type Reporter } from '../report/reporter.js';
import { planTraining } from '../run/plan.js';
import { isOutDefault, runConfig } from '../run/run-config.js';
import { runTraining, type TrainOutcome } from '../run/train.js';
import type { Command, Context, Given } from './command.js';
import { Stop } from './stop.js';

const GROUPS: Readonly<Record<Flag['group'], string>> = {
  data: 'Data:',
  model: 'Model:',
  steps: 'Steps:',
  optimizer: 'Optimizer:',
  run: 'Run:',
};

/** The config file and a flag for each setting: of train, and of what trains in its way. */
export function addSettings(yargs: Argv, listing: boolean): Argv {
  yargs.positional('config', { type: 'string', describe: 'YAML or JSON file with the same settings in camelCase' });
  for (const { name, group, kind, describe, choices, defaultText, placeholder } of FLAGS) {
    yargs.option(name, {
      type: kind === 'boolean' ? 'boolean' : 'string',
      group: GROUPS[group],
      describe: placeholder === undefined ? describe : `${placeholder}: ${describe}`,
      defaultDescription: defaultText,
      // Shown and completed; what is given is checked with all other settings, so that messages are of one kind.
      choices: listing ? choices : undefined,
    });
  }
  return yargs;
}

export const train: Command = {
  build(yargs, listing) {
    return addSettings(yargs, listing)
      .example('$0 train --text book.txt', 'learn a text with all defaults; the model is in runs/book-lstm256')
      .example('$0 train --dataset moby-dick --cell gru --hidden 512 --lr 2e-3 --epochs 3', 'a larger model')
      .example('$0 train settings.yaml --seed 7 --out runs/seven', 'settings of a file, with another seed')
      .example('$0 train --text book.txt --dry-run', 'how much memory it would take')
      .example('$0 train --resume runs/book-lstm256 --epochs 10', 'go on with a run that was stopped or is too short')
      .epilogue(
        'Ctrl-C stops after the step that is under way and saves a checkpoint; a second one stops at once.\n' +
          'Losses are in bits per character: 0 is perfect, log2 of the number of different symbols is a guess.\n' +
          'Of words the perplexity is shown: 1 is perfect, the number of different words is a guess.',
      );
  },

  async run(given, context) {
    const { values, origin } = settingsOf(given);
    const config = runConfig(values, origin);
    if (config.dryRun) return dryRun(config, context);
    const reporter = await createReporter({ ...config, ...context, watchedClipNorm: watchedClipNorm(config) });
    const stop = new Stop(
      (name) => reporter.notice(stopNotice(name)),
      () => reporter.close(),
    );
    try {
      const outcome = await runTraining(config, {
        signal: AbortSignal.any([stop.signal, context.gone]),
        onEvent: (event) => reporter.event(event),
        onNotice: (message) => reporter.notice(message),
        threads: context.threads,
        outIsDefault: isOutDefault(values),
      });
      reporter.close();
      return finish(outcome, config, context, stop.exitCode, reporter);
    } finally {
      stop.close();
      reporter.close();
    }
  },
};

/** Gradients that grow through time are watched for. Those of unscaled numbers are large from the start. */
const watchedClipNorm = ({ cell, labels, task, clipNorm }: Config): number | undefined =>
  cell === 'mlp' || labels === 'numbers' || task === 'regress' || task === 'forecast' ? undefined : clipNorm;

/** Where data comes from: one of them. */
const SOURCES = ['text', 'dataset', 'svmlight', 'csv', 'jsonl', 'parquet'];

/** Settings of which one takes the place of the other: a flag for one leaves out what the file says of the other. */
const ALTERNATIVES: readonly (readonly [string, string])[] = [
  ...SOURCES.flatMap((one, i) => SOURCES.slice(i + 1).map((other) => [one, other] as const)),
  ['epochs', 'steps'],
  ['resume', 'initFrom'],
];

export interface GivenSettings {
  readonly values: Readonly<Record<string, unknown>>;
  /** What a message calls a setting. */
  readonly origin: (key: string) => string;
}

/** Flags over the config file, not yet checked. */
export function settingsOf(given: Given): GivenSettings {
  const flags = flagValues(given);
  if (given.config === undefined) return { values: flags, origin: flagOrigin };
  const file = readConfigFile(String(given.config));
  const values: Record<string, unknown> = { ...file.values, ...flags };
  for (const pair of ALTERNATIVES) {
    for (const [one, other] of [pair, [pair[1], pair[0]]]) {
      if (flags[one] !== undefined && flags[other] === undefined) delete values[other];
    }
  }
  return { values, origin: (key) => (Object.hasOwn(flags, key) ? flagOrigin(key) : file.origin(key)) };
}

async function dryRun(config: Config, { stdout, stderr }: Context): Promise<number> {
  for (const warning of configWarnings(config)) stderr.write(`${warning}\n`);
  const plan: PlanEvent = await planTraining(config);
  if (config.json) stdout.write(`${JSON.stringify(plan)}\n`);
  else if (!config.quiet) stdout.write(`${planTable(plan)}\n`);
  return 0;
}

function stopNotice(name: string): string {
  return name === 'SIGINT'
    ? 'stopping after this step, to save a checkpoint; Ctrl-C again stops at once'
    : `${name}: stopping after this step, to save a checkpoint`;
}

function finish(
  { reason, step, path, out }: TrainOutcome,
  config: Config,
  { stdout, gone }: Context,
  stopCode: number | undefined,
  reporter: Reporter,
): number {
  const { json, quiet, svmlight } = config;
  if (reason !== 'stopped') {
    const table = tableOf(config);
    const model = inShell(out);
    const rest = svmlight === undefined ? `sample ${model}` : `eval ${model} --svmlight FILE`;
    const next = `unroll ${table ? `predict ${model} --${table} FILE` : rest}`;
    if (!json && !quiet) stdout.write(`saved in ${out}; try: ${next}\n`);
    return 0;
  }
  reporter.notice(`stopped at step ${step}, saved in ${join(path)}; go on with: unroll train --resume ${inShell(out)}`);
  if (stopCode !== undefined) return stopCode;
  return gone.aborted ? 1 : 0;
}
