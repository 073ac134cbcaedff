// What a model learned from, and how long it took, as its run's folder tells.

import { createReadStream, existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { resolveConfig } from '../config/config.js';
import { readConfigFile } from '../config/config-file.js';
import { datasetPath } from '../data/dataset.js';
import type { LearnedText, TokenRule } from '../data/text-file.js';
import type { Vocabulary } from '../data/vocabulary.js';
import { UserError } from '../errors.js';
import type { TrainEvent } from '../report/events.js';
import { tokenRule } from './data.js';
import type { ModelParts } from './model.js';
import { CONFIG_FILE, METRICS_FILE } from './run-folder.js';

export interface LearnedFrom {
  /** Path of the text. */
  readonly text: string;
  readonly tokens: TokenRule;
  /** The share at its end that was held out. */
  readonly validation: number;
  /** Path of the config that says so. */
  readonly config: string;
  /** Where that is said: what a message begins with. */
  readonly origin: string;
}

/**
 * @param path what was given as the model
 * @param name of the model's file: RUN/checkpoints/STEP/model.safetensors
 * @throws UserError for a model that learned no text, or of which nobody knows what it learned
 */
export async function learnedFrom(
  path: string,
  name: string,
  { examples, columns, vocabulary }: ModelParts,
): Promise<LearnedFrom> {
  if (examples !== undefined)
    throw new UserError(`MODEL: ${path} learned sparse examples; Markov models predict the next token of a text`);
  if (columns !== undefined)
    throw new UserError(`MODEL: ${path} learned a table; Markov models predict the next token of a text`);
  if (vocabulary.mode === 'number')
    throw new UserError(
      `MODEL: ${path} learned sequences given in memory, which are gone; give a model of a text file`,
    );
  const config = join(dirname(dirname(dirname(realpathSync(name)))), CONFIG_FILE);
  if (!existsSync(config))
    throw new UserError(
      `MODEL: ${path} is in no run folder, whose ${CONFIG_FILE} names the text to learn; give a run folder, or a checkpoint in one`,
    );
  const { values, origin } = readConfigFile(config);
  const { text, dataset } = values;
  if (text === undefined && dataset === undefined)
    throw new UserError(`MODEL: ${path} learned a text given in memory, which is gone; give a model of a text file`);
  const { validation, ...settings } = resolveConfig(values, origin);
  const tokens = tokenRule(settings);
  if (settings.dataset === undefined)
    return { text: settings.text as string, tokens, validation, config, origin: origin('text') };
  return { text: await datasetPath(settings.dataset), tokens, validation, config, origin: origin('dataset') };
}

/** Whether a text is the one that a model learned. @param checksum of that one; null where nobody knows */
export const isSameText = (
  found: Pick<LearnedText, 'vocabulary' | 'checksum'>,
  vocabulary: Vocabulary,
  checksum: number | null,
): boolean =>
  (checksum === null || checksum === found.checksum) && JSON.stringify(vocabulary) === JSON.stringify(found.vocabulary);

/** Seconds from a run's start to its end; null where it is not over, or went on from a checkpoint. */
export async function trainingSeconds(run: string): Promise<number | null> {
  const path = join(run, METRICS_FILE);
  if (!existsSync(path)) return null;
  let starts = 0;
  let seconds: number | null = null;
  // There may be millions of steps.
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (line.startsWith('{"event":"plan"')) starts++;
    if (line.startsWith('{"event":"done"')) seconds = secondsOf(line);
  }
  return starts === 1 ? seconds : null;
}

/** A torn line, which a killed process leaves behind, says nothing. */
function secondsOf(line: string): number | null {
  try {
    const event: TrainEvent = JSON.parse(line);
    return event.event === 'done' ? event.seconds : null;
  } catch {
    return null;
  }
}
