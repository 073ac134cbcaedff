// metrics.jsonl: the events of a run, one JSON object a line, appended as they come. A run that goes on from a checkpoint cuts
// off what was written after it, so that the file reads as if the run had never been stopped.

import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { RunError, systemReason } from '../errors.js';
import type { TrainEvent } from './events.js';

export interface MetricsOptions {
  /** The step of the checkpoint that the run goes on from. Without it the file starts empty. */
  readonly resumeStep?: number;
}

/** Lines wait until there are this many bytes or this much time has passed: small models make thousands of steps a second. */
const BUFFER_BYTES = 1 << 16;
const BUFFER_MS = 500;

export class MetricsFile {
  readonly #path: string;
  readonly #fd: number;
  #waiting = '';
  #writtenMs = performance.now();

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /** @throws RunError where the file cannot be opened */
  static open(path: string, { resumeStep }: MetricsOptions = {}): MetricsFile {
    try {
      if (resumeStep === undefined) return new MetricsFile(path, openSync(path, 'w'));
      // 'a+' creates the file where it is missing, and writes at its end wherever that is after the cut.
      const fd = openSync(path, 'a+');
      ftruncateSync(fd, endOfStep(fd, resumeStep));
      return new MetricsFile(path, fd);
    } catch (error) {
      throw failed(path, error);
    }
  }

  /** @throws RunError where the file cannot be written */
  write(event: TrainEvent): void {
    this.#waiting += `${JSON.stringify(event)}\n`;
    const due = performance.now() - this.#writtenMs >= BUFFER_MS;
    if (event.event !== 'step' || due || this.#waiting.length >= BUFFER_BYTES) this.flush();
  }

  /** @throws RunError where the file cannot be written */
  flush(): void {
    const lines = Buffer.from(this.#waiting);
    this.#waiting = '';
    this.#writtenMs = performance.now();
    try {
      for (let done = 0; done < lines.length; ) done += writeSync(this.#fd, lines, done);
    } catch (error) {
      throw failed(this.#path, error);
    }
  }

  /** After a failure: events that cannot be written either are left out, so that the failure is what is heard of. */
  close(): void {
    try {
      this.flush();
    } catch {
      // The last event of a run that did not fail was flushed by `write`.
    }
    closeSync(this.#fd);
  }
}

function failed(path: string, error: unknown): RunError {
  return new RunError(`${path} cannot be written: ${systemReason(error)}`);
}

const CHUNK_BYTES = 1 << 20;
/** No event is as long: what follows was written by something else. */
const MOST_LINE_BYTES = 1 << 24;

/** The length of the part that a run had written at `step`: whole lines of events up to it, without the end of the run. */
function endOfStep(fd: number, step: number): number {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let kept = 0;
  let rest = Buffer.alloc(0); // a line whose end lies in the next chunk
  for (let offset = 0; ; ) {
    const got = readSync(fd, chunk, 0, CHUNK_BYTES, offset);
    if (got === 0) return kept;
    offset += got;
    rest = Buffer.concat([rest, chunk.subarray(0, got)]);
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      if (!belongs(rest.toString('utf8', start, end), step)) return kept;
      kept += end + 1 - start;
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > MOST_LINE_BYTES) return kept;
  }
}

/** Events of the end of a run, which a run that goes on has not reached. */
const ENDS: ReadonlySet<string> = new Set<TrainEvent['event']>(['profile', 'done']);

/** A torn line, which a killed process leaves behind, belongs to nothing. */
function belongs(line: string, step: number): boolean {
  try {
    const event: Partial<TrainEvent> | null = JSON.parse(line);
    return event?.event !== undefined && !ENDS.has(event.event) && (event.step ?? 0) <= step;
  } catch {
    return false;
  }
}
