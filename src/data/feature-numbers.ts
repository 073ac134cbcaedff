// The dictionary of sparse features: which indices occur, and the number of each, by ascending index.

/** Tables have no more rows, 256 MiB: what is far apart is sorted and searched for. */
const MOST_ROWS = 1 << 26;
/** Going through a table costs about as much as sorting where it has this many rows for each entry. */
const ROWS_PER_ENTRY = 8;

function rowsFor(entries: number): number {
  return Math.min(MOST_ROWS, Math.max(1, ROWS_PER_ENTRY * entries));
}

/** The different ones among `indices`, which are not negative, ascending. */
export function differentIndices(indices: Int32Array, near = rowsFor(indices.length)): Int32Array {
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
export function numberFeatures(
  entries: Entries,
  dictionary: Int32Array,
  rows = rowsFor(entries.features.length),
): number {
  const { starts, features, values } = entries;
  const largest = dictionary.length === 0 ? -1 : dictionary[dictionary.length - 1];
  const numberOf = largest < rows ? numberTable(dictionary, largest) : numberParts(dictionary, largest, rows);
  let kept = 0;
  for (let row = 0, from = starts[0]; row + 1 < starts.length; row++) {
    const end = starts[row + 1];
    for (let i = from; i < end; i++) {
      const number = numberOf(features[i]);
      if (number < 0) continue;
      features[kept] = number;
      values[kept++] = values[i];
    }
    from = end;
    starts[row + 1] = kept;
  }
  return features.length - kept;
}

type NumberOf = (index: number) => number;

function numberTable(dictionary: Int32Array, largest: number): NumberOf {
  // A row holds the number and 1 more, so that memory which nothing was written to means unknown.
  const table = new Int32Array(largest + 1);
  for (let number = 0; number < dictionary.length; number++) table[dictionary[number]] = number + 1;
  return (index) => (index <= largest ? table[index] - 1 : -1);
}

/** Searches the part of the dictionary that shares an index's upper bits: a few steps, where all of it would be many. */
function numberParts(dictionary: Int32Array, largest: number, rows: number): NumberOf {
  let shift = 0;
  while (largest >>> shift >= rows) shift++;
  // begins[p]: the first number of part p, or behind it.
  const begins = new Int32Array((largest >>> shift) + 2);
  for (let part = 0, number = 0; part < begins.length; part++) {
    while (number < dictionary.length && dictionary[number] >>> shift < part) number++;
    begins[part] = number;
  }
  return (index) => {
    if (index > largest) return -1;
    const part = index >>> shift;
    const number = search(dictionary, index, begins[part], begins[part + 1]);
    return dictionary[number] === index ? number : -1;
  };
}

/** The first place in [from, to) of an ascending array that has no less than `value`; `to` where all have. */
function search(ascending: Int32Array, value: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
