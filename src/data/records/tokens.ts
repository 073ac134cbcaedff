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

/** The parts of a text, without spaces around them; no empty ones. */
export const wordsOf = (text: string, separator: RegExp): readonly string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
