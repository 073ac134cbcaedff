// Probabilities of classes from their logits.

/**
 * As many as `into` has places for.
 *
 * @param at where the logits begin
 * @param into [V], written
 */
export function softmax(logits: ArrayLike<number>, at: number, into: Float64Array, temperature = 1): Float64Array {
  const count = into.length;
  let largest = logits[at];
  for (let k = 1; k < count; k++) if (logits[at + k] > largest) largest = logits[at + k];
  let sum = 0;
  for (let k = 0; k < count; k++) {
    into[k] = Math.exp((logits[at + k] - largest) / temperature);
    sum += into[k];
  }
  for (let k = 0; k < count; k++) into[k] /= sum;
  return into;
}
