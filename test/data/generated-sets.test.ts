import { expect, test } from 'vitest';
import { GENERATED } from '../../src/data/generated-sets.js';

const first = (text: string, count: number) => text.split('\n', count).map((line) => JSON.parse(line));

test('adding: two of 150 numbers are marked, one in each half, and the sum is theirs', () => {
  for (const { value, mark, sum } of first(GENERATED.adding(), 200)) {
    const marked = value.filter((_: number, t: number) => mark[t] === 1);
    expect([value.length, mark.length, marked.length]).toEqual([150, 150, 2]);
    expect(mark.slice(0, 75).includes(1) && mark.slice(75).includes(1)).toBe(true);
    expect(sum).toBe(marked[0] + marked[1]);
  }
});

test('copy: what is read first is said at the end, 50 steps later', () => {
  for (const { input, recalled } of first(GENERATED.copy(), 200)) {
    expect(input).toHaveLength(60);
    expect(recalled).toHaveLength(60);
    expect(recalled.slice(55)).toEqual(input.slice(0, 5));
    expect(new Set(recalled.slice(0, 55))).toEqual(new Set(['']));
    expect(input.slice(5)).not.toEqual(expect.arrayContaining([recalled[55]]));
  }
});

test('parity: at each bit, of those up to it', () => {
  for (const { bit, parity } of first(GENERATED.parity(), 200)) {
    for (let t = 0; t < bit.length; t++) {
      const ones = bit.slice(0, t + 1).filter((one: number) => one === 1).length;
      expect(parity[t]).toBe(ones % 2 ? 'odd' : 'even');
    }
  }
});
