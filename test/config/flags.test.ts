import { expect, test } from 'vitest';
import { FLAGS, flagName, flagValues } from '../../src/config/flags.js';
import { UserError } from '../../src/errors.js';

test('each setting is a flag in kebab-case that knows its default and its choices', () => {
  const byName = new Map(FLAGS.map((flag) => [flag.name, flag]));
  expect(byName.size).toBe(FLAGS.length);
  expect(byName.get('hidden')).toEqual({
    key: 'hidden',
    name: 'hidden',
    group: 'model',
    kind: 'number',
    describe: 'the number of units, 1 to 65536',
    choices: undefined,
    defaultText: '256',
    placeholder: 'N',
  });
  expect(byName.get('clip-norm')).toMatchObject({ key: 'clipNorm', defaultText: '1' });
  expect(byName.get('cell')?.choices).toEqual(['rnn', 'lstm', 'gru', 'mlp']);
  expect(byName.get('window')?.defaultText).toBe('64');
  expect(flagName('max2BadSteps')).toBe('max2-bad-steps');
});

test('numbers are read from text, and what is no number stays as it was', () => {
  const given = {
    hidden: '128',
    lr: '1e-3',
    l2: '.5',
    seed: '0',
    window: 'full',
    batch: '0x10',
    epochs: '',
    steps: ' 7 ',
  };
  expect(flagValues(given)).toEqual({
    hidden: 128,
    lr: 0.001,
    l2: 0.5,
    seed: 0,
    window: 'full',
    batch: '0x10',
    epochs: '',
    steps: 7,
  });
});

test('lists come with commas or as several flags; other flags only once', () => {
  expect(flagValues({ milestones: '5,8' })).toEqual({ milestones: [5, 8] });
  expect(flagValues({ milestones: ['5', '8,9'] })).toEqual({ milestones: [5, 8, 9] });
  expect(flagValues({ milestones: '5,x' })).toEqual({ milestones: [5, 'x'] });
  expect(() => flagValues({ hidden: ['1', '2'] })).toThrow(UserError);
  expect(() => flagValues({ hidden: ['1', '2'] })).toThrow('--hidden: it is given 2 times; give it once');
});

test('a name with a comma stands in quotes, as in CSV', () => {
  expect(flagValues({ target: '"a,b",c' })).toEqual({ target: ['a,b', 'c'] });
  expect(flagValues({ features: ['"say ""x"", y"', 'z'] })).toEqual({ features: ['say "x", y', 'z'] });
  expect(flagValues({ features: 'a"b,,c' })).toEqual({ features: ['a"b', '', 'c'] });
});

test('a name is taken as it is written, even where it looks like a number', () => {
  expect(flagValues({ target: '007', features: '1.0,1e1,7' })).toEqual({
    target: ['007'],
    features: ['1.0', '1e1', '7'],
  });
  expect(flagValues({ columns: '007:number,7:date' })).toEqual({ columns: { '007': 'number', '7': 'date' } });
});

test('kinds of columns are given by name; what is no such list stays as it was', () => {
  expect(flagValues({ columns: 'price:number,"a,b: c:date"' })).toEqual({
    columns: { price: 'number', 'a,b: c': 'date' },
  });
  expect(flagValues({ columns: ['a:text', 'b:category'] })).toEqual({ columns: { a: 'text', b: 'category' } });
  expect(flagValues({ columns: '"size, cm":number,b:date' })).toEqual({ columns: { 'size, cm': 'number', b: 'date' } });
  expect(flagValues({ columns: 'price' })).toEqual({ columns: 'price' });
  expect(() => flagValues({ columns: 'a:date,b:text,a:text' })).toThrow('--columns: "a" is given twice; give it once');
});

test('what was not given and what is no setting is left out', () => {
  expect(flagValues({ hidden: undefined, _: [], $0: 'unroll', quiet: true, text: 'a' })).toEqual({
    quiet: true,
    text: 'a',
  });
});
