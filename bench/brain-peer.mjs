// Training in brain.js, as a peer that stays alive. It knows no batches: one sequence of T tokens after the other, with an update
// after each, by its own optimizer.
//
//   node brain-peer.mjs FOLDER ROW     FOLDER holds node_modules; ROW is JSON as torch_peer.py has it
//
// Prints "ready" when it is warm; then, for each line SECONDS on its input, trains so long and prints tokens a second.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [folder, json] = process.argv.slice(2);
const { cell, hidden, layers, vocabulary, window } = JSON.parse(json);
console.log = console.error;
const brain = createRequire(join(folder, 'package.json'))('brain.js');
// Its simple RNN is the one of ReLU.
const Net = { lstm: brain.recurrent.LSTM, gru: brain.recurrent.GRU, relu: brain.recurrent.RNN }[cell];
const net = new Net({
  ...{ inputSize: vocabulary, inputRange: vocabulary, outputSize: vocabulary },
  hiddenLayers: new Array(layers).fill(hidden),
});
const sequence = Array.from({ length: window }, () => Math.floor(Math.random() * vocabulary));
const train = () => net.train([sequence], { iterations: 1, errorThresh: 0 });

train();
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const start = performance.now();
  let sequences = 0;
  let ms = 0;
  for (; sequences === 0 || ms < Number(line) * 1000; sequences++, ms = performance.now() - start) train();
  process.stdout.write(`${(sequences * window * 1000) / ms}\n`);
}
