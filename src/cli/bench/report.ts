// What the tables of `unroll bench` have in common: how one is asked for, and how its rows are shown.
import type { Spread } from '../../../bench/rounds.js';
import { UserError } from '../../errors.js';
import type { KernelChoice } from '../../kernels/choose.js';
import { count, table } from '../../report/format.js';
import type { Given } from '../command.js';
import { isWhole, type NumberFlag, textOption } from '../options.js';

/** A flag that is there or not. */
export interface Switch {
  readonly name: string;
  readonly about: string;
}

/** A flag that takes text: a list, a path. */
export interface TextFlag {
  readonly name: string;
  readonly about: string;
  readonly fallback: string;
}

export interface TableContext {
  readonly choice: KernelChoice;
  readonly cores: number;
  /** A minute's look. */
  readonly quick: boolean;
}

/** One of the tables. */
export interface BenchTable {
  readonly about: string;
  readonly numbers: readonly NumberFlag[];
  readonly texts: readonly TextFlag[];
  readonly switches?: readonly Switch[];
  /** Reads and checks the flags. @throws UserError before anything is measured or printed */
  prepare(given: Given, context: TableContext): Promise<Report>;
}

/** A table under way. */
export interface Report {
  /** What stands in each row for machines, beside the machine itself. */
  readonly facts: object;
  readonly rows: AsyncIterable<object>;
  /** Prints the rows for people, while or after they come. */
  print(write: (text: string) => void): Promise<void>;
}

export interface Column<Row> {
  readonly head: string;
  readonly left?: boolean;
  readonly cell: (row: Row) => string;
}

/** One table of all rows, when they are there. */
export function report<Row extends object>(rows: AsyncIterable<Row>, columns: readonly Column<Row>[]): Report {
  return {
    ...{ facts: {}, rows },
    async print(write) {
      const lines = [columns.map(({ head }) => head)];
      for await (const row of rows) lines.push(columns.map(({ cell }) => cell(row)));
      const right = columns.flatMap(({ left }, i) => (left ? [] : [i]));
      write(`${table(lines, right)}\n`);
    },
  };
}

/** `median (least to most)`. */
export const range = ({ median, least, most }: Spread, show: (value: number) => string = count): string =>
  `${show(median)} (${show(least)} to ${show(most)})`;

/** 0.8123 -> "81%". */
export const share = (value: number): string => `${Math.round(100 * value)}%`;

export const ROUNDS: NumberFlag = {
  name: 'rounds',
  about: 'the number of rounds that are timed',
  allowed: '1 to 1000',
  allows: (value) => isWhole(value, 1, 1000),
  fallback: 5,
};
export const SECONDS: NumberFlag = {
  name: 'seconds',
  about: 'the time that one of those compared takes in a round',
  allowed: 'a number above 0, 3600 at most',
  allows: (value) => value > 0 && value <= 3600,
  fallback: 0.5,
};

/** A flag of whole numbers. */
export const whole = (
  name: string,
  about: string,
  [least, most]: readonly [number, number],
  fallback: number,
): NumberFlag => ({
  ...{ name, about, allowed: `${least} to ${most}`, fallback },
  allows: (value) => isWhole(value, least, most),
});

/** Words separated by commas, each one of `allowed`. */
export function wordsOption<const W extends string>(
  given: Given,
  name: string,
  allowed: readonly W[],
  fallback: readonly W[],
): readonly W[] {
  const text = textOption(given, name);
  if (text === undefined) return fallback;
  return text.split(',').map((word) => {
    const known = allowed.find((one) => one === word);
    if (known === undefined)
      throw new UserError(
        `--${name}: ${JSON.stringify(word)} is not allowed; it is one of ${allowed.join(', ')}, separated by commas`,
      );
    return known;
  });
}

/** Numbers separated by commas, each 1 to `most`. */
export function numbersOption(
  given: Given,
  name: string,
  most: number,
  fallback: readonly number[],
): readonly number[] {
  const text = textOption(given, name);
  if (text === undefined) return fallback;
  return text.split(',').map((one) => {
    const value = /^\d+$/.test(one) ? Number(one) : Number.NaN;
    if (isWhole(value, 1, most)) return value;
    throw new UserError(
      `--${name}: ${JSON.stringify(one)} is not allowed; it is one number or more, 1 to ${most}, separated by commas`,
    );
  });
}
