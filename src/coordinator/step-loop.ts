// The life of a worker: waits for records and passes through their phases together with the others.
//
//   PROJECT  |  THROUGH TIME  |  GRADIENT  |  NORM  |  UPDATE  |       "|" is a barrier
//
// Tickets are claimed: any worker may do any tile, and the bits do not depend on who did.
import type { Kernels } from '../kernels/kernels.js';
import { type Arena, Descriptors } from '../memory/arena.js';
import { Phase, type Phases, PhaseTimes, UNTIMED } from '../model/phases.js';
import { Projection } from '../model/projection.js';
import { placeOf, type Share } from '../model/share.js';
import { hasZeros } from '../model/sparsity.js';
import { projects, type WindowViews } from '../model/views.js';
import type { DensityControl } from '../train/density-control.js';
import { Gradients } from '../train/gradients.js';
import { densityControlOf, descriptorNumbers, RECORD_NUMBERS, type RunLayout } from '../train/layout.js';
import { clipFactorOf, type OptimizerSettings } from '../train/optimizer.js';
import type { StepInput } from '../train/step-input.js';
import { StreamState } from '../train/stream-state.js';
import { TableRows } from '../train/table-rows.js';
import { ThroughTime } from '../train/through-time.js';
import { dealInOrder, type Queues, type Ticket } from '../train/tickets.js';
import { Updates } from '../train/updates.js';
import { Aborted, Barrier, waitWhile } from './barrier.js';
import { Claims } from './claims.js';
import { Kept } from './kept.js';
import { beginsAt, EXIT, groupWords, Kind, openPieceWord, Record, Result, STAGE, Stage, Word } from './protocol.js';
import { UpdatePhase } from './update-phase.js';

interface Projecting {
  readonly queues: Queues;
  readonly doUnits: (ticket: Ticket) => void;
}

export class StepLoop {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #barrier: Barrier;
  readonly #claims: Claims;
  readonly #phases: Phases;
  readonly #projections: Readonly<Record<'training' | 'evaluation', Projecting | undefined>>;
  readonly #throughTime: ThroughTime;
  readonly #gradients: Gradients;
  readonly #table: TableRows | undefined;
  readonly #densityControl: DensityControl | undefined;
  readonly #layout: RunLayout;
  readonly #optimizer: OptimizerSettings;
  readonly #update: UpdatePhase;
  readonly #kept: Kept;
  readonly #stage: number;
  readonly #allStreams: StreamState;
  #input: StepInput;
  #rate = 0;
  #record = 0;

  constructor(arena: Arena, kernels: Kernels, layout: RunLayout, optimizer: OptimizerSettings, worker: number) {
    const { shape } = layout;
    this.#words = arena.ints.subarray(layout.control / 4);
    this.#doubles = arena.doubles;
    this.#barrier = new Barrier(this.#words, shape.workers);
    this.#claims = new Claims(this.#words, shape.workers, worker);
    this.#phases = layout.times.length > 0 ? new PhaseTimes(arena, layout.times[worker], shape.workers) : UNTIMED;
    this.#layout = layout;
    this.#optimizer = optimizer;
    this.#kept = new Kept(arena, layout);
    this.#stage = openPieceWord(worker) + STAGE;
    const descriptors = new Descriptors(arena, layout.descriptors[worker], descriptorNumbers(shape.model));
    const projection = (views: WindowViews | undefined) => {
      if (!views?.projected) return undefined;
      const { units, run } = new Projection(kernels, descriptors, shape.model, layout.parameters, views);
      const tickets = Array.from({ length: units }, (_, unit): Ticket => [unit, unit + 1]);
      return { queues: dealInOrder(tickets, shape.workers), doUnits: ([unit]: Ticket) => run(unit) };
    };
    this.#projections = { training: projection(layout.training), evaluation: projection(layout.evaluation) };
    const shares = {
      training: this.#shareOf(worker, shape.streams),
      evaluation: this.#shareOf(worker, shape.evaluationStreams),
    };
    this.#throughTime = new ThroughTime(kernels, descriptors, layout, shares, this.#phases);
    this.#gradients = new Gradients(kernels, descriptors, layout, worker, this.#throughTime.sparsity);
    const updates = new Updates(kernels, descriptors, layout, optimizer, worker);
    this.#table = layout.table && new TableRows(kernels, descriptors, layout, layout.table, optimizer, worker);
    const parts = { updates, table: this.#table, claims: this.#claims, phases: this.#phases };
    this.#update = new UpdatePhase(arena, layout, worker, parts);
    this.#densityControl = densityControlOf(arena, layout);
    this.#allStreams = new StreamState(arena, shape.model, layout.training, [0, shape.streams]);
    this.#input = {
      ...{ tokens: 0, features: 0, entryStarts: 0, entryFeatures: 0, entryValues: 0, targets: 0, outputs: 0 },
      ...{ reset: 0, carry: 0, lengths: 0 },
      steps: 0,
      headFrom: 0,
      counted: 0,
      weight: 0,
      step: 0,
    };
  }

  #shareOf(worker: number, streams: number): Share {
    const { group, ...place } = placeOf(this.#layout.shape.model, streams, this.#layout.shape.workers, worker);
    const barrier = new Barrier(this.#words, place.members, ...groupWords(group));
    return { ...place, sync: place.members > 1 ? () => this.#syncColumns(barrier) : () => {} };
  }

  #syncColumns(barrier: Barrier): void {
    const phase = this.#phases.enter(Phase.timeStepBarrier);
    barrier.pass();
    this.#phases.enter(phase);
  }

  /** Waits until all workers have done what they did in a phase; the last one runs `last`. */
  #meet(phase: number, last?: () => void): void {
    this.#phases.enter(phase);
    this.#barrier.pass(last);
  }

  /** Runs records until the coordinator publishes EXIT, or the run is aborted. @returns records done */
  run(): number {
    // A worker that starts late finds what was published, never what was completed: all pass through a step together.
    let next = Atomics.load(this.#words, Word.completed);
    try {
      while (this.#await(next)) {
        this.step(next);
        next++;
      }
    } catch (error) {
      if (!(error instanceof Aborted)) throw error;
    }
    return next;
  }

  /** Waits for record n. @returns false when there will be none */
  #await(n: number): boolean {
    for (;;) {
      const published = Atomics.load(this.#words, Word.published);
      if (published > n) return true;
      if (published === EXIT) return false;
      waitWhile(this.#words, Word.published, published);
    }
  }

  /** Passes through record n. */
  step(n: number): void {
    this.#record = n;
    const at = this.#layout.records / 8 + (n % this.#layout.slots.length) * RECORD_NUMBERS;
    const slot = this.#layout.slots[n % this.#layout.slots.length];
    const read = (field: number): number => this.#doubles[at + field];
    this.#input = {
      tokens: slot.inputs,
      features: slot.features,
      entryStarts: slot.entryStarts,
      entryFeatures: slot.entryFeatures,
      entryValues: slot.entryValues,
      targets: slot.targets,
      outputs: slot.outputs,
      reset: slot.reset,
      carry: slot.carry,
      lengths: slot.lengths,
      steps: read(Record.steps),
      headFrom: read(Record.headFrom),
      counted: read(Record.counted),
      weight: read(Record.weight),
      step: read(Record.step),
    };
    this.#rate = read(Record.rate);
    if (read(Record.kind) === Kind.evaluate) {
      this.#phases.beginEvaluation();
      this.#evaluate();
    } else {
      this.#phases.beginStep(this.#input.step, read(Record.resumes) === 1);
      // Where a worker was lost in UPDATE, the gradient stands.
      if (beginsAt(n, Atomics.load(this.#words, Word.judged)) === 'update') this.#applyAndCommit();
      else this.#train();
    }
    this.#words[this.#stage] = Stage.wait;
    this.#phases.endRecord();
  }

  #evaluate(): void {
    this.#words[this.#stage] = Stage.evaluation;
    this.#project('evaluation');
    this.#throughTime.evaluate(this.#input, Atomics.load(this.#words, Word.evaluationSide));
    this.#meet(Phase.updateBarrier, this.#commitEvaluation);
  }

  #train(): void {
    const { queues } = this.#layout.work;
    this.#words[this.#stage] = Stage.project;
    if (this.#table) {
      this.#phases.enter(Phase.table);
      this.#table.begin(this.#input, Atomics.load(this.#words, Word.updates) + 1);
      this.#claims.run(queues.chunks, this.#doChunks);
    } else this.#project('training');
    this.#words[this.#stage] = Stage.throughTime;
    this.#throughTime.train(this.#input, Atomics.load(this.#words, Word.trainingSide));
    this.#phases.enter(Phase.weightGradient);
    this.#gradients.begin(this.#input);
    this.#meet(Phase.throughTimeBarrier, this.#placeRows);
    this.#words[this.#stage] = Stage.gradient;
    this.#phases.enter(Phase.weightGradient);
    if (this.#gradients.readsLists) {
      this.#claims.run(queues.listBlocks, this.#doListBlocks);
      this.#meet(Phase.gradientBarrier);
      this.#phases.enter(Phase.weightGradient);
    }
    this.#claims.run(queues.tiles, this.#doTiles);
    if (this.#gradients.tableWaits) {
      this.#meet(Phase.gradientBarrier);
      this.#phases.enter(Phase.weightGradient);
      this.#claims.run(queues.tablePieces, this.#doTablePieces);
    }
    this.#words[this.#stage] = Stage.norm;
    this.#meet(Phase.normBarrier, this.#judge);
    this.#applyAndCommit();
  }

  #applyAndCommit(): void {
    this.#words[this.#stage] = Stage.update;
    this.#phases.enter(Phase.update);
    if (Atomics.load(this.#words, Word.applies))
      this.#update.run(this.#rate, this.#doubles[this.#resultAt(Result.applied)]);
    this.#meet(Phase.updateBarrier, this.#commit);
  }

  /** P = E W_x, where the window has more rows than the vocabulary has tokens. */
  #project(which: 'training' | 'evaluation'): void {
    const projection = this.#projections[which];
    const streams = this.#layout[which]?.streams ?? 0;
    if (!projection || !projects(this.#layout.shape.model, this.#input.steps * streams)) return;
    this.#phases.enter(Phase.inputProduct);
    this.#claims.run(projection.queues, projection.doUnits);
    this.#meet(Phase.projectionBarrier);
  }

  readonly #doListBlocks = ([from, to]: Ticket): void => {
    for (let i = from; i < to; i++) this.#gradients.listBlock(i);
  };

  readonly #doTiles = ([from, to]: Ticket): void => {
    const { tiles } = this.#layout.work;
    for (let i = from; i < to && i < tiles.length; i++) this.#gradients.tile(tiles[i]);
    if (to <= tiles.length) return;
    this.#phases.enter(Phase.table);
    this.#table?.gradient(Math.max(from, tiles.length) - tiles.length, to - tiles.length);
    this.#phases.enter(Phase.weightGradient);
  };

  readonly #doChunks = ([from, to]: Ticket): void => {
    for (let i = from; i < to; i++) this.#table?.deal(i);
  };

  readonly #placeRows = (): void => {
    if (!this.#table) return;
    const phase = this.#phases.enter(Phase.table);
    this.#table.place();
    this.#phases.enter(phase);
  };

  readonly #doTablePieces = ([from, to]: Ticket): void => {
    const { tablePieces } = this.#layout.work;
    for (let i = from; i < to; i++) this.#gradients.tablePiece(tablePieces[i]);
  };

  #resultAt(field: number): number {
    return this.#layout.results / 8 + (this.#record % this.#layout.slots.length) * RECORD_NUMBERS + field;
  }

  #setResult(field: number, value: number): void {
    this.#doubles[this.#resultAt(field)] = value;
  }

  /** What the last worker does before UPDATE: adds up norms and losses in index order, decides whether the step counts. */
  readonly #judge = (): void => {
    const phase = this.#phases.enter(Phase.weightGradient);
    const { work, pieceNorms, shape } = this.#layout;
    this.#kept.keep(this.#record);
    this.#gradients.summedPieces();
    let square = 0;
    for (let i = 0; i < work.pieces.length; i++) square += this.#doubles[pieceNorms / 8 + i];
    const norm = Math.sqrt(square + (this.#table?.squareNorm() ?? 0));
    const loss = this.#sum(this.#layout.streamLosses, shape.streams);
    const applies = Number.isFinite(norm) && Number.isFinite(loss);
    this.#setResult(Result.penalty, this.#throughTime.penalty);
    const density = this.#judgeDensity();
    // A step that is left out steers nothing either.
    if (applies) this.#densityControl?.see(density);
    this.#setResult(Result.loss, loss);
    this.#setResult(Result.hits, this.#sum(this.#layout.streamHits, shape.streams));
    this.#setResult(Result.norm, norm);
    // Where UPDATE finds the factor; more than 0 for every finite norm.
    this.#setResult(Result.applied, applies ? clipFactorOf(norm, this.#optimizer.clipNorm) : 0);
    Atomics.store(this.#words, Word.applies, applies ? 1 : 0);
    Atomics.store(this.#words, Word.judged, this.#record + 1);
    this.#phases.enter(phase);
  };

  /** Notes the density of each layer. @returns their mean */
  #judgeDensity(): number {
    const { streamActive, densities, shape } = this.#layout;
    const { layers, hidden } = shape.model;
    let sum = 0;
    for (let layer = 0; layer < layers; layer++) {
      const active = this.#sum(streamActive + 8 * layer * shape.streams, shape.streams);
      const density = hasZeros(shape.model) ? active / (shape.streams * hidden) : 1;
      this.#setResult(Result.density + layer, density);
      this.#doubles[densities / 8 + layer] = density;
      sum += density;
    }
    return sum / layers;
  }

  readonly #commit = (): void => {
    const phase = this.#phases.enter(Phase.update);
    const words = this.#words;
    const side = Atomics.load(words, Word.trainingSide);
    if (Atomics.load(words, Word.applies)) {
      Atomics.store(words, Word.trainingSide, 1 - side);
      const updates = Atomics.add(words, Word.updates, 1) + 1;
      this.#table?.commit(this.#rate, updates);
      Atomics.store(words, Word.badInARow, 0);
    } else {
      this.#allStreams.resetNotFinite(side);
      if (Atomics.add(words, Word.badInARow, 1) + 1 >= Atomics.load(words, Word.badLimit))
        Atomics.store(words, Word.stop, 1);
    }
    this.#phases.enter(phase);
    this.#complete();
  };

  readonly #commitEvaluation = (): void => {
    this.#kept.keep(this.#record);
    const { shape, streamLosses, streamHits } = this.#layout;
    this.#setResult(Result.loss, this.#sum(streamLosses, shape.evaluationStreams));
    this.#setResult(Result.hits, this.#sum(streamHits, shape.evaluationStreams));
    Atomics.store(this.#words, Word.evaluationSide, 1 - Atomics.load(this.#words, Word.evaluationSide));
    this.#complete();
  };

  #complete(): void {
    const words = this.#words;
    this.#setResult(Result.time, performance.timeOrigin + performance.now());
    // Before `completed` rises: from then on the coordinator may publish again, or EXIT.
    if (Atomics.load(words, Word.stop)) {
      Atomics.store(words, Word.published, this.#record + 1);
      Atomics.store(words, Word.stopped, 1);
    }
    Atomics.store(words, Word.completed, this.#record + 1);
  }

  #sum(view: number, count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.#doubles[view / 8 + i];
    return sum;
  }
}
