// Texts and lists as tokens.

import type { Column } from '../tables/table.js';
import { textsOf } from './table-columns.js';

/** Words and, each by itself, what stands between them but is no space. */
const WORDS = /[\p{L}\p{N}\p{M}_'’]+|[^\p{L}\p{N}\p{M}_'’\s]/gu;

/** The tokens of a row's cell. */
export function tokensOf(column: Column, split: 'list' | 'word' | 'char', row: number): readonly string[] {
  if (column.kind === 'list') return column.values[row];
  const text = textsOf(column)[row];
  return split === 'char' ? [...text] : (text.toLowerCase().match(WORDS) ?? []);
}

/** What stands before the words of a later column: no word, and no character. */
const markOf = ({ name }: Column): string => `<${name}>`;

/** The tokens of a row, of columns one after another, with a mark before each but the first; none where there is no text. */
export function tokensOfRow(
  columns: readonly Column[],
  split: 'list' | 'word' | 'char',
  row: number,
): readonly string[] {
  const [first, ...later] = columns.map((column) => tokensOf(column, split, row));
  if (later.length === 0) return first;
  if (first.length === 0 && later.every(({ length }) => length === 0)) return [];
  return [...first, ...later.flatMap((tokens, i) => [markOf(columns[i + 1]), ...tokens])];
}

/** The parts of a text, without spaces around them; no empty ones. */
export const wordsOf = (text: string, separator: RegExp): readonly string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
