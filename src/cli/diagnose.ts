// unroll diagnose: whether gradients vanish or explode on their way back in time, in a model or in the toy network.

import { writeFileSync } from 'node:fs';
import { systemReason, UserError } from '../errors.js';
import { percent, table } from '../report/format.js';
import { type Chart, gradientChart } from '../report/gradient-chart.js';
import { DIAGNOSED_WINDOW, type Diagnosis, diagnose as diagnoseModel } from '../run/diagnose.js';
import { TOY_GATE_BIASES, TOY_STEPS, TOY_WEIGHTS, type ToyNetwork, toyNetworks } from '../run/toy-networks.js';
import type { Command, Given } from './command.js';
import { addKernels, addModel, kernelsOf } from './model-flags.js';
import { isWhole, numberOption, numbersBetween, textOption } from './options.js';
import { addTables, tableData } from './tables.js';

const MOST_STEPS = 400;
const STEPS = {
  name: 'steps',
  about: 'the number of steps of the toy network',
  allowed: `2 to ${MOST_STEPS}`,
  allows: (value: number) => isWhole(value, 2, MOST_STEPS),
  fallback: TOY_STEPS,
};
/** Numbers to powers of MOST_STEPS stay finite. */
const WEIGHTS = { name: 'weight', about: 'recurrent weights of sigmoid, tanh and ReLU', least: -4, most: 4 };
const GATE_BIASES = { name: 'gate-bias', about: 'biases of the gates that keep the state', least: -20, most: 20 };
const TOY_FLAGS = [STEPS.name, WEIGHTS.name, GATE_BIASES.name];
const MODEL_FLAGS = ['text', 'csv', 'jsonl', 'parquet', 'kernels'];

export const diagnose: Command = {
  build(yargs, listing) {
    addTables(
      addKernels(addModel(yargs), listing),
      "rows to go back through, of a model of a table; default: the run's own",
    )
      .option('text', { type: 'string', describe: "FILE: the text to go back through; default: the run's own" })
      .option('skip-unknown', {
        type: 'boolean',
        describe: 'leave out symbols of --text that the model does not know',
      })
      .option('window', {
        type: 'string',
        describe: 'the number of steps to go back; of the toy network, where it is cut off',
        defaultDescription: `${DIAGNOSED_WINDOW.fallback}, of shorter sequences their length; of the toy network, nowhere`,
      })
      .option(STEPS.name, { type: 'string', describe: STEPS.about, defaultDescription: `${STEPS.fallback}` });
    for (const [{ name, about, least, most }, fallback] of [
      [WEIGHTS, TOY_WEIGHTS],
      [GATE_BIASES, TOY_GATE_BIASES],
    ] as const)
      yargs.option(name, {
        type: 'string',
        describe: `${about}, ${least} to ${most}, separated by commas`,
        defaultDescription: fallback.join(','),
      });
    return yargs
      .option('svg', { type: 'string', describe: 'FILE: where to draw the norms by steps back' })
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 diagnose', 'the toy network: one unit, an error at the last step alone')
      .example('$0 diagnose --weight 0.9,1.1 --window 20 --svg toy.svg', 'other weights, cut off, with a chart')
      .example('$0 diagnose runs/book-lstm256', 'how far back the gradient of a model reaches in its text')
      .epilogue('Norms are of dLoss/dh(t), of an LSTM of h(t) and c(t) together, where only the last step has a loss.');
  },

  async run(given, { stdout }) {
    const svg = textOption(given, 'svg');
    if (svg === '') throw new UserError('--svg: it is empty; give the name of a file to write');
    const { found, words, chart } = given.model === undefined ? toy(given) : await ofModel(given);
    if (svg !== undefined) write(svg, gradientChart(chart));
    stdout.write(`${given.json === true ? JSON.stringify(found) : words}\n`);
    return 0;
  },
};

/** What is said to machines, to people, and drawn. */
interface Findings {
  readonly found: object;
  readonly words: string;
  readonly chart: Chart;
}

function refuseFlags(given: Given, flags: readonly string[], why: string): void {
  for (const name of flags)
    if (textOption(given, name) !== undefined) throw new UserError(`--${name}: it has no effect ${why}; leave it out`);
}

function toy(given: Given): Findings {
  refuseFlags(given, MODEL_FLAGS, 'on the toy network, only on a MODEL');
  if (given.skipUnknown === true)
    throw new UserError('--skip-unknown: it has no effect on the toy network, only on a MODEL; leave it out');
  const steps = numberOption(given, STEPS);
  const window = textOption(given, 'window') === undefined ? undefined : numberOption(given, toyWindow(steps));
  const networks = toyNetworks({
    ...{ steps, window },
    weights: numbersBetween(given, WEIGHTS, TOY_WEIGHTS),
    gateBiases: numbersBetween(given, GATE_BIASES, TOY_GATE_BIASES),
  });
  return {
    found: { event: 'diagnose', steps, window: window ?? null, networks },
    words: toyTable(networks, steps, window),
    chart: {
      title: 'The toy network: |dLoss/dh(t)| by steps back',
      lines: networks.map((network) => ({ name: nameOf(network), group: network.cell, norms: network.norms })),
      window,
    },
  };
}

const toyWindow = (steps: number) => ({
  ...{ name: 'window', about: 'the number of steps after which the toy network is cut off' },
  ...{ allowed: `1 to ${steps}`, allows: (value: number) => isWhole(value, 1, steps), fallback: steps },
});

const NAMES = { sigmoid: 'sigmoid', tanh: 'tanh', relu: 'ReLU', lstm: 'LSTM', gru: 'GRU' };

const nameOf = ({ cell, weight, gateBias }: ToyNetwork): string =>
  gateBias === null ? `${NAMES[cell]}, w = ${weight}` : `${NAMES[cell]}, gate bias ${gateBias}`;

/** Steps back that a table has columns for: twice as many each time, and the last. */
function stepsShown(steps: number): readonly number[] {
  const shown = [0, 1, 2];
  while (2 * shown[shown.length - 1] < steps - 1) shown.push(2 * shown[shown.length - 1]);
  return [...shown.filter((back) => back < steps - 1), steps - 1];
}

function toyTable(networks: readonly ToyNetwork[], steps: number, window: number | undefined): string {
  const shown = stepsShown(steps);
  const kept = window === undefined ? [] : [`in ${window}`];
  const rows = networks.map((network) => [
    nameOf(network),
    ...shown.map((back) => short(network.norms[back])),
    ...(window === undefined ? [] : [percent(network.kept)]),
  ]);
  const head = ['steps back', ...shown.map(String), ...kept];
  const cut =
    window === undefined ? '' : `\n\nin ${window}: the share of all norms that is left when --window cuts off`;
  return `${table([head, ...rows], [...head.keys()].slice(1))}${cut}`;
}

async function ofModel(given: Given): Promise<Findings> {
  const path = String(given.model);
  refuseFlags(given, TOY_FLAGS, 'on a MODEL, only on the toy network');
  const window =
    textOption(given, 'window') === undefined
      ? undefined
      : numberOption(given, { name: 'window', ...DIAGNOSED_WINDOW });
  const file = textOption(given, 'text');
  const skipUnknown = given.skipUnknown === true;
  if (skipUnknown && file === undefined) throw new UserError('--skip-unknown: it is for --text FILE; leave it out');
  const options = { file, table: tableData(given), window, skipUnknown, kernels: kernelsOf(given) };
  const diagnosis = await diagnoseModel(path, options);
  return {
    found: { event: 'diagnose', ...diagnosis },
    words: inWords(diagnosis),
    chart: {
      title: `${path}: |dLoss/dh(t)| by steps back`,
      lines: diagnosis.layers.map(({ norms }, layer) => ({ name: `layer ${layer + 1}`, group: `${layer}`, norms })),
    },
  };
}

function inWords({ window, streams, layers, verdict, advice }: Diagnosis): string {
  const shown = stepsShown(window);
  const rows = [
    ['steps back', ...shown.map(String), 'a step', 'below 1%'],
    ...layers.map(({ norms, ratio, fadesAt }, layer) => [
      `layer ${layer + 1}`,
      ...shown.map((back) => short(norms[back])),
      ratio === null ? '-' : `x ${ratio.toFixed(3)}`,
      fadesAt === null ? 'nowhere' : `at ${fadesAt}`,
    ]),
  ];
  const said = {
    vanishes: 'the gradient vanishes: little is left after half of the window, next to nothing at its end',
    explodes: 'the gradient explodes: what lies far back counts more than 100 times what is near',
    healthy: 'the gradient neither vanishes nor explodes within the window',
  }[verdict];
  return `${table(rows, [...rows[0].keys()].slice(1))}

means over ${streams} places of |dLoss/dh(t)|, the loss being of the prediction after the last step alone
${said}${advice === null ? '' : `\ntry ${advice}`}`;
}

/** 0.0123 -> "0.012", 1234.5 -> "1235", 1.23e-9 -> "1.2e-9". */
function short(norm: number): string {
  if (norm === 0 || !Number.isFinite(norm)) return norm === 0 ? '0' : 'not finite';
  if (norm >= 0.001 && norm < 10_000) return norm < 99.5 ? norm.toPrecision(2) : norm.toFixed(0);
  return norm.toExponential(1).replace('e+', 'e');
}

function write(path: string, svg: string): void {
  try {
    writeFileSync(path, svg);
  } catch (error) {
    throw new UserError(`--svg: ${path} cannot be written: ${systemReason(error)}; give another file`);
  }
}
