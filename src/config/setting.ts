// What one setting is: its zod schema together with the words that errors, --help and completion say about it.
// A setting is described once, in settings.ts, with these builders; nobody else knows a default or a bound.

import { z } from 'zod/v3';

export type SettingGroup = 'data' | 'model' | 'steps' | 'optimizer' | 'run';
/** A list is one of numbers, texts are taken as they are written, a map has a word for each of its names. */
export type SettingKind = 'number' | 'string' | 'boolean' | 'list' | 'texts' | 'map';

export interface Words {
  readonly group: SettingGroup;
  /** "the number of units": reads on after "it is". */
  readonly about: string;
  /** What stands for the value in a usage line: "FILE". */
  readonly placeholder?: string;
  /** The default in words, where it depends on other settings and is filled in by config.ts. */
  readonly derived?: string;
}

export interface Setting<S extends z.ZodTypeAny = z.ZodTypeAny> extends Words {
  readonly schema: S;
  readonly kind: SettingKind;
  /** "1 to 65536": what is allowed, in words. */
  readonly allowed: string;
  readonly choices?: readonly string[];
  /** The default in words; undefined where leaving it out means that there is none. */
  readonly defaultText: string | undefined;
}

/** The largest magnitude of what is limited only by the range of float32, in which all arithmetic runs. */
export const LARGEST = 3e38;

export function integer(words: Words, min: number, max: number, fallback: number) {
  const schema = z.number().int().min(min).max(max).default(fallback);
  return { ...words, schema, kind: 'number', allowed: `${min} to ${max}`, defaultText: `${fallback}` } as const;
}

export function optionalInteger(words: Words, min: number, max: number) {
  const schema = z.number().int().min(min).max(max).optional();
  return { ...words, schema, kind: 'number', allowed: `${min} to ${max}`, defaultText: words.derived } as const;
}

/** Where a real number's range begins and ends: `min` and `max` belong to it, `above` and `below` do not. */
type Range = ({ readonly min: number } | { readonly above: number } | object) &
  ({ readonly max: number } | { readonly below: number } | object);

export function real(words: Words, range: Range, fallback: number) {
  const { schema, allowed } = realSchema(range);
  return { ...words, schema: schema.default(fallback), kind: 'number', allowed, defaultText: `${fallback}` } as const;
}

export function optionalReal(words: Words, range: Range) {
  const { schema, allowed } = realSchema(range);
  return { ...words, schema: schema.optional(), kind: 'number', allowed, defaultText: words.derived } as const;
}

function realSchema(range: Range): { schema: z.ZodNumber; allowed: string } {
  let schema = z.number().min(-LARGEST).max(LARGEST);
  const ends: string[] = [];
  if ('min' in range) {
    schema = schema.min(range.min);
    ends.push(`${range.min} or more`);
  }
  if ('above' in range) {
    schema = schema.gt(range.above);
    ends.push(`above ${range.above}`);
  }
  if ('max' in range) {
    schema = schema.max(range.max);
    ends.push(`${range.max} at most`);
  }
  if ('below' in range) {
    schema = schema.lt(range.below);
    ends.push(`below ${range.below}`);
  }
  return { schema, allowed: ends.length === 0 ? 'a number' : `a number, ${ends.join(' and ')}` };
}

export function choice<const C extends readonly [string, ...string[]]>(words: Words, choices: C, fallback: C[number]) {
  const schema = z.enum<C[number], C>(choices).default(fallback);
  return { ...words, schema, kind: 'string', allowed: oneOf(choices), choices, defaultText: fallback } as const;
}

export function optionalChoice<const C extends readonly [string, ...string[]]>(words: Words, choices: C) {
  const schema = z.enum<C[number], C>(choices).optional();
  return { ...words, schema, kind: 'string', allowed: oneOf(choices), choices, defaultText: words.derived } as const;
}

function oneOf(choices: readonly string[]): string {
  return choices.length === 1 ? `${choices[0]}` : `one of ${choices.join(', ')}`;
}

/** A path: any text but an empty one. */
export function path(words: Words) {
  const schema = z
    .string()
    .min(1)
    .refine((value) => !value.includes('\0'))
    .optional();
  return { ...words, schema, kind: 'string', allowed: 'a path', defaultText: words.derived } as const;
}

export function onOff(words: Words) {
  const schema = z.boolean().default(false);
  return { ...words, schema, kind: 'boolean', allowed: 'true or false', defaultText: undefined } as const;
}

/** A whole number, or the word `full`. */
export function integerOrFull(words: Words, min: number, max: number) {
  const schema = z.union([z.number().int().min(min).max(max), z.literal('full')]).optional();
  return { ...words, schema, kind: 'number', allowed: `${min} to ${max} or full`, defaultText: words.derived } as const;
}

/** Names: "a,b". A name that looks like a number is one all the same, as it is written: 007 is not 7. */
export function names(words: Words) {
  const one = z.union([z.string().min(1), z.number()]).transform(String);
  const schema = z.union([z.array(one).min(1), one.transform((name) => [name])]).optional();
  const allowed =
    'names separated by commas, one that has a comma in quotes: a,"b, c" (in a config file ["a", "b, c"])';
  return { ...words, schema, kind: 'texts', allowed, defaultText: words.derived } as const;
}

/** A word for each of several names: "price:number,when:date". */
export function choices<const C extends readonly [string, ...string[]]>(words: Words, choices: C) {
  const schema = z.record(z.string().min(1), z.enum<C[number], C>(choices)).optional();
  const example = `a:${choices[0]},b:${choices.at(-1)}`;
  const allowed = `names, each with one of ${choices.join(', ')}: ${example} (in a config file {a: ${choices[0]}, b: ${choices.at(-1)}})`;
  return { ...words, schema, kind: 'map', allowed, defaultText: words.derived } as const;
}

/** Names with numbers: "a:2,b:0.5"; config/class-weights.ts reads them. */
export function weights(words: Words) {
  const one = z.string().min(1);
  const schema = z.union([z.array(one).min(1), one.transform((name) => [name])]).optional();
  const allowed =
    'balanced, or names with numbers such as spam:5,ham:1 (in a config file, and where a name has a comma: ["spam:5"])';
  return { ...words, schema, kind: 'texts', allowed, defaultText: words.derived } as const;
}

/** Any text but an empty one. */
export function word(words: Words) {
  const schema = z
    .union([z.string().min(1), z.number()])
    .transform(String)
    .optional();
  return { ...words, schema, kind: 'string', allowed: 'a name', defaultText: words.derived } as const;
}

/** Whole numbers that grow: "5,8". */
export function growingList(words: Words, min: number, max: number) {
  const schema = z
    .array(z.number().int().min(min).max(max))
    .min(1)
    .refine((list) => list.every((value, i) => i === 0 || value > (list[i - 1] as number)))
    .optional();
  const allowed = `whole numbers, ${min} to ${max}, that grow, such as 5,8 (in a config file [5, 8])`;
  return { ...words, schema, kind: 'list', allowed, defaultText: words.derived } as const;
}
