// Writes the table of docs/gradients.md: how far back the gradient of small nets reaches that were trained on Moby-Dick, and how
// well they predict. It trains each for some seconds, keeps what was measured in bench/results/gradients.jsonl, and tells it from there.
//
//   node bench/gradients.mjs [--measure]

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { diagnose, train } from '../dist/src/index.js';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const RESULTS = path('bench/results/gradients.jsonl');
const PAGE = path('docs/gradients.md');
const [BEGIN, END] = ['<!-- nets: written by bench/gradients.mjs -->\n', '<!-- end of nets -->'];

const COMMON = { dataset: 'moby-dick', tokens: 'byte', hidden: 128, lr: 0.002, steps: 4000 };
const NETS = [
  { cell: 'rnn', activation: 'sigmoid' },
  { cell: 'rnn', activation: 'tanh' },
  { cell: 'rnn', activation: 'tanh', init: 'orthogonal' },
  { cell: 'rnn', activation: 'relu' },
  { cell: 'rnn', activation: 'relu', init: 'identity' },
  { cell: 'lstm' },
  { cell: 'lstm', forgetBias: 1 },
  { cell: 'lstm', forgetBias: 3 },
  { cell: 'gru' },
];

async function measure(net) {
  const out = mkdtempSync(join(tmpdir(), 'unroll-gradients-'));
  try {
    let bitsPerCharacter;
    const onEvent = (event) => {
      if (event.event === 'eval') bitsPerCharacter = event.bitsPerCharacter;
    };
    await train({ ...COMMON, ...net, out, onEvent });
    const { verdict, layers } = await diagnose(out);
    return { ...COMMON, ...net, bitsPerCharacter, verdict, ...layers[0] };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

if (process.argv.includes('--measure')) {
  const lines = [];
  for (const net of NETS) lines.push(`${JSON.stringify(await measure(net))}\n`);
  writeFileSync(RESULTS, lines.join(''));
}

const short = (value) => (value >= 0.01 ? value.toPrecision(2) : value.toExponential(1));

function flagsOf({ cell, activation, init, forgetBias }) {
  const flags = { cell, activation, init, 'forget-bias': forgetBias };
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return `\`${given.map(([name, value]) => `--${name} ${value}`).join(' ')}\``;
}

const row = (net) => {
  const { norms, ratio, fadesAt, verdict, bitsPerCharacter } = net;
  const shares = [1, 4, 16, 63].map((back) => short(norms[back] / norms[0]));
  const cells = [flagsOf(net), ...shares, ratio?.toFixed(3) ?? '-', fadesAt ?? 'nowhere', verdict];
  return `| ${[...cells, bitsPerCharacter.toFixed(3)].join(' | ')} |`;
};

const rows = readFileSync(RESULTS, 'utf8').trim().split('\n').map((line) => row(JSON.parse(line)));
const table = [
  '| net | 1 step back | 4 | 16 | 63 | a step: times | below 1% at | verdict | bits per character |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ...rows,
];
const page = readFileSync(PAGE, 'utf8');
const [before, after] = [page.slice(0, page.indexOf(BEGIN) + BEGIN.length), page.slice(page.indexOf(END))];
writeFileSync(PAGE, `${before}${table.join('\n')}\n${after}`);
