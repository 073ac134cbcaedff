import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradientChart } from '../../src/report/gradient-chart.js';

const line = (name: string, norms: readonly number[], group = name) => ({ name, group, norms });
const pathsOf = (svg: string): string[] => [...svg.matchAll(/<path d="([^"]*)"/g)].map((match) => match[1]);
const pointsOf = (path: string): number[][] =>
  path
    .split(/[ML]/)
    .slice(1)
    .map((point) => point.split(' ').map(Number));

describe('the chart of gradients', () => {
  test('has a line a network, straight where a norm is multiplied by the same at every step', () => {
    const halved = Array.from({ length: 11 }, (_, back) => 0.5 ** back);
    const [path, constant] = pathsOf(
      gradientChart({
        title: 't',
        lines: [
          line('a', halved),
          line(
            'b',
            halved.map(() => 1),
          ),
        ],
      }),
    );
    const points = pointsOf(path);
    expect(points).toHaveLength(11);
    const slopes = points.slice(1).map(([x, y], i) => (y - points[i][1]) / (x - points[i][0]));
    for (const slope of slopes) expect(slope).toBeCloseTo(slopes[0], 1);
    expect(slopes[0]).toBeGreaterThan(0);
    expect(new Set(pointsOf(constant).map(([, y]) => y)).size).toBe(1);
  });

  test('leaves out what has no logarithm, and goes on behind it', () => {
    const [path] = pathsOf(gradientChart({ title: 't', lines: [line('a', [1, 0, Number.NaN, 0.5, 0.25])] }));
    expect(path.match(/[ML]/g)).toEqual(['M', 'M', 'L']);
  });

  test('has one colour a group, other dashes in it, and names that are escaped', () => {
    const lines = [line('a < b', [1, 1], 'x'), line('c', [1, 2], 'x'), line('d', [1, 3], 'y')];
    const svg = gradientChart({ title: '"q" & r', lines, window: 1 });
    const strokes = [...svg.matchAll(/<path .* stroke="(#\w+)"( stroke-dasharray)?/g)].map((match) => match[1]);
    expect([strokes[0] === strokes[1], strokes[0] === strokes[2]]).toEqual([true, false]);
    expect(svg).toContain('a &lt; b');
    expect(svg).toContain('aria-label="&quot;q&quot; &amp; r"');
    expect(svg).toContain('cut off: window 1');
  });

  test('has only numbers in its coordinates, whatever the norms are', () => {
    const norm = fc.oneof(fc.constantFrom(0, Number.POSITIVE_INFINITY, Number.NaN), fc.double({ min: 0, max: 1e300 }));
    fc.assert(
      fc.property(fc.array(norm, { minLength: 2, maxLength: 40 }), (norms) => {
        expect(gradientChart({ title: 't', lines: [line('a', norms)] })).not.toMatch(/NaN|Infinity|undefined/);
      }),
    );
  });
});
