// Numbers as people read them.

import { printable } from '../errors.js';
import type { Unit } from './events.js';

/** 1234567 -> "1,234,567". */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** "1 step", "1,200 steps". */
export const counted = (value: number, one: string, several = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : several}`;

/** 24300000 -> "24.3 MB". */
export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  // 999.95 would be rounded to 1000.0.
  while (scaled >= 999.95 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${unit === 0 ? scaled : scaled.toFixed(1)} ${UNITS[unit]}`;
}

/** 95 -> "1:35", 3723 -> "1:02:03". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** [0.124, 0.0031] -> "12%, 0.3%": the densities of layers. */
export function densities(shares: readonly number[]): string {
  return shares.map((share) => `${(100 * share).toFixed(share < 0.01 ? 1 : 0)}%`).join(', ');
}

/** Three decimals, or a word for what JSON calls null. */
export function decimal(value: number | null, digits = 3): string {
  return value === null || !Number.isFinite(value) ? 'not finite' : value.toFixed(digits);
}

/** A mean loss in nats: "2.851 bits per character", of words "perplexity 120.3", of examples "loss 0.412". */
export function lossText(loss: number | null, unit: Unit): string {
  if (unit === 'word') return `perplexity ${decimal(loss === null ? null : Math.exp(loss), 2)}`;
  if (unit === 'example') return `loss ${loss === null ? decimal(loss) : Number(loss.toPrecision(4))}`;
  return `${decimal(loss === null ? null : loss / Math.LN2)} bits per character`;
}

/** Columns as wide as their widest cell; those named in `right` are aligned to the right. */
export function table(given: readonly (readonly string[])[], right: readonly number[] = []): string {
  // Names out of a file may hold signs that a terminal obeys.
  const rows = given.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}
