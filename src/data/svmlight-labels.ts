// The labels of svmlight lines, of three kinds: one class a line, any number of labels, or numbers to predict.

import { Growing } from './growing.js';
import type { ExampleLabels, LabelSpace } from './sparse-examples.js';
import { COMMA, type Scanner } from './svmlight-scanner.js';

export type Labels = 'classes' | 'multilabel' | 'numbers';

/** Each class has a row of weights, and more are hardly meant: numbers to predict that were taken for classes. */
const MAX_CLASSES = 1 << 20;
/** Names that a message lists. */
const LISTED = 6;

export interface LabelReader {
  /** Reads the label of one line, whose first word the scanner stands at. `indented`: white space is before it. */
  read(scanner: Scanner, indented: boolean): void;
  finish(): ExampleLabels;
}

/** @param known the labels of a model, where the lines are for one; @param source names the file where it is too large */
export function labelReader(labels: Labels, source: string, known?: LabelSpace): LabelReader {
  if (labels === 'numbers') return new NumberReader(source, known?.kind === 'numbers' ? known.outputs : undefined);
  const names = new LabelNames(known === undefined || known.kind === 'numbers' ? undefined : known.names);
  return labels === 'classes' ? new ClassReader(names, source) : new MultilabelReader(names, source);
}

const int32 = (length: number): Int32Array => new Int32Array(length);
const float32 = (length: number): Float32Array => new Float32Array(length);

class ClassReader implements LabelReader {
  readonly #names: LabelNames;
  readonly #classes: Growing<Int32Array>;

  constructor(names: LabelNames, source: string) {
    this.#names = names;
    this.#classes = new Growing(int32, source);
  }

  read(scanner: Scanner): void {
    const from = scanner.at;
    const label = scanner.number();
    if (!Number.isFinite(label) || !scanner.atBreak()) {
      throw badLabel(scanner, from, 'a line begins with the number of one class, such as +1, -1 or 3');
    }
    this.#classes.push(this.#names.numberOf(label, scanner, from));
  }

  finish(): ExampleLabels {
    const classes = this.#classes.taken();
    return { kind: 'classes', names: this.#names.sort(classes), classes };
  }
}

class MultilabelReader implements LabelReader {
  readonly #names: LabelNames;
  readonly #starts: Growing<Int32Array>;
  readonly #classes: Growing<Int32Array>;
  /** By label: the line that had it last, which shows what a line has twice. */
  readonly #lines: number[] = [];

  constructor(names: LabelNames, source: string) {
    this.#names = names;
    this.#starts = new Growing(int32, source);
    this.#classes = new Growing(int32, source);
    this.#starts.push(0);
  }

  read(scanner: Scanner, indented: boolean): void {
    if (!indented && !scanner.atPair()) this.#readList(scanner);
    this.#starts.push(this.#classes.length);
  }

  #readList(scanner: Scanner): void {
    const list = scanner.at;
    for (;;) {
      const from = scanner.at;
      const label = scanner.number();
      const more = scanner.bytes[scanner.at] === COMMA;
      if (!Number.isFinite(label) || !(more || scanner.atBreak())) {
        throw badLabel(
          scanner,
          list,
          'labels are numbers with commas between them, such as 1,4,7; white space for none',
        );
      }
      const number = this.#names.numberOf(label, scanner, from);
      if (this.#lines[number] === scanner.line) {
        throw scanner.refusal(from, `the line has the label ${label} twice; give each once`);
      }
      this.#lines[number] = scanner.line;
      this.#classes.push(number);
      if (!more) return;
      scanner.at++;
    }
  }

  finish(): ExampleLabels {
    const classes = this.#classes.taken();
    return { kind: 'multilabel', names: this.#names.sort(classes), starts: this.#starts.taken(), classes };
  }
}

class NumberReader implements LabelReader {
  readonly #values: Growing<Float32Array>;
  readonly #ofModel: boolean;
  /** K: 0 until a line has shown it. */
  #outputs: number;

  constructor(source: string, outputs: number | undefined) {
    this.#values = new Growing(float32, source);
    this.#ofModel = outputs !== undefined;
    this.#outputs = outputs ?? 0;
  }

  read(scanner: Scanner): void {
    const from = scanner.at;
    let count = 0;
    for (let more = true; more; count++) {
      const value = Math.fround(scanner.number());
      more = scanner.bytes[scanner.at] === COMMA;
      if (!Number.isFinite(value) || !(more || scanner.atBreak())) {
        throw badLabel(scanner, from, 'a line begins with finite numbers with commas between them, up to 3.4e38');
      }
      this.#values.push(value);
      if (more) scanner.at++;
    }
    if (this.#outputs === 0) this.#outputs = count;
    if (count === this.#outputs) return;
    const expected = this.#ofModel ? `the model predicts ${this.#outputs}` : `the lines before have ${this.#outputs}`;
    throw scanner.refusal(
      from,
      `the line has ${count === 1 ? '1 number' : `${count} numbers`} to predict; ${expected}`,
    );
  }

  finish(): ExampleLabels {
    return { kind: 'numbers', outputs: this.#outputs, values: this.#values.taken() };
  }
}

function badLabel(scanner: Scanner, from: number, allowed: string): Error {
  scanner.at = from;
  const found = scanner.atPair() ? 'the line has no label' : `${scanner.word(from)} is not allowed`;
  return scanner.refusal(from, `${found}; ${allowed}`);
}

/** The different labels: numbered as they come, and renumbered by size at the end. */
class LabelNames {
  readonly #numbers = new Map<number, number>();
  readonly #known: Float64Array | undefined;

  constructor(known: Float64Array | undefined) {
    this.#known = known;
    known?.forEach((label, number) => {
      this.#numbers.set(label, number);
    });
  }

  numberOf(label: number, scanner: Scanner, from: number): number {
    const number = this.#numbers.get(label);
    if (number !== undefined) return number;
    const next = this.#numbers.size;
    if (this.#known !== undefined) {
      throw scanner.refusal(
        from,
        `label ${label} does not occur in what the model learned, which has ${listed(this.#known)}`,
      );
    }
    if (next === MAX_CLASSES) {
      throw scanner.refusal(from, `label ${label} is one too many; ${MAX_CLASSES} different ones are allowed`);
    }
    this.#numbers.set(label, next);
    return next;
  }

  /** Renumbers `classes` in place. @returns the names, ascending */
  sort(classes: Int32Array): Float64Array {
    const names = Float64Array.from(this.#numbers.keys()).sort();
    const ranks = new Int32Array(names.length);
    for (let rank = 0; rank < names.length; rank++) ranks[this.#numbers.get(names[rank]) as number] = rank;
    for (let i = 0; i < classes.length; i++) classes[i] = ranks[classes[i]];
    return names;
  }
}

function listed(names: Float64Array): string {
  const shown = [...names.subarray(0, LISTED)].join(', ');
  return names.length > LISTED ? `${shown}, ... (${names.length} in all)` : shown;
}
