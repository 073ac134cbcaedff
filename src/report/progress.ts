// How far a run is, from its events: what the bar and the plain lines show. Knows no terminal and no clock.

import type { DoneEvent, EvalEvent, PlanEvent, StepEvent, TrainEvent } from './events.js';
import { bytes, count, decimal, densities, duration, lossText, percent } from './format.js';

/** The shown loss and speed follow the last hundred steps or so: single ones jump. */
const FORGET = 0.97;

export class Progress {
  step = 0;
  steps = 0;
  epoch = 1;
  epochs = 1;
  #plan: PlanEvent | undefined;
  /** Sums over the steps with weights FORGET^age, and the sum of those weights. */
  #loss = 0;
  #lossWeight = 0;
  #speed = 0;
  #speedWeight = 0;
  #density: readonly number[] = [];
  #startMs = 0;
  #startStep = 0;
  #nowMs = 0;

  apply(event: TrainEvent, nowMs: number): void {
    this.#nowMs = nowMs;
    if (event.event === 'plan') this.#begin(event);
    if (event.event === 'step') this.#advance(event);
  }

  #begin(plan: PlanEvent): void {
    this.#plan = plan;
    this.#startMs = this.#nowMs;
    this.#startStep = plan.step;
    this.step = plan.step;
    this.steps = plan.steps;
    this.epochs = Math.max(1, plan.epochs);
  }

  #advance(event: StepEvent): void {
    this.step = event.step;
    this.epoch = event.epoch;
    this.epochs = Math.max(this.epochs, event.epoch);
    if (event.loss !== null) {
      this.#loss = FORGET * this.#loss + event.loss;
      this.#lossWeight = FORGET * this.#lossWeight + 1;
    }
    this.#density = event.density;
    this.#speed = FORGET * this.#speed + event.tokensPerSecond;
    this.#speedWeight = FORGET * this.#speedWeight + 1;
  }

  get unit(): PlanEvent['unit'] {
    return this.#plan?.unit ?? 'token';
  }

  /** 0 to 1; by whole epochs where it is not known how many steps there will be. */
  get share(): number {
    return Math.min(1, this.steps === 0 ? (this.epoch - 1) / this.epochs : this.step / this.steps);
  }

  get epochText(): string {
    return `epoch ${count(this.epoch)}/${count(this.epochs)}`;
  }

  /** "density 12%, 9%", by layer; undefined where everything is active, as it is in models that have no zeros. */
  get densityText(): string | undefined {
    return this.#density.every((share) => share === 1) ? undefined : `density ${densities(this.#density)}`;
  }

  /** "2.851 bits per character", "120,345 tokens/s", "1:35 left": what is known of them by now. */
  get texts(): readonly string[] {
    if (this.#speedWeight === 0) return [];
    const loss = this.#lossWeight === 0 ? null : this.#loss / this.#lossWeight;
    const left = this.#secondsLeft();
    const density = this.densityText;
    return [
      lossText(loss, this.unit),
      ...(density === undefined ? [] : [density]),
      speedText(this.#speed / this.#speedWeight, this.unit),
      ...(left === undefined ? [] : [`${duration(left)} left`]),
    ];
  }

  /** By the wall clock since the start, so that evaluations and checkpoints are in it. */
  #secondsLeft(): number | undefined {
    const done = this.step - this.#startStep;
    if (this.#plan === undefined || done === 0 || this.steps === 0) return undefined;
    return ((this.#nowMs - this.#startMs) / 1000 / done) * Math.max(0, this.steps - this.step);
  }

  /** "step 1,200/3,430, epoch 1/2: 2.851 bits per character, 120,345 tokens/s, 1:35 left". */
  get line(): string {
    const steps = this.steps === 0 ? '' : `/${count(this.steps)}`;
    return `step ${count(this.step)}${steps}, ${this.epochText}: ${this.texts.join(', ')}`;
  }
}

const speedText = (perSecond: number, unit: PlanEvent['unit']): string => `${count(perSecond)} ${unit}s/s`;

export function evalLine({ step, loss, perplexity, accuracy, best }: EvalEvent, unit: PlanEvent['unit']): string {
  const parts = [
    `validation ${lossText(loss, unit)}`,
    ...(unit === 'token' ? [`perplexity ${decimal(perplexity, 2)}`] : []),
    ...(accuracy === null ? [] : [`accuracy ${percent(accuracy)}`]),
    ...(best ? ['the best so far'] : []),
  ];
  return `step ${count(step)}: ${parts.join(', ')}`;
}

const REASONS: Readonly<Record<DoneEvent['reason'], string>> = {
  epochs: 'all epochs are done',
  steps: 'all steps are done',
  patience: 'validation got no better (--patience)',
  stopped: 'stopped',
};

/** The last line of a run, with the density and the last evaluation where there are such. */
export function doneLine(
  event: DoneEvent,
  last: EvalEvent | undefined,
  density: string | undefined,
  unit: PlanEvent['unit'],
): string {
  // No step is timed in a run of one step.
  const speed = event.tokensPerSecond > 0 ? [speedText(event.tokensPerSecond, unit)] : [];
  const head = [
    `${REASONS[event.reason]}: step ${count(event.step)} after ${duration(event.seconds)}`,
    ...speed,
    bytes(event.peakBytes),
  ].join(', ');
  const validation = last && `validation ${lossText(last.loss, unit)}`;
  return [head, validation, density].filter((part) => part !== undefined).join('; ');
}
