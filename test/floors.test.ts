// The house's rule: a file imports from its own folder and from floors below, never upwards, never from a neighbour.
// And what no file may hold: a second barrel, the address of a package registry.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The rooms of the house and their floors. errors.ts is the ground that every room stands on. */
const FLOORS: Readonly<Record<string, number>> = {
  'src/errors.ts': -1,
  'src/kernels': 0,
  'src/memory': 1,
  'src/config': 1,
  'src/model': 2,
  'src/train': 3,
  'src/data': 3,
  'src/coordinator': 4,
  'src/markov': 4,
  workers: 5,
  'src/checkpoint': 5,
  'src/report': 5,
  'src/run': 6,
  bench: 6,
  'src/cli': 7,
  'src/index.ts': 7,
};

/** What git does not keep, and git's own. */
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', 'build', 'runs']);

/** The paths of all files below a folder, relative to the root, with forward slashes. */
function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesIn(path);
    return entry.isFile() ? [path] : [];
  });
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The room that a file stands in: the longest of the house's names that its path begins with. */
function roomOf(path: string): string | undefined {
  return Object.keys(FLOORS)
    .filter((room) => path === room || path.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
}

const STATIC = /^\s*(?:import|export)\b(?:[^'";]*?\bfrom)?\s*'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'/g;

/** The files of the house that a source imports, types included. */
function importsOf(path: string, source: string): string[] {
  return [STATIC, DYNAMIC]
    .flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1]))
    .filter((name) => name.startsWith('.') || name.startsWith('#workers/'))
    .map((name) => (name.startsWith('#') ? name.slice(1) : normalize(join(dirname(path), name)).replaceAll('\\', '/')))
    .map((target) => target.replace(/\.js$/, '.ts'));
}

/** Each import that breaks the rule, as a sentence. */
function violations(path: string, source: string): string[] {
  const from = roomOf(path);
  if (from === undefined) return [`${path} stands in no room of the house`];
  return importsOf(path, source).flatMap((target) => {
    const to = roomOf(target);
    if (to === undefined) return [`${path} imports ${target}, which is outside the house`];
    if (to === from || FLOORS[to] < FLOORS[from]) return [];
    return [`${path} (floor ${FLOORS[from]}) imports ${target} (floor ${FLOORS[to]})`];
  });
}

const sources = filesIn('').filter((path) => /^(?:src|workers|bench)\/.*\.ts$/.test(path));

describe('the floors', () => {
  test('every import goes down or stays in its folder', () => {
    expect(sources.flatMap((path) => importsOf(path, read(path))).length).toBeGreaterThan(0);
    expect(sources.flatMap((path) => violations(path, read(path)))).toEqual([]);
  });

  test.each([
    ['a neighbour', 'src/data/text.ts', `import { a } from '../train/a.js';`],
    ['a floor above', 'src/kernels/select.ts', `import type {\n  A,\n  B,\n} from '../memory/arena.js';`],
    ['a floor above, re-exported', 'src/memory/plan.ts', `export { x } from '../model/x.js';`],
    ['a floor above, for its effects', 'src/model/gru.ts', `import '../run/run.js';`],
    ['a floor above, later', 'src/config/config.ts', `const x = await import('../cli/main.js');`],
    ['a worker from below', 'src/train/step.ts', `import x from '#workers/worker.js';`],
    ['a file outside', 'src/train/step.ts', `import x from '../../test/x.js';`],
  ])('an import from %s is seen', (_, path, source) => {
    expect(violations(path, source)).toHaveLength(1);
  });

  test('an import from below, from the own folder or from a package is none', () => {
    const source = `import { a } from '../kernels/a.js';\nimport { b } from './b.js';\nimport c from 'node:fs';\nimport { E } from '../errors.js';`;
    expect(violations('src/model/lstm.ts', source)).toEqual([]);
  });
});

test('src/index.ts is the only barrel', () => {
  const passesOn = (path: string) => /^export\b[^'";]*\bfrom\s*'/m.test(read(path));
  const barrels = sources.filter((path) => passesOn(path) || path.endsWith('/index.ts'));
  expect(barrels.filter((path) => path !== 'src/index.ts')).toEqual([]);
});

test('no file names the registry that packages came from', () => {
  const all = filesIn('');
  expect(all).toContain('package-lock.json');
  expect(read('package-lock.json')).not.toContain('"resolved"');
  expect(all.filter((path) => /\bregistry\.[a-z]+\.[a-z]+\//.test(read(path)))).toEqual([]);
});
