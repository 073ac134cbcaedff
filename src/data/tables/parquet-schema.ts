// What the columns of a Parquet file are, by its schema: numbers, dates, text, or lists of those.

import type { SchemaElement, SchemaTree } from 'hyparquet';

export type Scalar = 'number' | 'date' | 'text';

export interface ParquetColumn {
  readonly name: string;
  /** What its values are, or those in its lists; or what it has that is not read. */
  readonly scalar: Scalar | { readonly unread: string };
  readonly list: boolean;
}

export function columnsOf(schema: SchemaTree): readonly ParquetColumn[] {
  return schema.children.map((column) => {
    const { element, children } = column;
    const { name } = element;
    if (children.length === 0) return { name, scalar: scalarOf(element), list: element.repetition_type === 'REPEATED' };
    const item = itemOf(column);
    if (item === undefined) return { name, scalar: { unread: structure(column) }, list: false };
    if (item.children.length > 0) return { name, scalar: { unread: `lists of ${structure(item)}` }, list: true };
    return { name, scalar: scalarOf(item.element), list: true };
  });
}

/** What a list has: optional group LIST { repeated group { item } }, or the older { repeated item }. */
function itemOf({ element, children }: SchemaTree): SchemaTree | undefined {
  const repeated = children[0];
  if (element.converted_type !== 'LIST' || children.length !== 1) return undefined;
  if (repeated.element.repetition_type !== 'REPEATED') return undefined;
  if (repeated.children.length === 0) return repeated;
  return repeated.children.length === 1 ? repeated.children[0] : undefined;
}

function structure({ element }: SchemaTree): string {
  if (element.converted_type === 'LIST') return 'lists';
  return element.converted_type === 'MAP' ? 'maps' : 'structs';
}

function scalarOf(element: SchemaElement): ParquetColumn['scalar'] {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (converted === 'DECIMAL' || logical?.type === 'FLOAT16') return 'number';
  if (converted === 'DATE' || converted?.startsWith('TIMESTAMP') || logical?.type === 'TIMESTAMP') return 'date';
  if (converted === 'UTF8' || converted === 'ENUM' || converted === 'JSON' || logical?.type === 'UUID') return 'text';
  const unread = unreadType(element);
  if (unread !== undefined) return { unread };
  switch (type) {
    case 'INT32':
    case 'INT64':
    case 'FLOAT':
    case 'DOUBLE':
      return 'number';
    case 'INT96':
      return 'date';
    case 'BOOLEAN':
    case 'BYTE_ARRAY':
      return 'text';
    default:
      return { unread: 'bytes of a fixed length' };
  }
}

/** Types of which the values are not what is stored, and that nobody turns into it here. */
const UNREAD: Readonly<Record<string, string>> = {
  DATE: 'dates of a newer form',
  DECIMAL: 'decimals of a newer form',
  TIME: 'times of day',
  BSON: 'BSON',
  INTERVAL: 'intervals',
  GEOMETRY: 'geometry',
  GEOGRAPHY: 'geography',
  VARIANT: 'variants',
};

function unreadType({ converted_type: converted, logical_type: logical }: SchemaElement): string | undefined {
  if (converted?.startsWith('TIME_')) return UNREAD.TIME;
  return UNREAD[converted ?? ''] ?? UNREAD[logical?.type ?? ''];
}
