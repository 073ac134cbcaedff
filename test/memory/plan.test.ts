// The memory plan: views that do not touch, sums that add up, and the same plan for everybody who computes it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Part, PlanBuilder } from '../../src/memory/plan.js';

const LINE_BYTES = 64;
const PARTS: readonly Part[] = ['parameters', 'gradients', 'activations', 'batches', 'control'];

const view = fc.record({
  part: fc.constantFrom(...PARTS),
  kind: fc.constantFrom('floats', 'ints', 'doubles'),
  count: fc.oneof(fc.constantFrom(0, 1, 15, 16, 17), fc.integer({ min: 0, max: 5000 })),
});
const given = fc.record({
  floatBytes: fc.constantFrom(4, 8),
  start: fc.oneof(fc.constantFrom(0, 1, 64, 65), fc.integer({ min: 0, max: 100_000 })),
  views: fc.array(view, { maxLength: 40 }),
});
const sizeOf = { ints: 4, doubles: 8 };

test('views begin on cache lines, behind the reserved start, and never overlap', () => {
  fc.assert(
    fc.property(given, ({ floatBytes, start, views }) => {
      const plan = new PlanBuilder(floatBytes as 4 | 8, start);
      let end = start;
      for (const { part, kind, count } of views) {
        const offset = plan[kind](part, count);
        expect(offset % LINE_BYTES).toBe(0);
        expect(offset).toBeGreaterThanOrEqual(end);
        end = offset + count * (kind === 'floats' ? floatBytes : sizeOf[kind]);
      }
      expect(plan.bytes).toBeGreaterThanOrEqual(end);
    }),
    { seed: 5 },
  );
});

test('the parts add up to the whole: what the printed plan says is what is allocated', () => {
  fc.assert(
    fc.property(given, ({ floatBytes, start, views }) => {
      const plan = new PlanBuilder(floatBytes as 4 | 8, start);
      const before = plan.bytes;
      for (const { part, kind, count } of views) plan[kind](part, count);
      const sum = [...plan.parts.values()].reduce((all, bytes) => all + bytes, 0);
      expect(before - start).toBeLessThan(LINE_BYTES);
      expect(sum).toBe(plan.bytes - before);
      expect([...plan.parts.keys()].sort()).toEqual([...new Set(views.map(({ part }) => part))].sort());
    }),
    { seed: 6 },
  );
});

test('floats take the bytes of the kernels’ floats', () => {
  const bytes = ([4, 8] as const).map((floatBytes) => {
    const plan = new PlanBuilder(floatBytes, 0);
    plan.floats('parameters', 1000);
    return plan.bytes;
  });
  expect(bytes).toEqual([4032, 8000]);
});
