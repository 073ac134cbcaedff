// What a run shows of itself while it goes on: a bar on a terminal, plain lines elsewhere, JSON lines on request, or nothing.
// Lines go to stdout; the bar, warnings and errors to stderr.

import type { EvalEvent, TrainEvent } from './events.js';
import { ExplosionWarning } from './explosion-warning.js';
import { planLines } from './plan-table.js';
import { profileTable } from './profile-table.js';
import { doneLine, evalLine, Progress } from './progress.js';

/** A stream as far as reporters use it: process.stdout, process.stderr. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

export interface Reporter {
  event(event: TrainEvent): void;
  /** A warning or a piece of news: on stderr whatever the mode. */
  notice(message: string): void;
  /** Leaves the terminal as it was. Called more than once, also from an exit that cannot wait. */
  close(): void;
}

export interface ReporterOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The clip limit, 0 for none, of nets whose gradient is watched for explosions. */
  readonly watchedClipNorm?: number;
}

export async function createReporter({
  json,
  quiet,
  stdout,
  stderr,
  watchedClipNorm,
}: ReporterOptions): Promise<Reporter> {
  const lines: LineSink = {
    line: (text) => stdout.write(`${text}\n`),
    notice: (text) => stderr.write(`${text}\n`),
    progress: () => {},
    close: () => {},
  };
  if (json) return new JsonReporter(lines);
  if (quiet) return new QuietReporter(lines, watchedClipNorm);
  if (stderr.isTTY !== true)
    return new LineReporter({ ...lines, progress: everyFewSeconds(lines.line) }, watchedClipNorm);
  // Loaded only where there is a terminal to draw on.
  const { Bar } = await import('./bar.js');
  return new LineReporter(new Bar(stdout, stderr), watchedClipNorm);
}

/** Where lines and the state of a run go. */
export interface LineSink {
  line(text: string): void;
  notice(text: string): void;
  progress(progress: Progress): void;
  close(): void;
}

/** Short enough to see that a run is alive, long enough not to fill a log. */
const LINE_MS = 5000;

function everyFewSeconds(write: (text: string) => void): (progress: Progress) => void {
  let lastMs = performance.now();
  return (progress) => {
    if (progress.texts.length === 0 || performance.now() - lastMs < LINE_MS) return;
    lastMs = performance.now();
    write(progress.line);
  };
}

class JsonReporter implements Reporter {
  constructor(readonly sink: LineSink) {}

  event(event: TrainEvent): void {
    this.sink.line(JSON.stringify(event));
  }

  notice(message: string): void {
    this.sink.notice(message);
  }

  close(): void {}
}

/** Says of steps that are skipped only the first in a row. */
class SkipWarning {
  #skipping = false;

  constructor(readonly warn: (message: string) => void) {}

  event(event: TrainEvent): void {
    if (event.event !== 'step') return;
    const skipped = event.skipped === true;
    if (skipped && !this.#skipping) {
      this.warn(`step ${event.step}: loss or gradient is not finite, so the update is left out; a lower --lr may help`);
    }
    this.#skipping = skipped;
  }
}

/** Whoever warns of what steps show. */
type Warning = Pick<SkipWarning, 'event'>;

function warningsOf(warn: (message: string) => void, watchedClipNorm: number | undefined): readonly Warning[] {
  const skips = new SkipWarning(warn);
  return watchedClipNorm === undefined ? [skips] : [skips, new ExplosionWarning(watchedClipNorm, warn)];
}

class QuietReporter implements Reporter {
  readonly #warnings: readonly Warning[];

  constructor(
    readonly sink: LineSink,
    watchedClipNorm: number | undefined,
  ) {
    this.#warnings = warningsOf(sink.notice, watchedClipNorm);
  }

  event(event: TrainEvent): void {
    for (const warning of this.#warnings) warning.event(event);
  }

  notice(message: string): void {
    this.sink.notice(message);
  }

  close(): void {}
}

class LineReporter implements Reporter {
  readonly #sink: LineSink;
  readonly #progress = new Progress();
  readonly #warnings: readonly Warning[];
  #lastEval: EvalEvent | undefined;

  constructor(sink: LineSink, watchedClipNorm: number | undefined) {
    this.#sink = sink;
    this.#warnings = warningsOf((message) => sink.notice(message), watchedClipNorm);
  }

  event(event: TrainEvent): void {
    this.#progress.apply(event, performance.now());
    for (const warning of this.#warnings) warning.event(event);
    if (event.event === 'plan') for (const line of planLines(event)) this.#sink.line(line);
    if (event.event === 'eval') {
      this.#lastEval = event;
      this.#sink.line(evalLine(event, this.#progress.unit));
    }
    if (event.event === 'done' || event.event === 'profile') {
      this.#sink.close();
      this.#sink.line(
        event.event === 'done'
          ? doneLine(event, this.#lastEval, this.#progress.densityText, this.#progress.unit)
          : profileTable(event),
      );
    } else {
      this.#sink.progress(this.#progress);
    }
  }

  notice(message: string): void {
    this.#sink.notice(message);
  }

  close(): void {
    this.#sink.close();
  }
}
