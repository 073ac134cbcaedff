// Writes the tables of docs/sparsity.md from what the benches have printed, kept in bench/results:
//
//   unroll bench sparse --json > bench/results/sparse.json
//   unroll bench sparse --kernels wasm --densities 0.05,0.1,0.25,0.5 --json > bench/results/sparse-wasm.json
//   unroll bench tables --python PYTHON --json > bench/results/tables.json
//   node scripts/sparsity-tables.mjs

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const [out = path('docs/sparsity.md')] = process.argv.slice(2);
const rowsOf = (name) =>
  readFileSync(path(`bench/results/${name}`), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

const count = (value) => Math.round(value).toLocaleString('en');
const range = ({ median, least, most }, show = count) => `${show(median)} (${show(least)} to ${show(most)})`;
const fixed = (digits) => (value) => value.toFixed(digits);

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

const DENSITIES = ['product', 'weight gradient', 'tokens/s, never', 'tokens/s, auto', 'auto / never', 'always / never'];
const densities = (name) =>
  table(
    ['density', ...DENSITIES],
    rowsOf(name).map(({ density, product, gradient, tokensPerSecond, auto, always }) => [
      `${Math.round(100 * density)}%`,
      ...[fixed(2)(product.median), fixed(2)(gradient.median)],
      ...[count(tokensPerSecond.never.median), count(tokensPerSecond.auto.median)],
      ...[range(auto, fixed(2)), range(always, fixed(2))],
    ]),
  );

const measured = rowsOf('tables.json');
const ofTable = (kind) => measured.filter((row) => row.table === kind);

const TABLES = {
  native: densities('sparse.json'),
  wasm: densities('sparse-wasm.json'),
  vocabulary: table(
    [
      'drawn',
      'workers',
      '200,000 tokens, us a step',
      '2,000 tokens, us a step',
      'ratio',
      'whole step, 200,000',
      '2,000',
    ],
    ofTable('vocabulary').map(({ drawn, workers, microseconds, ratio, stepMicroseconds }) => [
      ...[drawn, workers, range(microseconds[0]), range(microseconds[1]), range(ratio, fixed(2))],
      ...stepMicroseconds.map(({ median }) => count(median)),
    ]),
  ),
  lazy: table(
    [
      'batch',
      'workers',
      'table, lazy, us',
      'dense, us',
      'dense / lazy',
      'steps/s, lazy / dense',
      'examples/s',
      'difference',
    ],
    ofTable('lazy').map(({ batch, workers, microseconds, tableRatio, ratio, examplesPerSecond, difference }) => [
      ...[batch, workers, range(microseconds[0], fixed(1)), range(microseconds[1]), range(tableRatio, fixed(1))],
      ...[range(ratio, fixed(1)), count(examplesPerSecond.median), difference.toExponential(1)],
    ]),
  ),
  peers: table(
    ['peer, penalty', 'its examples/s', 'batch', 'workers', 'examples/s', 'faster a core by'],
    ofTable('peer').flatMap(({ peer, penalty, peerPerSecond, batch, ours }) =>
      ours.map(({ workers, examplesPerSecond, ratio }) => [
        ...[`${peer}, ${penalty}`, range(peerPerSecond), batch, workers],
        ...[range(examplesPerSecond), range(ratio, fixed(2))],
      ]),
    ),
  ),
};

let page = readFileSync(path('docs/sparsity.md'), 'utf8');
for (const [name, lines] of Object.entries(TABLES)) {
  const [begin, end] = [`<!-- table: ${name} -->\n`, `\n<!-- end of ${name} -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`docs/sparsity.md lacks ${begin.trim()} ... ${end.trim()}`);
  page = `${before}${begin}${lines}${end}${after}`;
}
writeFileSync(out, page);
