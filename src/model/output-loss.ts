// What a model's logits are measured by: softmax, independent sigmoids or squared error, over a share's rows of one window.
import { type Kernels, OutputLoss, padded, Softmax } from '../kernels/kernels.js';
import type { Descriptors } from '../memory/arena.js';
import { type Architecture, headOutputs } from './architecture.js';
import type { Share } from './share.js';
import type { WindowViews } from './views.js';

/** The kernel of each kind of output, and how its arguments are laid out. */
const KINDS = {
  softmax: { kernel: 'softmax', layout: Softmax },
  multilabel: { kernel: 'sigmoidLoss', layout: OutputLoss },
  linear: { kernel: 'squaredLoss', layout: OutputLoss },
} as const;

/** What a training makes of its targets besides what they say. */
export interface LossRule {
  /** Byte offset of the classes' weights, [V]; 0: each weighs 1. */
  readonly weights: number;
  /** s of Szegedy et al. 2016: a share of each target is spread over all classes, or draws a label to one half. */
  readonly smoothing: number;
}

/** Targets as they are: what is measured. */
export const PLAIN: LossRule = { weights: 0, smoothing: 0 };

/** Floats of a row of what to predict; 0 where targets are classes. */
export const outputsWidth = (model: Architecture): number =>
  (model.output ?? 'softmax') === 'softmax' ? 0 : padded(headOutputs(model));

export class WindowLoss {
  readonly #kernels: Kernels;
  readonly #descriptors: Descriptors;
  readonly #kind: (typeof KINDS)[keyof typeof KINDS];
  readonly #call: number;
  /** Bytes of the rows before the share's first one: of targets, of what to predict. */
  readonly #targetsBefore: number;
  readonly #outputsBefore: number;

  constructor(
    kernels: Kernels,
    descriptors: Descriptors,
    model: Architecture,
    views: WindowViews,
    share: Share,
    { weights, smoothing }: LossRule,
  ) {
    const { floatBytes } = descriptors.arena;
    const { output = 'softmax' } = model;
    const count = headOutputs(model);
    const { streams, ldl } = views;
    const { firstRow, rows } = share;
    this.#kernels = kernels;
    this.#descriptors = descriptors;
    this.#kind = KINDS[output];
    const ldv = outputsWidth(model);
    this.#targetsBefore = firstRow * Int32Array.BYTES_PER_ELEMENT;
    this.#outputsBefore = firstRow * ldv * floatBytes;
    const own = (view: number, ld: number): number => view + firstRow * ld * floatBytes;
    const shared = {
      ...{ logits: own(views.logits, ldl), ldl, logitGroup: streams * ldl, targets: 0, targetGroup: streams, rows },
      ...{ losses: own(views.losses, 1), hits: own(views.hits, 1), scale: 0, train: 0, smoothing },
    };
    this.#call =
      output === 'softmax'
        ? descriptors.add(Softmax, { ...shared, classes: count, weights })
        : descriptors.add(OutputLoss, { ...shared, outputs: count, values: 0, ldv, valueGroup: streams * ldv });
  }

  /**
   * Losses and hits of steps [from, to) from the logits.
   * @param targets byte offset, int32 [T, B]
   * @param outputs byte offset of what to predict, [T, B, K padded]; not read where targets are classes
   * @param scale of the gradients that replace the logits; 0 leaves them as they are
   */
  run(targets: number, outputs: number, from: number, to: number, scale: number): void {
    const { kernel, layout } = this.#kind;
    const descriptors = this.#descriptors;
    descriptors.set(this.#call, layout.targets, targets + this.#targetsBefore);
    if (layout === OutputLoss) descriptors.set(this.#call, OutputLoss.values, outputs + this.#outputsBefore);
    descriptors.set(this.#call, layout.scale, scale);
    descriptors.set(this.#call, layout.train, scale > 0 ? 1 : 0);
    this.#kernels[kernel](this.#call, from, to);
  }
}
