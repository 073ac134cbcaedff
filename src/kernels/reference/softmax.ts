// Softmax with cross-entropy, forward and backward in one pass over a row of logits.

import { padded, Softmax } from '../kernels.js';
import { type Arena, grouped, matrix, span } from './arena.js';

/** logits[g] [rows, padded(V)] become (softmax - q) scale weight where `train` is set; losses in nats, times the weight. */
export function softmax(arena: Arena, offset: number, fromGroup: number, toGroup: number): void {
  const { floats, integers } = arena;
  const f = arena.descriptor('softmax', offset, Softmax);
  const [rows, classes, ldl, train] = [f[Softmax.rows], f[Softmax.classes], f[Softmax.ldl], f[Softmax.train] !== 0];
  const [logitGroup, targetGroup, hasHits] = [f[Softmax.logitGroup], f[Softmax.targetGroup], f[Softmax.hits] !== 0];
  const [smoothing, hasWeights] = [f[Softmax.smoothing], f[Softmax.weights] !== 0];
  // A number of classes that is no whole number stays one, and is refused below.
  const width = train && Number.isInteger(classes) ? padded(classes) : classes;
  const perRow = grouped(fromGroup, toGroup, targetGroup, span(0, rows));
  const logits = arena.float(
    'softmax: logits',
    f[Softmax.logits],
    grouped(fromGroup, toGroup, logitGroup, matrix(rows, ldl, width)),
  );
  const targets = arena.integer('softmax: targets', f[Softmax.targets], perRow);
  const losses = arena.float('softmax: losses', f[Softmax.losses], perRow);
  const hits = arena.float('softmax: hits', f[Softmax.hits], hasHits ? perRow : span(0, 0));
  const weights = arena.float('softmax: weights', f[Softmax.weights], span(0, hasWeights ? classes : 0));

  for (let group = fromGroup; group < toGroup; group++) {
    for (let row = 0; row < rows; row++) {
      const at = group * targetGroup + row;
      const first = logits + group * logitGroup + row * ldl;
      const target = integers[targets + at];
      const counts = target !== -1;
      if (counts && !(target >= 0 && target < classes)) {
        throw new RangeError(`softmax: target ${target} among ${classes} classes`);
      }
      const { peak, sum, mean } = rowSum(floats, first, classes);
      const weight = counts && hasWeights ? floats[weights + target] : 1;
      // loss = log(sum exp(l - max)) - sum q (l - max)
      const wanted =
        (1 - smoothing) * (floats[first + target] - peak) + (smoothing > 0 ? smoothing * (mean - peak) : 0);
      floats[losses + at] = counts ? (Math.log(sum) - wanted) * weight : 0;
      if (hasHits) floats[hits + at] = counts && floats[first + target] === peak ? 1 : 0;
      if (!train) continue;
      for (let j = 0; j < width; j++) {
        // dl[j] = (exp(l[j] - max) / sum - q[j]) scale weight, q[j] = (1 - s) [j = target] + s / V
        const live = counts && j < classes;
        const share = live ? Math.exp(floats[first + j] - peak) / sum - smoothing / classes : 0;
        floats[first + j] = (share - (j === target ? 1 - smoothing : 0)) * f[Softmax.scale] * weight;
      }
    }
  }
}

/** The largest logit, the sum of exp(l - max), and the mean of the logits. */
function rowSum(floats: Float32Array | Float64Array, first: number, classes: number) {
  let [peak, sum, all] = [Number.NEGATIVE_INFINITY, 0, 0];
  for (let j = 0; j < classes; j++) peak = Math.max(peak, floats[first + j]);
  for (let j = 0; j < classes; j++) sum += Math.exp(floats[first + j] - peak);
  for (let j = 0; j < classes; j++) all += floats[first + j];
  return { peak, sum, mean: all / classes };
}
