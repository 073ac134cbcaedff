// The barrier among threads, and the way out of it. Threads run what lies in dist/: npm run build comes first.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { Aborted, Barrier, waitWhile } from '../../src/coordinator/barrier.js';
import { PROTOCOL_WORDS, Word } from '../../src/coordinator/protocol.js';
import { dealInOrder, type Queues, type Ticket } from '../../src/train/tickets.js';

const built = new URL('../../dist/src/coordinator/barrier.js', import.meta.url);
/** Words of the test, behind those of the protocol. */
const [SHARED, FAULTS, ALONE] = [PROTOCOL_WORDS, PROTOCOL_WORDS + 16, PROTOCOL_WORDS + 32];

const wordsOf = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * (PROTOCOL_WORDS + 64)));

/** Runs `code` in threads that know `words`, `barrier`, `worker`; gives what each returned. */
async function inThreads(words: Int32Array, workers: number, started: number, code: string): Promise<unknown[]> {
  expect(existsSync(built), `${fileURLToPath(built)}: run npm run build first`).toBe(true);
  const source = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { Aborted, Barrier, waitWhile } from ${JSON.stringify(built.href)};
    import { Claims } from ${JSON.stringify(new URL('claims.js', built).href)};
    const { words, workers, worker } = workerData;
    const barrier = new Barrier(words, workers);
    const run = () => { ${code} };
    try { parentPort.postMessage(run()); }
    catch (error) { parentPort.postMessage(error instanceof Aborted ? 'aborted' : String(error)); }`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  return Promise.all(
    Array.from({ length: started }, (_, worker) => {
      const thread = new Worker(url, { workerData: { words, workers, worker } });
      return new Promise((resolve, reject) => {
        thread.on('message', resolve);
        thread.on('error', reject);
      });
    }),
  );
}

describe('a barrier', () => {
  test.each([2, 3, 5])('lets %i workers go on together, and runs its last part once, alone', async (workers) => {
    const rounds = 400;
    const words = wordsOf();
    const returned = await inThreads(
      words,
      workers,
      workers,
      `const [shared, faults, alone] = [${SHARED}, ${FAULTS}, ${ALONE}];
       for (let round = 0; round < ${rounds}; round++) {
         // Not atomic: it only counts right if no one else runs.
         barrier.pass(() => {
           if (Atomics.add(words, alone, 1) !== 0) Atomics.add(words, faults, 1);
           words[shared] = words[shared] + 1;
           Atomics.sub(words, alone, 1);
         });
         if (Atomics.load(words, shared) !== round + 1) Atomics.add(words, faults, 1);
         barrier.pass();
       }
       return 'through';`,
    );
    expect(returned).toEqual(Array(workers).fill('through'));
    expect([words[SHARED], words[FAULTS]]).toEqual([rounds, 0]);
    expect(words[Word.arrived]).toBe(0);
    expect(words[Word.opened]).toBe(2 * rounds);
  });

  test('lets a single worker through at once', () => {
    const words = wordsOf();
    let ran = 0;
    const barrier = new Barrier(words, 1);
    for (let i = 0; i < 3; i++) barrier.pass(() => ran++);
    expect([ran, words[Word.opened], words[Word.arrived]]).toEqual([3, 3, 0]);
  });
});

describe('abort', () => {
  test('frees those who wait at a barrier for one that does not come, and for a record', async () => {
    const words = wordsOf();
    words[Word.published] = 5;
    const waiting = inThreads(
      words,
      3,
      3,
      `if (worker === 2) { Atomics.add(words, ${SHARED}, 1); waitWhile(words, ${Word.published}, 5); return 'woken'; }
       Atomics.add(words, ${SHARED}, 1);
       barrier.pass();
       return 'passed';`,
    );
    while (Atomics.load(words, SHARED) < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    // The notification may be lost; sleepers look up by themselves.
    Atomics.store(words, Word.abort, 1);
    expect(await waiting).toEqual(['aborted', 'aborted', 'aborted']);
  });

  test('keeps everybody out of the next barrier', () => {
    const words = wordsOf();
    words[Word.abort] = 1;
    expect(() => new Barrier(words, 1).pass(() => expect.fail('it ran'))).toThrow(Aborted);
    expect(() => waitWhile(words, Word.published, 0)).toThrow(Aborted);
    expect(words[Word.arrived]).toBe(0);
  });
});

describe('tickets', () => {
  const phases = 40;
  const claimed = async (queues: Queues): Promise<number[][]> => {
    const workers = queues.length;
    const code = `
      const claims = new Claims(words, ${workers}, worker);
      const own = [];
      for (let phase = 0; phase < ${phases}; phase++) {
        claims.run(${JSON.stringify(queues)}, ([from, to]) => { for (let i = from; i < to; i++) own.push(phase * 1000 + i); });
        barrier.pass();
      }
      return own;`;
    return (await inThreads(wordsOf(), workers, workers, code)) as number[][];
  };
  const inAllPhases = (things: number): number[] =>
    Array.from({ length: phases }, (_, phase) => Array.from({ length: things }, (_, i) => phase * 1000 + i)).flat();
  const sorted = (claims: number[][]): number[] => claims.flat().sort((a, b) => a - b);

  test('are each claimed once in every phase, whoever they were dealt to', async () => {
    const tickets = Array.from({ length: 50 }, (_, i): Ticket => [2 * i, 2 * i + 2]);
    expect(sorted(await claimed(dealInOrder(tickets, 3)))).toEqual(inAllPhases(100));
    expect(sorted(await claimed([tickets, [], []]))).toEqual(inAllPhases(100));
  });

  test('that are the first of another are left to it', async () => {
    const claims = await claimed([[[0, 1]], [[1, 2]], []]);
    expect(claims[2]).toEqual([]);
    expect(sorted(claims)).toEqual(inAllPhases(2));
  });
});
