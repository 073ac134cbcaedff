// Draws what a command printed as an SVG of a terminal: node scripts/picture.mjs 'TITLE' < output.txt > docs/picture.svg
import { readFileSync } from 'node:fs';

const [title = ''] = process.argv.slice(2);
const lines = readFileSync(0, 'utf8').trimEnd().split('\n');
const [columnPixels, linePixels, margin, bar] = [7.25, 17, 16, 30];
const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * columnPixels) + 2 * margin;
const height = bar + margin + lines.length * linePixels + margin / 2;
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const colour = (line) => (line.startsWith('$') ? '#8fd18f' : /^(step|all)/.test(line) ? '#e8c877' : '#d8dee4');
const texts = lines.map(
  (line, i) =>
    `<text x="${margin}" y="${bar + margin + i * linePixels}" fill="${colour(line)}" xml:space="preserve">${escaped(line)}</text>`,
);
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<rect width="100%" height="100%" rx="8" fill="#1b1f24"/>
<circle cx="18" cy="16" r="5" fill="#ee6a5f"/><circle cx="36" cy="16" r="5" fill="#f5bd4f"/><circle cx="54" cy="16" r="5" fill="#61c454"/>
<text x="${width / 2}" y="20" fill="#9aa4af" font-family="sans-serif" font-size="12" text-anchor="middle">${escaped(title)}</text>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="12">
${texts.join('\n')}
</g>
</svg>`);
