// Watches the gradient's norm for what looks like an explosion that lasts. Vanishing gradients cannot be seen here: the norm is of
// the whole gradient, to which the last steps give most in any case.

import type { TrainEvent } from './events.js';

/** A norm is too large from so many times the clip limit, or the usual norm, on. */
const TIMES = 100;
/** So many of the last steps have to be. */
const [MANY, LAST] = [10, 50];
/** The usual norm follows by this factor a step, up or down: it is the running median, and takes 35 steps to double. */
const FOLLOWS = 1.02;

export class ExplosionWarning {
  /** Of the last steps, a ring: 1 where the norm was too large. */
  readonly #large = new Uint8Array(LAST);
  #count = 0;
  #steps = 0;
  /** 0 until there was a norm. */
  #usual = 0;
  #warned = false;

  /**
   * @param clipNorm the clip limit, 0 for none
   * @param warn is called once
   */
  constructor(
    readonly clipNorm: number,
    readonly warn: (message: string) => void,
  ) {}

  event(event: TrainEvent): void {
    if (this.#warned || event.event !== 'step' || event.gradNorm === null) return;
    const norm = event.gradNorm;
    const overLimit = this.clipNorm > 0 && norm > TIMES * this.clipNorm;
    const large = overLimit || (this.#usual > 0 && norm > TIMES * this.#usual);
    const place = this.#steps++ % LAST;
    this.#count += Number(large) - this.#large[place];
    this.#large[place] = Number(large);
    this.#usual = this.#usual === 0 ? norm : this.#usual * (norm > this.#usual ? FOLLOWS : 1 / FOLLOWS);
    if (this.#count < MANY) return;
    this.#warned = true;
    this.warn(this.#message(event.step, overLimit));
  }

  #message(step: number, overLimit: boolean): string {
    const than = overLimit ? `the clip limit of ${this.clipNorm}` : 'usual';
    const clip = this.clipNorm > 0 ? '' : ', --clip-norm 1';
    return (
      `step ${step}: the gradient explodes: in ${MANY} of the last ${LAST} steps its norm was more than ${TIMES} times ${than}; ` +
      `a lower --lr${clip} or --init orthogonal may help, "unroll diagnose" shows how it grows`
    );
  }
}
