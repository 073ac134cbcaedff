// What predictions of classes, labels and numbers are measured by, once all of them are there.

import { softmax } from './softmax.js';

/** Figures of an evaluation by name; null where they do not exist, such as the AUC of one class alone. */
export type Figures = Readonly<Record<string, number | null>>;

export interface Measures {
  /**
   * @param step of the records, whose target is known
   * @param outputs the head's outputs; those of the step begin at `at`
   */
  add(step: number, outputs: ArrayLike<number>, at: number): void;
  figures(): Figures;
}

/** What is true of a step: its k-th output. */
type OutputOf = (step: number, k: number) => number;

/** Equal parts of [0, 1] in which probabilities are set against how often they come true. */
const CALIBRATION_BINS = 10;

export class ClassMeasures implements Measures {
  readonly #classOf: (step: number) => number;
  readonly #count: number;
  /** [true][predicted] */
  readonly #confusion: Float64Array;
  readonly #bins = Array.from({ length: CALIBRATION_BINS }, () => ({ count: 0, right: 0, sum: 0 }));
  /** Of two classes: the probability of the second. */
  readonly #scores: number[] = [];
  readonly #truths: boolean[] = [];

  /** @param classOf what is true of a step. @param count C */
  constructor(classOf: (step: number) => number, count: number) {
    this.#classOf = classOf;
    this.#count = count;
    this.#confusion = new Float64Array(count * count);
  }

  add(step: number, outputs: ArrayLike<number>, at: number): void {
    const truth = this.#classOf(step);
    const probabilities = softmax(outputs, at, new Float64Array(this.#count));
    const best = likeliest(probabilities);
    this.#confusion[truth * this.#count + best]++;
    // Probabilities that are not finite are in the first: they spoil what is made of it, and nothing else.
    const bin = this.#bins[Math.min(CALIBRATION_BINS - 1, Math.floor(probabilities[best] * CALIBRATION_BINS)) || 0];
    bin.count++;
    bin.sum += probabilities[best];
    if (best === truth) bin.right++;
    if (this.#count !== 2) return;
    this.#scores.push(probabilities[1]);
    this.#truths.push(truth === 1);
  }

  figures(): Figures {
    const at = (truth: number, predicted: number): number => this.#confusion[truth * this.#count + predicted];
    const classes = Array.from({ length: this.#count }, (_, k) => k);
    const total = this.#confusion.reduce((sum, count) => sum + count, 0);
    const truths = classes.map((k) => classes.reduce((sum, other) => sum + at(k, other), 0));
    const rates = classes.map((k) =>
      ratesOf(
        at(k, k),
        classes.reduce((sum, other) => sum + at(other, k), 0),
        truths[k],
      ),
    );
    const right = classes.reduce((sum, k) => sum + at(k, k), 0);
    return {
      accuracy: right / total,
      baselineAccuracy: truths.reduce((a, b) => Math.max(a, b)) / total,
      precision: mean(rates.map(({ precision }) => precision)),
      recall: mean(rates.map(({ recall }) => recall)),
      f1: mean(rates.map(({ f1 }) => f1)),
      calibrationError:
        this.#bins.reduce((sum, { count, right, sum: all }) => sum + (count && Math.abs(right - all)), 0) / total,
      ...(this.#count === 2 ? { auc: areaUnderCurve(this.#scores, this.#truths) } : {}),
    };
  }
}

export class LabelMeasures implements Measures {
  readonly #outputOf: OutputOf;
  readonly #count: number;
  readonly #labels: { right: number; predicted: number; there: number }[];
  readonly #scores: { readonly scores: number[]; readonly truths: boolean[] }[];
  #rows = 0;
  #exact = 0;
  #wrong = 0;

  /** @param outputOf 1 where a label is there. @param count C */
  constructor(outputOf: OutputOf, count: number) {
    this.#outputOf = outputOf;
    this.#count = count;
    this.#labels = Array.from({ length: count }, () => ({ right: 0, predicted: 0, there: 0 }));
    this.#scores = Array.from({ length: count }, () => ({ scores: [], truths: [] }));
  }

  add(step: number, outputs: ArrayLike<number>, at: number): void {
    let wrong = 0;
    for (let k = 0; k < this.#count; k++) {
      const isThere = this.#outputOf(step, k) === 1;
      const isPredicted = outputs[at + k] > 0;
      if (isThere) this.#labels[k].there++;
      if (isPredicted) this.#labels[k].predicted++;
      if (isThere && isPredicted) this.#labels[k].right++;
      if (isThere !== isPredicted) wrong++;
      this.#scores[k].scores.push(outputs[at + k]);
      this.#scores[k].truths.push(isThere);
    }
    this.#rows++;
    this.#wrong += wrong;
    if (wrong === 0) this.#exact++;
  }

  figures(): Figures {
    const sum = (of: (label: { right: number; predicted: number; there: number }) => number): number =>
      this.#labels.reduce((all, label) => all + of(label), 0);
    const micro = ratesOf(
      sum(({ right }) => right),
      sum(({ predicted }) => predicted),
      sum(({ there }) => there),
    );
    const areas = this.#scores
      .map(({ scores, truths }) => areaUnderCurve(scores, truths))
      .filter((area): area is number => area !== null);
    return {
      accuracy: this.#exact / this.#rows,
      hammingLoss: this.#wrong / (this.#rows * this.#count),
      // What is right most often, label by label, without a look at the inputs.
      baselineHammingLoss: sum(({ there }) => Math.min(there, this.#rows - there)) / (this.#rows * this.#count),
      ...micro,
      macroF1: mean(this.#labels.map(({ right, predicted, there }) => ratesOf(right, predicted, there).f1)),
      auc: areas.length > 0 ? mean(areas) : null,
    };
  }
}

/** How a column of numbers was scaled. */
interface Scale {
  readonly mean: number;
  readonly scale: number;
}

export class NumberMeasures implements Measures {
  readonly #outputOf: OutputOf;
  readonly #scales: readonly Scale[];
  readonly #first: number;
  readonly #end: number;
  readonly #naive: ((step: number, k: number) => number) | undefined;
  #count = 0;
  #squares = 0;
  #absolute = 0;
  #naiveAbsolute = 0;
  #naiveCount = 0;
  /** Of each output: the mean of what is true so far, and the sum of squared distances from it (Welford 1962). */
  readonly #means: Float64Array;
  readonly #spreads: Float64Array;

  /**
   * @param outputOf what is true, scaled
   * @param scales [K]
   * @param range which of the K are measured
   * @param naive what a forecast without a model says of output k, NaN where it says nothing; in the data's own units
   */
  constructor(
    outputOf: OutputOf,
    scales: readonly Scale[],
    naive?: (step: number, k: number) => number,
    range: readonly [number, number] = [0, scales.length],
  ) {
    this.#outputOf = outputOf;
    [this.#first, this.#end] = range;
    this.#scales = scales;
    this.#naive = naive;
    this.#means = new Float64Array(scales.length);
    this.#spreads = new Float64Array(scales.length);
  }

  add(step: number, outputs: ArrayLike<number>, at: number): void {
    for (let k = this.#first; k < this.#end; k++) {
      const { mean: middle, scale } = this.#scales[k];
      const truth = this.#outputOf(step, k) * scale + middle;
      const error = outputs[at + k] * scale + middle - truth;
      this.#squares += error * error;
      this.#absolute += Math.abs(error);
      const distance = truth - this.#means[k];
      this.#means[k] += distance / (this.#count + 1);
      this.#spreads[k] += distance * (truth - this.#means[k]);
      const naive = this.#naive?.(step, k) ?? Number.NaN;
      if (Number.isNaN(naive)) continue;
      this.#naiveAbsolute += Math.abs(naive - truth);
      this.#naiveCount++;
    }
    this.#count++;
  }

  figures(): Figures {
    const numbers = this.#count * (this.#end - this.#first);
    const spread = this.#spreads.reduce((all, one) => all + one, 0);
    const mse = this.#squares / numbers;
    const mae = this.#absolute / numbers;
    const naive = this.#naiveCount > 0 ? this.#naiveAbsolute / this.#naiveCount : null;
    return {
      mse,
      rmse: Math.sqrt(mse),
      mae,
      r2: spread > 0 ? 1 - this.#squares / spread : null,
      ...(this.#naive ? { naiveMae: naive, mase: naive === null || naive === 0 ? null : mae / naive } : {}),
    };
  }
}

/** Several columns of numbers, each in its own units: figures of each, such as "rmse of price". */
export class ColumnMeasures implements Measures {
  readonly #columns: readonly (readonly [name: string, measures: NumberMeasures])[];

  constructor(columns: readonly (readonly [name: string, measures: NumberMeasures])[]) {
    this.#columns = columns;
  }

  add(step: number, outputs: ArrayLike<number>, at: number): void {
    for (const [, measures] of this.#columns) measures.add(step, outputs, at);
  }

  figures(): Figures {
    const named = ([name, measures]: readonly [string, NumberMeasures]) =>
      Object.entries(measures.figures()).map(([figure, value]) => [`${figure} of ${name}`, value] as const);
    return Object.fromEntries(this.#columns.flatMap(named));
  }
}

export const likeliest = (probabilities: Float64Array): number =>
  probabilities.reduce((best, one, k) => (one > probabilities[best] ? k : best), 0);

/** Of what is predicted nothing, or there nothing, the rates are 0, as scikit-learn has them. */
function ratesOf(right: number, predicted: number, there: number) {
  const precision = predicted > 0 ? right / predicted : 0;
  const recall = there > 0 ? right / there : 0;
  return { precision, recall, f1: predicted + there > 0 ? (2 * right) / (predicted + there) : 0 };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The chance that what is true has a higher score than what is not; ties count half (Mann and Whitney 1947).
 * @returns null where one of the two does not occur
 */
export function areaUnderCurve(scores: readonly number[], truths: readonly boolean[]): number | null {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[a] - scores[b]);
  const positives = truths.filter(Boolean).length;
  const negatives = truths.length - positives;
  if (positives === 0 || negatives === 0) return null;
  let ranks = 0;
  for (let i = 0; i < order.length; ) {
    let end = i;
    while (end < order.length && scores[order[end]] === scores[order[i]]) end++;
    for (let j = i; j < end; j++) if (truths[order[j]]) ranks += (i + end + 1) / 2;
    i = end;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}
