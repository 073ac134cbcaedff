// Losses of outputs that are no classes, forward and backward in one pass over a row of logits.

import { OutputLoss, padded } from '../kernels.js';
import { type Arena, areCounts, grouped, matrix, span } from './arena.js';
import { sigmoid } from './functions.js';

/** What an output l costs that should be y. */
interface Loss {
  readonly loss: (l: number, y: number) => number;
  readonly slope: (l: number, y: number) => number;
  /** Whether l counts as y. */
  readonly right: (l: number, y: number) => boolean;
}

/** Binary cross-entropy of sigmoid(l): -y log sigmoid(l) - (1 - y) log(1 - sigmoid(l)), without an exponential that overflows. */
const BINARY_CROSS_ENTROPY: Loss = {
  loss: (l, y) => Math.max(l, 0) - l * y + Math.log1p(Math.exp(-Math.abs(l))),
  slope: (l, y) => sigmoid(l) - y,
  right: (l, y) => l > 0 === y > 0.5,
};

const SQUARED_ERROR: Loss = {
  loss: (l, y) => (l - y) ** 2,
  slope: (l, y) => 2 * (l - y),
  right: () => false,
};

export function sigmoidLoss(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  outputLoss('sigmoidLoss', BINARY_CROSS_ENTROPY, arena, offset, fromGroup, toGroup);
}

export function squaredLoss(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  outputLoss('squaredLoss', SQUARED_ERROR, arena, offset, fromGroup, toGroup);
}

/** Losses are means over a row's outputs; logits[g] [rows, padded(K)] become slope scale / K where `train` is set. */
function outputLoss(name: string, kind: Loss, arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor(name, offset, OutputLoss);
  const [rows, outputs, train] = [f[OutputLoss.rows], f[OutputLoss.outputs], f[OutputLoss.train] !== 0];
  const [ldl, logitGroup] = [f[OutputLoss.ldl], f[OutputLoss.logitGroup]];
  const [ldv, valueGroup] = [f[OutputLoss.ldv], f[OutputLoss.valueGroup]];
  const [targetGroup, hasHits] = [f[OutputLoss.targetGroup], f[OutputLoss.hits] !== 0];
  const smoothing = f[OutputLoss.smoothing];
  // What is no number of outputs stays none, and is refused below.
  const width = areCounts(outputs) ? padded(outputs) : outputs;
  const grid = (group: number, ld: number) => grouped(fromGroup, toGroup, group, matrix(rows, ld, width));
  const perRow = grouped(fromGroup, toGroup, targetGroup, span(0, rows));
  const logits = arena.float(`${name}: logits`, f[OutputLoss.logits], grid(logitGroup, ldl));
  const values = arena.float(`${name}: values`, f[OutputLoss.values], grid(valueGroup, ldv));
  const targets = arena.integer(`${name}: targets`, f[OutputLoss.targets], perRow);
  const losses = arena.float(`${name}: losses`, f[OutputLoss.losses], perRow);
  const hits = arena.float(`${name}: hits`, f[OutputLoss.hits], hasHits ? perRow : span(0, 0));

  for (let group = fromGroup; group < toGroup; group++) {
    for (let row = 0; row < rows; row++) {
      const at = group * targetGroup + row;
      const first = logits + group * logitGroup + row * ldl;
      const wanted = values + group * valueGroup + row * ldv;
      const counts = integers[targets + at] >= 0;
      let [sum, right] = [0, counts];
      for (let j = 0; j < width; j++) {
        const [l, y, live] = [floats[first + j], floats[wanted + j], counts && j < outputs];
        const smooth = y * (1 - smoothing) + smoothing / 2;
        if (live) sum += kind.loss(l, smooth);
        if (live) right &&= kind.right(l, y);
        if (train) floats[first + j] = live ? (kind.slope(l, smooth) * f[OutputLoss.scale]) / outputs : 0;
      }
      floats[losses + at] = sum / outputs;
      if (hasHits) floats[hits + at] = right ? 1 : 0;
    }
  }
}
