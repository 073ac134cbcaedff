// A training run from its start to its end: segments of steps between which it evaluates and saves. The only place that sees
// the whole way from config to checkpoint.

import { join } from 'node:path';
import { configWarnings } from '../config/checks.js';
import type { Config } from '../config/config.js';
import { Coordinator, type StepResult } from '../coordinator/coordinator.js';
import { Faults, WorkersFailed } from '../coordinator/faults.js';
import { type Threads, WorkerPool } from '../coordinator/pool.js';
import { Word } from '../coordinator/protocol.js';
import type { Batches } from '../data/batches.js';
import { inShell, NotFinite, RunError, WorkerStuck } from '../errors.js';
import type { KernelMemory } from '../kernels/choose.js';
import { Arena } from '../memory/arena.js';
import { elementsOf } from '../model/parameters.js';
import { hasZeros } from '../model/sparsity.js';
import type { EndReason, TrainEvent } from '../report/events.js';
import { counted } from '../report/format.js';
import { densityControlOf, statesOf } from '../train/layout.js';
import { Schedule } from '../train/schedule.js';
import { Checkpoints, locateCheckpoint } from './checkpoints.js';
import type { TrainingData } from './data.js';
import { evaluate } from './evaluation.js';
import { type Prepared, planEvent, prepare } from './plan.js';
import { reportProfile } from './profile.js';
import type { RunProgress } from './progress.js';
import { CONFIG_FILE, keepConfig, METRICS_FILE, openFreeFolder, openRunFolder, takeOver } from './run-folder.js';
import { RunLock } from './run-lock.js';
import { RunLog } from './run-log.js';
import { start } from './start.js';
import { type FedStep, TrainingFeed } from './training-feed.js';
import { allocateArena, startWorkers, type Workers } from './workers.js';

export interface RunOptions {
  readonly data?: TrainingData;
  /** Stops the run after the step that is under way, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Warnings, and news that are no events. */
  readonly onNotice?: (message: string) => void;
  /** `config.out` is only a name to begin with: where a run has it already, or takes it meanwhile, the next free one is taken. */
  readonly outIsDefault?: boolean;
  /** For the workers, where some were started before the rest was loaded; the run ends them. */
  readonly threads?: Threads;
}

export interface TrainOutcome {
  readonly reason: EndReason;
  /** Steps done. */
  readonly step: number;
  /** The run's last checkpoint. */
  readonly path: string;
  /** The run's folder. */
  readonly out: string;
}

/**
 * Trains as `config` says, in the folder `config.out`.
 *
 * @throws UserError for data or settings that cannot be trained on, before anything is written
 * @throws RunError for what fails on the way; the message names the last checkpoint
 */
export async function runTraining(config: Config, options: RunOptions = {}): Promise<TrainOutcome> {
  for (const warning of configWarnings(config)) options.onNotice?.(warning);
  // A training that is under way drops checkpoints while they are read.
  if (config.resume !== undefined) RunLock.refuseHeld(config.out);
  const prepared = await prepare(config, options.data);
  try {
    return await new Training(prepared, options).run();
  } finally {
    await prepared.data.close();
  }
}

class Training {
  #config: Config;
  readonly #prepared: Prepared;
  readonly #arena: Arena;
  readonly #memory: KernelMemory;
  readonly #words: Int32Array;
  readonly #schedule: Schedule;
  readonly #signal: AbortSignal | undefined;
  #checkpoints: Checkpoints;
  readonly #log: RunLog;
  readonly #threads: Threads | undefined;
  readonly #outIsDefault: boolean;
  readonly #onNotice: (message: string) => void;
  #progress: RunProgress;
  /** Of the last evaluation. */
  #loss = Number.NaN;

  constructor(prepared: Prepared, { onEvent, onNotice, signal, threads, outIsDefault }: RunOptions) {
    const { config, layout, totalSteps } = prepared;
    this.#config = config;
    this.#prepared = prepared;
    this.#memory = allocateArena(prepared);
    this.#arena = new Arena(this.#memory.buffer, layout.shape.floatBytes);
    this.#words = this.#arena.ints.subarray(layout.control / 4);
    this.#signal = signal;
    this.#threads = threads;
    this.#outIsDefault = outIsDefault === true;
    this.#onNotice = onNotice ?? (() => {});
    this.#checkpoints = new Checkpoints(config.out, config.keep);
    this.#progress = start(prepared, this.#arena, onNotice);
    this.#log = new RunLog(onEvent);
    this.#schedule = new Schedule(
      {
        ...{ kind: config.schedule, rate: config.lr, milestones: config.milestones ?? [], gamma: config.gamma },
        ...{ totalSteps, patience: config.plateauPatience, warmup: config.warmup },
      },
      this.#progress.plateau,
    );
    Atomics.store(this.#words, Word.updates, this.#progress.updates);
    Atomics.store(this.#words, Word.badInARow, this.#progress.badInARow);
  }

  async run(): Promise<TrainOutcome> {
    const { layout } = this.#prepared;
    const lock = this.#openFolder();
    let pool: Workers | undefined;
    let coordinator: Coordinator | undefined;
    try {
      this.#log.emit(planEvent(this.#prepared, this.#progress.step));
      for (const notice of this.#prepared.data.notices ?? []) this.#onNotice(notice);
      pool = startWorkers(this.#prepared, this.#memory, this.#threads);
      coordinator = new Coordinator(this.#arena, layout, pool.failure, this.#config.maxBadSteps, this.#faultsOf(pool));
      const reason = await this.#stoppable(coordinator);
      coordinator.exit();
      await pool.close();
      this.#emitProfile();
      this.#log.done(this.#progress.step, reason);
      return { reason, step: this.#progress.step, path: this.#checkpoints.latestPath, out: this.#config.out };
    } catch (error) {
      // Nobody can wait for a worker that is stuck.
      if (error instanceof WorkerStuck) throw new WorkerStuck(this.#withSaved(error.message), { cause: error });
      coordinator?.abort();
      await pool?.close();
      if (error instanceof WorkersFailed && error.isWhole && this.#progress.step > 0) this.#saveWhatIsWhole();
      if (pool) this.#emitProfileOfFailure();
      throw this.#failed(error);
    } finally {
      this.#log.close();
      lock.release();
    }
  }

  /** Workers on threads are replaced; one on this thread is not: what it throws, it throws again. */
  #faultsOf(pool: Workers): Faults | undefined {
    if (!(pool instanceof WorkerPool)) return undefined;
    const { maxWorkerFaults, workerTimeout } = this.#config;
    const limits = { maxInARow: maxWorkerFaults, timeoutMs: workerTimeout * 1000 };
    return new Faults({ arena: this.#arena, layout: this.#prepared.layout }, pool, limits, this.#onNotice);
  }

  /** The workers failed between two updates. */
  #saveWhatIsWhole(): void {
    try {
      this.#save(false);
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      this.#onNotice(error.message);
    }
  }

  async #stoppable(coordinator: Coordinator): Promise<EndReason> {
    const stop = (): void => coordinator.stop();
    if (this.#signal?.aborted) stop();
    this.#signal?.addEventListener('abort', stop, { once: true });
    try {
      await this.#prepared.data.training.seek(this.#progress.epoch, this.#progress.stepInEpoch);
      return await this.#segments(coordinator);
    } finally {
      this.#signal?.removeEventListener('abort', stop);
    }
  }

  /** Steps, evaluation, checkpoint, and again, until something ends it. */
  async #segments(coordinator: Coordinator): Promise<EndReason> {
    for (;;) {
      const onEvalGrid = this.#onGrid(this.#config.evalEvery);
      const due =
        this.#prepared.data.evaluation !== undefined &&
        onEvalGrid &&
        this.#progress.evaluatedAt !== this.#progress.step;
      const evaluated = due ? await this.#evaluate(coordinator, true) : 'done';
      const end = evaluated === 'stopped' ? 'stopped' : this.#end();
      if (end === undefined) {
        // Not while steps are bad: with --keep, checkpoints of what is ruined would take the place of good ones.
        const isGood = this.#progress.badInARow === 0;
        if (isGood && this.#onGrid(this.#config.checkpointEvery)) this.#save(false);
        else if (this.#progress.best?.step === this.#progress.step) this.#save(true);
        if ((await this.#steps(coordinator)) === 'done') continue;
        this.#checkBadSteps();
        if (this.#progress.step < this.#prepared.totalSteps) return this.#finish(coordinator, 'stopped');
        await this.#prepared.data.training.seek(this.#progress.epoch, this.#progress.stepInEpoch);
        continue;
      }
      return this.#finish(coordinator, end);
    }
  }

  /** Reports an end that lies between two evaluations, and saves. */
  async #finish(coordinator: Coordinator, reason: EndReason): Promise<EndReason> {
    const { evaluation } = this.#prepared.data;
    if (evaluation && reason !== 'stopped' && this.#progress.measuredAt !== this.#progress.step)
      await this.#evaluate(coordinator, false);
    const failure = reason === 'stopped' ? undefined : this.#mostlyBad();
    if (failure === undefined || this.#progress.badInARow === 0) this.#save(false);
    if (failure) throw failure;
    if (reason !== 'stopped') await this.#sayIfVanishing();
    return reason;
  }

  async #sayIfVanishing(): Promise<void> {
    if (this.#prepared.data.sequences === undefined) return;
    const { vanishingNotice } = await import('./vanishing.js');
    const found = vanishingNotice(this.#prepared, this.#arena, { updates: this.#progress.updates, loss: this.#loss });
    if (found !== undefined) this.#onNotice(found);
  }

  #end(): EndReason | undefined {
    const { epochs, steps = Number.POSITIVE_INFINITY, patience = Number.POSITIVE_INFINITY } = this.#config;
    if (this.#progress.worse >= patience) return 'patience';
    if (this.#progress.step >= steps) return 'steps';
    return epochs !== undefined && this.#progress.epoch >= epochs ? 'epochs' : undefined;
  }

  /** Whether something that is done every so many steps, or at the end of each epoch, is due. */
  #onGrid(every: number | undefined): boolean {
    const { step, epoch, stepInEpoch } = this.#progress;
    if (every === undefined) return stepInEpoch === 0 && epoch > 0;
    return step > 0 && step % every === 0;
  }

  /** Trains up to where the next evaluation or checkpoint may be due. */
  async #steps(coordinator: Coordinator): Promise<'done' | 'stopped'> {
    const { training } = this.#prepared.data;
    const { evalEvery, checkpointEvery, epochs = Number.POSITIVE_INFINITY } = this.#config;
    const { totalSteps } = this.#prepared;
    const feed = new TrainingFeed(training, this.#schedule, this.#progress, {
      untilStep: Math.min(totalSteps, this.#next(evalEvery), this.#next(checkpointEvery)),
      untilEpoch: epochs,
      pausesAtEpochs: evalEvery === undefined || checkpointEvery === undefined,
    });
    let lastMs = performance.timeOrigin + performance.now();
    const outcome = await coordinator.run<FedStep>(
      (slot) => feed.next(slot),
      (fed, result) => {
        this.#heard(fed, result, result.time - lastMs);
        lastMs = result.time;
      },
    );
    const epoch = feed.endedEpochs;
    if (outcome === 'done' && epoch !== undefined) this.#progress = { ...this.#progress, epoch, stepInEpoch: 0 };
    return outcome;
  }

  /** The next step at which something is due that is done every so many steps. */
  #next(every: number | undefined): number {
    return every === undefined ? Number.POSITIVE_INFINITY : (Math.floor(this.#progress.step / every) + 1) * every;
  }

  #heard(
    { epoch, stepInEpoch, step, counted, rate }: FedStep,
    { loss, norm, applied, penalty, density }: StepResult,
    ms: number,
  ): void {
    const { updates, badInARow } = this.#progress;
    const { model, densityTarget } = this.#prepared.layout.shape;
    this.#progress = {
      ...this.#progress,
      ...{ step: step + 1, epoch, stepInEpoch: stepInEpoch + 1 },
      ...(applied ? { updates: updates + 1, badInARow: 0 } : { badInARow: badInARow + 1 }),
      ...(hasZeros(model) ? { densities: density } : {}),
    };
    this.#log.emit({
      event: 'step',
      step: step + 1,
      epoch: epoch + 1,
      loss: applied ? loss : null,
      lr: rate,
      gradNorm: Number.isFinite(norm) ? norm : null,
      tokensPerSecond: this.#log.speed(counted, ms / 1000),
      density,
      ...(densityTarget === undefined ? {} : { activationL1: penalty }),
      ...(applied ? {} : { skipped: true }),
    });
  }

  /** @param counts whether schedule, patience and `best` hear of it; the figures at the end of a run change nothing */
  async #evaluate(coordinator: Coordinator, counts: boolean): Promise<'done' | 'stopped'> {
    const figures = await evaluate(
      coordinator,
      this.#prepared.data.evaluation as Batches,
      this.#prepared.data.predicted ?? 'token',
    );
    if (figures === undefined) return 'stopped';
    const { loss } = figures;
    this.#loss = loss;
    const { step, epoch, stepInEpoch, best, worse } = this.#progress;
    this.#progress = { ...this.#progress, measuredAt: step };
    const isBest = counts && Number.isFinite(loss) && (best === null || loss < best.loss);
    if (counts) {
      this.#schedule.evaluated(loss);
      this.#progress = {
        ...this.#progress,
        evaluatedAt: step,
        plateau: this.#schedule.state,
        worse: isBest ? 0 : worse + 1,
        best: isBest ? { step, loss, only: !this.#onGrid(this.#config.checkpointEvery) } : best,
      };
      if (isBest && best?.only) this.#checkpoints.supersede(best.step);
    }
    this.#log.emit({
      event: 'eval',
      step,
      epoch: Math.max(1, stepInEpoch === 0 ? epoch : epoch + 1),
      ...figures,
      ...(isBest ? { best: true } : {}),
    });
    return 'done';
  }

  /** @param onlyBest the step is no point of the checkpoints' grid */
  #save(onlyBest: boolean): void {
    if (this.#checkpoints.holds(this.#progress)) return;
    const { step, best } = this.#progress;
    // A checkpoint that is kept anyway is not dropped when a better one comes.
    if (!onlyBest && best?.step === step) this.#progress = { ...this.#progress, best: { ...best, only: false } };
    const { data, layout } = this.#prepared;
    const { vocabulary, examples, columns } = data;
    const header = { architecture: layout.shape.model, vocabulary, examples, columns };
    const side = Atomics.load(this.#words, Word.trainingSide);
    // The workers stand still: what they steer by belongs to this step.
    const densityControl = densityControlOf(this.#arena, layout)?.state ?? null;
    this.#progress = { ...this.#progress, densityControl };
    // Before the checkpoint is there: a process that is killed in between would go on from it without these events.
    this.#log.flush();
    const path = this.#checkpoints.save({ arena: this.#arena, layout, header, side }, this.#progress);
    keepConfig(this.#config);
    this.#log.emit({ event: 'checkpoint', step, path });
  }

  #openFolder(): RunLock {
    const { resume } = this.#config;
    const { layout } = this.#prepared;
    const { step } = this.#progress;
    const bytesOf = (states: number): number =>
      layout.parameters.reduce((sum, p) => sum + 4 * elementsOf(p), 0) * states;
    const origin = resume === undefined ? undefined : locateCheckpoint(resume).run;
    const needed = bytesOf(1 + statesOf(layout));
    const lock = this.#lockFolder(origin, needed);
    try {
      const { out, keep } = this.#config;
      this.#checkpoints = new Checkpoints(out, keep);
      const metrics = join(out, METRICS_FILE);
      if (origin !== undefined) takeOver(join(origin, METRICS_FILE), metrics);
      this.#log.open(metrics, resume === undefined ? undefined : step);
      if (resume !== undefined) this.#checkpoints.goOnFrom(resume, this.#progress);
      return lock;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  #lockFolder(origin: string | undefined, checkpointBytes: number): RunLock {
    if (!this.#outIsDefault) return openRunFolder(this.#config, origin, checkpointBytes);
    const { config, lock } = openFreeFolder(this.#config, checkpointBytes);
    this.#config = config;
    return lock;
  }

  /** @throws RunError when the workers stopped by themselves */
  #checkBadSteps(): void {
    const { maxBadSteps } = this.#config;
    const { badInARow, step } = this.#progress;
    if (badInARow < maxBadSteps) return;
    throw new NotFinite(
      `loss or gradient was not finite in ${counted(badInARow, 'step')} in a row, up to step ${step}; a lower --lr or --clip-norm may help`,
    );
  }

  /** A run may end before so many steps in a row are bad. */
  #mostlyBad(): NotFinite | undefined {
    const { step, updates } = this.#progress;
    const bad = step - updates;
    if (2 * bad <= step) return undefined;
    return new NotFinite(
      `loss or gradient was not finite in ${bad} of ${counted(step, 'step')}, as very large inputs make it as well; a lower --lr or --clip-norm may help`,
    );
  }

  /** Once the workers have returned; what a lost one has recorded lies in the arena still. */
  #emitProfile(): void {
    const { profile, out } = this.#config;
    const { layout } = this.#prepared;
    if (!profile) return;
    const at = { out, step: this.#progress.step };
    this.#log.emit(reportProfile({ arena: this.#arena, layout }, at, this.#onNotice));
  }

  #emitProfileOfFailure(): void {
    try {
      this.#emitProfile();
    } catch {
      // What ended the run may end this as well, and is what is told.
    }
  }

  /** What is thrown to the outside: what happened, what is saved, how to go on. */
  #failed(error: unknown): unknown {
    if (!(error instanceof RunError)) return error;
    return new RunError(this.#withSaved(error.message, error instanceof NotFinite), { cause: error });
  }

  /** @param anew at another rate, which a run that goes on cannot take */
  #withSaved(message: string, anew = false): string {
    const { out, lr } = this.#config;
    const { savedStep } = this.#checkpoints;
    if (savedStep === undefined) return `${message}; nothing was saved yet`;
    const from = this.#progress.best === null ? out : join(out, 'best');
    const how = anew
      ? `begin anew from its weights with: unroll train ${inShell(join(out, CONFIG_FILE))} --init-from ${inShell(from)} --lr ${lr / 10} --out NEW`
      : `go on with: unroll train --resume ${inShell(out)}`;
    return `${message}; ${out} holds everything up to step ${savedStep}; ${how}`;
  }
}
