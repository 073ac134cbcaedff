// How much of a table stays in memory while a model reads it: the same bounds as of a run.

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
