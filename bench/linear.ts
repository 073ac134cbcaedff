// A linear model on random sparse examples: what there is to time where a table has many rows and a step names few.
import { ExampleBatches } from '../src/data/example-batches.js';
import type { SparseExamples } from '../src/data/sparse-examples.js';
import { sparseLines } from '../src/data/sparse-lines.js';
import type { Architecture } from '../src/model/architecture.js';
import { Counter } from '../src/model/counter.js';
import type { Source } from './training-bench.js';

/** Logistic regression of two classes. */
export const linearModel = (features: number): Architecture => ({
  ...{ cell: 'mlp', activation: 'relu', hidden: 1, layers: 0, embedding: 0 },
  ...{ vocabulary: 2, sparseFeatures: features },
});

/** Examples of so many entries each, drawn from all features alike; their classes are those of a random linear model. */
export function randomExamples(count: number, features: number, entries: number): SparseExamples {
  const random = new Counter(0, 'examples');
  const weights = Float32Array.from({ length: features }, () => random.uniform() - 0.5);
  const named = new Int32Array(count * entries);
  const values = Float32Array.from(named, () => random.uniform());
  const classes = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const own = named.subarray(i * entries, (i + 1) * entries);
    for (let e = 0; e < entries; e++) own[e] = Math.floor(random.uniform() * features);
    own.sort();
    let sum = 0;
    for (let e = 0; e < entries; e++) sum += values[i * entries + e] * weights[own[e]];
    classes[i] = sum > 0 ? 1 : 0;
  }
  return {
    ...{ count, features: named, values, groups: undefined, checksum: 0 },
    starts: Int32Array.from({ length: count + 1 }, (_, i) => i * entries),
    indices: Int32Array.from({ length: features }, (_, i) => i),
    labels: { kind: 'classes', names: Float64Array.of(0, 1), classes },
  };
}

/** Shuffled batches of examples, epoch after epoch. @param batch divides the number of examples */
export function sourceOf(examples: SparseExamples, batch: number): Source {
  const batches = new ExampleBatches(sparseLines(examples), { batch, shuffle: true });
  return {
    maxEntries: batches.maxEntries,
    next(slot) {
      if (batches.next(slot) === undefined) batches.next(slot);
    },
  };
}
