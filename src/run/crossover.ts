// From which density on leaving out zeros is slower than not to: measured on this machine, and kept for its next runs.
import { mkdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../checkpoint/atomic.js';
import { cacheFolder } from '../data/dataset.js';
import type { KernelChoice } from '../kernels/choose.js';
import { PANEL } from '../kernels/kernels.js';
import { type Crossover, EVERYWHERE } from '../model/sparsity.js';
import { type Both, SparseBed } from '../train/sparse-bed.js';
import { packageVersion } from './run-folder.js';

/** Units and outputs of the products that are timed: weights of 1 MB. */
const WIDTH = 512;
/** What a sparse kernel shall gain at least: less would not pay for the lists. */
const LEAST_GAIN = 1.02;
/** The density is halved in on so often: to a sixty-fourth. */
const HALVINGS = 6;
const SLICE_MS = 1;
const SLICES = 3;

/** What the cache holds of this machine, or a measurement of a tenth of a second that is written there. */
export function crossoverOf(choice: KernelChoice): Crossover {
  // In plain loops each term that is left out is time saved.
  if (choice.name === 'reference') return EVERYWHERE;
  const path = join(cacheFolder(), 'crossover.json');
  const key = [cpus()[0]?.model.trim(), choice.name, choice.instructionSet, packageVersion()]
    .filter(Boolean)
    .join(', ');
  const kept = read(path);
  const known = kept[key];
  if (isCrossover(known)) return known;
  const measured = measureCrossover(choice);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileAtomic(path, `${JSON.stringify({ ...kept, [key]: measured }, undefined, 2)}\n`);
  } catch {
    // Then the next run measures again.
  }
  return measured;
}

function read(path: string): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof kept === 'object' && kept !== null ? { ...kept } : {};
  } catch {
    return {};
  }
}

function isCrossover(value: unknown): value is Crossover {
  if (typeof value !== 'object' || value === null) return false;
  const { product, gradient } = value as Partial<Crossover>;
  return [product, gradient].every((density) => typeof density === 'number' && density >= 0 && density <= 1);
}

export function measureCrossover(choice: KernelChoice): Crossover {
  const bed = new SparseBed(choice.name, { units: WIDTH, blocks: 1, panels: WIDTH / PANEL });
  const faster =
    ({ dense, sparse }: Both) =>
    (density: number) => {
      bed.fill(density);
      const [slow, quick] = bestTimes([dense, sparse]);
      return slow >= LEAST_GAIN * quick;
    };
  return { product: largest(faster(bed.product)), gradient: largest(faster(bed.gradient)) };
}

/** The largest density, to a sixty-fourth, at which it is so: up to there it always is. */
function largest(isSo: (density: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (isSo(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The shortest time of each, in turn: what else runs on the machine only makes them longer. */
function bestTimes(calls: readonly (() => void)[]): readonly number[] {
  const best = calls.map(() => Number.POSITIVE_INFINITY);
  for (let slice = 0; slice < SLICES; slice++) {
    for (const [i, call] of calls.entries()) {
      const end = performance.now() + SLICE_MS;
      for (let start = performance.now(); start < end; start = performance.now()) {
        call();
        best[i] = Math.min(best[i], performance.now() - start);
      }
    }
  }
  return best;
}
