// Steers the penalty on the outputs of ReLU layers so that the share of them that is active comes to a target. It depends on what
// all workers agree on alone, and is part of a run's state.

/** What the next step's penalty stands on. */
export interface ControlState {
  readonly penalty: number;
  /** The density of the last steps, smoothed; 0 before the first one. */
  readonly density: number;
}

/** float64s of the arena that hold the state. */
export const CONTROL_NUMBERS = 2;

/** The penalty that a run begins with where none is given: one that is hardly felt. */
export const FIRST_PENALTY = 1e-3;
/** Beyond these a penalty does nothing, or drowns any loss: it shall not go so far that it cannot come back soon. */
const [LEAST, MOST] = [1e-6, 1];
/** Weight of a step in the smoothed density: a window's last time step is a sample, the noisier the fewer streams there are. */
const SEEN = 0.05;
/** Gains on the change of the error and on the error, both in logarithms. */
const [PROPORTIONAL, INTEGRAL] = [4, 0.02];
/** An error, though not its change, counts for no more than a factor of e; a step changes the penalty by 5% at most. */
const [LARGEST_ERROR, LARGEST_CHANGE] = [1, 0.05];
/** A density below it is as good as none: its logarithm is finite. */
const LEAST_DENSITY = 1e-6;

const bounded = (x: number, size: number): number => Math.min(size, Math.max(-size, x));

/** How many times `b` a density `a` is, as a logarithm. */
const logRatio = (a: number, b: number): number => Math.log(Math.max(a, LEAST_DENSITY) / Math.max(b, LEAST_DENSITY));

export class DensityControl {
  readonly #numbers: Float64Array;
  readonly #target: number;

  /** @param numbers [CONTROL_NUMBERS] of the arena */
  constructor(numbers: Float64Array, target: number) {
    this.#numbers = numbers;
    this.#target = target;
  }

  get penalty(): number {
    return this.#numbers[0];
  }

  get state(): ControlState {
    return { penalty: this.#numbers[0], density: this.#numbers[1] };
  }

  begin({ penalty, density }: ControlState): void {
    this.#numbers[0] = penalty;
    this.#numbers[1] = density;
  }

  /**
   * penalty *= 1 + P (e - e before) + I e, with e = ln(smoothed density / target), after a step with so many units active. While the density
   * falls by itself the first term holds the penalty, also far from the target: a net that follows slowly is not pushed on and on.
   */
  see(density: number): void {
    const [penalty, before] = this.#numbers;
    const smooth = before === 0 ? density : before + SEEN * (density - before);
    const error = bounded(logRatio(smooth, this.#target), LARGEST_ERROR);
    const grown = before === 0 ? 0 : logRatio(smooth, before);
    const change = bounded(PROPORTIONAL * grown + INTEGRAL * error, LARGEST_CHANGE);
    this.#numbers[0] = Math.min(MOST, Math.max(LEAST, penalty * (1 + change)));
    this.#numbers[1] = smooth;
  }
}
