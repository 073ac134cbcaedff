// A trial of a search: an ordinary run in a folder of its own, trained in pieces, each on from the checkpoint of the one before. It is
// left early where it is bad.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { newestComplete } from '../checkpoint/checkpoint.js';
import type { ConfigInput } from '../config/config.js';
import { RunError } from '../errors.js';
import type { TrainEvent } from '../report/events.js';
import { savedProgress } from './progress.js';
import { METRICS_FILE } from './run-folder.js';
import { train } from './train-api.js';

export type Badness = 'not finite' | 'worse than the start';

/** What came of a piece; undefined where it was stopped from outside. */
export type Piece =
  | { readonly steps: number; readonly loss: number }
  | { readonly steps: number; readonly bad: Badness }
  | undefined;

export interface TrialOptions {
  readonly folder: string;
  /** Steps of the trial's whole life, at the end of this piece. */
  readonly steps: number;
  /** Whether a loss above that of the first step is a bad sign: that of unscaled numbers is of no known size. */
  readonly judgesLoss: boolean;
  readonly signal: AbortSignal;
  readonly onNotice: (message: string) => void;
}

/** Trains on from the trial's newest checkpoint, or from the start where it has none. */
export async function trainTrial(settings: ConfigInput, options: TrialOptions): Promise<Piece> {
  const { folder, steps, judgesLoss, signal, onNotice } = options;
  const judge = new Judge(judgesLoss);
  const begun = newestComplete(join(folder, 'checkpoints'));
  if (begun === undefined) rmSync(folder, { recursive: true, force: true });
  else for (const event of eventsUpTo(savedProgress(begun).step, folder)) judge.see(event);

  const leave = new AbortController();
  if (judge.bad !== undefined) leave.abort();
  const { workers, kernels, sparse } = settings;
  const own = begun === undefined ? { ...settings, out: folder } : { resume: begun, workers, kernels, sparse };
  try {
    const { reason } = await train({
      ...{ ...own, steps, onNotice, signal: AbortSignal.any([signal, leave.signal]) },
      onEvent: (event) => {
        judge.see(event);
        if (judge.bad !== undefined) leave.abort();
      },
    });
    if (reason === 'stopped' && judge.bad === undefined) return undefined;
  } catch (error) {
    // Too many bad steps end a run by themselves.
    if (judge.bad === undefined || !(error instanceof RunError)) throw error;
  }
  return judge.piece;
}

/** What the run had told when it saved the checkpoint of `step`: it goes on as if it had never been stopped. */
function eventsUpTo(step: number, folder: string): readonly TrainEvent[] {
  const path = join(folder, METRICS_FILE);
  if (!existsSync(path)) return [];
  const events = readFileSync(path, 'utf8').split('\n').flatMap(parsed);
  return events.filter((event) => (event.event === 'step' || event.event === 'eval') && event.step <= step);
}

/** A torn line, which a killed process leaves behind, says nothing. */
function parsed(line: string): readonly TrainEvent[] {
  try {
    const event: TrainEvent | null = JSON.parse(line);
    return event === null ? [] : [event];
  } catch {
    return [];
  }
}

/** The mean loss follows the last ten steps or so. */
const FORGET = 0.9;
/** A rate that is good may begin with a jump. */
const FIRST_JUDGED = 20;
/** Batches differ. */
const WORSE = 1.1;

/** Says of a trial that it is bad as soon as that shows, from its events alone: a search that is repeated says the same. */
class Judge {
  bad: Badness | undefined;
  #step = 0;
  #loss = Number.NaN;
  #start: number | undefined;
  #sum = 0;
  #weight = 0;

  constructor(readonly judgesLoss: boolean) {}

  see(event: TrainEvent): void {
    if (this.bad !== undefined || (event.event !== 'step' && event.event !== 'eval')) return;
    const { loss } = event;
    this.#step = event.step;
    if (loss === null || !Number.isFinite(loss)) this.bad = 'not finite';
    else if (event.event === 'eval') this.#loss = loss;
    else this.#judge(loss);
  }

  #judge(loss: number): void {
    this.#start ??= loss;
    this.#sum = FORGET * this.#sum + loss;
    this.#weight = FORGET * this.#weight + 1;
    const isWorse = this.#sum / this.#weight > WORSE * this.#start;
    if (this.judgesLoss && this.#step >= FIRST_JUDGED && isWorse) this.bad = 'worse than the start';
  }

  get piece(): Piece {
    return this.bad === undefined ? { steps: this.#step, loss: this.#loss } : { steps: this.#step, bad: this.bad };
  }
}
