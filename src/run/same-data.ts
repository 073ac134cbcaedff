// Whether a model or a run that is gone on from learned what this run learns: the same symbols, or the same features and labels;
// and of a run that is resumed, the very same data.

import type { ModelHeader } from '../checkpoint/model-file.js';
import type { LabelSpace } from '../data/sparse-examples.js';
import type { KnownExamples } from '../data/svmlight.js';
import type { Vocabulary } from '../data/vocabulary.js';
import { UserError } from '../errors.js';
import type { Architecture } from '../model/architecture.js';
import type { OpenedData } from './data.js';
import type { Predicted } from './measured.js';
import type { RunProgress } from './progress.js';

type Header = Pick<ModelHeader, 'vocabulary' | 'examples' | 'columns'>;

/** @param what begins the message: the flag and the model that it names */
export function checkSameInputs(what: string, saved: Header, wanted: Header): void {
  if (saved.columns !== undefined || wanted.columns !== undefined) {
    if (JSON.stringify(saved.columns) === JSON.stringify(wanted.columns)) return;
    throw new UserError(
      `${what}: the model's columns, or how their values become numbers, are not those of the run; both must be the same`,
    );
  }
  if (saved.examples !== undefined && wanted.examples !== undefined)
    checkExamples(what, saved.examples, wanted.examples);
  else if (saved.examples !== undefined)
    throw new UserError(`${what}: the model reads sparse examples, and the run learns a text; give a model of a text`);
  else if (wanted.examples !== undefined)
    throw new UserError(
      `${what}: the model reads a text, and the run learns --svmlight; give a model of such examples`,
    );
  else checkVocabulary(what, saved.vocabulary, wanted.vocabulary);
}

function checkVocabulary(what: string, saved: Vocabulary, wanted: Vocabulary): void {
  if (JSON.stringify(saved) === JSON.stringify(wanted)) return;
  const kinds = `${saved.mode}, ${saved.size} symbols, against ${wanted.mode}, ${wanted.size}`;
  throw new UserError(`${what}: the model's vocabulary is not that of the text (${kinds}); both must be the same`);
}

function checkExamples(what: string, saved: KnownExamples, wanted: KnownExamples): void {
  const [of, now] = [saved.indices, wanted.indices];
  const other = now.findIndex((index, i) => index !== of[i]);
  if (of.length !== now.length || other >= 0) {
    const counts = `${of.length} different ones against ${now.length}`;
    const first = other < 0 ? of[now.length] : Math.min(now[other], of[other] ?? now[other]);
    throw new UserError(
      `${what}: the model's features are not those of the examples (${counts}; index ${first} is in one alone); both must be the same`,
    );
  }
  if (labelsText(saved.labels) === labelsText(wanted.labels)) return;
  throw new UserError(
    `${what}: the model's labels are not those of the examples (${shortText(saved.labels)}, against ${shortText(wanted.labels)}); both must be the same`,
  );
}

const labelsText = (labels: LabelSpace): string =>
  labels.kind === 'numbers' ? `numbers, ${labels.outputs} a line` : `${labels.kind} ${labels.names.join(', ')}`;

const MOST_SHOWN = 60;

function shortText(labels: LabelSpace): string {
  const text = labelsText(labels);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}...` : text;
}

const isText = (predicted: Predicted = 'token'): boolean => predicted === 'token' || predicted === 'word';

/** Of a run that is resumed. @throws UserError for data of another length or other bytes */
export function checkSameData(resumed: string, learned: RunProgress, data: OpenedData): void {
  const { trainingTokens, checksum, predicted } = data;
  const sameLength = learned.trainingTokens === trainingTokens;
  if (sameLength && learned.checksum === checksum) return;
  const [kind, unit] = isText(predicted) ? ['text', 'tokens'] : ['file', 'examples'];
  const other = sameLength
    ? `another ${kind}: ${trainingTokens} ${unit} as well, but not the same ones`
    : `${learned.trainingTokens} ${unit}, the ${kind} has ${trainingTokens} now`;
  throw new UserError(
    `--resume: ${resumed} learned ${other}; give the ${kind} that it had, or begin a new run with --init-from`,
  );
}

/** Of a run that is resumed. */
export function checkSameArchitecture(folder: string, saved: Architecture, wanted: Architecture): void {
  for (const key of Object.keys({ ...saved, ...wanted }) as (keyof Architecture)[]) {
    if (saved[key] === wanted[key]) continue;
    if (key === 'vocabulary')
      throw new UserError(
        `--resume: ${folder} learned a text of ${saved.vocabulary} different symbols, the text has ${wanted.vocabulary} now; give the text that it had, or begin a new run`,
      );
    throw new UserError(
      `--resume: ${folder}: its ${key} is ${saved[key]}, that of the run's config.json is ${wanted[key]}`,
    );
  }
}
