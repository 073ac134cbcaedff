// The words of the arena by which the coordinator and the workers run a training together, and what stands in a record.
// Nothing here knows what a gradient is.
//
//   coordinator: writes record n and its batch into slot n mod ring, then raises `published` to n + 1
//   workers:     pass through the phases of record n together, barrier by barrier; the last one out of it writes result n,
//                turns the streams' state round and raises `completed` to n + 1
//
// No message is posted in a step. The coordinator is ahead by what is published and never on the workers' path; it reads
// `completed` from a timer. To stop, it raises `stop`: the last worker out of a step withdraws what is published beyond it.
//
// A worker may be lost at any instant. Until `judged` is n + 1 nothing of the model has changed: record n is done again from its
// start. From then on its gradient stands, and those pieces are updated that are not done: recovery.ts.

/** Words that threads write or wait on; each has a cache line of its own. Behind one that is waited on stands the number of sleepers. */
const LINE_WORDS = 16;
const line = (index: number): number => index * LINE_WORDS;

export const Word = {
  /** Records that may be run; EXIT when there will be no more. Workers wait on it. */
  published: line(0),
  /** Records that are done: batches may be written over, results read. */
  completed: line(1),
  /** 1: the workers stop after the record that they are in. */
  stop: line(2),
  /** 1: a worker saw `stop`; `published` was lowered to `completed`. */
  stopped: line(3),
  /** 1: leave every barrier and every wait at once, the step is not to be finished. */
  abort: line(4),
  /** Workers that have arrived at the barrier, and how often it has opened. Workers wait on `opened`. */
  arrived: line(5),
  opened: line(6),
  /** 1: the step's loss and gradient are finite, UPDATE may begin. */
  applies: line(7),
  /** Steps in a row that were not; at `badLimit` the workers stop. */
  badInARow: line(8),
  badLimit: line(9),
  /** Which copy of the streams' state is the current one, for training and for evaluation. */
  trainingSide: line(10),
  evaluationSide: line(11),
  /** Updates made, n of Adam's bias correction. */
  updates: line(12),
  /** 1 + the last record before whose commit the small numbers were kept, and behind it these: see kept.ts. */
  kept: line(13),
  /** 1 + the last record whose gradient is complete and judged: what is left of it is UPDATE and the commit. */
  judged: line(14),
  /** First of a line for each worker: 1 + the piece that its undo slot holds, 0 when there is none open. */
  openPieces: line(16),
} as const;

/** In `published`: workers return. */
export const EXIT = -1;

/**
 * Behind an open piece of a table that is updated by rows: which rows or places of it the undo slot holds, first and end. While
 * the slot is made ready for them, ~first: what lies before is done, and nothing is open.
 */
export const OPEN_ROWS = 1;
/** Where a worker is, for people: the index of one of STAGES. */
export const STAGE = 3;
export const STAGES = ['WAIT', 'PROJECT', 'THROUGH TIME', 'GRADIENT', 'NORM', 'UPDATE', 'EVALUATION'] as const;
export const Stage = { wait: 0, project: 1, throughTime: 2, gradient: 3, norm: 4, update: 5, evaluation: 6 } as const;

export const openPieceWord = (worker: number): number => Word.openPieces + worker * LINE_WORDS;
export const MAX_WORKERS = 256;

/** `arrived` and `opened` of the barrier of a group of workers that share columns; two lines each, behind the open pieces. */
const GROUPS = Word.openPieces + MAX_WORKERS * LINE_WORDS;
export const groupWords = (group: number): readonly [arrived: number, opened: number] => [
  GROUPS + 2 * group * LINE_WORDS,
  GROUPS + (2 * group + 1) * LINE_WORDS,
];

/** Tickets that have been claimed from a worker's queue, in either of two sets of words. */
const CLAIMS = GROUPS + 2 * MAX_WORKERS * LINE_WORDS;
export const claimWord = (set: number, worker: number): number => CLAIMS + (2 * worker + set) * LINE_WORDS;
/** Where record n is begun, or begun again: with its gradient complete, UPDATE is what is left. */
export const beginsAt = (n: number, judged: number): 'start' | 'update' => (judged === n + 1 ? 'update' : 'start');

/** What becomes of a piece that a lost worker had open, when update `number` was under way. */
export const fateOf = (open: number, done: number, number: number): 'closed' | 'done' | 'restored' => {
  if (open === 0) return 'closed';
  // Lost between the two words.
  return done === number ? 'done' : 'restored';
};

/** What is zero before workers start: the barriers' words and the claims. */
export const CLEARED = { from: GROUPS, to: CLAIMS + 2 * MAX_WORKERS * LINE_WORDS } as const;
/** int32 words of all of it. */
export const PROTOCOL_WORDS = CLAIMS + 2 * MAX_WORKERS * LINE_WORDS;

/** What a record is about. */
export const Kind = { train: 0, evaluate: 1 } as const;

/** Fields of a record, float64. */
export const Record = {
  kind: 0,
  /** Steps of the window. */
  steps: 1,
  /** First step with predictions that count. */
  headFrom: 2,
  /** Predictions that count. */
  counted: 3,
  rate: 4,
  /** Number of the training step, from 0 on: a key of the dropout masks. */
  step: 5,
  /** 1: the coordinator did something else before it, such as an evaluation or a checkpoint. */
  resumes: 6,
  /** Sum of the weights of the predictions that count: `counted` where classes weigh the same. */
  weight: 7,
} as const;

/** Fields of a result, float64. */
export const Result = {
  /** Sum of the losses, nats times weights. */
  loss: 0,
  /** Predictions that were right (evaluation only). */
  hits: 1,
  /** Norm of the gradient before clipping. */
  norm: 2,
  /** 1 when the update was made. */
  applied: 3,
  /** Milliseconds since the epoch, with fractions: when the step was committed. */
  time: 4,
  /** The penalty on the outputs of ReLU layers that the step had. */
  penalty: 5,
  /** From here on, one a layer: the share of its outputs at the window's last step that are not zero. */
  density: 6,
} as const;
