// Trains a small model on a text in memory and uses it: the library in one page.
//   node examples/library.mjs [FOLDER]
import { loadModel, train } from 'unroll';

const text = 'the sea, the whale and the ship; '.repeat(200);
const out = process.argv[2] ?? 'runs/library-example';

// A run can be awaited, and iterated over as it goes on.
const training = train({ data: { text }, hidden: 32, batch: 8, window: 16, epochs: 4, lr: 0.01, out });
for await (const event of training) {
  if (event.event === 'eval')
    console.log(`step ${event.step}: ${event.bitsPerCharacter.toFixed(3)} bits per character`);
}
const { path } = await training;

const model = await loadModel(path);
console.log(await model.eval({ text: 'the ship and the sea' }));
console.log(`the ${model.sample({ prompt: 'the ', length: 60, temperature: 0.5, seed: 1 })}`);

// One token at a time, with the state carried along: probabilities of what comes next.
model.reset();
let next = model.step('t');
next = model.step('h');
const best = next.indexOf(Math.max(...next));
console.log(`after "th" the model expects ${JSON.stringify(model.vocabulary.decode([best]))}`);
