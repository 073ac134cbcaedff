// Texts of a column that look like numbers or dates written in another way: a column of them was taken for text, which is hardly what
// was meant, and nobody would see it.

import { inShell } from '../../errors.js';
import { shown } from './table.js';
import type { Plain, Writing } from './values.js';

/** Texts that are looked at: what a column is like shows in them. */
const LOOKED_AT = 1000;
/** The share of a column's values that look like numbers or dates, from which on it is odd that it is text. */
const MOST = 0.5;

const MONTH = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?';

interface Shape {
  readonly kind: 'number' | 'date';
  readonly pattern: RegExp;
  /** What is odd about a value. */
  readonly has: string;
  /** Undefined: the kind of the column says enough. */
  readonly remedy?: (writing: Writing) => string | undefined;
}

const commaRemedy = ({ decimal }: Writing): string | undefined =>
  decimal === ',' ? undefined : '--decimal , reads decimal commas';

/** The first that fits is what a text looks like. */
const SHAPES: readonly Shape[] = [
  {
    kind: 'number',
    pattern: /^[+-]?\d{1,3}(?:[,' \u00a0\u202f]\d{3})+(?:\.\d+)?$/,
    has: 'is a number with its thousands apart, or has a decimal comma',
    remedy: (writing) => ['write 1234', commaRemedy(writing)].filter(Boolean).join(', or '),
  },
  { kind: 'number', pattern: /^[+-]?[\d.]*\d,\d+$/, has: 'has a decimal comma', remedy: commaRemedy },
  {
    kind: 'number',
    pattern: /^[+-]?\d*\.?\d+(?:e[+-]?\d+)?$/i,
    has: 'is a number by itself',
    remedy: ({ decimal }) => (decimal === ',' ? '--decimal , reads no points; leave it out' : undefined),
  },
  {
    kind: 'number',
    pattern: /^[$€£¥]\s?[+-]?\d[\d.,]*$|^[+-]?\d[\d.,]*\s?[%$€£¥]$/,
    has: 'has a sign that is no part of a number',
    remedy: () => 'leave the sign out',
  },
  {
    kind: 'date',
    pattern: /^\d{1,2}([/.-])\d{1,2}\1\d{4}(?:[ T,].*)?$/,
    has: 'looks like a date',
    remedy: () => '--dates dmy reads 31/12/2024, --dates mdy 12/31/2024',
  },
  {
    kind: 'date',
    pattern: new RegExp(
      `^\\d{4}([/.-])\\d{1,2}\\1\\d{1,2}(?:[ T,].*)?$|^\\d{1,2}([/-])\\d{1,2}\\2\\d{2}$|^${MONTH} \\d{1,2},? \\d{4}|^\\d{1,2}[ -]${MONTH}[ -]\\d{2,4}`,
      'i',
    ),
    has: 'looks like a date',
    remedy: () => 'write 2024-12-31',
  },
];

/** The flag that says what a column holds, to copy. A name with a comma or a quote stands in quotes of its own, as in CSV. */
export function readingAs(name: string, kind: string): string {
  const one = /[,"]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
  return `--columns ${inShell(`${one}:${kind}`)}`;
}

/** Of a column of numbers. @param first that is written with zeros before it, as messages begin with it */
export const paddedNote = (name: string, first: string): string =>
  `${first} is read as a number, like all of the column ${shown(name)}, so the zeros before it do not count; ${readingAs(name, 'category')} where such are names`;

export interface Mostly {
  /** Of the column. */
  readonly name: string;
  readonly kind: 'number' | 'date';
  /** So many values of `present` are that. */
  readonly likely: number;
  readonly present: number;
  /** The first that is not, as messages begin with it; undefined where there is none. */
  readonly other: string | undefined;
}

/** Why a column of texts is odd of which most are numbers or dates; undefined where it is not. */
export function mostlyNote({ name, kind, likely, present, other }: Mostly): string | undefined {
  if (other === undefined || likely <= MOST * present) return undefined;
  return (
    `${other} is no ${kind}, and the column ${shown(name)}, in which ${likely} other values are, is read as text: mend it, or leave ` +
    `it out where the value is missing; ${readingAs(name, 'category')} where texts are meant`
  );
}

export class OddValues {
  readonly #column: string;
  readonly #writing: Writing;
  #looked = 0;
  /** By shape: how many, and where the first is. */
  readonly #counts = SHAPES.map(() => 0);
  readonly #firsts: (string | undefined)[] = SHAPES.map(() => undefined);

  constructor(column: string, writing: Writing) {
    this.#column = column;
    this.#writing = writing;
  }

  get hasSeenEnough(): boolean {
    return this.#looked === LOOKED_AT;
  }

  /** @param found the value as messages begin with it: `data.csv:2:5: "12,50"` */
  add(text: string, found: () => string): void {
    this.#looked++;
    const shape = SHAPES.findIndex(({ pattern }) => pattern.test(text.trim()));
    if (shape < 0) return;
    this.#counts[shape]++;
    this.#firsts[shape] ??= found();
  }

  /** Why the column is odd, and what to do; undefined where it is not. @param counts of all its values, by what they are */
  finding(counts: Readonly<Record<Plain, number>>): string | undefined {
    const present = counts.number + counts.date + counts.text;
    const texts = counts.text / Math.max(1, this.#looked);
    for (const kind of ['number', 'date'] as const) {
      const odd = SHAPES.map((shape, i) => (shape.kind === kind ? this.#counts[i] : 0));
      const count = odd.reduce((sum, one) => sum + one, 0);
      if (count === 0 || counts[kind] + texts * count < MOST * present) continue;
      const most = odd.indexOf(Math.max(...odd));
      return this.#inWords(SHAPES[most], this.#firsts[most] as string);
    }
    return undefined;
  }

  #inWords({ kind, has, remedy }: Shape, first: string): string {
    const own = remedy?.(this.#writing) ?? `${readingAs(this.#column, kind)} reads such ${kind}s`;
    return `${first} ${has}, and the column ${shown(this.#column)} is read as text: ${own}; ${readingAs(this.#column, 'category')} where texts are meant`;
  }
}
