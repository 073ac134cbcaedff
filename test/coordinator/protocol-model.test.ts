// All states of the step protocol for a few workers that may be lost at any point: none is a dead end, no update is lost or made
// twice, none is made from a gradient that is not complete. The decisions of a recovery are those of the real code.
import { describe, expect, test } from 'vitest';
import { beginsAt, fateOf } from '../../src/coordinator/protocol.js';

const TILES = 2;
const PIECES = 2;
/** The value of what is being written. */
const TORN = -1;

type At =
  | 'await'
  | 'claim tile'
  | 'write tile'
  | 'arrive at norm'
  | 'wait at norm'
  | 'keep'
  | 'judge'
  | 'open norm'
  | 'claim piece'
  | 'clear slot'
  | 'mark open'
  | 'keep piece'
  | 'write piece'
  | 'mark done'
  | 'mark closed'
  | 'arrive at commit'
  | 'wait at commit'
  | 'turn side'
  | 'complete'
  | 'open commit'
  | 'out'
  | 'lost';

interface Worker {
  at: At;
  record: number;
  /** The tile or piece that it works on. */
  item: number;
  /** How often the barrier had opened when it arrived. */
  seen: number;
  open: number;
  /** The piece's value in the undo slot; TORN: it is not kept. */
  slot: number;
}

interface State {
  completed: number;
  judged: number;
  kept: number;
  keptSide: number;
  side: number;
  arrived: number;
  opened: number;
  abort: boolean;
  tileClaims: number;
  pieceClaims: number;
  /** Of which record + 1 a tile's gradient is. */
  tiles: number[];
  /** Updates that a piece has had. */
  pieces: number[];
  done: number[];
  faults: number;
  workers: Worker[];
}

const fresh = (record: number): Worker => ({ at: 'await', record, item: 0, seen: 0, open: 0, slot: TORN });

function must(holds: boolean, what: string, state: State): void {
  if (!holds) throw new Error(`${what}: ${JSON.stringify(state)}`);
}

function arrive(s: State, w: Worker, wait: At, last: At): void {
  if (s.abort) {
    w.at = 'out';
    return;
  }
  w.seen = s.opened;
  s.arrived++;
  w.at = s.arrived < s.workers.length ? wait : last;
}

function open(s: State, w: Worker, next: At): void {
  s.arrived = 0;
  s.opened++;
  w.at = next;
}

/** @returns whether there was one left */
function claim(s: State, w: Worker, of: 'tileClaims' | 'pieceClaims', count: number): boolean {
  w.item = s[of];
  if (w.item >= count) return false;
  s[of]++;
  return true;
}

/** What a worker does next; each is one word or one kernel's write. Where it waits in vain the state stays as it is. */
function advance(s: State, w: Worker, steps: number): void {
  const n = w.record;
  switch (w.at) {
    case 'await':
      if (n === steps || s.abort) w.at = 'out';
      else w.at = beginsAt(n, s.judged) === 'update' ? 'claim piece' : 'claim tile';
      return;
    case 'claim tile':
      w.at = claim(s, w, 'tileClaims', TILES) ? 'write tile' : 'arrive at norm';
      if (w.item < TILES) s.tiles[w.item] = TORN;
      return;
    case 'write tile':
      must(
        s.pieces.every((updates) => updates === n),
        'a gradient of weights that are half updated',
        s,
      );
      s.tiles[w.item] = n + 1;
      w.at = 'claim tile';
      return;
    case 'arrive at norm':
      arrive(s, w, 'wait at norm', 'keep');
      return;
    case 'keep':
      [s.keptSide, s.kept, w.at] = [s.side, n + 1, 'judge'];
      return;
    case 'judge':
      must(
        s.tiles.every((tile) => tile === n + 1),
        'a norm of a gradient that is not complete',
        s,
      );
      [s.judged, s.pieceClaims, w.at] = [n + 1, 0, 'open norm'];
      return;
    case 'open norm':
      open(s, w, 'claim piece');
      return;
    case 'claim piece':
      if (!claim(s, w, 'pieceClaims', PIECES)) w.at = 'arrive at commit';
      else if (s.done[w.item] !== n + 1) w.at = 'clear slot';
      return;
    case 'clear slot':
      [w.slot, w.at] = [TORN, 'mark open'];
      return;
    case 'mark open':
      [w.open, w.at] = [w.item + 1, 'keep piece'];
      return;
    case 'keep piece':
      must(s.pieces[w.item] === n, 'an update lost or made twice', s);
      must(
        s.tiles.every((tile) => tile === n + 1),
        'an update from a gradient that is not complete',
        s,
      );
      [w.slot, s.pieces[w.item], w.at] = [s.pieces[w.item], TORN, 'write piece'];
      return;
    case 'write piece':
      [s.pieces[w.item], w.at] = [n + 1, 'mark done'];
      return;
    case 'mark done':
      [s.done[w.item], w.at] = [n + 1, 'mark closed'];
      return;
    case 'mark closed':
      [w.open, w.at] = [0, 'claim piece'];
      return;
    case 'arrive at commit':
      arrive(s, w, 'wait at commit', 'turn side');
      return;
    case 'turn side':
      must(
        s.pieces.every((updates) => updates === n + 1),
        'a commit without all updates',
        s,
      );
      [s.side, w.at] = [1 - s.side, 'complete'];
      return;
    case 'complete':
      [s.completed, s.tileClaims, w.at] = [n + 1, 0, 'open commit'];
      return;
    case 'open commit':
      open(s, w, 'await');
      w.record++;
      return;
    case 'wait at norm':
      if (s.opened !== w.seen) w.at = 'claim piece';
      else if (s.abort) w.at = 'out';
      return;
    case 'wait at commit':
      if (s.opened !== w.seen) [w.at, w.record] = ['await', n + 1];
      else if (s.abort) w.at = 'out';
      return;
    default:
  }
}

const isGone = ({ at }: Worker): boolean => at === 'out' || at === 'lost';

/** What the coordinator does: as in recovery.ts. */
function recover(s: State): void {
  if (s.kept === s.completed + 1) s.side = s.keptSide;
  for (const { open: marked, slot } of s.workers) {
    if (fateOf(marked, s.done[marked - 1], s.completed + 1) === 'restored' && slot !== TORN)
      s.pieces[marked - 1] = slot;
  }
  Object.assign(s, { arrived: 0, tileClaims: 0, pieceClaims: 0, abort: false });
  s.workers = s.workers.map(() => fresh(s.completed));
}

function successors(state: State, steps: number, mostFaults: number): State[] {
  const found: State[] = [];
  const add = (change: (s: State) => void): void => {
    const copy = structuredClone(state);
    change(copy);
    found.push(copy);
  };
  const { workers, faults, abort } = state;
  const isLost = workers.some(({ at }) => at === 'lost');
  workers.forEach((worker, i) => {
    if (isGone(worker)) return;
    add((s) => advance(s, s.workers[i], steps));
    if (faults < mostFaults)
      add((s) => {
        s.workers[i].at = 'lost';
        s.faults++;
      });
  });
  if (isLost && !abort) add((s) => Object.assign(s, { abort: true }));
  if (isLost && abort && workers.every(isGone)) add(recover);
  return found;
}

/** @returns how many states there are */
function explore(count: number, steps: number, mostFaults: number): number {
  const zeros = (length: number): number[] => new Array<number>(length).fill(0);
  const start: State = {
    ...{ completed: 0, judged: 0, kept: 0, keptSide: 0, side: 0, arrived: 0, opened: 0, abort: false },
    ...{ tileClaims: 0, pieceClaims: 0, tiles: zeros(TILES), pieces: zeros(PIECES), done: zeros(PIECES), faults: 0 },
    workers: Array.from({ length: count }, () => fresh(0)),
  };
  const seen = new Set([JSON.stringify(start)]);
  let ends = 0;
  for (let front = [start]; front.length > 0; ) {
    const next: State[] = [];
    for (const state of front) {
      const key = JSON.stringify(state);
      const others = successors(state, steps, mostFaults)
        .map((s) => ({ s, key: JSON.stringify(s) }))
        .filter((one) => one.key !== key);
      if (others.length === 0) {
        must(state.completed === steps && state.workers.every(({ at }) => at === 'out'), 'a dead end', state);
        must(state.pieces.every((updates) => updates === steps) && state.side === steps % 2, 'a wrong end', state);
        ends++;
      }
      for (const { s, key: one } of others) {
        if (seen.has(one)) continue;
        seen.add(one);
        next.push(s);
      }
    }
    front = next;
  }
  expect(ends).toBeGreaterThan(0);
  return seen.size;
}

describe('from no state of the protocol is there a way to a dead end or a wrong update', () => {
  test.each([
    [1, 3, 3],
    [2, 2, 2],
    [3, 1, 2],
  ])('%d workers, %d steps, %d of them lost', (workers, steps, faults) => {
    expect(explore(workers, steps, faults)).toBeGreaterThan(100);
  });
});
