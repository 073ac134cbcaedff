// The order of an epoch, and the most that a batch of any order can hold.

import { Counter } from '../model/counter.js';

/** The sum of the `count` largest, or of all where there are fewer. Sorts them. */
export function sumOfLargest(numbers: Int32Array, count: number): number {
  return numbers
    .sort()
    .subarray(-count)
    .reduce((sum, number) => sum + number, 0);
}

/** Puts 0, 1, 2, ... into an order that seed and epoch alone decide. */
export function shuffle(order: Int32Array, seed: number, epoch: number): void {
  for (let i = 0; i < order.length; i++) order[i] = i;
  mix(order, new Counter(seed, `order of epoch ${epoch}`));
}

/** Every order is as likely as any other (Fisher & Yates 1938). */
export function mix(order: Int32Array, random: Counter): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    const moved = order[i];
    order[i] = order[j];
    order[j] = moved;
  }
}
