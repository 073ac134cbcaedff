// What the coordinator does about workers that are lost: all others come out of the step, what was open is put back, and new
// workers do the step again. Not too often in a row: some faults come again each time.
import { RunError } from '../errors.js';
import type { Arena } from '../memory/arena.js';
import { RECORD_NUMBERS, type RunLayout } from '../train/layout.js';
import { WorkerLost, type WorkerPool } from './pool.js';
import { Kind, openPieceWord, Record, STAGE, STAGES, Word } from './protocol.js';
import { recover } from './recovery.js';

export interface FaultLimits {
  /** Faults without a finished step between them that are borne. */
  readonly maxInARow: number;
  /** How long a step may take. */
  readonly timeoutMs: number;
}

/** For workers to come out of a step that was late already. */
const PATIENCE_MS = 1000;
/** What counts of the time between two looks: a process that was stopped or a thread that was busy says nothing of the workers. */
const MOST_COUNTED_MS = 1000;

/** Sees when no step is completed for too long. */
export class Watchdog {
  #seen = -1;
  #lastMs = performance.now();
  #waitedMs = 0;

  constructor(readonly timeoutMs: number) {}

  /** New workers have all of the time. */
  reset(): void {
    this.#waitedMs = 0;
  }

  isLate(completed: number, published: number): boolean {
    const nowMs = performance.now();
    if (completed !== this.#seen || published <= completed) this.#waitedMs = 0;
    else this.#waitedMs += Math.min(MOST_COUNTED_MS, nowMs - this.#lastMs);
    [this.#seen, this.#lastMs] = [completed, nowMs];
    return this.#waitedMs > this.timeoutMs;
  }
}

/** Too many faults in a row, or one that cannot be mended. */
export class WorkersFailed extends RunError {
  /** @param isWhole whether the model is as the last completed step left it */
  constructor(
    message: string,
    readonly isWhole: boolean,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** The workers that can be replaced. */
export type Replaceable = Pick<WorkerPool, 'clear' | 'restart' | 'failure'>;

export class Faults {
  readonly timeoutMs: number;
  readonly #arena: Arena;
  readonly #layout: RunLayout;
  readonly #pool: Replaceable;
  readonly #maxInARow: number;
  readonly #onNotice: (message: string) => void;
  readonly #words: Int32Array;
  #inARow = 0;
  #completed = -1;

  /** @param onNotice hears of each fault that was mended */
  constructor(
    { arena, layout }: { readonly arena: Arena; readonly layout: RunLayout },
    pool: Replaceable,
    { maxInARow, timeoutMs }: FaultLimits,
    onNotice: (message: string) => void,
  ) {
    this.timeoutMs = timeoutMs;
    this.#arena = arena;
    this.#layout = layout;
    this.#pool = pool;
    this.#maxInARow = maxInARow;
    this.#onNotice = onNotice;
    this.#words = arena.ints.subarray(layout.control / 4);
  }

  /**
   * Replaces all workers, and makes the arena ready for the new ones.
   *
   * @param error what a lost worker threw, or the watchdog
   * @returns the new workers; not their `failure`, which a promise would wait for
   * @throws WorkersFailed
   * @throws WorkerStuck
   */
  async replaceAll(error: unknown): Promise<Replaceable> {
    const completed = Atomics.load(this.#words, Word.completed);
    this.#inARow = completed === this.#completed ? this.#inARow + 1 : 1;
    this.#completed = completed;
    const isLate = error instanceof Watchdog;
    const at = this.#placeOf(completed);
    const stages = Array.from({ length: this.#layout.shape.workers }, (_, worker) => this.#stageOf(worker));
    Atomics.store(this.#words, Word.abort, 1);
    for (const word of [Word.published, Word.opened]) Atomics.notify(this.#words, word);
    const hung = await this.#pool.clear(isLate ? PATIENCE_MS : this.timeoutMs);
    const isWhole = recover(this.#arena, this.#layout);
    const seconds = this.timeoutMs / 1000;
    const what = isLate
      ? `${at} took longer than ${seconds} s (--worker-timeout); ${hung.map((worker) => `worker ${worker} hung in ${stages[worker]}`).join(', ') || 'no worker hung'}`
      : lostIn(error, stages, at);
    if (this.#inARow > this.#maxInARow) throw new WorkersFailed(`${what}${this.#timesInARow()}`, isWhole, error);
    this.#onNotice(`${what}; the workers were replaced and it is done again`);
    this.#pool.restart();
    return this.#pool;
  }

  #timesInARow(): string {
    return this.#inARow === 1
      ? ''
      : `, the fault number ${this.#inARow} in a row (--max-worker-faults ${this.#maxInARow})`;
  }

  #stageOf(worker: number): string {
    return STAGES[this.#words[openPieceWord(worker) + STAGE]] ?? STAGES[0];
  }

  /** For people, who count from 1 on. */
  #placeOf(completed: number): string {
    if (Atomics.load(this.#words, Word.published) <= completed) return 'the wait for a batch';
    const { slots, records } = this.#layout;
    const record = records / 8 + (completed % slots.length) * RECORD_NUMBERS;
    const { doubles } = this.#arena;
    return doubles[record + Record.kind] === Kind.evaluate
      ? 'an evaluation'
      : `step ${doubles[record + Record.step] + 1}`;
  }
}

function lostIn(error: unknown, stages: readonly string[], at: string): string {
  if (!(error instanceof WorkerLost)) return `a worker ended in ${at} (${String(error)})`;
  return `worker ${error.worker} ended in ${stages[error.worker]} of ${at} (${error.reason})`;
}
