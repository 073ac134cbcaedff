// What callers of the library give by name: a name that means nothing would be ignored without a word.

import { didYouMean } from '../config/suggest.js';
import { UserError } from '../errors.js';

/** @throws UserError for an option that does not exist, or for what is no object of options */
export function checkKeys(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new UserError(`${what}: it is no object; it has ${known.join(', ')}`);
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new UserError(`${what}.${key}: there is no such option${didYouMean(key, known)}`);
  }
}
