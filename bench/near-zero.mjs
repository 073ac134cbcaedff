// Numbers near zero: a sigmoid RNN over 200 steps whose recurrent weights are a tenth of the usual ones, so that gradients vanish
// into subnormal numbers, beside the same with ordinary weights. In turn, native and wasm; the ratio of their speeds is printed.
//
//   node bench/near-zero.mjs [ROUNDS] [SECONDS]
import { availableParallelism } from 'node:os';
import { ratios, spread, takeTurns } from '../dist/bench/rounds.js';
import { TrainingBench } from '../dist/bench/training-bench.js';
import { nativeProblem } from '../dist/src/kernels/native.js';

const [rounds = 9, seconds = 0.5] = process.argv.slice(2).map(Number);
const model = { cell: 'rnn', activation: 'sigmoid', hidden: 256, layers: 1, embedding: 256, vocabulary: 96 };
const [batch, window] = [32, 200];

for (const kernels of nativeProblem() === undefined ? ['native', 'wasm'] : ['wasm']) {
  // Steps of plain SGD are too small to change the weights while it is measured.
  const shape = { model, batch, window, workers: availableParallelism(), kernels, optimizer: 'sgd' };
  const [near, ordinary] = [0.1, 1].map((recurrentScale) => new TrainingBench({ ...shape, recurrentScale }));
  try {
    const measures = [near, ordinary].map((bench) => () => bench.stepsPerSecond(seconds));
    await takeTurns(measures, 1); // warms up
    const [nearRates, ordinaryRates] = await takeTurns(measures, rounds);
    const tokens = [nearRates, ordinaryRates].map((rates) => Math.round(spread(rates).median * batch * window));
    const { median, least, most } = ratios(nearRates, ordinaryRates);
    console.log(
      `${kernels}: near zero ${tokens[0]} tokens/s, ordinary ${tokens[1]}: ` +
        `ratio ${median.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})`,
    );
  } finally {
    await near.close();
    await ordinary.close();
  }
}
