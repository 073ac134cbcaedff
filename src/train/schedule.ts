// The learning rate of each step: a schedule times a warm-up. Steps and epochs count from 0.

export interface ScheduleSettings {
  readonly kind: 'constant' | 'step' | 'cosine' | 'plateau';
  readonly rate: number;
  /** Of `step`: the epochs from which on the rate is multiplied by gamma once more (PyTorch's MultiStepLR). */
  readonly milestones: readonly number[];
  readonly gamma: number;
  /** Of `cosine`: steps until the rate is zero (Loshchilov & Hutter 2017, one cycle). */
  readonly totalSteps: number;
  /** Of `plateau`: evaluations without an improvement that are borne (PyTorch's ReduceLROnPlateau). */
  readonly patience: number;
  /** Steps over which the rate rises linearly from rate / warmup; 0: none. */
  readonly warmup: number;
}

/** What a plateau schedule remembers; part of a checkpoint. */
export interface PlateauState {
  readonly factor: number;
  readonly best: number | null;
  readonly badEvaluations: number;
}

/** PyTorch's default: an improvement of less than 0.01% is none. */
const RELATIVE_THRESHOLD = 1e-4;

export class Schedule {
  #plateau: PlateauState;

  constructor(
    readonly settings: ScheduleSettings,
    state: PlateauState = { factor: 1, best: null, badEvaluations: 0 },
  ) {
    this.#plateau = state;
  }

  get state(): PlateauState {
    return this.#plateau;
  }

  rate(step: number, epoch: number): number {
    const { kind, rate, milestones, gamma, totalSteps, warmup } = this.settings;
    const rising = warmup > 0 ? Math.min(1, (step + 1) / warmup) : 1;
    if (kind === 'step') return rising * rate * gamma ** milestones.filter((milestone) => milestone <= epoch).length;
    if (kind === 'cosine')
      return rising * rate * 0.5 * (1 + Math.cos((Math.PI * Math.min(step, totalSteps)) / totalSteps));
    return rising * rate * (kind === 'plateau' ? this.#plateau.factor : 1);
  }

  /** Tells the schedule how an evaluation went: `plateau` lowers the rate when the loss has not fallen for too long. */
  evaluated(loss: number): void {
    const { factor, best, badEvaluations } = this.#plateau;
    const better = Number.isFinite(loss) && (best === null || loss < best * (1 - RELATIVE_THRESHOLD));
    if (better) this.#plateau = { factor, best: loss, badEvaluations: 0 };
    else if (badEvaluations + 1 > this.settings.patience) {
      this.#plateau = { factor: factor * this.settings.gamma, best, badEvaluations: 0 };
    } else this.#plateau = { factor, best, badEvaluations: badEvaluations + 1 };
  }
}
