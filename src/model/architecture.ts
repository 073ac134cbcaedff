// What a model is, apart from its numbers: enough to lay out its parameters and to read its file.

export interface Architecture {
  readonly cell: 'rnn' | 'lstm' | 'gru';
  /** Of the simple RNN; LSTM and GRU have their own. */
  readonly activation: 'sigmoid' | 'tanh' | 'relu';
  /** Units of each layer, H. */
  readonly hidden: number;
  readonly layers: number;
  /** Width D of the embedding; 0: one-hot rows. */
  readonly embedding: number;
  /** Tokens, V: inputs and classes; where outputs are no classes their number, K. */
  readonly vocabulary: number;
  /** Real-valued numbers of a time step, I, that are read in place of tokens, without an embedding; absent: tokens are read. */
  readonly features?: number;
  /**
   * What the head's outputs are: probabilities of classes, independent yes or no (sigmoids with binary cross-entropy), or numbers
   * (squared error); absent: softmax.
   */
  readonly output?: 'softmax' | 'multilabel' | 'linear';
}
