// Writes the README's table of speed from bench/results/peers.jsonl, which `unroll bench peers --json` has printed. A figure in the
// README is one that was measured.
//
// The README has the commands; then:
//
//   node scripts/readme-tables.mjs

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const [BEGIN, END] = ['<!-- speed: written by scripts/readme-tables.mjs -->\n', '<!-- end of speed -->'];

const rows = readFileSync(path('bench/results/peers.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('{'))
  .map((line) => JSON.parse(line))
  .filter((row) => row.model !== undefined);

const count = (value) => Math.round(value).toLocaleString('en');
const times = ({ ratio }) => `${ratio.median.toFixed(1)} (${ratio.least.toFixed(1)} to ${ratio.most.toFixed(1)})`;

function nameOf({ model, batch, window, kernels }) {
  const { cell, hidden, layers, vocabulary, features } = model;
  const inputs = features ? `${features} real inputs` : `V = ${count(vocabulary)}`;
  const parts = [`H = ${hidden}`, layers > 1 ? `${layers} layers` : '', `B = ${batch}`, `T = ${window}`, inputs];
  return `${cell}, ${parts.filter(Boolean).join(', ')}${kernels === 'wasm' ? ', WebAssembly' : ''}`;
}

const lines = [
  '| model | tokens/s | of the peak | beside | its best process: faster by | its best arrangement: faster by |',
];
lines.push('| --- | --- | --- | --- | --- | --- |');
for (const row of rows) {
  const own = [nameOf(row), count(row.tokensPerSecond.median), `${Math.round(100 * row.peakShare)}%`];
  for (const { peer, single, best } of row.peers) {
    if (best === undefined) continue;
    const one = single === undefined ? '' : `${times(single)}, ${single.arrangement}`;
    lines.push(`| ${[...own, peer.replace(/\+.*|a0$/, ''), one, `${times(best)}, ${best.arrangement}`].join(' | ')} |`);
    own.fill('');
  }
}

const readme = readFileSync(path('README.md'), 'utf8');
const [before, rest] = readme.split(BEGIN);
const after = rest?.split(END)[1];
if (after === undefined) throw new Error(`README.md lacks ${BEGIN.trim()} ... ${END}`);
writeFileSync(path('README.md'), `${before}${BEGIN}${lines.join('\n')}\n${END}${after}`);
