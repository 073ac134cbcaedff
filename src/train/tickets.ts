// How tiles and pieces are dealt to the workers before a run: in tickets, small things together, so that claiming one costs
// little beside its work. Each worker begins with its own tickets, which lie in its cache from the phase before, and goes on
// with what others have not come to (coordinator/claims.ts). The bits do not depend on any of it.

/** Things [from, to) of a list, done one after the other by whoever claims them. */
export type Ticket = readonly [from: number, to: number];

/** For each worker its tickets, in the order in which it takes them. */
export type Queues = readonly (readonly Ticket[])[];

/** Tickets of a worker and phase, at most: more make the ends of a phase no closer. */
const MOST_TICKETS = 64;

/** Cuts a list into tickets that cost at least `least` each, or more where there would be very many; `apart` begins a new one. */
export function ticketsOf(
  costs: readonly number[],
  least: number,
  workers: number,
  apart: (index: number) => boolean = () => false,
): Ticket[] {
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const enough = Math.max(least, total / (MOST_TICKETS * workers));
  const tickets: Ticket[] = [];
  let from = 0;
  let cost = 0;
  for (let i = 0; i < costs.length; i++) {
    if (i > from && (cost >= enough || apart(i))) {
      tickets.push([from, i]);
      [from, cost] = [i, 0];
    }
    cost += costs[i];
  }
  if (costs.length > from) tickets.push([from, costs.length]);
  return tickets;
}

/** Deals tickets, the dearest first, each to whom the least has been dealt so far. */
export function dealByCost(tickets: readonly Ticket[], costs: readonly number[], workers: number): Queues {
  const dealt = tickets.map((ticket) => ({ ticket, cost: sumOf(costs, ticket) })).sort((a, b) => b.cost - a.cost);
  const queues = emptyQueues(workers);
  const load = new Array<number>(workers).fill(0);
  for (const { ticket, cost } of dealt) {
    const worker = load.indexOf(load.reduce((least, one) => Math.min(least, one)));
    queues[worker].push(ticket);
    load[worker] += cost;
  }
  return queues;
}

/** Deals each ticket to the worker that `ownerOf` names for its first thing. */
export function dealToOwners(tickets: readonly Ticket[], ownerOf: (index: number) => number, workers: number): Queues {
  const queues = emptyQueues(workers);
  for (const ticket of tickets) queues[ownerOf(ticket[0])].push(ticket);
  return queues;
}

/** Deals tickets in order, the same number to each. */
export function dealInOrder(tickets: readonly Ticket[], workers: number): Queues {
  const queues = emptyQueues(workers);
  tickets.forEach((ticket, i) => {
    queues[Math.floor((i * workers) / tickets.length)].push(ticket);
  });
  return queues;
}

const emptyQueues = (workers: number): Ticket[][] => Array.from({ length: workers }, () => []);

const sumOf = (costs: readonly number[], [from, to]: Ticket): number => {
  let sum = 0;
  for (let i = from; i < to; i++) sum += costs[i];
  return sum;
};
