// Files with a few bytes changed at random: each is read or refused, and soon.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Format } from '../../../src/data/tables/table.js';
import { UserError } from '../../../src/errors.js';
import { reading } from './reading.js';

const SEED = 20240309;
const TIMES = 2000;
const SOON_MS = 2000;
/** Bytes that mean something in one of the formats. */
const SIGNS = Buffer.from([0, 0x7f, 0x80, 0xff, ...Buffer.from('"\n\r,;:{}[]\\-.e')]);

/** Numbers in [0, 1) from a seed (Numerical Recipes' generator). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function changed(content: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(content);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
    const at = Math.floor(random() * bytes.length);
    const how = random();
    if (how < 0.4) bytes[at] = Math.floor(random() * 256);
    else if (how < 0.6) bytes[at] ^= 1 << Math.floor(random() * 8);
    else if (how < 0.8) bytes[at] = SIGNS[Math.floor(random() * SIGNS.length)];
    else if (how < 0.9)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + Math.floor(random() * 8))]);
    else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 5))]);
  }
  return bytes;
}

const days = Array.from({ length: 150 }, (_, i) => `2024-03-${String((i % 28) + 1).padStart(2, '0')}`);
const CSV = days.map((day, i) => `${day},${i / 8},"N ""${i % 5}""",naïve ${i}\n`).join('');
const JSONL = days.map((day, i) => `${JSON.stringify({ day, load: i / 8, tags: ['a', i, true], name: `é${i}` })}\n`);
const parquet = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/parquet/${name}.parquet`, import.meta.url)));

test.each<[string, Format, Buffer]>([
  ['CSV', 'csv', Buffer.from(`day,load,"name, full",note\n${CSV}`)],
  ['JSON lines', 'jsonl', Buffer.from(JSONL.join(''))],
  ['plain Parquet', 'parquet', parquet('kinds-none')],
  ['Parquet with pages of version 2', 'parquet', parquet('kinds-v2')],
  ['compressed Parquet', 'parquet', parquet('long')],
  // Read by Node 22.15 and later; what earlier ones say of it.
  ['Parquet in Zstandard', 'parquet', parquet('kinds-zstd')],
])('%s is read or refused', async (_, format, content) => {
  const { read } = reading(format);
  const random = generator(SEED);
  for (let i = 0; i < TIMES; i++) {
    const start = performance.now();
    const outcome = await read(changed(content, random)).catch((error: unknown) => error);
    const what = `seed ${SEED}, file ${i}`;
    expect(performance.now() - start, what).toBeLessThan(SOON_MS);
    if (outcome instanceof Error) expect(outcome, what).toBeInstanceOf(UserError);
  }
});
