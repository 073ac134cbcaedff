// The progress bar, drawn with cli-progress on stderr; lines appear above it.

import { MultiBar, type Options, type Params, type SingleBar } from 'cli-progress';
import type { Progress } from './progress.js';
import type { LineSink, Output } from './reporter.js';

/** The bar takes what the words leave of the terminal's width, within these limits. */
const MIN_WIDTH = 8;
const MAX_WIDTH = 40;

export class Bar implements LineSink {
  readonly #stdout: Output;
  readonly #stderr: Output;
  #bars: MultiBar | undefined;
  #bar: SingleBar | undefined;

  constructor(stdout: Output, stderr: Output) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  line(text: string): void {
    // Where stdout is a file, its lines do not disturb the bar; where it is the same terminal, they go through the bar.
    if (this.#bars !== undefined && this.#stdout.isTTY === true) this.#bars.log(`${text}\n`);
    else this.#stdout.write(`${text}\n`);
  }

  notice(text: string): void {
    if (this.#bars !== undefined) this.#bars.log(`${text}\n`);
    else this.#stderr.write(`${text}\n`);
  }

  progress(progress: Progress): void {
    if (this.#bar === undefined) this.#start(progress);
    this.#bar?.update(progress.step);
  }

  close(): void {
    // The update writes the lines that wait; stop() alone would lose them.
    this.#bars?.update();
    this.#bars?.stop();
    this.#bars = undefined;
  }

  #start(progress: Progress): void {
    this.#bars = new MultiBar({
      stream: this.#stderr as NodeJS.WriteStream,
      fps: 8,
      // Trims to the terminal's width; the other setting would leave a terminal without wrapping if the process is killed.
      linewrap: true,
      // Lines that were written above have moved the bar.
      forceRedraw: true,
      format: (_options: Options, params: Params) => draw(progress, (params as { maxWidth?: number }).maxWidth ?? 80),
    });
    this.#bar = this.#bars.create(progress.steps, progress.step);
  }
}

/** "epoch 1/2 [=====>    ]  45% | 2.851 bits per character | 120,345 tokens/s | 1:35 left", to fit into `width` columns. */
export function draw(progress: Progress, width: number): string {
  const percent = `${Math.floor(100 * progress.share)}%`.padStart(4);
  const words = [percent, ...progress.texts].join(' | ');
  const room = width - 1 - progress.epochText.length - words.length - ' [] '.length;
  if (room < MIN_WIDTH) return `${progress.epochText} ${words}`;
  const size = Math.min(room, MAX_WIDTH);
  const done = Math.floor(size * progress.share);
  const head = done > 0 && done < size ? '>' : '';
  const filled = `${'='.repeat(done - head.length)}${head}`;
  return `${progress.epochText} [${filled.padEnd(size)}] ${words}`;
}
