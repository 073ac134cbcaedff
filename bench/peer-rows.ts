// The comparisons of `unroll bench peers`, in groups.
import type { KernelName } from '../src/kernels/choose.js';
import type { CellName, ModelShape } from './shapes.js';

export interface PeerRow {
  readonly group: GroupName;
  readonly model: ModelShape;
  readonly batch: number;
  readonly window: number;
  /** Of unroll; absent: those that were chosen. */
  readonly kernels?: KernelName;
}

export const GROUPS = ['lstm', 'gru', 'rnn', 'medium', 'real', 'small', 'wasm', 'batch1'] as const;
export type GroupName = (typeof GROUPS)[number];

/** V: about as many as a text in English has. */
const VOCABULARY = 96;
const HIDDEN = [128, 256, 512, 1024];
/** What a minute is enough for. */
const QUICK_HIDDEN = [128];

/** @param quick small models only */
export function rowsOf(groups: readonly GroupName[], quick: boolean): readonly PeerRow[] {
  const sizes = quick ? QUICK_HIDDEN : HIDDEN;
  const usual = (group: GroupName, cell: CellName, hidden: number): PeerRow => ({
    ...{ group, model: { cell, hidden, layers: 1, vocabulary: VOCABULARY }, batch: 64, window: 32 },
  });
  const lstm = (hidden: number) => ({ cell: 'lstm', hidden, layers: 1, vocabulary: VOCABULARY }) as const;
  const all: Readonly<Record<GroupName, readonly PeerRow[]>> = {
    lstm: sizes.map((hidden) => usual('lstm', 'lstm', hidden)),
    gru: sizes.map((hidden) => usual('gru', 'gru', hidden)),
    rnn: (['tanh', 'relu'] as const).flatMap((cell) => sizes.map((hidden) => usual('rnn', cell, hidden))),
    // Zaremba, Sutskever and Vinyals 2014.
    medium: [
      {
        ...{ group: 'medium', batch: 20, window: 35 },
        model: { cell: 'lstm', hidden: 650, layers: 2, vocabulary: 10_000 },
      },
    ],
    real: [{ group: 'real', model: { ...lstm(256), features: 64 }, batch: 64, window: 32 }],
    small: [{ group: 'small', model: lstm(64), batch: 8, window: 16 }],
    wasm: (quick ? [128] : [128, 256]).map((hidden) => ({ ...usual('wasm', 'lstm', hidden), kernels: 'wasm' })),
    batch1: [{ group: 'batch1', model: lstm(1024), batch: 1, window: 32 }],
  };
  return groups.flatMap((group) => all[group]);
}
