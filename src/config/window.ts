// The window where none is given.

import type { Checked } from './config.js';
import { tableOf } from './record-checks.js';
import { DEFAULT_WINDOW } from './settings.js';

/** Sequences of a table are learned as wholes where they have ends; a text and a series go on and on. */
export function defaultWindow(config: Checked): number | 'full' {
  const { cell, task, group, csv } = config;
  if (cell === 'mlp') return 1;
  if (tableOf(config) === undefined || task === 'forecast') return DEFAULT_WINDOW;
  return task === 'tag' && csv !== undefined && group === undefined ? DEFAULT_WINDOW : 'full';
}
