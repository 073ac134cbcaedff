import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  areaUnderCurve,
  ClassMeasures,
  ColumnMeasures,
  LabelMeasures,
  NumberMeasures,
} from '../../src/run/measures.js';

/** Logits that make class k the likeliest. */
const votes = (k: number, count: number): number[] => Array.from({ length: count }, (_, i) => (i === k ? 5 : 0));

test('classes: accuracy, and the mean over classes of precision, recall and F1', () => {
  const truths = [0, 0, 0, 1, 2, 2];
  const measures = new ClassMeasures((step) => truths[step], 3);
  for (const [step, said] of [0, 0, 1, 1, 2, 0].entries()) measures.add(step, votes(said, 3), 0);
  const { accuracy, baselineAccuracy, precision, recall, f1 } = measures.figures();
  expect(accuracy).toBeCloseTo(4 / 6, 12);
  expect(baselineAccuracy).toBeCloseTo(3 / 6, 12);
  expect(precision).toBeCloseTo((2 / 3 + 1 / 2 + 1) / 3, 12);
  expect(recall).toBeCloseTo((2 / 3 + 1 + 1 / 2) / 3, 12);
  expect(f1).toBeCloseTo((2 / 3 + 2 / 3 + 2 / 3) / 3, 12);
});

test('classes: the calibration error is how far probabilities are from what comes true', () => {
  const measures = new ClassMeasures((step) => [0, 0, 0, 1][step], 2);
  const logit = Math.log(0.75 / 0.25);
  for (let step = 0; step < 4; step++) measures.add(step, [logit, 0], 0);
  expect(measures.figures().calibrationError).toBeCloseTo(0, 12);
  const sure = new ClassMeasures((step) => step, 2);
  for (let step = 0; step < 2; step++) sure.add(step, [100, 0], 0);
  expect(sure.figures().calibrationError).toBeCloseTo(0.5, 12);
});

test('the area under the curve is the share of pairs in the right order, ties half', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()), { maxLength: 20 }), (pairs) => {
      const [scores, truths] = [pairs.map(([score]) => score), pairs.map(([, truth]) => truth)];
      let [right, all] = [0, 0];
      for (const [a, isTrue] of pairs) {
        for (const [b, other] of pairs) {
          if (!isTrue || other) continue;
          all++;
          right += a > b ? 1 : a === b ? 0.5 : 0;
        }
      }
      const area = areaUnderCurve(scores, truths);
      if (all === 0) expect(area).toBeNull();
      else expect(area).toBeCloseTo(right / all, 12);
    }),
  );
});

test('labels: exact rows, wrong labels, and precision and recall over all of them', () => {
  const measures = new LabelMeasures((step, k) => [1, 0, 1, 1, 0, 0][2 * step + k], 2);
  measures.add(0, [1, -1], 0);
  measures.add(1, [1, -1], 0);
  measures.add(2, [-1, 1], 0);
  expect(measures.figures()).toMatchObject({
    accuracy: 1 / 3,
    hammingLoss: 2 / 6,
    baselineHammingLoss: 2 / 6,
    precision: 2 / 3,
    recall: 2 / 3,
  });
});

test('numbers: in the units of the data, beside what a naive forecast says', () => {
  const scale = { mean: 10, scale: 2 };
  // 12, 8 and 10.
  const measures = new NumberMeasures(
    (step) => [1, -1, 0][step],
    [scale],
    (step) => (step === 0 ? Number.NaN : 10),
  );
  for (const [step, output] of [1.5, -1, 0].entries()) measures.add(step, [output], 0);
  const { mse, rmse, mae, r2, naiveMae, mase } = measures.figures();
  expect(mse).toBeCloseTo(1 / 3, 12);
  expect(rmse).toBeCloseTo(Math.sqrt(1 / 3), 12);
  expect(mae).toBeCloseTo(1 / 3, 12);
  expect(r2).toBeCloseTo(1 - 1 / 8, 12);
  expect(naiveMae).toBeCloseTo(1, 12);
  expect(mase).toBeCloseTo(1 / 3, 12);
});

test('numbers around a mean that is far larger than their spread have an R² all the same', () => {
  const measures = new NumberMeasures((step) => [1, -1, 0][step], [{ mean: 1e9, scale: 1e-3 }]);
  for (const [step, output] of [1.5, -1, 0].entries()) measures.add(step, [output], 0);
  expect(measures.figures().r2).toBeCloseTo(1 - 1 / 8, 3);
});

test('several columns of numbers: each in its own units', () => {
  const scales = [
    { mean: 0, scale: 1000 },
    { mean: 5, scale: 1 },
  ];
  const of = (k: number) => new NumberMeasures((step) => step, scales, undefined, [k, k + 1]);
  const measures = new ColumnMeasures([
    ['price', of(0)],
    ['rent', of(1)],
  ]);
  measures.add(0, [0.1, 0.1], 0);
  measures.add(1, [0.9, 0.9], 0);
  const figures = measures.figures();
  expect(figures['mae of price']).toBeCloseTo(100, 9);
  expect(figures['mae of rent']).toBeCloseTo(0.1, 9);
  expect(Object.keys(figures)).toHaveLength(8);
});
