// What --class-weights says: `balanced`, or a number for each class that is named. Which classes there are, the data know.

/** Far from where sums of float32 lose what is small beside what is large. */
export const MAX_WEIGHT = 1e6;

/**
 * A colon may be part of a name: the last one counts.
 *
 * @param fail throws for what cannot be read
 */
export function readClassWeights(
  given: readonly string[],
  fail: (message: string) => never,
): 'balanced' | ReadonlyMap<string, number> {
  if (given.length === 1 && given[0] === 'balanced') return 'balanced';
  const weights = new Map<string, number>();
  for (const entry of given) {
    const colon = entry.lastIndexOf(':');
    if (colon < 1)
      fail(
        `"${entry}" has no weight; give balanced, or each class with a number, such as ${entry.replaceAll(':', '') || 'spam'}:2`,
      );
    const [name, text] = [entry.slice(0, colon), entry.slice(colon + 1)];
    const weight = text.trim() === '' ? Number.NaN : Number(text);
    if (!(weight > 0 && weight <= MAX_WEIGHT))
      fail(`"${text}" of "${name}" is not allowed; it is a number, above 0 and ${MAX_WEIGHT} at most`);
    if (weights.has(name)) fail(`"${name}" is given twice; give it once`);
    weights.set(name, weight);
  }
  return weights;
}
