// What a run is going to be, before anything of it is allocated: model, kernels, steps, and where the memory goes.

import { totalmem } from 'node:os';
import type { Config } from '../config/config.js';
import { PROTOCOL_WORDS } from '../coordinator/protocol.js';
import { type Columns, featuresOf, outputsOfColumns } from '../data/records/columns.js';
import { UserError } from '../errors.js';
import { checkLimits, chooseKernels, type KernelChoice, reservedBytes } from '../kernels/choose.js';
import { PlanBuilder } from '../memory/plan.js';
import { canShare } from '../memory/shared-array-buffer.js';
import { type Architecture, headOutputs } from '../model/architecture.js';
import { elementsOf } from '../model/parameters.js';
import { type Crossover, EVERYWHERE, hasZeros } from '../model/sparsity.js';
import { placeParameters, placeWindow } from '../model/views.js';
import type { PlanEvent, Unit } from '../report/events.js';
import { bytes } from '../report/format.js';
import { layOut, type RunLayout, type RunShape, trainingState, trainingWindow } from '../train/layout.js';
import type { OptimizerSettings } from '../train/optimizer.js';
import { rowRuleOf } from '../train/row-rule.js';
import { classWeightsOf } from './class-weights.js';
import { crossoverOf } from './crossover.js';
import { type OpenedData, openData, type TrainingData } from './data.js';

export interface Prepared {
  readonly config: Config;
  readonly data: OpenedData;
  readonly choice: KernelChoice;
  readonly layout: RunLayout;
  readonly optimizer: OptimizerSettings;
  /** The step after which the run ends; Infinity where it shows only when the data end. */
  readonly totalSteps: number;
}

/** Opens the data and lays everything out. Whoever gets it closes `data`. @throws UserError when it cannot run here */
export async function prepare(config: Config, given?: TrainingData): Promise<Prepared> {
  const choice = chooseKernels(config.kernels);
  const data = await openData(config, given);
  try {
    const totalSteps = countSteps(config, data);
    checkEvaluation(config, data);
    const shape = shapeOf(config, data, choice);
    checkFits(shape, data.sizeBytes);
    const layout = layOut(shape);
    checkLimits(choice.name, layout.bytes, shape.workers);
    return { config, data, choice, layout, optimizer: optimizerOf(config), totalSteps };
  } catch (error) {
    await data.close();
    throw error;
  }
}

/** The plan alone: what --dry-run prints. */
export async function planTraining(config: Config, given?: TrainingData): Promise<PlanEvent> {
  const prepared = await prepare(config, given);
  await prepared.data.close();
  return planEvent(prepared, 0);
}

/** @param step the step that the run goes on from */
export function planEvent({ config, data, choice, layout, totalSteps }: Prepared, step: number): PlanEvent {
  const { stepsPerEpoch = 0 } = data.training;
  const steps = Number.isFinite(totalSteps) ? totalSteps : 0;
  return {
    event: 'plan',
    bytes: layout.bytes + data.sizeBytes,
    parts: { ...Object.fromEntries(layout.parts), text: data.sizeBytes },
    parameters: layout.parameters.reduce((sum, p) => sum + elementsOf(p), 0),
    workers: layout.shape.workers,
    kernels: choice.name,
    ...(choice.instructionSet === undefined ? {} : { instructionSet: choice.instructionSet }),
    vocabulary: headOutputs(layout.shape.model),
    unit: unitOf(data),
    trainingTokens: data.trainingTokens,
    validationTokens: data.validationTokens,
    stepsPerEpoch,
    steps,
    epochs: config.epochs ?? (stepsPerEpoch > 0 ? Math.ceil(steps / stepsPerEpoch) : 0),
    step,
  };
}

function unitOf({ predicted = 'token' }: OpenedData): Unit {
  return predicted === 'token' || predicted === 'word' ? predicted : 'example';
}

function countSteps(
  { steps = Number.POSITIVE_INFINITY, epochs = Number.POSITIVE_INFINITY, schedule }: Config,
  { training }: OpenedData,
): number {
  const total = Math.min(steps, epochs * (training.stepsPerEpoch ?? Number.POSITIVE_INFINITY));
  if (schedule === 'cosine' && !Number.isFinite(total)) {
    throw new UserError(
      '--schedule: cosine needs the number of steps, which sequences that come one by one do not tell; give --steps',
    );
  }
  return total;
}

function checkEvaluation({ patience, schedule, evalEvery }: Config, { evaluation, columns }: OpenedData): void {
  if (evaluation) return;
  const remedy = columns ? 'more rows, or a larger --validation' : 'validationSequences, or an array of sequences';
  const why = `it needs evaluations, and nothing is held out; give ${remedy}`;
  if (patience !== undefined) throw new UserError(`--patience: ${why}`);
  if (schedule === 'plateau') throw new UserError(`--schedule: ${why}`);
  if (evalEvery !== undefined) throw new UserError(`--eval-every: ${why}`);
}

/** What a model's outputs are for each kind of label. */
const OUTPUTS = { classes: 'softmax', multilabel: 'multilabel', numbers: 'linear' } as const;

function shapeOf(config: Config, data: OpenedData, choice: KernelChoice): RunShape {
  const { training, evaluation, vocabulary, examples, columns } = data;
  const model: Architecture = {
    cell: config.cell,
    activation: config.activation,
    hidden: config.layers > 0 ? config.hidden : 1,
    layers: config.layers,
    embedding: config.embedding,
    ...(config.bidirectional ? { bidirectional: true } : {}),
    ...(config.layerNorm && config.layers > 0 ? { layerNorm: true } : {}),
    ...(config.residual && config.layers > 1 ? { residual: true } : {}),
    vocabulary: vocabulary.size,
    ...(examples && { sparseFeatures: examples.indices.length, output: OUTPUTS[examples.labels.kind] }),
    ...(columns && inputsAndOutputs(columns)),
    ...poolingOf(config),
    ...(config.kWinners === undefined ? {} : { winners: config.kWinners }),
  };
  return {
    model,
    optimizer: config.optimizer,
    streams: training.streams,
    entries: data.entries,
    steps: training.maxWindow,
    dropout: config.layers > 1 ? config.dropout : 0,
    seed: config.seed,
    evaluationStreams: evaluation?.streams ?? 0,
    evaluationSteps: evaluation?.maxWindow ?? 0,
    workers: canShare() ? config.workers : 1,
    floatBytes: 4,
    reservedBytes: reservedBytes(choice.name),
    controlWords: PROTOCOL_WORDS,
    profile: config.profile,
    sparse: sparseOf(config, model, choice),
    rowRule: config.lazy === 'never' ? 'dense' : rowRuleOf(optimizerOf(config), config.lr),
    activationL1: hasZeros(model) ? config.activationL1 : 0,
    densityTarget: hasZeros(model) ? config.densityTarget : undefined,
    classWeights: config.classWeights && classWeightsOf(config.classWeights, data),
    labelSmoothing: config.labelSmoothing,
  };
}

/** What a head reads that answers for a whole sequence. One direction's last output is that of the last step, which needs no pooling. */
function poolingOf({ pooling, bidirectional, task }: Config): Pick<Architecture, 'pooling'> {
  const ends = bidirectional && task !== 'tag';
  return pooling === 'mean' || ends ? { pooling } : {};
}

/** What a model of a table reads and predicts. */
function inputsAndOutputs(columns: Columns): Partial<Architecture> {
  const features = featuresOf(columns);
  return { ...outputsOfColumns(columns), ...(features > 0 ? { features } : {}) };
}

function sparseOf({ sparse }: Config, model: Architecture, choice: KernelChoice): Crossover | undefined {
  if (sparse === 'never' || !hasZeros(model)) return undefined;
  return sparse === 'always' ? EVERYWHERE : crossoverOf(choice);
}

/** The decays stand where the update kernels read them: one number for what each rule calls by another name. */
function optimizerOf(config: Config): OptimizerSettings {
  const { optimizer: name, epsilon, clipNorm, clipValue, l1, l2, proximal } = config;
  const isAdam = name === 'adam' || name === 'adamw' || name === 'sparse-adam';
  return {
    ...{ name, epsilon, clipNorm, clipValue, l1, l2, proximal },
    beta1: isAdam ? config.beta1 : config.momentum,
    beta2: isAdam ? config.beta2 : config.rho,
  };
}

/** Which flag makes a part of the plan smaller. */
const LOWER: Readonly<Record<string, string>> = {
  parameters: '--hidden or --layers',
  'transposed panels': '--hidden or --layers',
  gradients: '--hidden or --layers',
  'optimizer state': '--hidden or --layers, or take --optimizer sgd',
  activations: '--batch, --window or --hidden',
  evaluation: '--hidden or --layers, or hold nothing out with --validation 0',
  text: 'the text',
};

/** What a process may use here at the most. */
export const machineBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** @throws UserError that says which part is large, before work is cut into as many pieces as such a plan has */
function checkFits(shape: RunShape, textBytes: number): void {
  const plan = new PlanBuilder(shape.floatBytes, shape.reservedBytes);
  placeParameters(plan, shape.model, trainingState(shape));
  placeWindow(plan, shape.model, trainingWindow(shape), 'activations');
  const needed = plan.bytes + textBytes;
  const available = machineBytes();
  if (needed <= available) return;
  const limit = `and this machine has ${bytes(available)}`;
  throw tooLarge(needed, [...plan.parts, ['text', textBytes]], limit);
}

/** Says which part is the largest, and what makes it smaller. @param limit what stands against what is needed */
export function tooLarge(
  needed: number,
  parts: Iterable<readonly [name: string, bytes: number]>,
  limit: string,
): UserError {
  const [[largest, size]] = [...parts].sort(([, a], [, b]) => b - a);
  return new UserError(
    `${flagOf(largest)}: the plan needs ${bytes(needed)} ${limit}; ` +
      `${bytes(size)} of it are ${largest}; lower ${LOWER[largest] ?? '--hidden'} (--dry-run prints the plan)`,
  );
}

const flagOf = (part: string): string => (part === 'text' ? '--text' : part === 'activations' ? '--batch' : '--hidden');
