// What a model is, apart from its numbers: enough to lay out its parameters and to read its file.

export interface Architecture {
  /** mlp: feedforward layers, each time step by itself. */
  readonly cell: 'rnn' | 'lstm' | 'gru' | 'mlp';
  /** Of the simple RNN and of feedforward layers; LSTM and GRU have their own. */
  readonly activation: 'sigmoid' | 'tanh' | 'relu';
  /** Units of each layer, H; 1 where there is no layer. */
  readonly hidden: number;
  /** 0 for mlp alone: a linear model. */
  readonly layers: number;
  /** Whether each layer also reads from the last step to the first, with weights of its own; its outputs are both directions'. */
  readonly bidirectional?: boolean;
  /**
   * What the head reads of a whole sequence, once: the mean of the last layer's outputs over its steps, or (last, of two directions) where
   * each direction ends, at the last step and at the first; absent: the outputs of every step by themselves.
   */
  readonly pooling?: 'mean' | 'last';
  /** Whether each layer from the second on adds what it reads to its outputs. */
  readonly residual?: boolean;
  /** Whether the outputs of each layer are normalized over its units (Ba, Kiros & Hinton 2016), after what is added. */
  readonly layerNorm?: boolean;
  /** Width D of the embedding; 0: one-hot rows. */
  readonly embedding: number;
  /** Tokens, V, that may be read; 0 where real-valued features are. The head has as many outputs unless `outputs` says it. */
  readonly vocabulary: number;
  /** Outputs of the head, K: classes, labels or numbers; absent: as many as tokens. */
  readonly outputs?: number;
  /** Real-valued numbers of a time step, I, that are read in place of tokens, without an embedding; absent: tokens are read. */
  readonly features?: number;
  /** Features of which each time step names a few with their values, in place of tokens and without an embedding. */
  readonly sparseFeatures?: number;
  /** Of a ReLU RNN: units of a row, stream and time step, that stay active, the largest ones; absent: all do. */
  readonly winners?: number;
  /**
   * What the head's outputs are: probabilities of classes, independent yes or no (sigmoids with binary cross-entropy), or numbers
   * (squared error); absent: softmax.
   */
  readonly output?: 'softmax' | 'multilabel' | 'linear';
}

/** Directions in which a layer reads. */
export const directionsOf = ({ bidirectional }: Architecture): 1 | 2 => (bidirectional ? 2 : 1);

/** Whether windows are whole sequences whose lengths have to be known. */
export const readsWholes = ({ bidirectional, pooling }: Architecture): boolean =>
  bidirectional === true || pooling !== undefined;

/** Time steps of a window of `steps` that the head answers to. */
export const headSteps = ({ pooling }: Architecture, steps: number): number => (pooling ? 1 : steps);

/** Outputs of the head: K, or V where the model predicts the tokens that it reads. */
export const headOutputs = ({ outputs, vocabulary }: Architecture): number => outputs ?? vocabulary;
