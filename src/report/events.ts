// The events of a run: what --json prints and metrics.jsonl keeps, one object a line. Names and meanings are relied on from
// outside; more fields may come. A number that is not finite is written as null, as JSON has no other way.

/** First event: what is about to be computed, and where the memory goes. */
export interface PlanEvent {
  readonly event: 'plan';
  /** The whole arena, in bytes: the sum of `parts` and what the kernels keep for themselves. */
  readonly bytes: number;
  /** Bytes by purpose: parameters, gradients, optimizer state, activations, ... */
  readonly parts: Readonly<Record<string, number>>;
  /** Numbers that are learned. */
  readonly parameters: number;
  readonly workers: number;
  readonly kernels: string;
  /** Of the native kernels: avx2, avx512, neon. */
  readonly instructionSet?: string;
  /** Different symbols, V; of examples, classes, labels or numbers to predict. */
  readonly vocabulary: number;
  /** What is learned one by one: counts and speeds are of these. */
  readonly unit: Unit;
  /** Tokens or examples that are learned, and those held out. */
  readonly trainingTokens: number;
  readonly validationTokens: number;
  readonly stepsPerEpoch: number;
  /** The step after which the run ends if nothing ends it sooner, counted from the run's first step. */
  readonly steps: number;
  readonly epochs: number;
  /** The step that a resumed run goes on from; 0 in a new run. */
  readonly step: number;
}

/** What is predicted one by one. Words are tokens of which a loss says nothing of characters. */
export type Unit = 'token' | 'word' | 'example';

export interface StepEvent {
  readonly event: 'step';
  /** Steps done, this one included. */
  readonly step: number;
  /** The pass over the text that the step belongs to, from 1 on. */
  readonly epoch: number;
  /** Mean over the predicted tokens, in nats; null where it was not finite. */
  readonly loss: number | null;
  readonly lr: number;
  /** Before clipping; null where it was not finite. */
  readonly gradNorm: number | null;
  readonly tokensPerSecond: number;
  /** Per layer, the share of its outputs that are not zero. */
  readonly density: readonly number[];
  /** The penalty on the outputs of ReLU layers, where it is steered to a density. */
  readonly activationL1?: number;
  /** Loss or gradient was not finite: the update was not applied. */
  readonly skipped?: true;
}

export interface EvalEvent {
  readonly event: 'eval';
  readonly step: number;
  readonly epoch?: number;
  /** Mean over the held-out tokens or examples, in nats; of numbers, the mean squared error. */
  readonly loss: number | null;
  /** loss / ln 2; null for words and for what is no token. */
  readonly bitsPerCharacter: number | null;
  /** exp(loss); null for what is no token. */
  readonly perplexity: number | null;
  /** The share of tokens or examples that were told right: the likeliest class, or all labels; null for numbers. */
  readonly accuracy: number | null;
  /** Better than every evaluation before. */
  readonly best?: boolean;
}

export interface CheckpointEvent {
  readonly event: 'checkpoint';
  readonly step: number;
  readonly path: string;
}

/** Where the time of a run's training steps went, after the first one; without evaluations and checkpoints. */
export interface ProfileEvent {
  readonly event: 'profile';
  readonly step: number;
  readonly workers: readonly {
    /** Steps that are counted. */
    readonly steps: number;
    /** Milliseconds of all of them by phase; what a worker waits for begins with "wait: ". */
    readonly milliseconds: Readonly<Record<string, number>>;
  }[];
  /** The trace file; null where it could not be written. */
  readonly path: string | null;
}

export type EndReason = 'epochs' | 'steps' | 'patience' | 'stopped';

export interface DoneEvent {
  readonly event: 'done';
  readonly step: number;
  /** Wall time of this process's part of the run. */
  readonly seconds: number;
  /** Over the training steps after the first one, without evaluations and checkpoints; 0 where there are none. */
  readonly tokensPerSecond: number;
  /** The largest resident size of the process. */
  readonly peakBytes: number;
  readonly reason: EndReason;
}

export type TrainEvent = PlanEvent | StepEvent | EvalEvent | CheckpointEvent | ProfileEvent | DoneEvent;
