// Characters a second that an LSTM of 256 units generates, one stream; beside the figure that is asked for.
//
//   node bench/sampling.mjs [native|wasm] [ROUNDS]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel, train } from 'unroll';
import { spread, takeTurns } from '../dist/bench/rounds.js';

const ASKED = 40_000;
const LENGTH = 40_000;
const [kernels = 'auto', rounds = '5'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'unroll-sampling-'));
try {
  // 96 symbols, as many as a text in English has; one step, since what it says does not matter.
  const text = Array.from({ length: 100_000 }, (_, i) => String.fromCharCode(32 + ((i * 7919) % 96))).join('');
  await train({ data: { text }, hidden: 256, steps: 1, kernels, out: join(folder, 'run') });
  const model = await loadModel(join(folder, 'run'), { kernels });
  const measure = () => {
    const start = performance.now();
    let seed = 0;
    let characters = 0;
    while (characters < LENGTH)
      for (const piece of model.generate({ length: 10_000, seed: seed++ })) characters += piece.length;
    return (characters * 1000) / (performance.now() - start);
  };
  measure(); // warms up
  const [speeds] = await takeTurns([measure], Number(rounds));
  const { median, least, most } = spread(speeds);
  const whole = [median, least, most].map((value) => Math.round(value).toLocaleString('en'));
  console.log(
    `${whole[0]} (${whole[1]} to ${whole[2]}) characters/s: ${(median / ASKED).toFixed(2)} of ${ASKED.toLocaleString('en')}`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
