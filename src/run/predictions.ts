// What a model of a table says of rows: its outputs as classes, labels and numbers in the data's own units, and how right they were.

import { type Columns, outputsOfColumns } from '../data/records/columns.js';
import { recordLines, type Steps } from '../data/records/records.js';
import type { Architecture } from '../model/architecture.js';
import type { Inference, Room } from './inference.js';
import {
  ClassMeasures,
  ColumnMeasures,
  type Figures,
  LabelMeasures,
  likeliest,
  type Measures,
  NumberMeasures,
} from './measures.js';
import { evaluationOf } from './records.js';
import { softmax } from './softmax.js';

/** What is said of one row, or of one sequence. */
export type Prediction =
  | { readonly kind: 'class'; readonly label: string; readonly probabilities: Readonly<Record<string, number>> }
  | {
      readonly kind: 'labels';
      readonly labels: readonly string[];
      readonly probabilities: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'numbers'; readonly values: Readonly<Record<string, number>> }
  | { readonly kind: 'forecast'; readonly values: Readonly<Record<string, readonly Ahead[]>> };

/** A value ahead, and where it lies with the chance that was asked for; null where too little is known to say. */
export interface Ahead {
  readonly value: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

/** The outputs of a step: [K], good until the next one. */
export type Visit = (step: number, outputs: ArrayLike<number>, at: number) => void;

/** Shows the outputs of every step, in no order that means something. */
export async function visitOutputs(
  inferenceOf: (room: Room) => Inference,
  records: Steps,
  model: Pick<Architecture, 'cell' | 'bidirectional' | 'pooling'>,
  visit: Visit,
): Promise<void> {
  const lines = recordLines(records, model.cell === 'mlp' ? {} : { sequences: records.sequences });
  const lineOf: number[] = [];
  const noted: typeof lines = {
    ...lines,
    write: (slot, row, line, counts) => {
      lineOf[row] = line;
      return lines.write(slot, row, line, counts);
    },
  };
  const batches = evaluationOf(records.columns, noted, model);
  const inference = inferenceOf({ window: batches.maxWindow, streams: batches.streams });
  const { streams } = batches;
  await inference.predict(batches, (outputs, width, { steps }, { lengths }) => {
    for (let row = 0; row < (model.pooling ? streams : steps * streams); row++) {
      // What a sequence was pooled to is said of its last step.
      const line = lineOf[model.pooling && lengths ? (lengths[row] - 1) * streams + row : row];
      if (line >= 0) visit(line, outputs, row * width);
    }
  });
}

/** How many rows, and how right a model was. @param visits all steps that predict something */
export async function measure(
  records: Steps,
  visits: (visit: Visit) => Promise<void>,
): Promise<{ readonly count: number; readonly loss: number; readonly figures: Figures }> {
  const measures = measuresOf(records);
  let [count, loss] = [0, 0];
  await visits((step, outputs, at) => {
    if (!records.predicts(step)) return;
    measures.add(step, outputs, at);
    loss += lossOf(records, step, outputs, at);
    count++;
  });
  return { count, loss: loss / count, figures: measures.figures() };
}

/** What training lowers: nats of the class, the mean of the labels' nats, or of the squared errors of numbers as they are scaled. */
function lossOf(records: Steps, step: number, outputs: ArrayLike<number>, at: number): number {
  const { output, outputs: count } = outputsOfColumns(records.columns);
  if (output === 'softmax') return -Math.log(softmax(outputs, at, new Float64Array(count))[records.classOf(step)]);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const [said, right] = [outputs[at + k], records.outputOf(step, k)];
    // log(1 + exp(said)) - said * right, without overflow.
    if (output === 'multilabel') sum += Math.max(said, 0) - said * right + Math.log1p(Math.exp(-Math.abs(said)));
    else sum += (said - right) ** 2;
  }
  return sum / count;
}

function measuresOf(records: Steps): Measures {
  const { columns, classOf, outputOf } = records;
  const { output, outputs: count } = outputsOfColumns(columns);
  if (output === 'softmax') return new ClassMeasures(classOf, count);
  if (output === 'multilabel') return new LabelMeasures(outputOf, count);
  const scales = scalesOf(columns);
  const naive = columns.task === 'forecast' ? naiveOf(records) : undefined;
  const { targets, horizon = 1 } = columns;
  if (targets.length === 1) return new NumberMeasures(outputOf, scales, naive);
  const measuresAt = (i: number) => new NumberMeasures(outputOf, scales, naive, [i * horizon, (i + 1) * horizon]);
  return new ColumnMeasures(targets.map(({ name }, i) => [name, measuresAt(i)] as const));
}

/** [K] how each output was scaled. */
function scalesOf({ targets, horizon = 1 }: Columns): readonly { readonly mean: number; readonly scale: number }[] {
  return targets.flatMap((target) => (target.kind === 'number' ? Array<typeof target>(horizon).fill(target) : []));
}

/** The present value for all that are ahead: known as the value one ahead of the step before. */
function naiveOf({ columns, outputOf, predicts }: Steps): (step: number, k: number) => number {
  const scales = scalesOf(columns);
  const { horizon = 1 } = columns;
  return (step, k) => {
    if (step === 0 || !predicts(step - 1)) return Number.NaN;
    const first = k - (k % horizon);
    return outputOf(step - 1, first) * scales[k].scale + scales[k].mean;
  };
}

/** Outputs of one step in words and in the data's units. @param errors of a forecast: [K] half the width of an interval */
export function predictionOf(
  columns: Columns,
  outputs: ArrayLike<number>,
  at: number,
  errors: readonly (number | null)[] = [],
): Prediction {
  const { targets, horizon = 1, task } = columns;
  const [target] = targets;
  if (target.kind === 'class') {
    const probabilities = softmax(outputs, at, new Float64Array(target.values.length));
    return {
      kind: 'class',
      label: target.values[likeliest(probabilities)],
      probabilities: Object.fromEntries(target.values.map((value, k) => [value, probabilities[k]])),
    };
  }
  if (target.kind === 'labels') {
    const probabilities = target.values.map((_, k) => 1 / (1 + Math.exp(-outputs[at + k])));
    return {
      kind: 'labels',
      labels: target.values.filter((_, k) => probabilities[k] > 0.5),
      probabilities: Object.fromEntries(target.values.map((value, k) => [value, probabilities[k]])),
    };
  }
  const scales = scalesOf(columns);
  const value = (k: number): number => outputs[at + k] * scales[k].scale + scales[k].mean;
  if (task !== 'forecast')
    return { kind: 'numbers', values: Object.fromEntries(targets.map(({ name }, k) => [name, value(k)])) };
  const ahead = (k: number): Ahead => {
    const error = errors[k] ?? null;
    const middle = value(k);
    return {
      value: middle,
      lower: error === null ? null : middle - error,
      upper: error === null ? null : middle + error,
    };
  };
  return {
    kind: 'forecast',
    values: Object.fromEntries(
      targets.map(({ name }, i) => [name, Array.from({ length: horizon }, (_, h) => ahead(i * horizon + h))]),
    ),
  };
}

/** More errors than this of a value ahead say no more of where the next one lies, and would take memory. */
const MOST_ERRORS = 1 << 17;
/** Errors of a forecast that are known, so that an interval says something. */
const FEWEST_ERRORS = 20;

/**
 * Half the width of an interval around each of K values ahead: within it lay the share `level` of the model's forecasts of the
 * series' own past (split conformal prediction, Vovk et al. 2005).
 */
export class ForecastErrors {
  readonly #records: Steps;
  readonly #scales: ReturnType<typeof scalesOf>;
  readonly #errors: number[][];

  constructor(records: Steps) {
    this.#records = records;
    this.#scales = scalesOf(records.columns);
    this.#errors = this.#scales.map(() => []);
  }

  add(step: number, outputs: ArrayLike<number>, at: number): void {
    if (this.#errors[0].length === MOST_ERRORS || !this.#records.predicts(step)) return;
    const { length } = this.#scales;
    for (let k = 0; k < length; k++)
      this.#errors[k].push(Math.abs(outputs[at + k] - this.#records.outputOf(step, k)) * this.#scales[k].scale);
  }

  within(level: number): readonly (number | null)[] {
    return this.#errors.map((errors) => {
      const rank = Math.ceil((errors.length + 1) * level);
      if (errors.length < FEWEST_ERRORS || rank > errors.length) return null;
      return errors.sort((a, b) => a - b)[rank - 1];
    });
  }
}
