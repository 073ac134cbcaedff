// What a model knows of the columns that it learned: which it reads and predicts, and how their values become numbers. It is kept in
// the model's file, so that whoever predicts needs nothing else.

import { UserError } from '../../errors.js';
import type { Writing } from '../tables/values.js';

export type RecordTask = 'classify' | 'tag' | 'regress' | 'forecast';

/** (value - mean) / scale. */
export interface Scaling {
  readonly mean: number;
  readonly scale: number;
}

export type InputColumn =
  /** `flagged`: one number more says whether the value is missing. */
  | ({ readonly name: string; readonly kind: 'number'; readonly flagged: boolean } & Scaling)
  /** One number for each value, 1 for the one that is there. */
  | { readonly name: string; readonly kind: 'category'; readonly values: readonly string[] }
  /** Where the time lies in its day, week and year: sine and cosine of each. */
  | { readonly name: string; readonly kind: 'date' }
  /** One token a step; the only input of its model. Token 0 is whatever is not among `tokens`. */
  | {
      readonly name: string;
      readonly kind: 'tokens';
      readonly split: 'list' | 'word' | 'char';
      readonly tokens: readonly string[];
      /** Columns of further texts, read behind the first. */
      readonly more?: readonly string[];
    };

export type TargetColumn =
  | { readonly name: string; readonly kind: 'class'; readonly values: readonly string[] }
  /** Any number of labels. */
  | { readonly name: string; readonly kind: 'labels'; readonly values: readonly string[] }
  | ({ readonly name: string; readonly kind: 'number' } & Scaling);

export interface Columns {
  readonly task: RecordTask;
  /** Whether a row of the table is a whole sequence, its cells lists or texts; otherwise it is a time step, or stands by itself. */
  readonly cells: boolean;
  readonly inputs: readonly InputColumn[];
  /** One, or several numbers. */
  readonly targets: readonly TargetColumn[];
  /** Whose rows are a sequence. */
  readonly group?: string;
  /** What rows are sorted by. */
  readonly time?: string;
  /** Of a forecast: how many values ahead. */
  readonly horizon?: number;
  /** How its files write numbers and dates, where that is not as usual. */
  readonly writing?: Writing;
}

/** Parts of a date that a model reads: sine and cosine of where it lies in a day, a week and a year. */
export const DATE_CYCLES_MS = [86_400_000, 604_800_000, 31_556_952_000] as const;

/** Numbers of a step that a column becomes; 0 for tokens, which are looked up. */
export function widthOf(column: InputColumn): number {
  if (column.kind === 'number') return column.flagged ? 2 : 1;
  if (column.kind === 'category') return column.values.length;
  return column.kind === 'date' ? 2 * DATE_CYCLES_MS.length : 0;
}

/** Names of the table's columns that an input reads. */
export const columnsOf = (input: InputColumn): readonly string[] =>
  input.kind === 'tokens' ? [input.name, ...(input.more ?? [])] : [input.name];

export const featuresOf = ({ inputs }: Columns): number => inputs.reduce((sum, column) => sum + widthOf(column), 0);

/** The column of tokens, of a model that reads such. */
export function tokensColumn({ inputs }: Columns): Extract<InputColumn, { kind: 'tokens' }> | undefined {
  return inputs.find((column) => column.kind === 'tokens');
}

/** Whether a sequence has one target, predicted at its last step. */
export const isWhole = ({ task }: Pick<Columns, 'task'>): boolean => task === 'classify' || task === 'regress';

/** What the head's outputs are, and how many. */
export function outputsOfColumns({ targets, horizon = 1 }: Columns): {
  readonly output: 'softmax' | 'multilabel' | 'linear';
  readonly outputs: number;
} {
  const [target] = targets;
  if (target.kind === 'class') return { output: 'softmax', outputs: target.values.length };
  if (target.kind === 'labels') return { output: 'multilabel', outputs: target.values.length };
  return { output: 'linear', outputs: targets.length * horizon };
}

/** Reads what a model's file says. @throws UserError where it cannot be */
export function columnsFromJson(path: string, json: unknown): Columns {
  const bad = (what: string): UserError =>
    new UserError(`${path}: it is damaged: ${what} of its columns is not possible`);
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string');
  const isScaling = ({ mean, scale }: Record<string, unknown>): boolean =>
    Number.isFinite(mean) && Number.isFinite(scale) && (scale as number) > 0;
  const isOneOf = (value: unknown, texts: readonly string[]): value is string => texts.includes(value as string);
  const isColumn = (value: unknown, kinds: Readonly<Record<string, (column: Record<string, unknown>) => boolean>>) =>
    isObject(value) &&
    typeof value.name === 'string' &&
    isOneOf(value.kind, Object.keys(kinds)) &&
    kinds[value.kind](value);
  const inputKinds = {
    number: (c: Record<string, unknown>) => isScaling(c) && typeof c.flagged === 'boolean',
    category: (c: Record<string, unknown>) => isTexts(c.values),
    date: () => true,
    tokens: (c: Record<string, unknown>) =>
      isTexts(c.tokens) && isOneOf(c.split, ['list', 'word', 'char']) && (c.more === undefined || isTexts(c.more)),
  };
  const targetKinds = {
    class: (c: Record<string, unknown>) => isTexts(c.values),
    labels: (c: Record<string, unknown>) => isTexts(c.values),
    number: isScaling,
  };
  if (!isObject(json)) throw bad('the whole');
  const { task, cells, inputs, targets, group, time, horizon, writing } = json;
  if (!isOneOf(task, ['classify', 'tag', 'regress', 'forecast'])) throw bad('task');
  if (typeof cells !== 'boolean') throw bad('cells');
  if (!Array.isArray(inputs) || inputs.length === 0 || !inputs.every((c) => isColumn(c, inputKinds)))
    throw bad('inputs');
  if (!Array.isArray(targets) || targets.length === 0 || !targets.every((c) => isColumn(c, targetKinds)))
    throw bad('targets');
  if (targets.length > 1 && !targets.every((c) => c.kind === 'number')) throw bad('targets');
  if (inputs.length > 1 && inputs.some((c) => c.kind === 'tokens')) throw bad('inputs');
  if (![group, time].every((name) => name === undefined || typeof name === 'string')) throw bad('group or time');
  if (horizon !== undefined && !(Number.isInteger(horizon) && (horizon as number) > 0)) throw bad('horizon');
  if (writing !== undefined && !isWriting(writing)) throw bad('writing');
  return json as unknown as Columns;
}

function isWriting(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { decimal, dates } = value as Record<string, unknown>;
  return [undefined, ','].includes(decimal as string) && [undefined, 'dmy', 'mdy'].includes(dates as string);
}
