// What an evaluation says, from its sums.

/** What is predicted: the next token, or an example's class, labels or numbers. */
export type Predicted = 'token' | 'classes' | 'multilabel' | 'numbers';

export interface Measured {
  /** Mean over what was predicted: nats, or of numbers the squared error. */
  readonly loss: number;
  /** loss / ln 2; null for what is no token. */
  readonly bitsPerCharacter: number | null;
  /** exp(loss); null for what is no token. */
  readonly perplexity: number | null;
  /** The share for which the likeliest token or class, or all labels, were right; null for numbers. */
  readonly accuracy: number | null;
}

/** @param counted predictions that counted */
export function measured(predicted: Predicted, lossSum: number, hits: number, counted: number): Measured {
  const loss = lossSum / counted;
  const isToken = predicted === 'token';
  return {
    loss,
    bitsPerCharacter: isToken ? loss / Math.LN2 : null,
    perplexity: isToken ? Math.exp(loss) : null,
    accuracy: predicted === 'numbers' ? null : hits / counted,
  };
}
