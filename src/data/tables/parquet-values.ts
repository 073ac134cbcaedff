// The values that hyparquet gives, as those of tables.

import type { ParquetParsers } from 'hyparquet';
import { UserError } from '../../errors.js';
import type { ParquetColumn, Scalar } from './parquet-schema.js';
import { shown } from './table.js';
import type { Value } from './value-column.js';

const MICROSECONDS = 1000n;
const NANOSECONDS = 1_000_000n;
/** Whole numbers up to here are exact as a double. */
const MAX_WHOLE = 2n ** 53n;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Dates are rounded down to milliseconds, those before 1970 too; text must be UTF-8. */
export const PARSERS: Partial<ParquetParsers> = {
  timestampFromMicroseconds: (time) => new Date(Number(floored(BigInt(time), MICROSECONDS))),
  timestampFromNanoseconds: (time) => new Date(Number(floored(BigInt(time), NANOSECONDS))),
  stringFromBytes: textOf,
  jsonFromBytes: textOf,
};

function textOf(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new Error('it has bytes that are no text in UTF-8');
  }
}

function floored(value: bigint, unit: bigint): bigint {
  const quotient = value / unit;
  return value % unit < 0n ? quotient - 1n : quotient;
}

/** @param place names the row; @returns undefined where the value is missing */
export function tableValue(value: unknown, column: ParquetColumn, place: () => string): Value | undefined {
  if (value === null || value === undefined) return undefined;
  if (!column.list) return scalarOf(value, column, place);
  if (!Array.isArray(value)) throw refusal(column, place, 'a value that is no list');
  const list: string[] = [];
  for (const one of value) {
    const scalar = tableValue(one, { ...column, list: false }, place);
    list.push(scalar instanceof Date ? scalar.toISOString() : scalar === undefined ? '' : String(scalar));
  }
  return list;
}

function scalarOf(value: unknown, column: ParquetColumn, place: () => string): Value | undefined {
  const type = typeof value;
  switch (column.scalar as Scalar) {
    case 'number':
      if (type === 'bigint') return wholeOf(value as bigint, column, place);
      if (type === 'number') return Number.isNaN(value) ? undefined : (value as number);
      break;
    case 'date':
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value;
      if (value instanceof Date) throw refusal(column, place, 'a date before or after all that there are');
      break;
    case 'text':
      if (type === 'string' || type === 'boolean') return String(value);
      break;
  }
  throw refusal(column, place, `a value of another type (${type})`);
}

function wholeOf(value: bigint, column: ParquetColumn, place: () => string): number {
  if (value <= MAX_WHOLE && value >= -MAX_WHOLE) return Number(value);
  throw new UserError(
    `${place()}: ${value} in the column ${shown(column.name)} is beyond 2^53, from where on not each whole number is there; ` +
      'write it as text if it is a name, or divide it',
  );
}

function refusal(column: ParquetColumn, place: () => string, found: string): UserError {
  return new UserError(`${place()}: the column ${shown(column.name)} has ${found}; its schema says ${column.scalar}`);
}
