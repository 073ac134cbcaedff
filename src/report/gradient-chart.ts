// Norms of gradients over steps back as an SVG: a logarithmic axis, a line a network. It stands on a ground of its own, so that it
// can be read on white and on dark.

export interface ChartLine {
  readonly name: string;
  /** Lines of a group have one colour, and differ in their dashes. */
  readonly group: string;
  /** By steps back, from 0 on; what is no positive number is left out. */
  readonly norms: readonly number[];
}

export interface Chart {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  /** Steps after which backpropagation is cut off: a line across the chart. */
  readonly window?: number;
}

const SIZE = { width: 760, height: 420 };
const PLOT = { left: 64, right: 560, top: 48, bottom: 364 };
const LEGEND = { left: 580, line: 22 };
const LABELS = 42;
const [INK, FAINT, GROUND] = ['#24292f', '#d0d7de', '#f6f8fa'];
const COLOURS = ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#cf222e'];
const DASHES = ['', '7 3', '2 3', '9 3 2 3'];
/** The axis ends here, in powers of ten: what is smaller has vanished, what is larger has exploded. */
const [LOWEST, HIGHEST] = [-12, 6];
const MOST_TICKS = 8;

export function gradientChart({ title, lines, window }: Chart): string {
  const longest = Math.max(...lines.map(({ norms }) => norms.length - 1));
  const x = (back: number): number => PLOT.left + (back / longest) * (PLOT.right - PLOT.left);
  const powers = powersOf(lines);
  const [low, high] = [powers[0], powers[powers.length - 1]];
  const y = (norm: number): number =>
    PLOT.bottom - ((Math.log10(norm) - low) / (high - low)) * (PLOT.bottom - PLOT.top);
  const body = [
    text(PLOT.left, 24, title, 'font-size="15"'),
    ...grid(longest, powers, x, (power) => y(10 ** power)),
    ...(window === undefined ? [] : cut(x(window - 0.5), window)),
    '<g clip-path="url(#plot)" fill="none" stroke-width="2">',
    ...lines.map((one) => `<path d="${pathOf(one.norms, x, y)}" ${strokeOf(one, lines)}/>`),
    '</g>',
    ...legend(lines),
    text((PLOT.left + PLOT.right) / 2, SIZE.height - 16, 'steps back', 'text-anchor="middle"'),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" width="${SIZE.width}" height="${SIZE.height}" role="img" aria-label="${escaped(title)}">
<clipPath id="plot"><rect x="${PLOT.left}" y="${PLOT.top}" width="${PLOT.right - PLOT.left}" height="${PLOT.bottom - PLOT.top}"/></clipPath>
<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>
<g font-family="sans-serif" font-size="12" fill="${INK}">
${body.join('\n')}
</g>
</svg>
`;
}

/** Powers of ten for the ticks, evenly apart, around all that is drawn. */
function powersOf(lines: readonly ChartLine[]): readonly number[] {
  const logs = lines.flatMap(({ norms }) => norms.filter(isDrawn)).map((norm) => Math.log10(norm));
  const within = (power: number): number => Math.min(HIGHEST, Math.max(LOWEST, power));
  const low = within(Math.floor(logs.reduce((a, b) => Math.min(a, b), 0)));
  const high = within(Math.ceil(logs.reduce((a, b) => Math.max(a, b), 0)));
  const apart = Math.max(1, Math.ceil((high - low) / MOST_TICKS));
  const powers = [low];
  for (let power = low + apart; powers[powers.length - 1] < Math.max(high, low + 1); power += apart) powers.push(power);
  return powers;
}

const isDrawn = (norm: number): boolean => Number.isFinite(norm) && norm > 0;

/** Broken where a norm is not drawn. */
function pathOf(norms: readonly number[], x: (back: number) => number, y: (norm: number) => number): string {
  return norms
    .flatMap((norm, back) => {
      if (!isDrawn(norm)) return [];
      const command = back > 0 && isDrawn(norms[back - 1]) ? 'L' : 'M';
      return [`${command}${x(back).toFixed(1)} ${y(norm).toFixed(1)}`];
    })
    .join('');
}

function strokeOf(one: ChartLine, lines: readonly ChartLine[]): string {
  const groups = [...new Set(lines.map(({ group }) => group))];
  const colour = COLOURS[groups.indexOf(one.group) % COLOURS.length];
  const place = lines.filter(({ group }) => group === one.group).indexOf(one);
  const dashes = DASHES[place % DASHES.length];
  return `stroke="${colour}"${dashes === '' ? '' : ` stroke-dasharray="${dashes}"`}`;
}

function grid(
  longest: number,
  powers: readonly number[],
  x: (back: number) => number,
  y: (power: number) => number,
): readonly string[] {
  const apart = Math.max(1, Math.ceil(longest / MOST_TICKS / 5) * 5);
  const ticks = Array.from({ length: Math.floor(longest / apart) + 1 }, (_, i) => i * apart);
  return [
    ...ticks.flatMap((back) => [
      line([x(back), PLOT.top], [x(back), PLOT.bottom], `stroke="${FAINT}"`),
      text(x(back), PLOT.bottom + 18, `${back}`, 'text-anchor="middle"'),
    ]),
    ...powers.flatMap((power) => [
      line([PLOT.left, y(power)], [PLOT.right, y(power)], `stroke="${power === 0 ? INK : FAINT}"`),
      text(PLOT.left - 8, y(power) + 4, power === 0 ? '1' : `1e${power}`, 'text-anchor="end"'),
    ]),
  ];
}

const cut = (x: number, window: number): readonly string[] => [
  line([x, PLOT.top], [x, PLOT.bottom], `stroke="${INK}" stroke-width="1.5" stroke-dasharray="4 4"`),
  text(x, LABELS, `cut off: window ${window}`, 'text-anchor="middle"'),
];

function legend(lines: readonly ChartLine[]): readonly string[] {
  const apart = Math.min(LEGEND.line, (PLOT.bottom - PLOT.top) / lines.length);
  return lines.flatMap((one, i) => {
    const top = PLOT.top + 8 + apart * i;
    return [
      line([LEGEND.left, top], [LEGEND.left + 28, top], `${strokeOf(one, lines)} stroke-width="2"`),
      text(LEGEND.left + 36, top + 4, one.name),
    ];
  });
}

const line = (from: readonly number[], to: readonly number[], more: string): string =>
  `<line x1="${from[0].toFixed(1)}" y1="${from[1].toFixed(1)}" x2="${to[0].toFixed(1)}" y2="${to[1].toFixed(1)}" ${more}/>`;

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${more === '' ? '' : ` ${more}`}>${escaped(words)}</text>`;

const escaped = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
