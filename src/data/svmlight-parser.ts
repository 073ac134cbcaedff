// Parses lines of svmlight's format into columns: label [qid:N] index:value index:value ... # comment.
// It is given whole lines, chunk by chunk; the features keep the file's indices.

import type { UserError } from '../errors.js';
import type { Entries } from './feature-numbers.js';
import { Growing } from './growing.js';
import type { ExampleLabels } from './sparse-examples.js';
import type { LabelReader } from './svmlight-labels.js';
import { COLON, Scanner } from './svmlight-scanner.js';

export interface ParserOptions {
  readonly zeroBased: boolean;
  /** Entries of a file; where they begin is a 32-bit number. */
  readonly maxEntries: number;
}

export interface Parsed extends Entries {
  readonly labels: ExampleLabels;
  /** [rows] where the lines have qids. */
  readonly groups: Float64Array | undefined;
}

/** A line is held in memory whole. Half a million features fit in; a file without line ends is no file of examples. */
export const MAX_LINE_BYTES = 4 << 20;
/** Indices and numbers of features are 32-bit numbers. */
const MAX_INDEX = 2 ** 31 - 1;
/** The shortest entry, with the space before it: ` 1:1`. */
const ENTRY_BYTES = 4;
const QID = 'qid:';
/** A Set holds 2^24 at the most, and takes 0.5 GB for half of them. */
const MAX_GROUPS = 2 ** 23;

export class SvmlightParser {
  readonly #scanner: Scanner;
  readonly #labels: LabelReader;
  readonly #options: ParserOptions;
  readonly #starts: Growing<Int32Array>;
  readonly #features: Growing<Int32Array>;
  readonly #values: Growing<Float32Array>;
  readonly #groups: Growing<Float64Array>;
  readonly #seenGroups = new Set<number>();
  #group = -1;
  #examples = 0;

  /** @param source what messages call a file that is too large */
  constructor(path: string, source: string, labels: LabelReader, options: ParserOptions) {
    this.#scanner = new Scanner(path);
    this.#labels = labels;
    this.#options = options;
    this.#starts = new Growing((length) => new Int32Array(length), source);
    this.#features = new Growing((length) => new Int32Array(length), source);
    this.#values = new Growing((length) => new Float32Array(length), source);
    this.#groups = new Growing((length) => new Float64Array(length), source);
    this.#starts.push(0);
  }

  /** Parses the lines in bytes[0, length), each with its newline. */
  parse(bytes: Uint8Array, length: number): void {
    const room = Math.ceil(length / ENTRY_BYTES);
    const features = this.#features.reserve(room);
    const values = this.#values.reserve(room);
    const scanner = this.#scanner;
    scanner.bytes = bytes;
    scanner.at = 0;
    while (scanner.at < length) {
      const start = scanner.at;
      scanner.startLine();
      if (scanner.toWord()) this.#example(scanner.at > start, features, values);
      scanner.endLine();
    }
  }

  /** Refuses the line behind those that were parsed. */
  lineTooLong(): UserError {
    this.#scanner.at = 0;
    this.#scanner.startLine();
    return this.#scanner.errorAt(
      0,
      `the line is longer than ${MAX_LINE_BYTES >> 20} MiB, which is the most; is this a file of examples?`,
    );
  }

  finish(): Parsed {
    return {
      starts: this.#starts.taken(),
      features: this.#features.taken(),
      values: this.#values.taken(),
      labels: this.#labels.finish(),
      groups: this.#groups.length > 0 ? this.#groups.taken() : undefined,
    };
  }

  #example(indented: boolean, features: Int32Array, values: Float32Array): void {
    const scanner = this.#scanner;
    this.#labels.read(scanner, indented);
    scanner.toWord();
    this.#readGroup();
    const entries = this.#readEntries(features, values, this.#features.length);
    if (entries > this.#options.maxEntries) {
      throw scanner.refusal(
        scanner.at,
        `the file has more than ${this.#options.maxEntries} index:value pairs up to here, which is the most; give a part of it`,
      );
    }
    this.#features.length = entries;
    this.#values.length = entries;
    this.#starts.push(entries);
    this.#examples++;
  }

  #readGroup(): void {
    const scanner = this.#scanner;
    const from = scanner.at;
    if (!scanner.skip(QID)) {
      if (this.#groups.length > 0) {
        throw scanner.refusal(from, 'the line has no qid, and those before have; give one to all lines or to none');
      }
      return;
    }
    if (this.#groups.length < this.#examples) {
      throw scanner.refusal(from, 'the line has a qid, and those before have none; give one to all lines or to none');
    }
    const group = scanner.whole();
    if (group < 0 || group > Number.MAX_SAFE_INTEGER || !scanner.atBreak()) {
      throw scanner.refusal(
        from,
        `${scanner.word(from)} is not allowed; a qid is a whole number, 0 to ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    if (group !== this.#group || this.#examples === 0) this.#beginGroup(group, from);
    this.#groups.push(group);
  }

  #beginGroup(group: number, from: number): void {
    if (this.#seenGroups.has(group)) {
      throw this.#scanner.refusal(from, `qid ${group} comes again after others; put its lines together`);
    }
    if (this.#seenGroups.size === MAX_GROUPS) {
      throw this.#scanner.refusal(from, `qid ${group} is one too many; ${MAX_GROUPS} different ones are allowed`);
    }
    this.#seenGroups.add(group);
    this.#group = group;
  }

  /** Reads the rest of the line into the arrays, from `count` on. @returns where it ends there */
  #readEntries(features: Int32Array, values: Float32Array, count: number): number {
    const scanner = this.#scanner;
    const { bytes } = scanner;
    const least = this.#options.zeroBased ? 0 : 1;
    let last = least - 1;
    let entries = count;
    while (scanner.toWord()) {
      const from = scanner.at;
      const index = scanner.whole();
      if (index <= last || index > MAX_INDEX || bytes[scanner.at] !== COLON) throw this.#badIndex(from, index, last);
      scanner.at++;
      const value = Math.fround(scanner.number());
      if (!Number.isFinite(value) || !scanner.atBreak()) throw this.#badValue(from);
      features[entries] = index;
      values[entries++] = value;
      last = index;
    }
    return entries;
  }

  #badIndex(from: number, index: number, last: number): UserError {
    const scanner = this.#scanner;
    const least = this.#options.zeroBased ? 0 : 1;
    const allowed = `indices are whole numbers, ${least} to ${MAX_INDEX}`;
    const word = scanner.word(from);
    if (index < 0 || scanner.bytes[scanner.at] !== COLON) {
      const found = word.startsWith('"qid:') ? 'a qid stands before the first pair' : allowed;
      return scanner.refusal(from, `${word} is not allowed; after the label come pairs index:value, and ${found}`);
    }
    if (index > MAX_INDEX) return scanner.refusal(from, `${word} is not allowed; ${allowed}`);
    if (index < least) {
      return scanner.refusal(from, `index 0 is not allowed; ${allowed}, and --zero-based allows 0`);
    }
    if (index === last) return scanner.refusal(from, `index ${index} comes twice; a line has each once`);
    return scanner.refusal(from, `index ${index} comes after ${last}; the indices of a line ascend: sort them`);
  }

  #badValue(from: number): UserError {
    const scanner = this.#scanner;
    return scanner.refusal(
      from,
      `${scanner.word(from)} is not allowed; the value of a pair is a finite number such as 3, -0.5 or 1e-3, up to 3.4e38`,
    );
  }
}
