// Deals sequences of token numbers: each stream takes one sequence after another, from a zero state, in the order in
// which they come. A sequence longer than a window goes over several, its state carried.

import { UserError } from '../errors.js';
import { type Batches, type BatchSlot, type Dealt, NO_TARGET, windowAt } from './batches.js';
import type { StreamOptions } from './streams.js';
import { MAX_TOKENS } from './vocabulary.js';

export type Sequence = ArrayLike<number>;
export type Sequences = Iterable<Sequence> | AsyncIterable<Sequence>;
/** A function is called for each epoch (from 0): it may give another order each time, and the same when called again. */
export type SequenceSource = Sequences | ((epoch: number) => Sequences);

export interface SequenceOptions extends StreamOptions {
  /** V: tokens are 0 .. V-1. */
  readonly vocabularySize: number;
}

/** A sequence on its way through windows, in one stream. */
interface Reading {
  tokens: Sequence;
  /** Windows dealt of it. */
  windows: number;
}

export class SequenceBatches implements Batches {
  readonly streams: number;
  readonly maxWindow: number;
  readonly stepsPerEpoch: number | undefined;
  readonly #source: SequenceSource;
  readonly #stride: number;
  readonly #vocabularySize: number;
  /** [B] what each stream reads. */
  readonly #reading: (Reading | undefined)[];
  /** Sequences that were taken from the source and wait for a stream. */
  #waiting: Sequence[] = [];
  #iterator: Iterator<Sequence> | AsyncIterator<Sequence> | undefined;
  #ended = false;
  /** The source was asked for a sequence and has not answered yet. */
  #asking = false;
  #epoch = 0;
  #taken = 0;
  #useful = 0;
  #dealtInEpoch = 0;

  constructor(source: SequenceSource, { batch, window, stride, vocabularySize }: SequenceOptions) {
    if (Array.isArray(source)) checkSequences(source, vocabularySize);
    this.#source = source;
    this.streams = batch;
    this.#vocabularySize = vocabularySize;
    this.maxWindow = window === 'full' ? longestInputs(source) : window;
    this.#stride = stride === 'full' ? this.maxWindow : stride;
    this.#reading = new Array<Reading | undefined>(batch).fill(undefined);
    this.stepsPerEpoch = Array.isArray(source) ? countSteps(source, batch, this.#stride) : undefined;
  }

  next(slot: BatchSlot): Dealt | undefined | Promise<Dealt | undefined> {
    const filling = this.#fill();
    return filling === undefined ? this.#deal(slot) : filling.then(() => this.#deal(slot));
  }

  seek(epoch: number, stepInEpoch: number): void | Promise<void> {
    if (epoch === this.#epoch && stepInEpoch === this.#dealtInEpoch) return;
    this.#begin(epoch);
    return this.#skip(stepInEpoch);
  }

  /** Tells a source that is left before its end, so that it can let go of what it holds. */
  async close(): Promise<void> {
    const iterator = this.#iterator;
    const left = iterator !== undefined && !this.#ended;
    this.#begin(this.#epoch);
    if (!left) return;
    const released = Promise.resolve(iterator.return?.());
    // A generator lets go only after it has answered, which may be never.
    if (this.#asking) released.catch(() => {});
    else await released;
  }

  /** Goes on without writing anything; asynchronous from where the source is. */
  #skip(steps: number): void | Promise<void> {
    for (let left = steps; left > 0; left--) {
      const filling = this.#fill();
      if (filling !== undefined) {
        return filling.then(() => {
          this.#skipOne();
          return this.#skip(left - 1);
        });
      }
      this.#skipOne();
    }
  }

  #skipOne(): void {
    if (this.#place() === 0) throw new UserError(`the sequences end before the step at which the run was saved`);
    this.#advance();
  }

  #begin(epoch: number): void {
    this.#iterator = undefined;
    this.#waiting = [];
    this.#reading.fill(undefined);
    this.#ended = false;
    this.#epoch = epoch;
    this.#taken = 0;
    this.#useful = 0;
    this.#dealtInEpoch = 0;
  }

  /** Takes as many sequences as there are streams without one, if the source has them. */
  #fill(): Promise<void> | undefined {
    const idle = this.#reading.filter((reading) => reading === undefined || this.#isRead(reading)).length;
    while (!this.#ended && this.#waiting.length < idle) {
      this.#iterator ??= iteratorOf(typeof this.#source === 'function' ? this.#source(this.#epoch) : this.#source);
      const result = this.#iterator.next();
      if ('then' in result) return this.#fillLater(result, idle);
      this.#take(result);
    }
    return undefined;
  }

  async #fillLater(first: Promise<IteratorResult<Sequence>>, idle: number): Promise<void> {
    this.#take(await this.#answer(first));
    while (!this.#ended && this.#waiting.length < idle) {
      this.#take(await this.#answer((this.#iterator as AsyncIterator<Sequence>).next()));
    }
  }

  async #answer<T>(asked: Promise<T>): Promise<T> {
    this.#asking = true;
    const answer = await asked;
    this.#asking = false;
    return answer;
  }

  #take(result: IteratorResult<Sequence>): void {
    if (result.done) {
      this.#ended = true;
      return;
    }
    checkSequence(result.value, this.#taken++, this.#vocabularySize);
    if (inputsOf(result.value) === 0) return;
    this.#useful++;
    // A generator may fill one array again and again; what lies in memory already is not copied.
    this.#waiting.push(Array.isArray(this.#source) ? result.value : Int32Array.from(result.value));
  }

  #isRead(reading: Reading): boolean {
    return reading.windows * this.#stride >= inputsOf(reading.tokens);
  }

  /** Gives each stream something to read, as far as there is; returns how many streams have. */
  #place(): number {
    let busy = 0;
    for (let s = 0; s < this.streams; s++) {
      const reading = this.#reading[s];
      if (reading === undefined || this.#isRead(reading)) {
        const tokens = this.#waiting.shift();
        this.#reading[s] = tokens === undefined ? undefined : { tokens, windows: 0 };
      }
      if (this.#reading[s] !== undefined) busy++;
    }
    return busy;
  }

  #advance(): void {
    for (const reading of this.#reading) {
      if (reading !== undefined) reading.windows++;
    }
    this.#dealtInEpoch++;
  }

  #deal(slot: BatchSlot): Dealt | undefined {
    if (this.#place() === 0) {
      if (this.#useful === 0) throw this.#nothing();
      this.#begin(this.#epoch + 1);
      return undefined;
    }
    const steps = this.#reading.reduce((most, reading) => Math.max(most, this.#lengthOf(reading)), 0);
    let counted = 0;
    for (let s = 0; s < this.streams; s++) counted += this.#dealStream(slot, s, steps);
    this.#advance();
    return { steps, counted };
  }

  /** Steps of a stream's window, without what lies past the end of the sequence. */
  #lengthOf(reading: Reading | undefined): number {
    if (reading === undefined) return 0;
    const { start, end } = windowAt(reading.windows, this.#stride, this.maxWindow);
    return Math.min(end, inputsOf(reading.tokens)) - start;
  }

  /** Writes one stream's column; returns how many of its targets count. */
  #dealStream(slot: BatchSlot, s: number, steps: number): number {
    const { streams } = this;
    const reading = this.#reading[s];
    const { start, fresh, nextStart } = windowAt(reading?.windows ?? 0, this.#stride, this.maxWindow);
    const length = this.#lengthOf(reading);
    let counted = 0;
    for (let t = 0; t < steps; t++) {
      const filled = reading !== undefined && t < length;
      const counts = filled && start + t >= fresh;
      slot.inputs[t * streams + s] = filled ? reading.tokens[start + t] : 0;
      slot.targets[t * streams + s] = counts ? reading.tokens[start + t + 1] : NO_TARGET;
      if (counts) counted++;
    }
    slot.reset[s] = reading === undefined || reading.windows === 0 ? 1 : 0;
    // Where the sequence ends here the next one resets, and any state will do.
    slot.carry[s] = Math.min(nextStart - start, steps);
    return counted;
  }

  #nothing(): UserError {
    if (this.#taken > 0)
      return new UserError(`sequences: none of the ${this.#taken} has the two tokens that one prediction needs`);
    const again =
      this.#epoch === 0
        ? ''
        : ' (what can be iterated only once: give a function that returns a new iterable for each epoch)';
    return new UserError(`sequences: there are none in epoch ${this.#epoch + 1}${again}`);
  }
}

/** The number of tokens 0 .. V-1 of sequences in memory: one more than the largest. */
export function vocabularySizeOf(sequences: readonly Sequence[]): number {
  checkSequences(sequences, MAX_TOKENS);
  let largest = -1;
  for (const sequence of sequences) {
    for (let i = 0; i < sequence.length; i++) largest = Math.max(largest, sequence[i]);
  }
  return largest + 1;
}

function inputsOf(sequence: Sequence): number {
  return Math.max(0, sequence.length - 1);
}

function checkSequences(sequences: readonly Sequence[], size: number): void {
  for (const [index, sequence] of sequences.entries()) checkSequence(sequence, index, size);
}

function checkSequence(sequence: Sequence, index: number, size: number): void {
  if (sequence === null || typeof sequence !== 'object' || !Number.isInteger(sequence.length)) {
    throw new UserError(`sequences: number ${index} (from 0) is no array of token numbers`);
  }
  for (let i = 0; i < sequence.length; i++) {
    const token = sequence[i];
    if (Number.isInteger(token) && token >= 0 && token < size) continue;
    throw new UserError(
      `sequences: ${String(token)} is not allowed at [${index}][${i}]; tokens are whole numbers, 0 to ${size - 1}`,
    );
  }
}

function iteratorOf(sequences: Sequences): Iterator<Sequence> | AsyncIterator<Sequence> {
  if (sequences !== null && typeof sequences === 'object') {
    if (Symbol.asyncIterator in sequences) return sequences[Symbol.asyncIterator]();
    if (Symbol.iterator in sequences) return sequences[Symbol.iterator]();
  }
  throw new UserError('sequences: they must be an iterable of arrays of token numbers, or a function that returns one');
}

function longestInputs(source: SequenceSource): number {
  if (!Array.isArray(source)) {
    throw new UserError(
      '--window: full is not allowed where sequences come one by one; give the largest number of steps',
    );
  }
  return Math.max(
    1,
    source.reduce((most: number, sequence: Sequence) => Math.max(most, inputsOf(sequence)), 0),
  );
}

/** Steps of an epoch: streams take sequences in order as they become free. */
function countSteps(sequences: readonly Sequence[], streams: number, stride: number): number {
  const waiting = sequences.map((sequence) => Math.ceil(inputsOf(sequence) / stride)).filter((windows) => windows > 0);
  const left = new Array<number>(streams).fill(0);
  let next = 0;
  let steps = 0;
  for (;;) {
    for (let s = 0; s < streams && next < waiting.length; s++) {
      if (left[s] === 0) left[s] = waiting[next++];
    }
    if (left.every((windows) => windows === 0)) return steps;
    for (let s = 0; s < streams; s++) left[s] = Math.max(0, left[s] - 1);
    steps++;
  }
}
