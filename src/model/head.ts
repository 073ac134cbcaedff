// The head of a stack: logits of the last layer's outputs, or of what a sequence's outputs are pooled to, their losses, and backward
// to the gradient of these outputs. A model without layers has its logits from the inputs: here is only its loss.
import { Init, PANEL } from '../kernels/kernels.js';
import type { InputOptions, WindowInput } from './inputs.js';
import { type LossRule, PLAIN, WindowLoss } from './output-loss.js';
import { Phase } from './phases.js';
import { Pooling } from './pooling.js';
import { partOf } from './share.js';
import { product, type Sparsity } from './sparsity.js';
import { type Outputs, outputsOf, weightsOf } from './views.js';
import type { WindowCalls } from './window-calls.js';

export interface HeadOptions extends InputOptions {
  /** Which products leave out zeros; undefined: none. */
  readonly sparsity?: Sparsity;
  /** What is minimized; undefined: the loss that is measured. */
  readonly lossRule?: LossRule;
}

export class Head {
  readonly #o: HeadOptions;
  readonly #calls: WindowCalls;
  readonly #loss: WindowLoss;
  /** Of the last layer; undefined where there is none. */
  readonly #last: Outputs | undefined;
  readonly #pooling: Pooling | undefined;
  /** The layer whose zeros the head's product may leave out. */
  readonly #listed: number | undefined;
  /** Descriptors; 0 where there is no such call. */
  readonly #product: number;
  readonly #backward: number;

  constructor(options: HeadOptions, calls: WindowCalls) {
    const { model, views, kernels, descriptors, share, lossRule = PLAIN } = options;
    const { pooled } = views;
    this.#o = options;
    this.#calls = calls;
    this.#loss = new WindowLoss(kernels, descriptors, model, views, share, lossRule);
    this.#last = model.layers > 0 ? outputsOf(views, model.layers - 1, descriptors.arena.floatBytes) : undefined;
    this.#pooling = this.#last && pooled && new Pooling(options, pooled, this.#last, calls.outputColumns);
    this.#listed = pooled ? undefined : this.#last?.listed;
    [this.#product, this.#backward] = this.#last ? this.#productCalls(pooled ?? this.#last) : [0, 0];
  }

  #productCalls({
    outputs,
    gradient,
  }: Pick<Outputs, 'outputs' | 'gradient'>): readonly [forward: number, backward: number] {
    const { views, parameters, trains } = this.#o;
    const calls = this.#calls;
    const logits = calls.rows(views.logits, views.ldl);
    const lists = calls.listsOfOutputs(this.#listed);
    const forward = calls.headProduct(calls.rows(outputs, views.ldh), logits, lists);
    const head = weightsOf(parameters, 'head');
    const into = calls.rows(gradient, views.ldh);
    return [forward, trains ? calls.backwardProduct(logits, head, into, Init.zero, [0, head.depth / PANEL]) : 0];
  }

  /** Makes what the logits are computed from, where it is not the last layer's outputs as they are. */
  pool(input: WindowInput): void {
    if (!this.#pooling) return;
    this.#pooling.forward(input);
    this.#o.share.sync();
  }

  /** Of steps [from, to) that the head answers to. Without layers, the inputs' part is the logits. */
  logits(from: number, to: number): void {
    if (this.#product) product(this.#o, this.#product, from, to, this.#listed, 1);
  }

  /**
   * Logits and losses of steps [from, steps).
   * @param scale of the gradients that replace the logits, 1 / the predictions' weight; 0 leaves the logits as they are
   */
  loss(input: WindowInput, from: number, steps: number, scale: number): void {
    const { share, phases, views } = this.#o;
    phases.enter(Phase.head);
    this.pool(input);
    const [first, to] = this.#answers(from, steps);
    const [own, end] = partOf(share, to - first);
    this.logits(first + own, first + end);
    const { targets, outputs } = input;
    this.#loss.run(views.pooled?.targets ?? targets, views.pooled?.wanted ?? outputs, first + own, first + end, scale);
    if (scale === 0) share.sync();
  }

  /** The gradient of the last layer's outputs, from those of the losses that stand in the logits; zero before step `from`. */
  backward(from: number, steps: number): void {
    const { kernels, share } = this.#o;
    if (!this.#last) return;
    const [first, to] = this.#answers(from, steps);
    const [own, end] = partOf(share, to - first);
    const columns = this.#calls.outputColumns / PANEL;
    const [cleared, last] = partOf(share, first);
    for (let t = cleared; t < last; t++) this.#calls.clear(this.#last.gradient, t, [0, columns]);
    kernels.product(this.#backward, first + own, first + end);
    share.sync();
    if (!this.#pooling) return;
    this.#pooling.backward(steps);
    share.sync();
  }

  /** The steps that there are logits of. Without layers the table's gradient reads the deltas of all: where nothing counts they are to be zero. */
  #answers(from: number, steps: number): readonly [from: number, to: number] {
    const { model } = this.#o;
    if (model.pooling) return [0, 1];
    return [this.#last ? from : 0, steps];
  }
}
