// The dictionary of sparse features: which indices occur, and the number of each, by ascending index.

/** Indices below this one are looked up in a table of 256 MiB at the most; those above are searched for. */
const NEAR = 1 << 26;

/** The different ones among `indices`, which are not negative, ascending. `near` is for tests. */
export function differentIndices(indices: Int32Array, near = NEAR): Int32Array {
  let largestNear = -1;
  let farCount = 0;
  for (let i = 0; i < indices.length; i++) {
    if (indices[i] >= near) farCount++;
    else if (indices[i] > largestNear) largestNear = indices[i];
  }
  const marks = new Uint8Array(largestNear + 1);
  const far = new Int32Array(farCount);
  let farFound = 0;
  for (let i = 0; i < indices.length; i++) {
    if (indices[i] < near) marks[indices[i]] = 1;
    else far[farFound++] = indices[i];
  }
  let found = withoutRepeats(far.sort());
  for (let index = 0; index < marks.length; index++) found += marks[index];
  const different = new Int32Array(found);
  let at = 0;
  for (let index = 0; index < marks.length; index++) if (marks[index] === 1) different[at++] = index;
  different.set(far.subarray(0, found - at), at);
  return different;
}

/** Moves the different ones to the front of an ascending array. @returns how many there are */
function withoutRepeats(ascending: Int32Array): number {
  let kept = 0;
  for (let i = 0; i < ascending.length; i++) {
    if (kept === 0 || ascending[i] !== ascending[kept - 1]) ascending[kept++] = ascending[i];
  }
  return kept;
}

/** The entries of rows, which are translated where they stand. */
export interface Entries {
  /** [rows + 1] */
  readonly starts: Int32Array;
  readonly features: Int32Array;
  readonly values: Float32Array;
}

/**
 * Puts in place of each index its number in the dictionary; entries that it does not have are left out, and the rest
 * move up.
 *
 * @returns how many were left out
 */
export function numberFeatures(entries: Entries, dictionary: Int32Array, near = NEAR): number {
  const { starts, features, values } = entries;
  const table = nearNumbers(dictionary, near);
  let kept = 0;
  for (let row = 0, from = starts[0]; row + 1 < starts.length; row++) {
    const end = starts[row + 1];
    for (let i = from; i < end; i++) {
      const index = features[i];
      // A table holds the number and 1 more, so that memory which nothing was written to means unknown.
      const number = index >= near ? search(dictionary, index) : index < table.length ? table[index] - 1 : -1;
      if (number < 0) continue;
      features[kept] = number;
      values[kept++] = values[i];
    }
    from = end;
    starts[row + 1] = kept;
  }
  return features.length - kept;
}

function nearNumbers(dictionary: Int32Array, near: number): Int32Array {
  let count = dictionary.length;
  while (count > 0 && dictionary[count - 1] >= near) count--;
  const table = new Int32Array(count === 0 ? 0 : dictionary[count - 1] + 1);
  for (let number = 0; number < count; number++) table[dictionary[number]] = number + 1;
  return table;
}

/** Where `value` stands in an ascending array, or -1. */
function search(ascending: Int32Array, value: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (ascending[middle] < value) from = middle + 1;
    else to = middle;
  }
  return ascending[from] === value ? from : -1;
}
