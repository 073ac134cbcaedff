// The places that a diagnosis goes back from: in a text, or in the sequences of a table.

import { EVAL_SEGMENTS, EVAL_WARMUP } from '../data/eval-segments.js';
import { isWhole } from '../data/records/columns.js';
import type { Steps } from '../data/records/records.js';
import type { TokenSource } from '../data/tokens.js';
import { UserError } from '../errors.js';
import { type Probed, probedTokens } from './gradient-probe.js';

export interface Places {
  readonly window: number;
  readonly streams: number;
  readonly probed: Probed;
}

/** Steps that are read before a place: whole windows, the last of which is gone back through. */
const stepsRead = (window: number, windows: number): number =>
  window * Math.min(windows, 1 + Math.ceil(EVAL_WARMUP / window));

/** Windows that end at places all over the text, as many as there are of them up to 32, with what is read before each. */
export function placesInText(source: TokenSource, window: number, name: string): Places {
  const windows = Math.floor((source.length - 1) / window);
  if (windows < 1)
    throw new UserError(
      `${name} has ${source.length === 1 ? 'one token' : `${source.length} tokens`}; a --window of ${window} needs ${window + 1} or more`,
    );
  const read = stepsRead(window, windows);
  const places = source.length - read;
  const streams = Math.min(EVAL_SEGMENTS, places);
  const rows = Array.from({ length: streams }, (_, b) => {
    const row = new Int32Array(read + 1);
    source.read(Math.floor(((b + 0.5) * places) / streams), read + 1, row, 0);
    return row;
  });
  return { window, streams, probed: probedTokens(rows) };
}

/**
 * The same in sequences: their ends where each has one target, else steps all over them that predict something.
 * @param asked undefined: 64, or the longest sequence where that is shorter
 */
export function placesInSteps(steps: Steps, asked: number | undefined, longest: number, name: string): Places {
  const { from } = steps.sequences;
  const ends = from.map((begin, i) => lastPredicted(steps, begin, steps.sequences.to[i]));
  const longestThere = ends.reduce((most, end, i) => Math.max(most, end - from[i]), 0);
  const window = asked ?? Math.min(longest, longestThere);
  if (window < 2 || longestThere < window)
    throw new UserError(
      `${name}: its sequences have ${longestThere} steps at most up to one that is predicted; a --window of ${Math.max(2, window)} needs as many`,
    );
  const whole = isWhole(steps.columns);
  const counts = ends.map((end, i) => (end - from[i] < window ? 0 : whole ? 1 : end - from[i] - window + 1));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const found: { readonly begin: number; readonly end: number }[] = [];
  const streams = Math.min(EVAL_SEGMENTS, total);
  for (let b = 0, i = 0, before = 0; b < streams; b++) {
    const place = Math.floor(((b + 0.5) * total) / streams);
    while (place >= before + counts[i]) before += counts[i++];
    let end = whole ? ends[i] : from[i] + window + place - before;
    while (!steps.predicts(end - 1)) end++;
    found.push({ begin: from[i], end });
  }
  const windows = found.reduce(
    (least, { begin, end }) => Math.min(least, Math.floor((end - begin) / window)),
    Infinity,
  );
  const read = stepsRead(window, windows);
  const probed: Probed = {
    steps: read,
    read: (slot, row, b, t) => steps.read(slot, row, found[b].end - read + t),
    aim: (slot, row, b) => steps.aim(slot, row, found[b].end - 1),
  };
  return { window, streams, probed };
}

/** Behind the last step of a sequence that predicts something; its begin where none does. */
function lastPredicted(steps: Steps, begin: number, end: number): number {
  let at = end;
  while (at > begin && !steps.predicts(at - 1)) at--;
  return at;
}
