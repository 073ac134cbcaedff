// The flags that name a table, of the commands that take a MODEL.

import type { Argv } from 'yargs';
import { UserError } from '../errors.js';
import { TABLE_MEMORY } from '../run/table-memory.js';
import type { TableData } from '../run/table-model.js';
import type { Given } from './command.js';
import { type NumberFlag, numberOption, textOption } from './options.js';

const MEMORY: NumberFlag = { name: 'table-memory', ...TABLE_MEMORY };

/** For a table that may be larger than memory. */
export const addTableMemory = (yargs: Argv): Argv =>
  yargs.option(MEMORY.name, {
    type: 'string',
    describe: `${MEMORY.about}, ${MEMORY.allowed}`,
    defaultDescription: `${MEMORY.fallback}`,
  });

export const tableMemory = (given: Given): number => numberOption(given, MEMORY);

/** @param about what the rows are for */
export function addTables(yargs: Argv, about: string): Argv {
  for (const format of ['csv', 'jsonl', 'parquet'])
    yargs.option(format, { type: 'string', describe: `FILE: ${about}` });
  return yargs;
}

/** What they name; undefined where none is given. */
export function tableData(given: Given): TableData | undefined {
  const formats = ['csv', 'jsonl', 'parquet'] as const;
  const named = formats.filter((format) => textOption(given, format) !== undefined);
  if (named.length === 0) return undefined;
  if (named.length > 1)
    throw new UserError(`${named.map((name) => `--${name}`).join(' and ')}: both are given; give one of them`);
  const [format] = named;
  const path = textOption(given, format) as string;
  if (path !== '-') return { [format]: path };
  if (format === 'parquet') throw new UserError('--parquet: - is not allowed: its index is at its end; give a file');
  return { stream: { from: process.stdin, name: '<stdin>', format } };
}
