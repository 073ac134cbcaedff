// What an evaluation says, from its sums.

export interface Measured {
  /** Mean over the predicted tokens, nats. */
  readonly loss: number;
  /** loss / ln 2 */
  readonly bitsPerCharacter: number;
  /** exp(loss) */
  readonly perplexity: number;
  /** The share of tokens for which the most likely one was right. */
  readonly accuracy: number;
}

/** @param counted predictions that counted */
export function measured(lossSum: number, hits: number, counted: number): Measured {
  const loss = lossSum / counted;
  return { loss, bitsPerCharacter: loss / Math.LN2, perplexity: Math.exp(loss), accuracy: hits / counted };
}
