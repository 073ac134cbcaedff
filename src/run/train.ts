// A training run from its start to its end: segments of steps between which it evaluates and saves. The only place that sees
// the whole way from config to checkpoint.

import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { Coordinator, type Fed, type Feed, type StepResult } from '../coordinator/coordinator.js';
import { InlineWorker } from '../coordinator/inline-worker.js';
import { type Threads, WorkerPool } from '../coordinator/pool.js';
import { Word } from '../coordinator/protocol.js';
import type { Batches } from '../data/batches.js';
import { RunError, UserError } from '../errors.js';
import { allocate, createKernels, type KernelMemory } from '../kernels/choose.js';
import { Arena } from '../memory/arena.js';
import { canShare, createSharedBuffer } from '../memory/shared-array-buffer.js';
import { elementsOf } from '../model/parameters.js';
import type { EndReason, TrainEvent } from '../report/events.js';
import { bytes } from '../report/format.js';
import { MetricsFile } from '../report/metrics-file.js';
import { statesOf } from '../train/layout.js';
import { Schedule } from '../train/schedule.js';
import { Checkpoints, locateCheckpoint } from './checkpoints.js';
import type { TrainingData } from './data.js';
import { measured } from './measured.js';
import { type Prepared, planEvent, prepare } from './plan.js';
import type { RunProgress } from './progress.js';
import { METRICS_FILE, openRunFolder, takeOver } from './run-folder.js';
import { start } from './start.js';

export interface RunOptions {
  readonly data?: TrainingData;
  /** Stops the run after the step that is under way, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Warnings, and news that are no events. */
  readonly onNotice?: (message: string) => void;
  /** For the workers, where some were started before the rest was loaded; the run ends them. */
  readonly threads?: Threads;
}

export interface TrainOutcome {
  readonly reason: EndReason;
  /** Steps done. */
  readonly step: number;
  /** The run's last checkpoint. */
  readonly path: string;
}

/**
 * Trains as `config` says, in the folder `config.out`.
 *
 * @throws UserError for data or settings that cannot be trained on, before anything is written
 * @throws RunError for what fails on the way; the message names the last checkpoint
 */
export async function runTraining(config: Config, options: RunOptions = {}): Promise<TrainOutcome> {
  const prepared = await prepare(config, options.data);
  try {
    const memory = allocateArena(prepared);
    const training = new Training(prepared, memory, options);
    return await training.run();
  } finally {
    await prepared.data.close();
  }
}

function allocateArena({ choice, layout }: Prepared): KernelMemory {
  try {
    return allocate(choice.name, layout.bytes, createSharedBuffer);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      `--hidden: the plan needs ${bytes(layout.bytes)} in one piece, which the system does not give; lower --hidden, --batch or --window`,
    );
  }
}

/** A training step on its way to the workers: where its batch comes from. */
interface FedStep extends Fed {
  readonly epoch: number;
  readonly stepInEpoch: number;
}

class Training {
  readonly #config: Config;
  readonly #prepared: Prepared;
  readonly #arena: Arena;
  readonly #memory: KernelMemory;
  readonly #words: Int32Array;
  readonly #schedule: Schedule;
  readonly #onEvent: (event: TrainEvent) => void;
  readonly #onNotice: (message: string) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #checkpoints: Checkpoints;
  readonly #threads: Threads | undefined;
  #metrics: MetricsFile | undefined;
  #progress: RunProgress;
  /** Of training steps after the process's first one. */
  #timedTokens = 0;
  #timedSeconds = 0;
  #firstStep: number;

  constructor(prepared: Prepared, memory: KernelMemory, { onEvent, onNotice, signal, threads }: RunOptions) {
    const { config, layout, data, totalSteps } = prepared;
    this.#config = config;
    this.#prepared = prepared;
    this.#memory = memory;
    this.#arena = new Arena(memory.buffer, layout.shape.floatBytes);
    this.#words = this.#arena.ints.subarray(layout.control / 4);
    this.#onEvent = onEvent ?? (() => {});
    this.#onNotice = onNotice ?? (() => {});
    this.#signal = signal;
    this.#threads = threads;
    this.#checkpoints = new Checkpoints(config.out);
    this.#progress = start(config, data.vocabulary, this.#arena, layout);
    this.#firstStep = this.#progress.step;
    this.#checkResumed();
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
    const startMs = performance.now();
    const { layout } = this.#prepared;
    this.#openFolder();
    let pool: WorkerPool | InlineWorker | undefined;
    let coordinator: Coordinator | undefined;
    try {
      this.#emit(planEvent(this.#prepared, this.#progress.step));
      pool = this.#startWorkers();
      coordinator = new Coordinator(this.#arena, layout, pool.failure, this.#config.maxBadSteps);
      const reason = await this.#stoppable(coordinator);
      coordinator.exit();
      await pool.close();
      this.#emitDone(reason, (performance.now() - startMs) / 1000);
      return { reason, step: this.#progress.step, path: this.#checkpoints.latestPath };
    } catch (error) {
      coordinator?.abort();
      await pool?.close();
      throw this.#failed(error);
    } finally {
      this.#metrics?.close();
    }
  }

  #startWorkers(): WorkerPool | InlineWorker {
    const { choice, layout, optimizer } = this.#prepared;
    const { shape } = layout;
    if (!canShare()) {
      return new InlineWorker(this.#arena, createKernels(choice.name, this.#memory, 0), layout, optimizer);
    }
    const task = { kernels: choice.name, memory: this.#memory, shape, optimizer };
    return new WorkerPool(shape.workers, task, this.#threads);
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
        if (this.#onGrid(this.#config.checkpointEvery)) this.#save(false);
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
    this.#save(false);
    return reason;
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
    const pausesAtEpochs = evalEvery === undefined || checkpointEvery === undefined;
    const until = Math.min(totalSteps, this.#next(evalEvery), this.#next(checkpointEvery));
    let { step, epoch, stepInEpoch } = this.#progress;
    let epochEnded = false;
    let lastMs = performance.timeOrigin + performance.now();
    const feed: Feed<FedStep> = async (slot) => {
      if (step >= until && stepInEpoch !== training.stepsPerEpoch) return undefined;
      let dealt = await training.next(slot);
      if (!dealt) {
        epoch++;
        stepInEpoch = 0;
        epochEnded = true;
        if (pausesAtEpochs || epoch >= epochs || step >= until) return undefined;
        epochEnded = false;
        dealt = await training.next(slot);
        if (!dealt) throw new UserError('sequences: there are none in the next epoch');
      }
      const fed = {
        kind: 'train',
        ...dealt,
        rate: this.#schedule.rate(step, epoch),
        step,
        epoch,
        stepInEpoch,
      } as const;
      step++;
      stepInEpoch++;
      return fed;
    };
    const outcome = await coordinator.run(feed, (fed, result) => {
      this.#heard(fed, result, result.time - lastMs);
      lastMs = result.time;
    });
    if (outcome === 'done' && epochEnded) this.#progress = { ...this.#progress, epoch, stepInEpoch: 0 };
    return outcome;
  }

  /** The next step at which something is due that is done every so many steps. */
  #next(every: number | undefined): number {
    return every === undefined ? Number.POSITIVE_INFINITY : (Math.floor(this.#progress.step / every) + 1) * every;
  }

  #heard(
    { epoch, stepInEpoch, step, counted, rate }: FedStep,
    { loss, norm, applied, density }: StepResult,
    ms: number,
  ): void {
    const { updates, badInARow } = this.#progress;
    this.#progress = {
      ...this.#progress,
      ...{ step: step + 1, epoch, stepInEpoch: stepInEpoch + 1 },
      ...(applied ? { updates: updates + 1, badInARow: 0 } : { badInARow: badInARow + 1 }),
    };
    if (step > this.#firstStep) {
      this.#timedTokens += counted;
      this.#timedSeconds += ms / 1000;
    }
    this.#emit({
      event: 'step',
      step: step + 1,
      epoch: epoch + 1,
      loss: applied ? loss : null,
      lr: rate,
      gradNorm: Number.isFinite(norm) ? norm : null,
      tokensPerSecond: counted / Math.max(ms / 1000, 1e-9),
      density,
      ...(applied ? {} : { skipped: true }),
    });
  }

  /** @param counts whether schedule, patience and `best` hear of it; the figures at the end of a run change nothing */
  async #evaluate(coordinator: Coordinator, counts: boolean): Promise<'done' | 'stopped'> {
    const evaluation = this.#prepared.data.evaluation as Batches;
    await evaluation.seek(0, 0);
    let [lossSum, hits, counted] = [0, 0, 0];
    const feed: Feed<Fed> = async (slot) => {
      const dealt = await evaluation.next(slot);
      return dealt && { kind: 'evaluate', ...dealt, rate: 0, step: 0 };
    };
    const outcome = await coordinator.run(feed, (fed, result) => {
      lossSum += result.lossSum;
      hits += result.hits;
      counted += fed.counted;
    });
    if (outcome === 'stopped') return outcome;
    const { step, epoch, stepInEpoch, best, worse } = this.#progress;
    const loss = lossSum / counted;
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
    this.#emit({
      event: 'eval',
      step,
      epoch: Math.max(1, stepInEpoch === 0 ? epoch : epoch + 1),
      ...measured(lossSum, hits, counted),
      ...(isBest ? { best: true } : {}),
    });
    return outcome;
  }

  /** @param onlyBest the step is no point of the checkpoints' grid */
  #save(onlyBest: boolean): void {
    if (this.#checkpoints.holds(this.#progress)) return;
    const { step, best } = this.#progress;
    // A checkpoint that is kept anyway is not dropped when a better one comes.
    if (!onlyBest && best?.step === step) this.#progress = { ...this.#progress, best: { ...best, only: false } };
    const { data, layout } = this.#prepared;
    const header = { architecture: layout.shape.model, vocabulary: data.vocabulary };
    const side = Atomics.load(this.#words, Word.trainingSide);
    const path = this.#checkpoints.save({ arena: this.#arena, layout, header, side }, this.#progress);
    this.#emit({ event: 'checkpoint', step, path });
  }

  #openFolder(): void {
    const { out, resume } = this.#config;
    const { layout } = this.#prepared;
    const { step } = this.#progress;
    const bytesOf = (states: number): number =>
      layout.parameters.reduce((sum, p) => sum + 4 * elementsOf(p), 0) * states;
    const origin = resume === undefined ? undefined : locateCheckpoint(resume).run;
    openRunFolder(this.#config, origin, bytesOf(1 + statesOf(layout)));
    const metrics = join(out, METRICS_FILE);
    if (origin !== undefined) takeOver(join(origin, METRICS_FILE), metrics);
    this.#metrics = MetricsFile.open(metrics, resume === undefined ? {} : { resumeStep: step });
    if (resume !== undefined) this.#checkpoints.goOnFrom(resume, this.#progress);
  }

  #checkResumed(): void {
    const { resume } = this.#config;
    const { data, choice } = this.#prepared;
    const { trainingTokens, kernels, step } = this.#progress;
    if (resume !== undefined && trainingTokens !== data.trainingTokens) {
      throw new UserError(
        `--resume: ${resume} learned ${trainingTokens} tokens, the text has ${data.trainingTokens} now; give the text that it had, or begin a new run with --init-from`,
      );
    }
    if (kernels !== null && kernels !== choice.name) {
      this.#onNotice(
        `the run used ${kernels} kernels up to step ${step}; ${choice.name} kernels round otherwise, so the bits will differ`,
      );
    }
    this.#progress = { ...this.#progress, trainingTokens: data.trainingTokens, kernels: choice.name };
  }

  /** @throws RunError when the workers stopped by themselves */
  #checkBadSteps(): void {
    const { maxBadSteps } = this.#config;
    const { badInARow, step } = this.#progress;
    if (badInARow < maxBadSteps) return;
    throw new RunError(
      `loss or gradient was not finite in ${badInARow} steps in a row, up to step ${step}; a lower --lr or --clip-norm may help`,
    );
  }

  #emit(event: TrainEvent): void {
    this.#metrics?.write(event);
    this.#onEvent(event);
  }

  #emitDone(reason: EndReason, seconds: number): void {
    const tokensPerSecond = this.#timedSeconds > 0 ? this.#timedTokens / this.#timedSeconds : 0;
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    this.#emit({ event: 'done', step: this.#progress.step, seconds, tokensPerSecond, peakBytes, reason });
  }

  /** What is thrown to the outside: what happened, what is saved, how to go on. */
  #failed(error: unknown): unknown {
    if (!(error instanceof RunError)) return error;
    const { out } = this.#config;
    const { savedStep } = this.#checkpoints;
    const saved =
      savedStep === undefined
        ? 'nothing was saved yet'
        : `${out} holds everything up to step ${savedStep}; go on with: unroll train --resume ${out}`;
    return new RunError(`${error.message}; ${saved}`, { cause: error });
  }
}
