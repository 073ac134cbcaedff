// Full training steps in TensorFlow.js, as a peer that stays alive: one-hot rows (or real-valued features), recurrent layers, dense
// head, cross-entropy, backward, Adam. It has no clipping of the norm over all gradients: that is left out, to its favour.
//
//   node tfjs-peer.mjs FOLDER ROW     FOLDER holds node_modules; ROW is JSON as torch_peer.py has it, with "backend"
//
// Prints "ready" when it is warm; then, for each line SECONDS on its input, trains so long and prints tokens a second.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [folder, json] = process.argv.slice(2);
const { backend, cell, hidden, layers, vocabulary, features, batch, window } = JSON.parse(json);
// What libraries say of themselves is no answer of the protocol.
console.log = console.error;
const require = createRequire(join(folder, 'package.json'));
const tf = require('@tensorflow/tfjs');
if (backend === 'wasm') require('@tensorflow/tfjs-backend-wasm');
await tf.setBackend(backend);
await tf.ready();

const model = tf.sequential();
for (let layer = 0; layer < layers; layer++) {
  const inputShape = layer === 0 ? [window, features || vocabulary] : undefined;
  // Its own start, a random orthogonal matrix, takes minutes for a large layer.
  const shape = { units: hidden, returnSequences: true, recurrentInitializer: 'glorotNormal', inputShape };
  if (cell === 'lstm' || cell === 'gru') model.add(tf.layers[cell](shape));
  else model.add(tf.layers.simpleRNN({ ...shape, activation: cell }));
}
model.add(tf.layers.dense({ units: vocabulary, activation: 'softmax' }));
model.compile({ optimizer: tf.train.adam(1e-3), loss: 'categoricalCrossentropy' });
const tokens = () => tf.oneHot(tf.randomUniform([batch, window], 0, vocabulary, 'int32'), vocabulary).toFloat();
const inputs = features ? tf.randomNormal([batch, window, features]) : tokens();
const targets = tokens();

await model.trainOnBatch(inputs, targets);
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const start = performance.now();
  let steps = 0;
  let ms = 0;
  for (; steps === 0 || ms < Number(line) * 1000; steps++, ms = performance.now() - start) {
    await model.trainOnBatch(inputs, targets);
  }
  process.stdout.write(`${(steps * batch * window * 1000) / ms}\n`);
}
