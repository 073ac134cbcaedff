// Sparse examples as lines that are dealt: writing the rows of a slot, counting its entries.

import { padded } from '../kernels/kernels.js';
import { type BatchSlot, NO_TARGET, type SlotEntries } from './batches.js';
import { type Lines, NO_LINE } from './lines.js';
import { outputsOf, type SparseExamples, sequenceStarts } from './sparse-examples.js';

/** The lines of a qid are a sequence. */
export function sparseLines(examples: SparseExamples): Lines {
  const starts = examples.groups && sequenceStarts(examples);
  return {
    count: examples.count,
    sequences: starts && { from: starts.subarray(0, -1), to: starts.subarray(1) },
    entries: (from, to) => examples.starts[to] - examples.starts[from],
    write: (slot, row, line, counts) => {
      writeRow(slot, row, examples, line, counts);
      return counts;
    },
  };
}

/**
 * Makes row `row` of a slot read a line and, where it counts, predict the line's label. Rows are written in ascending
 * order from 0: the entries of one begin where those of the one before end.
 */
function writeRow(slot: BatchSlot, row: number, examples: SparseExamples, line: number, counts: boolean): void {
  writeEntries(slot.entries as SlotEntries, row, examples, line);
  const { labels } = examples;
  if (labels.kind === 'classes') {
    slot.targets[row] = counts ? labels.classes[line] : NO_TARGET;
    return;
  }
  slot.targets[row] = counts ? 0 : NO_TARGET;
  writeOutputs(slot.outputs as Float32Array | Float64Array, row, examples, counts ? line : NO_LINE);
}

function writeEntries(into: SlotEntries, row: number, examples: SparseExamples, line: number): void {
  const { starts, features, values } = examples;
  let at = row === 0 ? 0 : into.starts[row];
  into.starts[row] = at;
  if (line !== NO_LINE) {
    const from = starts[line];
    const count = starts[line + 1] - from;
    const toFeatures = into.features;
    const toValues = into.values;
    // One plain loop: two subarrays for each row would be garbage, and no faster.
    for (let i = 0; i < count; i++) {
      toFeatures[at + i] = features[from + i];
      toValues[at + i] = values[from + i];
    }
    at += count;
  }
  into.starts[row + 1] = at;
}

function writeOutputs(into: Float32Array | Float64Array, row: number, examples: SparseExamples, line: number): void {
  const { labels } = examples;
  const stride = padded(outputsOf(labels));
  const at = row * stride;
  into.fill(0, at, at + stride);
  if (line === NO_LINE) return;
  if (labels.kind === 'multilabel') {
    const end = labels.starts[line + 1];
    for (let i = labels.starts[line]; i < end; i++) into[at + labels.classes[i]] = 1;
  } else if (labels.kind === 'numbers') {
    const { outputs, values } = labels;
    for (let k = 0; k < outputs; k++) into[at + k] = values[line * outputs + k];
  }
}
