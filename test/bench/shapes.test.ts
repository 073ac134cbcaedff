// The arithmetic of a step, counted by hand.
import { expect, test } from 'vitest';
import { modelOf, multiplyAdds } from '../../bench/shapes.js';

test('an embedding behind a projection is counted for the vocabulary, another one for each row', () => {
  const lstm = { cell: 'lstm', hidden: 4, layers: 1, embedding: 2 } as const;
  // B = 2, T = 3: 6 rows; gates 16. Recurrent 4 x 16 x (6 + 4 + 6), input 2 x 16 x 3 x (5 or 6), head 4 x V x 3 x 6.
  expect(multiplyAdds(modelOf({ ...lstm, vocabulary: 5 }), 2, 3)).toBe(1024 + 480 + 360);
  expect(multiplyAdds(modelOf({ ...lstm, vocabulary: 7 }), 2, 3)).toBe(1024 + 576 + 504);
});

test('one-hot rows are gathered, and layers above the first read products', () => {
  const shape = { cell: 'tanh', hidden: 4, layers: 2, embedding: 0, vocabulary: 5 } as const;
  // Recurrent twice 4 x 4 x (6 + 4 + 6), between 4 x 4 x 3 x 6, head 4 x 5 x 3 x 6.
  expect(multiplyAdds(modelOf(shape), 2, 3)).toBe(512 + 288 + 360);
});
