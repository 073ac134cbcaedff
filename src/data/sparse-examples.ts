// Examples with few features each, in memory: compressed rows of entries, and a label of one of three kinds.
// Nothing here reads a file or deals a batch.

/** What the labels of a model are, whatever the examples. */
export type LabelSpace =
  /** One of C classes, or any of C labels: [C] the file's numbers of them, ascending. */
  | { readonly kind: 'classes' | 'multilabel'; readonly names: Float64Array }
  /** K numbers. */
  | { readonly kind: 'numbers'; readonly outputs: number };

export type ExampleLabels =
  /** classes: [count] 0 .. C-1. */
  | { readonly kind: 'classes'; readonly names: Float64Array; readonly classes: Int32Array }
  /** Example i has the labels classes[starts[i]] .. classes[starts[i + 1] - 1], each 0 .. C-1, as the file has them. */
  | {
      readonly kind: 'multilabel';
      readonly names: Float64Array;
      /** [count + 1] */
      readonly starts: Int32Array;
      readonly classes: Int32Array;
    }
  /** values: [count, K]. */
  | { readonly kind: 'numbers'; readonly outputs: number; readonly values: Float32Array };

export interface SparseExamples {
  readonly count: number;
  /** [count + 1] where an example's entries begin in the two arrays below; the first need not be 0. */
  readonly starts: Int32Array;
  /** The features of the entries, 0 .. F-1, ascending within an example. */
  readonly features: Int32Array;
  readonly values: Float32Array;
  /** [F] the dictionary: the file's index of each feature, ascending. */
  readonly indices: Int32Array;
  readonly labels: ExampleLabels;
  /** [count] the qid of each example, where the file has them. */
  readonly groups: Float64Array | undefined;
  /** CRC-32 of the file's bytes: tells files apart that are given in the same way. */
  readonly checksum: number;
}

/** Numbers to predict of each example: 1 class, C labels that are 0 or 1, or K numbers. */
export function outputsOf(labels: LabelSpace): number {
  if (labels.kind === 'numbers') return labels.outputs;
  return labels.kind === 'multilabel' ? labels.names.length : 1;
}

/** Where each sequence begins, and the count behind the last: the lines of a qid, or all lines where there are none. */
export function sequenceStarts({ count, groups }: SparseExamples): Int32Array {
  if (groups === undefined) return Int32Array.of(0, count);
  let sequences = 0;
  for (let i = 0; i < count; i++) if (i === 0 || groups[i] !== groups[i - 1]) sequences++;
  const starts = new Int32Array(sequences + 1);
  let found = 0;
  for (let i = 0; i < count; i++) if (i === 0 || groups[i] !== groups[i - 1]) starts[found++] = i;
  starts[found] = count;
  return starts;
}

/** The examples [from, to), in the same memory. */
export function sliceExamples(examples: SparseExamples, from: number, to: number): SparseExamples {
  return {
    ...examples,
    count: to - from,
    starts: examples.starts.subarray(from, to + 1),
    labels: sliceLabels(examples.labels, from, to),
    groups: examples.groups?.subarray(from, to),
  };
}

function sliceLabels(labels: ExampleLabels, from: number, to: number): ExampleLabels {
  if (labels.kind === 'classes') return { ...labels, classes: labels.classes.subarray(from, to) };
  if (labels.kind === 'multilabel') return { ...labels, starts: labels.starts.subarray(from, to + 1) };
  return { ...labels, values: labels.values.subarray(from * labels.outputs, to * labels.outputs) };
}
