// Draws docs/sparsity.svg from bench/results/sparse.json: how much faster product, weight gradient and whole step are without the
// zeros, by density, both on logarithmic axes.
//
//   unroll bench sparse --json > bench/results/sparse.json && node bench/sparse-chart.mjs [OUT.svg]

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const [out = path('docs/sparsity.svg')] = process.argv.slice(2);
const rows = readFileSync(path('bench/results/sparse.json'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('{'))
  .map((line) => JSON.parse(line))
  .sort((a, b) => a.density - b.density);
const [{ crossover, kernels, processor, cores }] = rows;

const LINES = [
  { name: 'weight gradient', of: ({ gradient }) => gradient, colour: '#8250df' },
  { name: 'product', of: ({ product }) => product, colour: '#0969da' },
  { name: 'whole step (auto)', of: ({ auto }) => auto, colour: '#bc4c00' },
];
const SIZE = { width: 720, height: 420 };
const LEGEND = 510;
const PLOT = { left: 64, right: 696, top: 56, bottom: 364 };
const INK = '#24292f';
const FAINT = '#d0d7de';

/** Ticks at 1, 2 and 5 times the powers of ten, as far as they cover [least, most]. */
function ticksOver(least, most) {
  const all = [];
  for (let power = -4; power <= 4; power++) for (const first of [1, 2, 5]) all.push(first * 10 ** power);
  const from = all.findLastIndex((tick) => tick <= least);
  return all.slice(from, all.findIndex((tick) => tick >= most) + 1);
}

/** Where a value stands between two pixels, on a logarithmic axis from the first to the last of `ticks`. */
function scale(ticks, from, to) {
  const [low, high] = [Math.log(ticks[0]), Math.log(ticks.at(-1))];
  return (value) => (from + ((Math.log(value) - low) / (high - low)) * (to - from)).toFixed(1);
}

const spreads = rows.flatMap((row) => LINES.map(({ of }) => of(row)));
const xTicks = ticksOver(rows[0].density, rows.at(-1).density);
const yTicks = ticksOver(Math.min(...spreads.map((s) => s.least)), Math.max(...spreads.map((s) => s.most)));
const x = scale(xTicks, PLOT.left, PLOT.right);
const y = scale(yTicks, PLOT.bottom, PLOT.top);

const text = (at, words, more = '') => `<text x="${at[0]}" y="${at[1]}" ${more}>${words}</text>`;
const line = (from, to, colour, more = '') =>
  `<line x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}" stroke="${colour}" ${more}/>`;
const escaped = (words) => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const short = (value) => Number(value.toPrecision(3));

const grid = [
  ...xTicks.flatMap((tick) => [
    line([x(tick), PLOT.top], [x(tick), PLOT.bottom], FAINT),
    text([x(tick), PLOT.bottom + 18], `${short(100 * tick)}%`, 'text-anchor="middle"'),
  ]),
  ...yTicks.flatMap((tick) => [
    line([PLOT.left, y(tick)], [PLOT.right, y(tick)], FAINT),
    text([PLOT.left - 8, Number(y(tick)) + 4], `${short(tick)}x`, 'text-anchor="end"'),
  ]),
  line([PLOT.left, y(1)], [PLOT.right, y(1)], INK, 'stroke-width="1.5"'),
];

/** One of LINES: the medians, and from the least to the most of each. */
const curve = ({ of, colour }) => [
  `<polyline points="${rows.map((row) => `${x(row.density)},${y(of(row).median)}`).join(' ')}" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
  ...rows.flatMap((row) => {
    const { median, least, most } = of(row);
    return [
      line([x(row.density), y(least)], [x(row.density), y(most)], colour, 'stroke-width="1.5"'),
      `<circle cx="${x(row.density)}" cy="${y(median)}" r="3.5" fill="${colour}"/>`,
    ];
  }),
];

/** Up to where `--sparse auto` leaves out zeros, on the line of equal speed. */
const mark = (density, colour) =>
  `<circle cx="${x(density)}" cy="${y(1)}" r="6" fill="none" stroke="${colour}" stroke-width="2"><title>crossover at ${Math.round(100 * density)}%</title></circle>`;

const legend = LINES.flatMap(({ name, colour }, i) => {
  const top = PLOT.top + 20 + 20 * i;
  return [line([LEGEND, top], [LEGEND + 24, top], colour, 'stroke-width="2.5"'), text([LEGEND + 32, top + 4], name)];
});
legend.push(
  `<circle cx="${LEGEND + 12}" cy="${PLOT.top + 80}" r="6" fill="none" stroke="${INK}" stroke-width="2"/>`,
  text([LEGEND + 32, PLOT.top + 84], 'crossovers of auto'),
);

const title = 'Speed without zeros over speed with them, by density';
writeFileSync(
  out,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" width="${SIZE.width}" height="${SIZE.height}" role="img" aria-label="${title}">
<rect width="100%" height="100%" rx="8" fill="#f6f8fa"/>
<g font-family="sans-serif" font-size="12" fill="${INK}">
${[
  text([PLOT.left, 26], title, 'font-size="15"'),
  text([PLOT.left, 44], escaped(`${processor}, ${cores} cores, ${kernels} kernels`)),
  ...grid,
  ...LINES.flatMap(curve),
  mark(crossover.product, LINES[1].colour),
  mark(crossover.gradient, LINES[0].colour),
  ...legend,
  text(
    [(PLOT.left + PLOT.right) / 2, SIZE.height - 14],
    'density: the share of units that are active',
    'text-anchor="middle"',
  ),
].join('\n')}
</g>
</svg>
`,
);
