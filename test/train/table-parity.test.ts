// Tables that are updated by rows against PyTorch: SparseAdam on an embedding, and SGD with weight decay whose rows catch up when
// they are touched, each over windows that name some of the rows.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { OptimizerSettings } from '../../src/train/optimizer.js';
import { InlineRun, type InlineWindow } from './inline-run.js';
import { difference, PRECISIONS } from './problems.js';

interface Outcome {
  readonly losses: readonly number[];
  readonly parameters: Readonly<Record<string, { readonly values: readonly number[] }>>;
}
interface Fixture {
  readonly architecture: InlineRun['options']['model'];
  readonly optimizer: Pick<OptimizerSettings, 'name' | 'l2'>;
  readonly lr: number;
  readonly windows: Readonly<Record<string, InlineWindow>>;
  readonly parameters: Outcome['parameters'];
  readonly float32: Outcome;
  readonly float64: Outcome;
}

const folder = new URL('../fixtures/tables/', import.meta.url);
const fixtures = readdirSync(folder).map((file) => ({
  name: file.replace('.json', ''),
  fixture: JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture,
}));

describe.each(PRECISIONS)('%s kernels in %s', (kernels, precision, tolerance) => {
  test.each(fixtures)('$name: losses and parameters are those of PyTorch', ({ fixture }) => {
    const { architecture: model, optimizer, lr } = fixture;
    const windows = Object.values(fixture.windows);
    const most = Math.max(...windows.map(({ entries = [] }) => entries.flat(2).length));
    const [steps, streams] = [windows[0].targets.length, windows[0].targets[0].length];
    const run = new InlineRun({ model, steps, streams, kernels, precision, optimizer, entries: most });
    run.setParameters(
      Object.fromEntries(
        Object.entries(fixture.parameters).map(([name, { values }]) => [name, values.map(Math.fround)]),
      ),
    );
    const losses = windows.map((window) => run.step({ ...window, rate: lr, reset: true }).loss);
    const wanted = fixture[precision];
    expect(difference(losses, wanted.losses)).toBeLessThan(tolerance);
    for (const [name, values] of Object.entries(run.read('current')))
      expect(difference(values, wanted.parameters[name].values), name).toBeLessThan(tolerance);
    // Rows that the last windows did not name are behind.
    if (optimizer.l2 > 0) expect(run.read('weights')).not.toEqual(run.read('current'));
  });
});
