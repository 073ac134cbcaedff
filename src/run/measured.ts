// What an evaluation says, from its sums.

import type { Vocabulary } from '../data/vocabulary.js';

/** What is predicted: the next token, where tokens are words the next word, or an example's class, labels or numbers. */
export type Predicted = 'token' | 'word' | 'classes' | 'multilabel' | 'numbers';

/** Of a model of a text. */
export const predictedOf = ({ mode }: Vocabulary): Predicted => (mode === 'word' ? 'word' : 'token');

export interface Measured {
  /** Mean over what was predicted: nats, or of numbers the squared error. */
  readonly loss: number;
  /** loss / ln 2; null for what is no token, and for words, which are of many characters. */
  readonly bitsPerCharacter: number | null;
  /** exp(loss), of a token or word; null for what is neither. */
  readonly perplexity: number | null;
  /** The share for which the likeliest token or class, or all labels, were right; null for numbers. */
  readonly accuracy: number | null;
}

/** @param counted predictions that counted */
export function measured(predicted: Predicted, lossSum: number, hits: number, counted: number): Measured {
  const loss = lossSum / counted;
  const isToken = predicted === 'token' || predicted === 'word';
  return {
    loss,
    bitsPerCharacter: predicted === 'token' ? loss / Math.LN2 : null,
    perplexity: isToken ? Math.exp(loss) : null,
    accuracy: predicted === 'numbers' ? null : hits / counted,
  };
}
