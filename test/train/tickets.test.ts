import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dealByCost, dealInOrder, dealToOwners, type Queues, ticketsOf } from '../../src/train/tickets.js';

const costs = fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 300 });
const workers = fc.integer({ min: 1, max: 20 });
const least = fc.integer({ min: 1, max: 2000 });

const thingsOf = (queues: Queues): number[] =>
  queues
    .flat()
    .flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
    .sort((a, b) => a - b);

test('tickets hold every thing once, in order, and cost enough but for the last', () => {
  fc.assert(
    fc.property(costs, least, workers, (list, enough, count) => {
      const tickets = ticketsOf(list, enough, count);
      expect(tickets.flatMap(([from, to]) => list.slice(from, to))).toEqual(list);
      for (const [from, to] of tickets.slice(0, -1)) {
        expect(list.slice(from, to).reduce((sum, cost) => sum + cost, 0)).toBeGreaterThanOrEqual(enough);
      }
      expect(tickets.length).toBeLessThanOrEqual(64 * count + 1);
    }),
  );
});

test('a ticket ends where things must be apart', () => {
  expect(ticketsOf([1, 1, 1, 1, 1], 100, 1, (i) => i === 2 || i === 3)).toEqual([
    [0, 2],
    [2, 3],
    [3, 5],
  ]);
});

test('all tickets are dealt, each once', () => {
  fc.assert(
    fc.property(costs, least, workers, (list, enough, count) => {
      const tickets = ticketsOf(list, enough, count);
      const all = list.map((_, i) => i);
      for (const queues of [
        dealByCost(tickets, list, count),
        dealInOrder(tickets, count),
        dealToOwners(tickets, (index) => index % count, count),
      ]) {
        expect(queues.length).toBe(count);
        expect(thingsOf(queues)).toEqual(all);
      }
    }),
  );
});

test('by cost nobody is dealt more than a ticket above another', () => {
  fc.assert(
    fc.property(costs, workers, (list, count) => {
      const tickets = list.map((_, i): [number, number] => [i, i + 1]);
      const loads = dealByCost(tickets, list, count).map((queue) => queue.reduce((sum, [i]) => sum + list[i], 0));
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(Math.max(0, ...list));
    }),
  );
});
