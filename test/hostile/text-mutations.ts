// Mutations of texts that have numbers, names and signs in them: configs, tables, examples.
import { mutateBytes } from './byte-mutations.js';
import { mutateJson } from './json-mutations.js';
import type { Choices } from './random.js';

const NUMBERS = [
  ...[
    '0',
    '-0',
    '-1',
    '1e999',
    '-1e999',
    '1e308',
    '3.5e38',
    '1e-400',
    'NaN',
    'nan',
    'Infinity',
    '-inf',
    '.',
    '+',
    '1e',
    '0x1F',
  ],
  ...[
    '2147483647',
    '2147483648',
    '4294967296',
    '9007199254740993',
    '1'.repeat(400),
    '1_000',
    '1,5',
    '٣',
    '1.7976931348623157e308',
  ],
];
const WORDS = [
  '__proto__',
  'constructor',
  'toString',
  '',
  '"',
  '""',
  '\u0000',
  '\ufffd',
  '\u2028',
  '=1+1',
  '*',
  '&x [*x]',
  'é'.repeat(300),
];
const NUMBER = /-?\d+(?:\.\d+)?(?:e-?\d+)?/g;
const WORD = /[A-Za-z_]{2,}/g;

function replaceOne(text: string, pattern: RegExp, by: string, choices: Choices): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const { index, 0: old } = choices.pick(found);
  return `${text.slice(0, index)}${by}${text.slice(index + old.length)}`;
}

/** Lines doubled, left out, or of which one is taken for all that follow. */
function mutateLines(text: string, choices: Choices): string {
  const lines = text.split('\n');
  const at = choices.below(lines.length);
  switch (choices.below(4)) {
    case 0:
      return lines.toSpliced(at, 1).join('\n');
    case 1:
      return lines.toSpliced(at, 0, lines[choices.below(lines.length)]).join('\n');
    case 2:
      return lines.map((line, i) => (i > at ? lines[at] : line)).join('\n');
    default:
      return lines.toSpliced(at, 1, lines[at].repeat(choices.pick([2, 50, 5000]))).join('\n');
  }
}

export function mutateText(bytes: Buffer, choices: Choices): Buffer {
  if (choices.chance(0.4)) return mutateBytes(bytes, choices);
  let text = bytes.toString();
  for (let left = 1 + choices.below(3); left > 0; left--) {
    const how = choices.next();
    if (how < 0.45) text = replaceOne(text, NUMBER, choices.pick(NUMBERS), choices);
    else if (how < 0.7) text = replaceOne(text, WORD, choices.pick(WORDS), choices);
    else text = mutateLines(text, choices);
  }
  return Buffer.from(text);
}

/** Mutates one line as JSON, or all as text. */
export function mutateJsonLines(bytes: Buffer, choices: Choices): Buffer {
  if (choices.chance(0.4)) return mutateText(bytes, choices);
  const lines = bytes.toString().split('\n');
  const at = choices.below(Math.max(1, lines.length - 1));
  return Buffer.from(lines.toSpliced(at, 1, mutateJson(lines[at], choices)).join('\n'));
}
