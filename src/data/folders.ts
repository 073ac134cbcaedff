// Folders are made one by one: for some paths (/proc/x) Node's recursive mkdir never comes back.

import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes `folder` and those above it that are missing, all or none. @returns what was made, the innermost first */
export function makeFolders(folder: string): readonly string[] {
  const missing: string[] = [];
  for (let at = resolve(folder); !existsSync(at); at = dirname(at)) missing.push(at);
  const made: string[] = [];
  try {
    for (const at of missing.toReversed()) {
      mkdirSync(at);
      made.unshift(at);
    }
    return made;
  } catch (error) {
    for (const at of made) rmdirSync(at);
    throw error;
  }
}
