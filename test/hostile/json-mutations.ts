// Mutations of JSON that leave it JSON: another value, a key too many, too few or of another name, also within texts that hold JSON themselves.
import type { Choices } from './random.js';

/** JSON in the place of a value: what JSON.stringify cannot write is written as it stands. */
const VALUES = [
  ...['0', '1', '-1', '-0', '0.5', '1e999', '-1e999', '1e308', '1e-400', '2147483647', '2147483648', '4294967296'],
  ...[
    '9007199254740993',
    '18446744073709551616',
    '65536',
    '65537',
    '16777216',
    '1e15',
    'null',
    'true',
    'false',
    '""',
    '[]',
    '{}',
  ],
  ...['"__proto__"', '"constructor"', '"toString"', '"../../../../tmp/unroll-escaped"', '"/dev/zero"', '"/etc/passwd"'],
  ...['"\\u0000"', '"\\u001b[2J"', '"\\n"', '"\\ud800"', '"lstm"', '"mlp"', '"F64"', '"number"', '[0]', '[-1,1e999]'],
  ...['{"__proto__":{"step":1}}', '{"length":1e9}', '{"toString":1}', '[[[[1]]]]', `"${'x'.repeat(3000)}"`],
];
const KEYS = ['__proto__', 'constructor', 'toString', 'length', '', '../x', '\u0000', 'hasOwnProperty', '__metadata__'];
const DEEP = 20_000;

/** A value that is written as it stands. */
class Raw {
  constructor(readonly json: string) {}
}

type Json = unknown;

/** Like JSON.stringify, of values, lists, objects as pairs, and Raw. */
function write(value: Json): string {
  if (value instanceof Raw) return value.json;
  if (value instanceof Pairs) {
    return `{${value.pairs.map(([key, one]) => `${JSON.stringify(key)}:${write(one)}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  return JSON.stringify(value);
}

/** An object that may have a key twice. */
class Pairs {
  constructor(readonly pairs: readonly (readonly [string, Json])[]) {}
}

function pairsOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(pairsOf);
  if (typeof value !== 'object' || value === null) return value;
  return new Pairs(Object.entries(value).map(([key, one]) => [key, pairsOf(one)]));
}

function hostileValue(choices: Choices, old: Json): Json {
  if (typeof old === 'number' && choices.chance(0.4))
    return old + choices.pick([-1, 1, 2, 4, 8, 1000, 0.5, -old * 2, old, 1e9]);
  if (choices.chance(0.02)) return new Raw(`${'['.repeat(DEEP)}${']'.repeat(DEEP)}`);
  return new Raw(choices.pick(VALUES));
}

function mutateList(list: readonly Json[], choices: Choices): Json {
  const at = choices.below(list.length);
  switch (choices.below(6)) {
    case 0:
      return list.toSpliced(at, 1);
    case 1:
      return list.toSpliced(at, 0, list[at]);
    case 2:
      return list.toReversed();
    default:
      return list.toSpliced(at, 1, mutateValue(list[at], choices));
  }
}

function mutateObject({ pairs }: Pairs, choices: Choices): Json {
  const at = choices.below(pairs.length);
  const [key, value] = pairs[at];
  switch (choices.below(9)) {
    case 0:
      return new Pairs(pairs.toSpliced(at, 1));
    case 1:
      return new Pairs(pairs.toSpliced(at, 0, [key, hostileValue(choices, value)]));
    case 2:
      return new Pairs(pairs.toSpliced(at, 1, [choices.pick(KEYS), value]));
    case 3:
      return new Pairs(pairs.toSpliced(at, 1, [key, choices.pick(pairs)[1]]));
    default:
      return new Pairs(pairs.toSpliced(at, 1, [key, mutateValue(value, choices)]));
  }
}

/** Goes down to some value on the way of chance. */
function mutateValue(value: Json, choices: Choices): Json {
  if (choices.chance(0.1)) return hostileValue(choices, value);
  if (Array.isArray(value) && value.length > 0) return mutateList(value, choices);
  if (value instanceof Pairs && value.pairs.length > 0) return mutateObject(value, choices);
  if (typeof value === 'string' && /^[[{]/.test(value) && value.length < DEEP) return mutateJson(value, choices);
  return hostileValue(choices, value);
}

/** @param json a text of JSON */
export function mutateJson(json: string, choices: Choices): string {
  let value = pairsOf(JSON.parse(json));
  for (let left = choices.pick([1, 1, 1, 2, 3]); left > 0 && !(value instanceof Raw); left--)
    value = mutateValue(value, choices);
  return write(value);
}
