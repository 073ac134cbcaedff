// What the loss of a prediction is multiplied by, class by class, from what was asked and from how often classes occur.

import { readClassWeights } from '../config/class-weights.js';
import { nearest } from '../config/suggest.js';
import { UserError } from '../errors.js';
import type { ClassCounts, OpenedData } from './data.js';

/** Names that a message lists. */
const LISTED = 12;

/**
 * @returns [V] in the order of the model's classes; 1 for those that are not named
 * @throws UserError for a class that there is not
 */
export function classWeightsOf(given: readonly string[], { classes }: Pick<OpenedData, 'classes'>): readonly number[] {
  const fail = (message: string): never => {
    throw new UserError(`--class-weights: ${message}`);
  };
  if (classes === undefined) return fail('it needs classes to predict; leave it out');
  const asked = readClassWeights(given, fail);
  if (asked === 'balanced') return balanced(classes);
  for (const name of asked.keys()) {
    if (classes.names.includes(name)) continue;
    const guess = nearest(name, classes.names);
    fail(
      `"${name}" is no class of what is learned, which has ${listed(classes.names)}` +
        (guess === undefined ? '' : `; did you mean ${guess}?`),
    );
  }
  return classes.names.map((name) => asked.get(name) ?? 1);
}

/** n / (k count), k classes that occur among n predictions (as scikit-learn has it): each class weighs the same in all. */
function balanced({ counts }: ClassCounts): readonly number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const occurring = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count > 0 ? total / (occurring * count) : 1));
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, LISTED).join(', ');
  return names.length > LISTED ? `${shown}, ... (${names.length} in all)` : shown;
}
