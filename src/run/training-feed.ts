// Training steps on their way to the workers, up to where a run evaluates or saves.

import type { Fed } from '../coordinator/coordinator.js';
import type { Batches, BatchSlot } from '../data/batches.js';
import { UserError } from '../errors.js';
import type { Schedule } from '../train/schedule.js';

/** Where a batch is taken from. */
export interface Place {
  /** Training steps before it, from the run's first one on. */
  readonly step: number;
  readonly epoch: number;
  readonly stepInEpoch: number;
}

/** A training step, and where its batch comes from. */
export interface FedStep extends Fed, Place {}

export interface FeedBounds {
  readonly untilStep: number;
  readonly untilEpoch: number;
  /** Whether the feed also ends with the epoch. */
  readonly pausesAtEpochs: boolean;
}

export class TrainingFeed {
  readonly #batches: Batches;
  readonly #schedule: Schedule;
  readonly #bounds: FeedBounds;
  #place: Place;
  #ended: number | undefined;

  /** @param batches stands at `from` */
  constructor(batches: Batches, schedule: Schedule, from: Place, bounds: FeedBounds) {
    this.#batches = batches;
    this.#schedule = schedule;
    this.#place = from;
    this.#bounds = bounds;
  }

  /** Epochs that are complete, where the feed ended with an epoch; undefined where it ended within one. */
  get endedEpochs(): number | undefined {
    return this.#ended;
  }

  /** @throws UserError when a source of sequences is exhausted before the last epoch */
  async next(slot: BatchSlot): Promise<FedStep | undefined> {
    const { untilStep, untilEpoch, pausesAtEpochs } = this.#bounds;
    const { step } = this.#place;
    let { epoch, stepInEpoch } = this.#place;
    if (step >= untilStep && stepInEpoch !== this.#batches.stepsPerEpoch) return undefined;
    let dealt = await this.#batches.next(slot);
    if (!dealt) {
      epoch++;
      stepInEpoch = 0;
      if (pausesAtEpochs || epoch >= untilEpoch || step >= untilStep) {
        this.#ended = epoch;
        return undefined;
      }
      dealt = await this.#batches.next(slot);
      if (!dealt) throw new UserError('sequences: there are none in the next epoch');
    }
    this.#place = { step: step + 1, epoch, stepInEpoch: stepInEpoch + 1 };
    return { kind: 'train', ...dealt, rate: this.#schedule.rate(step, epoch), step, epoch, stepInEpoch };
  }
}
