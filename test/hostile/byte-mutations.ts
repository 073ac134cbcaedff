// Mutations of bytes, whatever they mean: flipped, cut off, repeated, and numbers in them made huge, negative or off by a little.
import type { Choices } from './random.js';

type Mutation = (bytes: Buffer, choices: Choices) => Buffer;

/** What readers trip over when it stands where a count, a length or an offset should. */
const NUMBERS = [
  ...[0n, 1n, 2n, 7n, 8n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 100_000_000n, 100_000_001n],
  ...[2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];
/** Text that means something in one of the formats, or to who prints it. */
const PIECES = [
  ...[
    '\0',
    '\n',
    '\r\n',
    '"',
    "'",
    ',',
    ';',
    ':',
    '{',
    '}',
    '[',
    ']',
    '\\',
    '\\u0000',
    '#',
    '&a',
    '*a',
    '<<',
    '!!js/function',
  ],
  ...[
    '__proto__',
    'constructor',
    '../../../../etc/passwd',
    '/dev/zero',
    '%s%n',
    '\u001b[2J',
    '\ufeff',
    '\u2028',
    '1e999',
  ],
  ...['-0', '-1', 'NaN', 'Infinity', 'null', 'true', '9'.repeat(400), '0x10', '1e-400', '2147483648', 'qid:1', '🐋'],
];
/** Deeper than a recursive reader can go. */
const DEEP = 100_000;

const cut = (bytes: Buffer, from: number, count: number, between: Uint8Array = Buffer.alloc(0)): Buffer =>
  Buffer.concat([bytes.subarray(0, from), between, bytes.subarray(from + count)]);

/** A run of bytes somewhere in it. */
function stretch(bytes: Buffer, choices: Choices, most: number): readonly [from: number, count: number] {
  const from = choices.below(bytes.length + 1);
  return [from, choices.below(Math.min(most, bytes.length - from) + 1)];
}

function numberAt(bytes: Buffer, choices: Choices): Buffer {
  const size = choices.pick([1, 2, 4, 8]);
  if (bytes.length < size) return bytes;
  const out = Buffer.from(bytes);
  const at = choices.below(bytes.length - size + 1);
  let left = BigInt.asUintN(
    8 * size,
    choices.chance(0.2) ? BigInt(bytes.length + choices.below(9) - 4) : choices.pick(NUMBERS),
  );
  for (let i = 0; i < size; i++, left >>= 8n) out[at + i] = Number(left & 0xffn);
  return out;
}

/** A number in groups of seven bits, as in Parquet. */
function varintAt(bytes: Buffer, choices: Choices): Buffer {
  const [from] = stretch(bytes, choices, 0);
  const digits: number[] = [];
  for (let left = choices.pick(NUMBERS); left >= 0x80n; left >>= 7n) digits.push(Number(left & 0x7fn) | 0x80);
  digits.push(choices.below(0x80));
  let count = 0;
  while (from + count < bytes.length && count < 10 && bytes[from + count++] >= 0x80);
  return cut(bytes, from, count, Buffer.from(digits));
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, choices) => {
    const out = Buffer.from(bytes);
    if (out.length > 0) out[choices.below(out.length)] ^= 1 << choices.below(8);
    return out;
  },
  (bytes, choices) => {
    const out = Buffer.from(bytes);
    if (out.length > 0) out[choices.below(out.length)] = choices.below(256);
    return out;
  },
  numberAt,
  varintAt,
  (bytes, choices) => bytes.subarray(0, choices.below(bytes.length + 1)),
  (bytes, choices) => cut(bytes, ...stretch(bytes, choices, 9)),
  (bytes, choices) => cut(bytes, choices.below(bytes.length + 1), 0, Buffer.from(choices.pick(PIECES))),
  (bytes, choices) => {
    const [from, count] = stretch(bytes, choices, 64);
    return cut(bytes, choices.below(bytes.length + 1), 0, bytes.subarray(from, from + count));
  },
  (bytes, choices) => {
    const [from, count] = stretch(bytes, choices, 64);
    return cut(bytes, from, count, Buffer.alloc(count, choices.pick([0, 0xff, 0x20])));
  },
  (bytes, choices) => {
    const piece = choices.pick(['[', '{"a":', '(', '- ', '"', '\n', ' ', '\0', '1', ',']);
    return choices.chance(0.9)
      ? bytes
      : cut(bytes, choices.below(bytes.length + 1), 0, Buffer.from(piece.repeat(DEEP)));
  },
];

/** @param end where mutations end: most bytes of a file of weights mean nothing */
export function mutateBytes(bytes: Buffer, choices: Choices, end = bytes.length): Buffer {
  let head = bytes.subarray(0, end);
  for (let left = choices.pick([1, 1, 1, 2, 4]); left > 0; left--) head = choices.pick(MUTATIONS)(head, choices);
  return Buffer.concat([head, bytes.subarray(end)]);
}
