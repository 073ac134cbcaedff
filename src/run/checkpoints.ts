// The checkpoints of a run: which steps are kept, where `latest` and `best` point.

import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Checkpointed,
  checkpointFolder,
  checkpointName,
  dropCheckpoint,
  saveCheckpoint,
  stepsIn,
} from '../checkpoint/checkpoint.js';
import type { RunProgress } from './progress.js';
import { turnLinks } from './run-folder.js';

/** The run folder and the checkpoint that `path` means, whichever of them it names, links followed. @throws UserError */
export function locateCheckpoint(path: string): { readonly run: string; readonly checkpoint: string } {
  const checkpoint = checkpointFolder(path);
  return { run: dirname(dirname(checkpoint)), checkpoint };
}

export class Checkpoints {
  readonly #run: string;
  readonly #keep: number | undefined;
  /** What the newest checkpoint remembers. */
  #saved: RunProgress | undefined;
  /** The step of a checkpoint that was kept only as the best one, until now. */
  #superseded: number | undefined;

  /**
   * @param run the run's folder
   * @param keep how many are kept besides the best; undefined: all
   */
  constructor(run: string, keep: number | undefined) {
    this.#run = run;
    this.#keep = keep;
  }

  /** Steps that are safe; undefined when nothing was saved yet. */
  get savedStep(): number | undefined {
    return this.#saved?.step;
  }

  get latestPath(): string {
    return checkpointFolder(this.#run, '--out');
  }

  /** Turns the links back to where they pointed when `progress` was saved, if that was in this folder. */
  goOnFrom(resumed: string, progress: RunProgress): void {
    if (locateCheckpoint(resumed).run !== realpathSync(this.#run)) return;
    this.#saved = progress;
    const best = progress.best === null ? undefined : checkpointName(progress.best.step);
    turnLinks(this.#run, checkpointName(progress.step), best);
  }

  /** The checkpoint of `step` is no longer the best one, and nothing else keeps it: the next `save` drops it. */
  supersede(step: number): void {
    this.#superseded = step;
  }

  /** Whether the newest checkpoint holds just this. */
  holds({ step, evaluatedAt, measuredAt }: RunProgress): boolean {
    const saved = this.#saved;
    return saved?.step === step && saved.evaluatedAt === evaluatedAt && saved.measuredAt === measuredAt;
  }

  /** @returns the checkpoint's folder */
  save(from: Checkpointed, progress: RunProgress): string {
    const isBest = progress.best?.step === progress.step;
    const path = saveCheckpoint(this.#run, from, progress, isBest ? ['latest', 'best'] : ['latest']);
    this.#saved = progress;
    if (this.#superseded !== undefined) dropCheckpoint(this.#run, this.#superseded);
    this.#superseded = undefined;
    this.#dropOld(progress);
    return path;
  }

  /** Also what a killed process had no time to drop. */
  #dropOld({ step, best }: RunProgress): void {
    if (this.#keep === undefined) return;
    // Behind the newest one lie those of a run that goes on from an earlier step; it will write them anew.
    const older = stepsIn(this.#run).filter((saved) => saved <= step && saved !== best?.step);
    for (const saved of older.slice(0, Math.max(0, older.length - this.#keep))) dropCheckpoint(this.#run, saved);
  }
}
