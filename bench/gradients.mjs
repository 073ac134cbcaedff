// Writes the table of docs/gradients.md: how far back the gradient of small nets reaches that were trained on Moby-Dick, and how
// well they predict. It trains each for some seconds, keeps what was measured in bench/results/gradients.jsonl, and tells it from there.
//
//   node bench/gradients.mjs [--measure] [PAGE.md]

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { diagnose, train } from '../dist/src/index.js';

const args = process.argv.slice(2);
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const RESULTS = path('bench/results/gradients.jsonl');
const [PAGE = path('docs/gradients.md')] = args.filter((arg) => arg !== '--measure');
const [BEGIN, END] = ['<!-- nets: written by bench/gradients.mjs -->\n', '<!-- end of nets -->'];

const COMMON = { dataset: 'moby-dick', tokens: 'byte', hidden: 128, lr: 0.002 };
const STEPS = 4000;
const NETS = [
  { cell: 'rnn', activation: 'sigmoid' },
  { cell: 'rnn', activation: 'tanh' },
  { cell: 'rnn', activation: 'tanh', init: 'orthogonal' },
  { cell: 'rnn', activation: 'relu' },
  { cell: 'rnn', activation: 'relu', init: 'orthogonal' },
  { cell: 'rnn', activation: 'relu', init: 'identity' },
  { cell: 'lstm' },
  { cell: 'lstm', forgetBias: 1 },
  { cell: 'lstm', forgetBias: 3 },
  { cell: 'gru' },
];

/** What is found of a net after so many steps. */
async function trained(net, steps) {
  const out = mkdtempSync(join(tmpdir(), 'unroll-gradients-'));
  try {
    let bitsPerCharacter;
    const onEvent = (event) => {
      if (event.event === 'eval') bitsPerCharacter = event.bitsPerCharacter;
    };
    await train({ ...COMMON, ...net, steps, out, onEvent });
    const { verdict, layers } = await diagnose(out);
    return { steps, bitsPerCharacter, verdict, ...layers[0] };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const measure = async (net) => ({ ...COMMON, ...net, start: await trained(net, 1), end: await trained(net, STEPS) });

if (args.includes('--measure')) {
  const lines = [];
  for (const net of NETS) lines.push(`${JSON.stringify(await measure(net))}\n`);
  writeFileSync(RESULTS, lines.join(''));
}

function short(value) {
  if (value === 0) return '0';
  return value >= 0.01 && value < 1000 ? Number(value.toPrecision(2)) : value.toExponential(1);
}

function flagsOf({ cell, activation, init, forgetBias }) {
  const flags = { cell, activation, init, 'forget-bias': forgetBias };
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return `\`${given.map(([name, value]) => `--${name} ${value}`).join(' ')}\``;
}

const row = ({ start, end, ...net }) => {
  const share = ({ norms }, back) => short(norms[back] / norms[0]);
  const ofEach = ({ ratio, verdict }) => [ratio?.toFixed(3) ?? '-', verdict];
  const shares = [share(start, 63), ...ofEach(start), share(end, 4), share(end, 16), share(end, 63), ...ofEach(end)];
  return `| ${[flagsOf(net), ...shares, end.fadesAt ?? 'nowhere', end.bitsPerCharacter.toFixed(3)].join(' | ')} |`;
};

const rows = readFileSync(RESULTS, 'utf8')
  .trim()
  .split('\n')
  .map((line) => row(JSON.parse(line)));
const table = [
  '| net | after step 1: 63 back | a step | verdict | trained: 4 back | 16 | 63 | a step | verdict | below 1% at | bits per character |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ...rows,
];
const page = readFileSync(PAGE, 'utf8');
const [before, after] = [page.slice(0, page.indexOf(BEGIN) + BEGIN.length), page.slice(page.indexOf(END))];
writeFileSync(PAGE, `${before}${table.join('\n')}\n${after}`);
