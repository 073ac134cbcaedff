// Texts and slots that the tests of this folder share.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import type { Batches, BatchSlot, Dealt } from '../../src/data/batches.js';
import { MemoryTokens } from '../../src/data/tokens.js';
import { UserError } from '../../src/errors.js';

/** A folder that is removed after the tests of a file. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-data-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  /** Writes a file into it. @returns its path */
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  /** What a UserError says, without the folder. @throws where nothing was refused */
  const refusal = (open: () => unknown): string => {
    try {
      open();
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return (error as Error).message.replaceAll(`${folder}/`, '');
    }
    throw new Error('accepted');
  };
  return { folder, file, refusal };
}

/** The tokens 0, 1, 2, ... so that a token says where it stood. */
export function counting(length: number): MemoryTokens {
  return new MemoryTokens(Uint32Array.from({ length }, (_, i) => i));
}

export function slotFor(batches: Batches): BatchSlot {
  const size = batches.maxWindow * batches.streams;
  return {
    // What is not written shows.
    inputs: new Int32Array(size).fill(-99),
    targets: new Int32Array(size).fill(-99),
    reset: new Int32Array(batches.streams).fill(-99),
    carry: new Int32Array(batches.streams).fill(-99),
  };
}

/** A batch as lists: one of inputs and one of targets for each stream. */
export interface Seen extends Dealt {
  readonly inputs: number[][];
  readonly targets: number[][];
  readonly reset: number[];
  readonly carry: number[];
}

export async function nextSeen(batches: Batches): Promise<Seen | undefined> {
  const slot = slotFor(batches);
  const dealt = await batches.next(slot);
  if (dealt === undefined) return undefined;
  const column = (from: Int32Array, s: number) =>
    Array.from({ length: dealt.steps }, (_, t) => from[t * batches.streams + s]);
  const all = Array.from({ length: batches.streams }, (_, s) => s);
  return {
    ...dealt,
    inputs: all.map((s) => column(slot.inputs, s)),
    targets: all.map((s) => column(slot.targets, s)),
    reset: [...slot.reset],
    carry: [...slot.carry],
  };
}

export async function epochOf(batches: Batches): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let batch = await nextSeen(batches); batch !== undefined; batch = await nextSeen(batches)) seen.push(batch);
  return seen;
}
