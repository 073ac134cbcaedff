import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/config.js';
import { mergeResumed } from '../../src/config/resume.js';
import { UserError } from '../../src/errors.js';

const saved = { ...resolveConfig({ text: 'moby.txt', hidden: 64, epochs: 3, workers: 2 }) };

test('a resumed run has its saved settings, and those that may change as they are given', () => {
  const given = { resume: 'runs/a', workers: 5, quiet: true, profile: true, out: 'runs/b' };
  expect(resolveConfig(mergeResumed(saved, given))).toEqual({ ...saved, ...given });
});

test('epochs or steps given anew replace both', () => {
  expect(resolveConfig(mergeResumed(saved, { steps: 500 }))).toEqual({ ...saved, steps: 500, epochs: undefined });
  const bySteps = { ...resolveConfig({ text: 'moby.txt', steps: 10 }) };
  expect(resolveConfig(mergeResumed(bySteps, { epochs: 4 }))).toEqual({ ...bySteps, steps: undefined, epochs: 4 });
});

test('the same value may be given again, another one may not', () => {
  expect(mergeResumed(saved, { hidden: 64 }).hidden).toBe(64);
  expect(() => mergeResumed(saved, { hidden: 65 })).toThrow(UserError);
  expect(() => mergeResumed(saved, { hidden: 65 })).toThrow(
    /^--hidden: 65 is not allowed with --resume; in the run it is 64/,
  );
  expect(() => mergeResumed(saved, { patience: 2 })).toThrow(/in the run it is not set/);
});

test('a setting that is written otherwise and means the same is none that changed', () => {
  const given = { target: 'faults', columns: { a: 'number' }, classWeights: 'balanced' };
  const table = { ...resolveConfig({ csv: 'x.csv', task: 'classify', cell: 'gru', group: 'id', ...given }) };
  expect(mergeResumed(table, { ...given, epochs: 3 })).toMatchObject({ csv: 'x.csv', epochs: 3 });
  expect(resolveConfig(mergeResumed(table, given))).toEqual(table);
  expect(() => mergeResumed(table, { target: 'others' })).toThrow(/^--target: "others" is not allowed with --resume/);
  expect(() => mergeResumed(table, { columns: { a: 'text' } })).toThrow(/^--columns: /);
});
