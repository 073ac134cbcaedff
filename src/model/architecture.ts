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
  /** Tokens, V: inputs and classes. */
  readonly vocabulary: number;
  /** Real-valued numbers of a time step, I, that are read in place of tokens, without an embedding; absent: tokens are read. */
  readonly features?: number;
  /** Of a ReLU RNN: units of a row, stream and time step, that stay active, the largest ones; absent: all do. */
  readonly winners?: number;
}
