// How much of a table stays in memory, of a run and while a model reads it.

import { SETTINGS } from '../config/settings.js';
import { excerpt } from '../errors.js';
import { type NumberSetting, refused } from './sample-settings.js';

const { schema, allowed } = SETTINGS.tableMemory;

export const TABLE_MEMORY: NumberSetting = {
  about: 'the megabytes of the table that stay in memory',
  allowed,
  allows: (value) => schema.safeParse(value).success,
  fallback: schema.parse(undefined),
};

/** @throws UserError for what is no such number of megabytes */
export function memoryBytesOf(tableMemory: number = TABLE_MEMORY.fallback): number {
  if (!TABLE_MEMORY.allows(tableMemory)) throw refused('tableMemory', excerpt(tableMemory), TABLE_MEMORY);
  return tableMemory << 20;
}

/** Parts of a table while it is read and encoded: one is in memory as columns, as values of the file, and as records. */
const PARTS = 8;
const SMALLEST_PART = 4096;

/** The size of a part, of the memory that a table may take. */
export const partBytesOf = (memoryBytes: number): number => Math.max(SMALLEST_PART, memoryBytes / PARTS);
