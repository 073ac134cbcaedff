// Tasks of the literature as data sets: drawn from a fixed seed, the same everywhere.

import { Counter } from '../model/counter.js';

const COUNT = 10_000;
const ADDED_STEPS = 150;
const COPIED = 5;
const DELAY = 50;
const SYMBOLS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const LONGEST_PARITY = 40;

/** A line of JSON for each sequence. */
export const GENERATED = {
  adding: () => lines('adding', adding),
  copy: () => lines('copy', copied),
  parity: () => lines('parity', parity),
} as const;

function lines(name: string, draw: (random: () => number) => unknown): string {
  const random = new Counter(0, name);
  return Array.from({ length: COUNT }, () => `${JSON.stringify(draw(() => random.uniform()))}\n`).join('');
}

/** One number of each half is marked. Four decimals, so that the file is small. */
function adding(random: () => number): unknown {
  const value = Array.from({ length: ADDED_STEPS }, () => Math.round(random() * 10_000) / 10_000);
  const half = ADDED_STEPS / 2;
  const marked = [Math.floor(random() * half), half + Math.floor(random() * half)];
  const mark = value.map((_, t) => (marked.includes(t) ? 1 : 0));
  return { value, mark, sum: value[marked[0]] + value[marked[1]] };
}

/** Symbols, blanks, a sign to begin, and blanks in which the symbols are to be said. */
function copied(random: () => number): unknown {
  const symbols = Array.from({ length: COPIED }, () => SYMBOLS[Math.floor(random() * SYMBOLS.length)]);
  const blanks = (count: number, blank: string): string[] => Array<string>(count).fill(blank);
  return {
    input: [...symbols, ...blanks(DELAY - 1, '_'), 'go', ...blanks(COPIED, '_')],
    recalled: [...blanks(COPIED + DELAY, ''), ...symbols],
  };
}

function parity(random: () => number): unknown {
  const bit = Array.from({ length: 1 + Math.floor(random() * LONGEST_PARITY) }, () => (random() < 0.5 ? 1 : 0));
  let ones = 0;
  const said = bit.map((one) => {
    ones += one;
    return ones % 2 === 1 ? 'odd' : 'even';
  });
  return { bit, parity: said };
}
