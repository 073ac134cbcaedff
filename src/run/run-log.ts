// What a run tells of itself: each event goes to metrics.jsonl and to whoever listens.

import type { EndReason, TrainEvent } from '../report/events.js';
import { MetricsFile } from '../report/metrics-file.js';

export class RunLog {
  readonly #onEvent: (event: TrainEvent) => void;
  #metrics: MetricsFile | undefined;
  #startMs = performance.now();
  /** Of training steps after the process's first one. */
  #timedTokens = 0;
  #timedSeconds = 0;
  #isFirst = true;

  constructor(onEvent: (event: TrainEvent) => void = () => {}) {
    this.#onEvent = onEvent;
  }

  /**
   * @param resumeStep the step of the checkpoint that the run goes on from: what was written after it is cut off
   * @throws RunError where the file cannot be opened
   */
  open(path: string, resumeStep?: number): void {
    this.#startMs = performance.now();
    this.#metrics = MetricsFile.open(path, resumeStep === undefined ? {} : { resumeStep });
  }

  /** @throws RunError where the file cannot be written */
  emit(event: TrainEvent): void {
    this.#metrics?.write(event);
    this.#onEvent(event);
  }

  /** Counts a training step. @returns its tokens a second */
  speed(tokens: number, seconds: number): number {
    if (!this.#isFirst) {
      this.#timedTokens += tokens;
      this.#timedSeconds += seconds;
    }
    this.#isFirst = false;
    return tokens / Math.max(seconds, 1e-9);
  }

  done(step: number, reason: EndReason): void {
    this.emit({
      event: 'done',
      step,
      seconds: (performance.now() - this.#startMs) / 1000,
      tokensPerSecond: this.#timedSeconds > 0 ? this.#timedTokens / this.#timedSeconds : 0,
      peakBytes: process.resourceUsage().maxRSS * 1024,
      reason,
    });
  }

  /** Brings events that wait into the file. @throws RunError where it cannot be written */
  flush(): void {
    this.#metrics?.flush();
  }

  close(): void {
    this.#metrics?.close();
  }
}
